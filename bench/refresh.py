"""An incremental refresh of 30,000 new rows on ten million, against building everything anew.

Owns one measurement: the history of a generated team (about 200,000 sessions make ten million raw rows), its models
built once, then a series of refreshes, each after an eighth of a day's traffic: several hundred sessions, most of them
new, some that go on, a few resumed from long ago. Baseline of the same run: the full build that the refreshes save.
Run: python -m bench.refresh [--rows N] [--refreshes N] [--keep FOLDER] [--nodes]
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROWS, NEW_ROWS, REFRESHES, WARM = 10_000_000, 30_000, 24, 2
ROWS_A_SESSION = 52
REFRESH_MILLISECONDS, SHARE = 300.0, 0.10


def history(rows: int, folder: Path) -> Path:
    """A database of about so many raw rows, made once per folder; its models are not built."""
    from engine.prices import export
    from tests.models.team import Team
    from tests.models.workbench import ARRIVAL, FILE_NAME, Workbench

    place = folder / f"team-{rows}"
    if (place / FILE_NAME).exists():
        return place
    making = folder / f"making-{os.getpid()}"
    making.mkdir(parents=True)
    began = time.perf_counter()
    bench = Workbench(making)
    bench.take(export.price_rows(ARRIVAL))
    Team(rows // ROWS_A_SESSION).write_history(bench.database.cursor())
    bench.writer.reopened()
    bench.take_names()
    bench.database.checkpoint()
    bench.close()
    making.rename(place)
    print(f"made the history in {time.perf_counter() - began:.0f} s: {place if folder.name else ''}", flush=True)
    return place


def main(words: list[str] | None = None) -> int:
    """Print the figures; 0 when both targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS, help="rows stored before (default 10,000,000)")
    parser.add_argument("--new", type=int, default=NEW_ROWS, help="rows a refresh (default 30,000)")
    parser.add_argument("--refreshes", type=int, default=REFRESHES)
    parser.add_argument("--keep", type=Path, help="folder that keeps the generated history for the next run")
    parser.add_argument("--nodes", action="store_true", help="also the time of each model in a refresh")
    arguments = parser.parse_args(words or [])
    with tempfile.TemporaryDirectory(prefix="aa-bench-refresh-") as name:
        scratch = Path(name)
        if arguments.keep is not None:
            arguments.keep.mkdir(parents=True, exist_ok=True)
        place = history(arguments.rows, arguments.keep or scratch)
        if arguments.keep is not None:
            shutil.copytree(place, scratch / "team")
            place = scratch / "team"
        return measure(place, arguments)


def measure(folder: Path, arguments: argparse.Namespace) -> int:
    """Build, then refresh again and again."""
    from engine.modelrunner.live import LiveLoop
    from tests.models.team import Team
    from tests.models.workbench import Workbench, project

    bench = Workbench(folder)
    cursor = bench.database.cursor()
    stored = cursor.execute("select sum(row_count) from ops.batches").fetchall()[0][0]
    team = Team(arguments.rows // ROWS_A_SESSION)
    loop = LiveLoop(project("{}"), bench.database.cursor)
    began = time.perf_counter()
    loop.start()
    full = time.perf_counter() - began
    bench.database.checkpoint()
    print(f"stored {stored:,} rows of {team.sessions:,} sessions; full build {full:.1f} s", flush=True)
    milliseconds: list[float] = []
    new: list[int] = []
    batch = bench.writer.batch_id
    for number in range(WARM + arguments.refreshes):
        batch += 1
        arrived = team.write_traffic(cursor, number, arguments.new // ROWS_A_SESSION + 30, batch)
        began = time.perf_counter()
        refresh = loop.refresh()
        took = (time.perf_counter() - began) * 1e3
        assert refresh is not None
        if number >= WARM:
            milliseconds.append(took)
            new.append(arrived)
        if arguments.nodes and number == WARM:
            counts = ", ".join(f"{len(keys):,} {name}s" for name, keys in refresh.touched.items())
            print(f"    one refresh touches {counts}; {len(refresh.models)} models", flush=True)
        bench.database.checkpoint()
    if arguments.nodes:
        nodes(cursor)
    loop.close()
    bench.close()
    ordered = sorted(milliseconds)
    worst = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    said = f"p50 {statistics.median(ordered):,.0f} ms, p95 {worst:,.0f} ms, longest {ordered[-1]:,.0f} ms"
    print(f"refresh of {statistics.median(new):,.0f} new rows: {said} ({len(ordered)} refreshes)")
    share = worst / 1e3 / full
    met = worst <= REFRESH_MILLISECONDS, share <= SHARE
    print(f"    target p95 <= {REFRESH_MILLISECONDS:.0f} ms: {'met' if met[0] else 'MISSED'}")
    print(f"    p95 is {share:.1%} of the full build, target <= {SHARE:.0%}: {'met' if met[1] else 'MISSED'}")
    return 0 if all(met) else 1


def nodes(cursor: object) -> None:
    """The refreshes' time by model, as the live loop itself keeps it."""
    for node, middle, longest in cursor.execute(  # type: ignore[attr-defined]
        "select split_part(node, '.', 3), median(duration_ms), max(duration_ms) from ops.model_runs"
        " where starts_with(run_id, 'live-') and status = 'success' group by 1 order by 2 desc"
    ).fetchall():
        print(f"    {node:32s} p50 {middle:8.1f} ms   longest {longest:8.1f} ms")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
