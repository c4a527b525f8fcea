"""A disk that fills up: applying stops first, then the journal refuses; it goes on by itself when there is space."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.drills.load import doubled, load
from tests.e2e.engine_process import EngineProcess, eventually, running

MEGABYTE = 1024 * 1024
FULL = "the disk is full: rows are kept in the journal only"


def test_a_full_disk_costs_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as folder, running(folder) as engine:
        with load(engine) as sending:
            fill(folder, leave=40 * MEGABYTE)
            eventually(lambda: trouble(engine) == FULL, "the engine stops applying")
            sending.goes_on()
            fill(folder, leave=0)
            before = sending.refused()
            eventually(lambda: sending.refused() > before, "senders are told to come again")
            (folder / "filler").unlink()
            (folder / "filler.2").unlink()
            sending.goes_on()
            eventually(lambda: trouble(engine) is None, "the engine applies again")
        engine.settled()
        assert engine.terminate() == 0
        assert sending.lost(engine) == []
        assert doubled(engine) == []


def trouble(engine: EngineProcess) -> str | None:
    found: str | None = engine.status()["troubles"].get("store")
    return found


def fill(folder: Path, leave: int) -> None:
    """Leave so many bytes free."""
    path = folder / ("filler" if leave else "filler.2")
    with path.open("wb") as file:
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        try:
            for _ in range(max(0, free - leave) // MEGABYTE + (0 if leave else 2)):
                file.write(bytes(MEGABYTE))
                file.flush()
        except OSError:
            pass


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """160 MB of memory as a filesystem."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(folder)], check=True, timeout=30)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True, timeout=30)
