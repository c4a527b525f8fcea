"""The model runner against real dbt, and against DuckDB running the same statements with nobody in between.

Owns the comparison, all in one run, in turns, on one machine: the packaged project built from the raw rows of a
generated team, by `dbt build` (a command, its parsed project kept from the time before), by `aa-engine models build`
(a command), by a runner whose project is loaded already, and by a bare loop over the statements of every node. Then
one selected model, and a build when nothing changed. Refuses to judge by one run: medians, and CPU beside the clock,
since a shared machine slows what waits. Ratios hold for the loaded runner: it is what the engine is. Real dbt comes
from AA_DBT (default .venv-dbt/bin/dbt, made by `make equivalence`).
Run: python -m bench.models [--sizes 200,20000,200000] [--turns N] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.modelrunner.choosing import Selection
from engine.modelrunner.project import Project
from engine.modelrunner.runner import Runner
from engine.prices import export
from engine.store.database import Database
from tests.models.team import Team
from tests.models.workbench import ARRIVAL, FILE_NAME, PROJECT_FOLDER, Workbench

ROOT = Path(__file__).resolve().parents[1]
DBT = Path(os.environ.get("AA_DBT", ROOT / ".venv-dbt" / "bin" / "dbt")).absolute()
CALLS_A_SESSION = 3.0
"""Short sessions, 20 raw rows each: the sizes that the targets were set for."""
SIZES = {200: 30.0, 20_000: 8.0, 200_000: 2.0}
"""How many times faster than `dbt build` the runner shall be, by sessions."""
PLAIN, ONE_MODEL, UNCHANGED = 1.15, 30.0, 50.0
MODEL = "fct_daily_usage"
UNRECORDED = ("duckdb_tables()", "duckdb_columns()", "duckdb_views()", "information_schema.", "set threads")
"""What of a recording is no work of the models: looking into the catalogue, and how DuckDB is to work."""


@dataclass(slots=True)
class Timing:
    """Seconds by the clock and of CPU, one pair a turn."""

    clock: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def measure(self, action: Callable[[], object], *, child: bool = False) -> None:
        """Run it once; a child's CPU counts after it ended."""
        who = resource.RUSAGE_CHILDREN if child else resource.RUSAGE_SELF
        before, began = resource.getrusage(who), time.perf_counter()
        action()
        self.clock.append(time.perf_counter() - began)
        after = resource.getrusage(who)
        self.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    @property
    def seconds(self) -> float:
        return statistics.median(self.clock)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(self.cpu)


class Recording:
    """A cursor that keeps what it is told."""

    def __init__(self, cursor: Any, statements: list[tuple[Any, ...]]) -> None:
        self._cursor = cursor
        self._statements = statements

    def execute(self, *words: Any) -> Any:
        self._statements.append(words)
        return self._cursor.execute(*words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cursor, name)


class Size:
    """One team, in as many copies as there are ways to build its models."""

    def __init__(self, sessions: int, folder: Path, keep: Path | None) -> None:
        self.sessions = sessions
        self.folder = folder
        self.raw = raw_rows(sessions, keep or folder)
        self.timings = {
            name: Timing()
            for name in (
                "dbt",
                "command",
                "runner",
                "plain",
                "dbt one",
                "command one",
                "runner one",
                "dbt again",
                "again",
            )
        }
        self.statements: list[tuple[Any, ...]] = []

    def fresh(self, name: str) -> Path:
        """A copy with the raw rows alone."""
        place = self.folder / name
        place.mkdir(exist_ok=True)
        (place / f"{FILE_NAME}.wal").unlink(missing_ok=True)
        shutil.copyfile(self.raw, place / FILE_NAME)
        return place / FILE_NAME

    def dbt(self, timing: Timing, *words: str) -> None:
        place = self.folder / "dbt"
        command = [str(DBT), "--quiet", "--no-use-colors", *words, "--project-dir", str(PROJECT_FOLDER)]
        command += ["--profiles-dir", str(PROJECT_FOLDER), "--target-path", str(place / "target")]
        command += ["--log-path", str(place / "logs")]
        timing.measure(lambda: self._command(command, place), child=True)

    def command(self, timing: Timing, *words: str) -> None:
        place = self.folder / "command"
        command = [
            sys.executable,
            "-m",
            "engine.cli",
            "models",
            "--quiet",
            *words,
            "--project-dir",
            str(PROJECT_FOLDER),
        ]
        command += ["--profiles-dir", str(PROJECT_FOLDER), "--target-path", str(place / "target")]
        timing.measure(lambda: self._command(command, place), child=True)

    def _command(self, command: list[str], place: Path) -> None:
        environment = {
            **os.environ, "AA_DATABASE": str(place / FILE_NAME), "PYTHONPATH": str(ROOT), "DO_NOT_TRACK": "1",
        }  # fmt: skip
        done = subprocess.run(command, env=environment, cwd=place, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"bench: {' '.join(command)} failed:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")

    def runner(
        self, timing: Timing, loaded: Project, path: Path, verb: str, *select: str, record: bool = False
    ) -> None:
        """A verb of a loaded project on an open database; artifacts too, as the command writes them."""
        database = Database.open(path)
        statements: list[tuple[Any, ...]] = []

        def connect() -> Any:
            return Recording(database.cursor(), statements) if record else database.cursor()

        runner = Runner(loaded, connect, threads=1 if record else None)
        outcomes: list[Any] = []
        timing.measure(lambda: outcomes.append(getattr(runner, verb)(Selection(select=select))))
        database.close()
        assert outcomes[0].exit_code == 0, [result.message for result in outcomes[0].results if result.failed]
        if record:
            self.statements = [words for words in statements if not any(name in words[0] for name in UNRECORDED)]

    def plain(self, timing: Timing, path: Path) -> None:
        """The same statements, one after the other, and nothing else."""
        database = Database.open(path)
        cursor = database.cursor()

        def run() -> None:
            for words in self.statements:
                cursor.execute(*words)

        timing.measure(run)
        cursor.close()
        database.close()


def raw_rows(sessions: int, folder: Path) -> Path:
    """A file with the raw rows of a team; made once per folder."""
    place = folder / f"short-sessions-{sessions}"
    if not place.exists():
        making = folder / f"making-{sessions}-{os.getpid()}"
        making.mkdir(parents=True)
        bench = Workbench(making)
        bench.take(export.price_rows(ARRIVAL))
        Team(sessions, calls=CALLS_A_SESSION).write_history(bench.database.cursor())
        bench.writer.reopened()
        bench.take_names()
        bench.database.checkpoint()
        bench.close()
        making.rename(place)
    return place / FILE_NAME


def measure(size: Size, turns: int) -> None:
    """Everything in turns, so that what else the machine does meets all alike."""
    times = size.timings
    target = size.folder / "runner" / "target"
    loaded = Project.load(
        PROJECT_FOLDER, environment={"AA_DATABASE": FILE_NAME, "DBT_TARGET_PATH": str(target)}, say=lambda line: None
    )
    unjudged = Timing()
    # Once before it counts: dbt parses, Python compiles, the statements get known.
    size.fresh("dbt")
    size.dbt(unjudged, "build")
    size.fresh("command")
    size.command(unjudged, "build")
    # Stopping at the first failure, the runner asks each test by itself: so does plain DuckDB.
    one_by_one = loaded.with_flags(replace(loaded.flags, fail_fast=True))
    size.runner(unjudged, one_by_one, size.fresh("runner"), "build", record=True)
    for _ in range(turns):
        size.fresh("dbt")
        size.dbt(times["dbt"], "build")
        size.fresh("command")
        size.command(times["command"], "build")
        size.runner(times["runner"], loaded, size.fresh("runner"), "build")
        size.plain(times["plain"], size.fresh("plain"))
    for _ in range(turns):
        size.dbt(times["dbt one"], "run", "--select", MODEL)
        size.command(times["command one"], "run", "--select", MODEL)
        size.runner(times["runner one"], loaded, size.folder / "runner" / FILE_NAME, "run", MODEL)
    unchanged(size, turns)


def unchanged(size: Size, turns: int) -> None:
    """The resident project, asked to build when nothing is new; dbt builds again as it always does."""
    from engine.modelrunner.resident import Resident

    database = Database.open(size.folder / "runner" / FILE_NAME)
    resident = Resident(PROJECT_FOLDER, database.cursor, environment={"AA_DATABASE": FILE_NAME})
    resident.build()
    for _ in range(turns):
        size.dbt(size.timings["dbt again"], "build")
        size.timings["again"].measure(resident.build)
    resident.close()
    database.close()


def report(size: Size) -> bool:
    """One line a way, and whether every target of this size was met."""
    times = size.timings
    met = True

    def line(what: str, timing: Timing, against: Timing | None = None, target: float | None = None) -> None:
        nonlocal met
        said = ""
        if against is not None:
            ratio, cpu = against.seconds / timing.seconds, against.cpu_seconds / max(timing.cpu_seconds, 0.001)
            said = f"{ratio:8.1f}x faster ({cpu:.1f}x by CPU)"
            if target is not None:
                met &= ratio >= target
                said += f", target {target:.0f}x: {'met' if ratio >= target else 'MISSED'}"
        print(f"  {what:42s} {timing.seconds:8.3f} s {timing.cpu_seconds:8.3f} s CPU {said}")

    turns = len(times["dbt"].clock)
    print(f"{size.sessions:,} sessions, {size.raw.stat().st_size / 1e6:,.0f} MB of raw rows, medians of {turns}")
    line("dbt build, parsed before", times["dbt"])
    line("aa-engine models build, a command", times["command"], times["dbt"])
    line("runner, project loaded", times["runner"], times["dbt"], SIZES.get(size.sessions))
    line(f"plain DuckDB, the same {len(size.statements)} statements", times["plain"])
    over = times["runner"].seconds / times["plain"].seconds
    met &= over <= PLAIN
    print(
        f"  {'':42s} the runner takes {over:.2f} times as long "
        f"({times['runner'].cpu_seconds / times['plain'].cpu_seconds:.2f} by CPU), target {PLAIN}: "
        f"{'met' if over <= PLAIN else 'MISSED'}"
    )
    line(f"dbt run --select {MODEL}", times["dbt one"])
    line("aa-engine models run --select, a command", times["command one"], times["dbt one"])
    line("runner, one model", times["runner one"], times["dbt one"], ONE_MODEL)
    line("dbt build, nothing changed", times["dbt again"])
    line("resident project, nothing changed", times["again"], times["dbt again"], UNCHANGED)
    return met


def main(words: list[str] | None = None) -> int:
    """Print the figures; 0 when every target is met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="sessions, separated by commas")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured (default 3)")
    parser.add_argument("--keep", type=Path, help="folder that keeps the generated raw rows for the next run")
    arguments = parser.parse_args(words or [])
    if not DBT.exists():
        print(f"bench: no dbt at {DBT}: `make equivalence` installs it, or name one with AA_DBT", file=sys.stderr)
        return 2
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
    met = True
    for sessions in map(int, arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory(prefix="aa-bench-models-") as name:
            size = Size(sessions, Path(name), arguments.keep)
            measure(size, arguments.turns)
            met &= report(size)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
