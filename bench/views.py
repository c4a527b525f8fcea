"""Every view of the API at the size of a team's year, while telemetry comes in.

Owns one measurement: a generated team's history (50 developers, ten sessions a working day each, a year), a real engine
on it, and the questions that a console's screens ask, one after the other over the socket and none of them twice: first
at rest (the baseline of the same run), then while 5,000 points a second come in from another process. Refuses to judge
single answers: it prints percentiles by view, and the slowest questions in words.
Run: python -m bench views [--sessions N] [--rounds N] [--rate N] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.live import POINTS, Engine, body, post

DEVELOPERS, SESSIONS = 50, 125_000
ROUNDS, RATE = 20, 5_000
P95_MILLISECONDS, P99_MILLISECONDS = 100.0, 250.0
SPANS: tuple[dict[str, str], ...] = ({}, {"since": "today"}, {"since": "7d"}, {"since": "90d"})
LOAD_SESSIONS = 50


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: its view for the table, its words for the list of the slowest."""

    view: str
    path: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        return f"{self.view} " + " ".join(f"{name}={value}" for name, value in self.parameters)


def questions() -> list[Asked]:
    """What screens ask: each view by several spans, groups, a filter and another order; and time series."""
    from engine.api.series.registry import BUCKETS
    from engine.api.views import VIEWS

    found = []
    for view in VIEWS.values():
        for by in view.groups or ("",):
            for span in SPANS:
                kept = {name: value for name, value in span.items() if name in view.fields}
                parameters = kept | ({"by": by} if by else {})
                found.append(Asked(view.name, f"/api/v1/{view.name}", tuple(parameters.items())))
        if "dev" in view.fields:
            found.append(Asked(view.name, f"/api/v1/{view.name}", (("filter", "dev:dev1*"),)))
    for bucket in BUCKETS:
        since = {"1m": "24h", "5m": "24h", "1h": "30d", "1d": "365d"}[bucket]
        asked = (("start", since), ("metric", "cost_usd,requests"), ("aggregation", bucket))
        found.append(Asked("series", "/api/metrics/query", asked))
    return list(dict.fromkeys(found))


def year(sessions: int, folder: Path) -> Path:
    """A data directory with the team's raw rows, made once per folder."""
    from datetime import UTC, datetime

    import tests.models.team as team_module
    from engine.prices import export
    from tests.models.team import Team
    from tests.models.workbench import ARRIVAL, FILE_NAME, Workbench

    class Fifty(Team):
        """Fifty developers, however many sessions."""

        @property
        def developers(self) -> int:
            return DEVELOPERS

    place = folder / f"year-{sessions}"
    if not place.exists():
        making = folder / "making"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        # Up to yesterday: "today" and "the last 7 days" must mean something.
        team_module.TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        bench = Workbench(making)
        bench.take(export.price_rows(ARRIVAL))
        Fifty(sessions).write_history(bench.database.cursor())
        bench.writer.reopened()
        bench.take_names()
        bench.database.checkpoint()
        bench.close()
        (making / FILE_NAME).rename(making / "agent_analytics.duckdb")
        making.rename(place)
    return place


def load(address: str, rate: int, seconds: float) -> None:
    """Send so many points a second, open loop; runs in a process of its own."""
    contents = [body(50_000_000 + n, f"load-{n % LOAD_SESSIONS}", time.time(), range(POINTS)) for n in range(200)]
    pause = POINTS / rate
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as client:
        began, number = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            if number >= len(contents):
                contents[number % 200] = body(
                    50_000_000 + number, f"load-{number % LOAD_SESSIONS}", time.time(), range(POINTS)
                )
            post(client, contents[number % 200])
            number += 1
            time.sleep(max(0.0, began + number * pause - time.perf_counter()))
    print(number * POINTS / (time.perf_counter() - began))


def ask(engine: Engine, asked: list[Asked], rounds: int) -> dict[Asked, list[float]]:
    """Milliseconds of each answer, as a client sees them."""
    took: dict[Asked, list[float]] = {each: [] for each in asked}
    with engine.local() as client:
        for number in range(rounds):
            for each in asked:
                # Another limit each time: what is measured is the question, not the memory of its answer.
                limit = ("limit", str(100 - number % 90))
                began = time.perf_counter()
                answer = client.get(each.path, params=[*each.parameters, limit])
                took[each].append((time.perf_counter() - began) * 1e3)
                assert answer.status_code == 200, (each.words, answer.text)
    return took


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def table(rest: dict[Asked, list[float]], busy: dict[Asked, list[float]]) -> tuple[float, float]:
    """Print by view; the 95th and 99th percentile of all answers under load."""
    print(f"{'view':16s} {'questions':>9s} {'rest p50':>9s} {'rest p95':>9s} {'busy p50':>9s} {'busy p95':>9s}  ms")
    for view in dict.fromkeys(each.view for each in rest):
        quiet = [value for each, values in rest.items() if each.view == view for value in values]
        under = [value for each, values in busy.items() if each.view == view for value in values]
        count = sum(each.view == view for each in rest)
        figures = (
            statistics.median(quiet),
            percentile(quiet, 0.95),
            statistics.median(under),
            percentile(under, 0.95),
        )
        print(f"{view:16s} {count:9d} " + " ".join(f"{figure:9.1f}" for figure in figures))
    print("slowest, by the median under load:")
    for each in sorted(busy, key=lambda one: -statistics.median(busy[one]))[:8]:
        print(f"    {statistics.median(busy[each]):8.1f} ms  {each.words}")
    every = [value for values in busy.values() for value in values]
    return percentile(every, 0.95), percentile(every, 0.99)


def main(words: list[str] | None = None) -> int:
    """Print the figures; 0 when both targets are met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=SESSIONS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--rate", type=int, default=RATE, help="points a second that come in meanwhile")
    parser.add_argument("--keep", type=Path, help="folder that keeps the generated history for the next run")
    parser.add_argument("--load", nargs=2, metavar=("URL", "SECONDS"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(words or [])
    if arguments.load is not None:
        load(arguments.load[0], arguments.rate, float(arguments.load[1]))
        return 0
    with tempfile.TemporaryDirectory(prefix="aa-bench-views-") as name:
        scratch = Path(name)
        keep = arguments.keep or scratch
        keep.mkdir(parents=True, exist_ok=True)
        shutil.copytree(year(arguments.sessions, keep), scratch / "data")
        began = time.perf_counter()
        engine = Engine(scratch)
        print(f"{arguments.sessions:,} sessions; the engine built its models in {time.perf_counter() - began:.0f} s")
        sender = None
        try:
            asked = questions()
            ask(engine, asked, 1)
            rest = ask(engine, asked, arguments.rounds)
            mean = statistics.mean(value for values in rest.values() for value in values) / 1e3
            seconds = max(20.0, mean * len(asked) * arguments.rounds * 4)
            flags = ["--load", engine.ready["http"], str(seconds), "--rate", str(arguments.rate)]
            sender = subprocess.Popen([sys.executable, "-m", "bench.views", *flags], stdout=subprocess.PIPE, text=True)
            time.sleep(2.0)
            busy = ask(engine, asked, arguments.rounds)
            sender.terminate()
            high, highest = table(rest, busy)
            memory = engine.megabytes()
        finally:
            if sender is not None:
                sender.terminate()
                sender.wait()
            engine.stop()
    print(f"all answers while {arguments.rate:,} points/s come in: p95 {high:.0f} ms, p99 {highest:.0f} ms")
    print(f"resident at the end: {memory:.0f} MB")
    met = high <= P95_MILLISECONDS, highest <= P99_MILLISECONDS
    print(f"    target p95 <= {P95_MILLISECONDS:.0f} ms: {'met' if met[0] else 'MISSED'}")
    print(f"    target p99 <= {P99_MILLISECONDS:.0f} ms: {'met' if met[1] else 'MISSED'}")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
