"""How long after its acknowledgement a record is told of on the stream, and what the engine pays for it.

Owns one measurement: a real engine process, real sockets, probes of one record each in a session of its own; from the
acknowledgement to the change event that names that session, with the telemetry of five days already there, first at
rest and then while 1,000 other points a second come in. Beside it, from the same run: the time of the SQL alone, and
the engine's CPU. Refuses to judge: it prints figures; the seed of this product allowed 1 s.
Run: python -m bench live
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from bench.decode import event, pair, resource, standard

ROOT = Path(__file__).resolve().parents[1]
HISTORY_REQUESTS, HISTORY_SESSIONS = 2_000, 700
POINTS = 20
LOAD_REQUESTS_A_SECOND, LOAD_SESSIONS = 50, 25
PROBES, PROBE_PAUSE = 15, 1.0
LOAD_SECONDS, LOAD_PROBE_PAUSE = 20.0, 0.5
FIRST_PROBE, FIRST_LOAD = 10_000_000, 20_000_000
"""Numbers of requests, so that no record repeats one of another part."""
IDLE_SECONDS = 30.0
TICKS = os.sysconf("SC_CLK_TCK")


def body(request: int, session: str, at: float, points: Iterable[int]) -> bytes:
    """One export of Claude Code: records of one session around `at` (seconds since the epoch)."""
    export = ExportLogsServiceRequest()
    group = export.resource_logs.add()
    resource(group.resource)
    scope = group.scope_logs.add()
    scope.scope.name = "com.anthropic.claude_code.events"
    for position in points:
        name, attributes = event(request, position)
        instant = at + position / 1e3
        record = scope.log_records.add(time_unix_nano=int(instant * 1e9), observed_time_unix_nano=int(instant * 1e9))
        record.body.string_value = f"claude_code.{name}"
        record.attributes.extend(item for item in standard(request % 50) if item.key != "session.id")
        stamp = datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record.attributes.extend(
            [
                pair("session.id", session),
                pair("event.name", name),
                pair("event.timestamp", stamp),
                pair("event.sequence", request * POINTS + position),
                pair("prompt.id", f"prompt-{request}"),
                *attributes,
            ]
        )
    return export.SerializeToString()


class Engine:
    """`aa-engine serve` in a folder of its own; CPU seconds and resident megabytes of all its processes."""

    def __init__(self, folder: Path, *flags: str) -> None:
        self.data_dir = folder / "data"
        command = [sys.executable, "-m", "engine.cli", "serve", "--data-dir", str(self.data_dir)]
        command += ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", *flags]
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ready: dict[str, Any] = json.loads(self.process.stdout.readline())

    def cpu(self, part: str | None = None) -> float:
        """CPU seconds of all processes, or of one part."""
        ticks = 0
        for pid in self.pids() if part is None else [self.ready.get("processes", {}).get(part, self.process.pid)]:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def waited(self, part: str) -> float:
        """Seconds that a part's threads were ready to run while the machine ran something else."""
        pid = self.ready.get("processes", {}).get(part, self.process.pid)
        waits = (path.read_text().split()[1] for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
        return sum(map(int, waits)) / 1e9

    def megabytes(self) -> float:
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self.pids())
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def pids(self) -> list[int]:
        """The supervisor and its parts, or the one process."""
        return [self.process.pid, *self.ready.get("processes", {}).values()]

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.ready["http"], timeout=60, trust_env=False)

    def local(self) -> httpx.Client:
        """Over the socket, as the owner: nobody else is told of sessions, or how the engine is."""
        transport = httpx.HTTPTransport(uds=self.ready["socket"])
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=60)

    def status(self) -> dict[str, Any]:
        with self.local() as client:
            found: dict[str, Any] = client.get("/api/v1/status").json()
        return found

    def wait_applied(self, seconds: float = 120.0) -> None:
        """Until everything acknowledged is in the database."""
        end = time.perf_counter() + seconds
        while self.status()["journal"]["lag_bytes"]:
            assert time.perf_counter() < end, self.status()
            time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Listening(threading.Thread):
    """Follows the stream; when each session was first named, by `time.perf_counter`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(daemon=True)
        self.told: dict[str, float] = {}
        self.events = 0
        self.connected = threading.Event()
        self._engine = engine

    def run(self) -> None:
        try:
            with self._engine.local() as client, client.stream("GET", "/api/v1/stream", timeout=None) as answer:
                answer.raise_for_status()
                for line in answer.iter_lines():
                    self.connected.set()
                    if line.startswith("data: ") and '"sessions"' in line:
                        now = time.perf_counter()
                        self.events += 1
                        for session in json.loads(line[6:])["sessions"]:
                            self.told.setdefault(session, now)
        except httpx.HTTPError:
            pass  # the engine stops, and the stream with it


def probes(engine: Engine, listening: Listening, name: str, pause: float, wanted: Callable[[int], bool]) -> list[float]:
    """Milliseconds from acknowledgement to event, of one new session after the other, for as long as `wanted`."""
    acknowledged: dict[str, float] = {}
    with engine.client() as client:
        number = 0
        while wanted(number):
            session = f"probe-{name}-{number}"
            sent = time.perf_counter()
            post(client, body(FIRST_PROBE + int(sent * 1e3) % 5_000_000, session, time.time(), [1]))
            acknowledged[session] = time.perf_counter()
            number += 1
            time.sleep(max(0.0, pause - (time.perf_counter() - sent)))
    end = time.perf_counter() + 15
    while len(acknowledged.keys() - listening.told.keys()) and time.perf_counter() < end:
        time.sleep(0.05)
    return [(listening.told.get(session, float("inf")) - at) * 1e3 for session, at in acknowledged.items()]


def post(client: httpx.Client, content: bytes) -> None:
    client.post("/v1/logs", content=content, headers={"content-type": "application/x-protobuf"}).raise_for_status()


def load(engine: Engine, until: float, sent: list[int]) -> None:
    """1,000 points a second from 25 sessions that are already known, on one connection, open loop."""
    with engine.client() as client:
        began = time.perf_counter()
        number = 0
        while time.perf_counter() < until:
            post(client, body(FIRST_LOAD + number, f"load-{number % LOAD_SESSIONS}", time.time(), range(POINTS)))
            number += 1
            sent[0] += POINTS
            time.sleep(max(0.0, began + number / LOAD_REQUESTS_A_SECOND - time.perf_counter()))


@contextmanager
def engine_with_history(folder: Path) -> Iterator[Engine]:
    """An engine that has applied and modelled 40,000 records of 700 sessions in the last five days."""
    engine = Engine(folder)
    try:
        now = time.time()
        with engine.client() as client:
            for request in range(HISTORY_REQUESTS):
                at = now - 5 * 86_400 + request * 5 * 86_400 / (HISTORY_REQUESTS + 200)
                post(client, body(request, f"past-{request * HISTORY_SESSIONS // HISTORY_REQUESTS}", at, range(POINTS)))
        settle(engine)
        yield engine
    finally:
        engine.stop()


def settle(engine: Engine) -> None:
    """Wait until the engine does nothing any more."""
    while True:
        before = engine.cpu()
        time.sleep(1.5)
        if engine.cpu() - before < 0.05 and engine.status()["journal"]["lag_bytes"] == 0:
            return


def said(what: str, milliseconds: list[float]) -> None:
    ordered = sorted(milliseconds)
    worst = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(f"{what:44s} p50 {statistics.median(ordered):6.0f} ms   p95 {worst:6.0f} ms   ({len(ordered)} probes)")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="aa-bench-live-") as name, engine_with_history(Path(name)) as engine:
        folder = Path(name)
        print(f"resident after 40,000 records and their models: {engine.megabytes():.0f} MB")
        before = engine.cpu()
        time.sleep(IDLE_SECONDS)
        print(
            f"at rest, nobody connected: {(engine.cpu() - before) / IDLE_SECONDS:.2%} CPU, {engine.megabytes():.0f} MB"
        )
        listening = Listening(engine)
        listening.start()
        listening.connected.wait(10)
        probes(engine, listening, "warm", PROBE_PAUSE, lambda number: number < 3)
        before = engine.cpu()
        said("at rest: acknowledged -> told", probes(engine, listening, "rest", PROBE_PAUSE, lambda n: n < PROBES))
        print(f"{'':44s} {(engine.cpu() - before) / PROBES * 1e3:.0f} ms of CPU a record")
        sent = [0]
        until = time.perf_counter() + LOAD_SECONDS
        before, events = engine.cpu(), listening.events
        sender = threading.Thread(target=load, args=(engine, until, sent))
        sender.start()
        under = probes(engine, listening, "load", LOAD_PROBE_PAUSE, lambda _: time.perf_counter() < until)
        sender.join()
        used = engine.cpu() - before
        said(f"under {sent[0] / LOAD_SECONDS:,.0f} points/s: acknowledged -> told", under)
        print(f"{'':44s} {used / LOAD_SECONDS:.0%} of one core, {listening.events - events} events")
        print(f"resident at the end: {engine.megabytes():.0f} MB")
        engine.stop()
        statements(folder)


def statements(folder: Path) -> None:
    """The refreshes alone, from the engine's own history: the time inside DuckDB is what an event cannot beat."""
    import duckdb

    connection = duckdb.connect(str(folder / "data" / "agent_analytics.duckdb"), read_only=True)
    runs = connection.execute(
        "select sum(duration_ms) from ops.model_runs where starts_with(run_id, 'live-') group by run_id"
    ).fetchall()
    said("baseline: the models' SQL in one refresh", [float(run[0]) for run in runs])
    for node, middle in connection.execute(
        "select split_part(node, '.', 3), median(duration_ms) from ops.model_runs where starts_with(run_id, 'live-')"
        " group by 1 order by 2 desc limit 6"
    ).fetchall():
        print(f"    {node:40s} p50 {middle:6.1f} ms")
    connection.close()


if __name__ == "__main__":
    main()
