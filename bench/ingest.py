"""How much telemetry an engine takes, how soon it acknowledges, and that all of it is stored once.

Owns one measurement: a real engine (receiver and engine, or one process), load generators in other processes over real
sockets, and beside each figure the same generators against a loop that only receives and syncs. Afterwards every
acknowledged record is looked for in the store. Refuses to judge: it prints figures and exits 1 only for a lost row.
Run: python -m bench ingest [--seconds 10] [--processes 1] [--scaling] [--rate 2500]
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench._sending import Load, specification
from bench.live import ROOT, Engine

APART = 1 << 36
"""Microseconds between the ids of two workers."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the generators saw together. Times in milliseconds."""

    acknowledged: tuple[int, ...]
    points: int
    milliseconds: list[float]
    seconds: float
    refused: int
    errors: int
    sender_cpu: float

    @property
    def rate(self) -> float:
        return len(self.acknowledged) * self.points / self.seconds

    def percentile(self, share: float) -> float:
        ordered = sorted(self.milliseconds) or [float("nan")]
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Ids:
    """Times that nobody has used yet: inside the last days, so that they are believed."""

    def __init__(self) -> None:
        self._next = int((time.time() - 20 * 86_400) * 1e6)

    def take(self) -> int:
        self._next += APART
        return self._next - APART


def drive(loads: Sequence[Load], folder: Path) -> Outcome:
    """Run one process a load, all at once."""
    workers: list[subprocess.Popen[str]] = []
    outs: list[Path] = []
    before = os.times()
    for number, load in enumerate(loads):
        out = folder / f"worker-{number}-{time.monotonic_ns()}"
        out.mkdir()
        outs.append(out)
        command = [sys.executable, "-m", "bench._sending", specification(replace(load, out=str(out)))]
        workers.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    began = time.perf_counter()
    for worker in workers:
        worker.communicate("go\n")
    seconds = time.perf_counter() - began
    after = os.times()
    acknowledged, milliseconds = array("q"), array("d")
    refused = errors = 0
    for out in outs:
        acknowledged.frombytes((out / "acknowledged").read_bytes())
        milliseconds.frombytes((out / "milliseconds").read_bytes())
        told = json.loads((out / "told.json").read_text())
        refused, errors = refused + told["refused"], errors + told["errors"]
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Outcome(tuple(acknowledged), loads[0].points, list(milliseconds), seconds, refused, errors, cpu)


def loads_of(engine: Engine, kinds: Sequence[str], ids: Ids, like: Load) -> list[Load]:
    """A worker for each kind of protocol, sharing rate and connections."""
    share = len(kinds)
    return [
        replace(
            like,
            protocol=kind,
            address=engine.ready["grpc"] if kind == "grpc" else engine.ready["http"],
            connections=max(1, like.connections // share),
            rate=like.rate / share,
            first_microsecond=ids.take(),
        )
        for kind in kinds
    ]


@contextmanager
def serving(folder: Path, processes: int) -> Iterator[Engine]:
    """A fresh engine."""
    folder.mkdir()
    engine = Engine(folder, "--processes", str(processes))
    try:
        yield engine
    finally:
        engine.stop()


@contextmanager
def bare(folder: Path) -> Iterator[str]:
    """The receive-and-sync loop."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench._bare", str(folder / "bare")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        (folder / "bare").unlink(missing_ok=True)


def missing(engine: Engine, outcomes: Sequence[Outcome]) -> tuple[int, int]:
    """Acknowledged records that are not in the stopped engine's tables, and records that are there twice."""
    import duckdb
    import pyarrow as pa

    points = array("q")
    for outcome in outcomes:
        for first in outcome.acknowledged:
            points.extend(range(first, first + outcome.points))
    acknowledged = pa.table({"id": pa.array(points, pa.int64())})
    connection = duckdb.connect(str(engine.data_dir / "agent_analytics.duckdb"), read_only=True)
    try:
        connection.register("acknowledged", acknowledged)
        ((lost, doubled),) = connection.execute(
            "with stored as (select epoch_us(timestamp) as id, dedup_key from raw.otel_metrics"
            " union all select epoch_us(timestamp), dedup_key from raw.otel_logs)"
            " select (select count(*) from acknowledged a anti join stored s on a.id = s.id),"
            " (select count(*) - count(distinct dedup_key) from stored)"
        ).fetchall()
    finally:
        connection.close()
    return int(lost), int(doubled)


def said(what: str, outcome: Outcome, *cpu: float) -> None:
    points = max(1, len(outcome.acknowledged) * outcome.points)
    cost = " + ".join(f"{seconds / points * 1e6:.1f}" for seconds in cpu)
    cost = f"   {cost} us CPU/point" if cost else ""
    trouble = f"   {outcome.refused} refused, {outcome.errors} errors" if outcome.refused or outcome.errors else ""
    print(
        f"{what:46s} {outcome.rate:9,.0f} points/s   p50 {outcome.percentile(0.5):6.1f}  p95 "
        f"{outcome.percentile(0.95):6.1f}  p99 {outcome.percentile(0.99):6.1f} ms{cost}{trouble}",
        flush=True,
    )


def main(flags: Sequence[str] = ()) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench ingest")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2500.0, help="requests a second in the open loop")
    parser.add_argument("--scaling", action="store_true", help="also points/s by batch size, connections and protocol")
    parser.add_argument("--only", metavar="TEXT", help="only the runs with this in their names")
    chosen = parser.parse_args(list(flags))
    ids, outcomes = Ids(), []
    with tempfile.TemporaryDirectory(prefix="aa-bench-ingest-") as name:
        folder = Path(name)
        like = Load("", "protobuf", chosen.seconds, 32, 20, 0, "")
        with bare(folder) as address:
            said("bare receive and sync, protobuf, 20 a request", drive([replace(like, address=address)], folder))
        with serving(folder / "engine", chosen.processes) as engine:
            parts = list(engine.ready.get("processes", {"engine": 0}))
            print(f"at rest: {engine.megabytes():.0f} MB in all processes; CPU is told of {' + '.join(parts)}")
            runs: list[tuple[str, list[str], Load]] = [
                ("protobuf, 20 a request, closed loop", ["protobuf"], like),
                (f"protobuf, 20 a request, {chosen.rate:,.0f}/s", ["protobuf"], replace(like, rate=chosen.rate)),
                (
                    "mixed: protobuf, JSON, gRPC, 20 a request",
                    ["protobuf", "json", "grpc"],
                    replace(like, connections=24),
                ),
                ("JSON, 20 a request, closed loop", ["json"], like),
                ("gRPC, 20 a call, closed loop", ["grpc"], replace(like, connections=12)),
                ("gRPC, 200 a call, closed loop", ["grpc"], replace(like, connections=12, points=200)),
            ]
            if chosen.scaling:
                runs += [
                    (
                        f"{kind}, {points} a request, {count} connections",
                        [kind],
                        replace(like, points=points, connections=count),
                    )
                    for kind, points, count in itertools.product(("protobuf", "json", "grpc"), (20, 200), (4, 16, 64))
                ]
            if chosen.only:
                runs = [run for run in runs if chosen.only in run[0]]
            for what, kinds, load in runs:
                before, waited = [engine.cpu(part) for part in parts], engine.waited("receiver")
                outcome = drive(loads_of(engine, kinds, ids, load), folder)
                behind, waited = time.perf_counter(), engine.waited("receiver") - waited
                engine.wait_applied()
                used = [engine.cpu(part) - start for part, start in zip(parts, before, strict=True)]
                said(what, outcome, *used)
                print(
                    f"{'':46s} all in the database {time.perf_counter() - behind:.1f} s after the last; the receiver "
                    f"was kept waiting for a processor {waited:.1f} s by other programs",
                    flush=True,
                )
                outcomes.append(outcome)
            print(f"after it: {engine.megabytes():.0f} MB in all processes")
        stored = sum(len(outcome.acknowledged) * outcome.points for outcome in outcomes)
        size = (engine.data_dir / "agent_analytics.duckdb").stat().st_size
        lost, doubled = missing(engine, outcomes)
        print(
            f"{stored:,} points acknowledged; lost {lost}, doubled {doubled}; {size / max(1, stored):.0f} bytes a point"
        )
        if lost or doubled:
            raise SystemExit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
