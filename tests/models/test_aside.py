"""The packaged models built beside themselves: what arrives meanwhile is in them, row for row."""

from __future__ import annotations

import random
import threading
from pathlib import Path

from engine.modelrunner.live import LiveLoop, Refresh
from engine.modelrunner.resident import Resident
from tests.models.test_live import a_teams_day
from tests.models.workbench import FILE_NAME, PROJECT_FOLDER, Workbench, merged, project

LONGEST = 120.0
"""How long the test waits for another thread before it gives up."""


def test_a_build_beside_the_models_equals_a_full_build(tmp_path: Path) -> None:
    told = a_teams_day()
    random.Random(1).shuffle(told)
    bench = Workbench(tmp_path)
    woken = threading.Event()
    models = Resident(PROJECT_FOLDER, bench.database.cursor, environment={"AA_DATABASE": FILE_NAME})
    heard: list[Refresh] = []
    try:
        bench.take(merged(told[:40]))
        bench.take_names()
        models.build()
        models.watch(woken.set, files=False)
        models.rebuild()
        for rows in told[40:]:
            bench.take(rows)
            bench.take_names()
            models.follow(heard.append)
        while models.building:
            assert woken.wait(LONGEST)
            woken.clear()
            models.follow(heard.append)
        models.follow(heard.append)
        assert models.problem is None
        assert [refresh.full for refresh in heard].count(True) == 1
        kept = bench.snapshot()
        loop = LiveLoop(project("{}"), bench.database.cursor)
        loop.rebuild()
        loop.close()
        assert kept == bench.snapshot()
    finally:
        models.close()
        bench.close()
