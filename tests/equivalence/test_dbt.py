"""Real dbt and our runner make the same relations of the same raw rows, row for row, however the rows came in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from engine.modelrunner.live import LiveLoop
from engine.modelrunner.runner import Runner, Selection
from tests.equivalence.conftest import VARIABLES
from tests.equivalence.real_dbt import RealDbt
from tests.equivalence.relations import assert_same, copied
from tests.equivalence.schedules import Schedule
from tests.models.workbench import FILE_NAME, Workbench, project

SCHEDULES = pytest.mark.parametrize(("seed", "strays"), [(1, 0.1), (2, 0.4), (3, 1.0)])
WITHOUT_TESTS = ("build", "--exclude-resource-type", "test")


def copy_of(raw_file: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copyfile(raw_file, folder / FILE_NAME)
    return folder / FILE_NAME


def by_dbt(dbt: RealDbt, raw_file: Path, folder: Path, *flags: str) -> Path:
    """A copy of the raw rows with the models that real dbt makes."""
    made = copy_of(raw_file, folder)
    dbt.invoke(made, *WITHOUT_TESTS, *flags)
    return made


@pytest.fixture(scope="module")
def live_built(raw_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same by the engine's own full build, in one transaction."""
    bench = Workbench(copy_of(raw_file, tmp_path_factory.mktemp("live") / "built").parent)
    loop = LiveLoop(project(json.dumps(VARIABLES)), bench.database.cursor)
    loop.rebuild()
    loop.close()
    bench.close()
    return bench.path


def by_verb(bench: Workbench) -> None:
    """`models build` without tests, on a database that is open."""
    chosen = Selection(exclude_resource_types=("test",))
    outcome = Runner(project(json.dumps(VARIABLES)), bench.database.cursor, write_artifacts=False).build(chosen)
    assert outcome.exit_code == 0, [result.message for result in outcome.results if result.failed]


def test_full_builds_are_the_same(dbt: RealDbt, raw_file: Path, live_built: Path, tmp_path: Path) -> None:
    theirs = copied(by_dbt(dbt, raw_file, tmp_path / "dbt"))
    assert_same(theirs, copied(live_built))
    bench = Workbench(copy_of(raw_file, tmp_path / "verb").parent)
    by_verb(bench)
    bench.close()
    assert_same(theirs, copied(bench.path))


def test_dbt_can_take_over_what_the_runner_made(dbt: RealDbt, live_built: Path, tmp_path: Path) -> None:
    """With every data test: dbt finds nothing wrong, and nothing to change."""
    made = copy_of(live_built, tmp_path / "taken")
    dbt.invoke(made, "build")
    assert_same(copied(live_built), copied(made))


@SCHEDULES
def test_any_schedule_ends_as_a_full_build_by_dbt(
    dbt: RealDbt, raw_file: Path, tmp_path: Path, seed: int, strays: float
) -> None:
    """Five batches: the live loop refreshes after each; the verb and dbt build again after the third and the fifth."""
    schedule = Schedule(raw_file, seed, strays)
    live, verb, theirs = (empty(tmp_path / name) for name in ("live", "verb", "dbt"))
    loop = LiveLoop(project(json.dumps(VARIABLES)), live.database.cursor)
    for number in range(1, schedule.batches + 1):
        for bench in (live, verb, theirs):
            assert schedule.bring(bench.database.cursor(), number) > 0
        if number == 1:
            loop.start()
        else:
            assert loop.refresh() is not None
        if number in (1, 3, 5):
            by_verb(verb)
            theirs.close()
            dbt.invoke(theirs.path, *WITHOUT_TESTS)
            theirs = Workbench(theirs.path.parent)
    loop.close()
    for bench in (live, verb, theirs):
        bench.close()
    truth = by_dbt(dbt, theirs.path, tmp_path / "truth", "--full-refresh")
    full = copied(truth)
    assert_same(full, copied(theirs.path))
    assert_same(full, copied(verb.path))
    assert_same(full, copied(live.path))


def empty(folder: Path) -> Workbench:
    folder.mkdir()
    return Workbench(folder)
