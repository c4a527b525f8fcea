"""A load generator in a process of its own: sends OTLP over real sockets and keeps the ids it has an answer for.

Owns the bodies (made once, then given new times, so that no record repeats another), the connections, closed and open
loop. Every record's time is unique to the microsecond and is its id. Refuses to judge: it writes what it saw
into files. Run by bench.ingest and the drills: python -m bench._sending SPECIFICATION.json
"""

from __future__ import annotations

import asyncio
import json
import struct
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from bench import decode

POOL = 64
"""Different bodies of each signal; what repeats in them repeats in life as well (sessions, models, tools)."""
_MARK = 1_111_111_111_000_000_000
"""Stands for a time in a template; it has as many digits as the nanoseconds of our days."""
SERVICES = {
    "metrics": "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "logs": "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}


@dataclass(frozen=True, slots=True)
class Load:
    """What one worker sends. `rate`: requests a second (open loop), 0: as fast as answers come (closed loop)."""

    address: str
    protocol: str
    seconds: float
    connections: int
    points: int
    first_microsecond: int
    out: str
    signals: tuple[str, ...] = ("metrics", "logs")
    rate: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    again_on_error: bool = False


class Bodies:
    """Request bodies of one signal whose times are set anew for each request."""

    def __init__(self, signal: str, points: int, as_json: bool) -> None:
        self._templates: list[tuple[bytearray, list[tuple[int, int]]]] = []
        self._json = as_json
        for number in range(POOL):
            message = _message(signal, number, points)
            if as_json:
                body = bytearray(json.dumps(MessageToDict(message), separators=(",", ":")).encode())
            else:
                body = bytearray(message.SerializeToString())
            places = []
            for point in range(points):
                mark = str(_MARK + point).encode() if as_json else struct.pack("<Q", _MARK + point)
                at = body.find(mark)
                while at >= 0:
                    places.append((at, point))
                    at = body.find(mark, at + 1)
            self._templates.append((body, places))
        self._next = 0

    def body(self, first: int) -> bytes:
        """The next body, its points at `first`, `first` + 1 … microseconds since 1970."""
        body, places = self._templates[self._next % POOL]
        self._next += 1
        for at, point in places:
            if self._json:
                body[at : at + 19] = b"%d" % ((first + point) * 1000)
            else:
                struct.pack_into("<Q", body, at, (first + point) * 1000)
        return bytes(body)


def _message(signal: str, number: int, points: int) -> Any:
    """One export in Claude Code's form."""
    message: Any
    if signal == "metrics":
        message = ExportMetricsServiceRequest()
        group = message.resource_metrics.add()
        decode.resource(group.resource)
        scope = group.scope_metrics.add()
        scope.scope.name = "com.anthropic.claude_code"
        usage = scope.metrics.add(name="claude_code.token.usage", unit="tokens")
        cost = scope.metrics.add(name="claude_code.cost.usage", unit="USD")
        for metric in (usage, cost):
            metric.sum.aggregation_temporality = 1
            metric.sum.is_monotonic = True
        for point in range(points):
            metric = usage if point % 5 else cost
            data = metric.sum.data_points.add(time_unix_nano=_MARK + point, as_double=float(100 + point * 7 + number))
            data.attributes.extend(decode.standard(number % decode.SESSIONS))
            data.attributes.extend([decode.pair("model", "claude-opus-4-8[1m]"), decode.pair("query_source", "main")])
            if point % 5:
                kind = ("input", "output", "cacheRead", "cacheCreation")[point % 5 - 1]
                data.attributes.append(decode.pair("type", kind))
        return message
    message = ExportLogsServiceRequest()
    group = message.resource_logs.add()
    decode.resource(group.resource)
    scope = group.scope_logs.add()
    scope.scope.name = "com.anthropic.claude_code.events"
    for point in range(points):
        name, attributes = decode.event(number, point)
        record = scope.log_records.add(time_unix_nano=_MARK + point)
        record.body.string_value = f"claude_code.{name}"
        record.attributes.extend(decode.standard(number % decode.SESSIONS))
        record.attributes.extend(
            [
                decode.pair("event.name", name),
                decode.pair("event.sequence", number * points + point),
                decode.pair("prompt.id", f"76c66d27-d49f-433d-8c36-{number:012d}"),
                *attributes,
            ]
        )
    return message


class Kept:
    """What was sent, answered, and how long each answer took."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.acknowledged = array("q")
        self.unsure = array("q")
        self.milliseconds = array("d")
        self.refused = 0
        self.errors = 0
        self._next = load.first_microsecond
        self._lock = threading.Lock()
        json_form = load.protocol == "json"
        self._bodies = [(signal, Bodies(signal, load.points, json_form)) for signal in load.signals]
        self._turn = 0

    def request(self) -> tuple[str, int, bytes]:
        """Signal, id of the first record, body."""
        with self._lock:
            first = self._next
            self._next += self.load.points
            signal, bodies = self._bodies[self._turn % len(self._bodies)]
            self._turn += 1
            return signal, first, bodies.body(first)

    def write(self) -> None:
        """Into the folder of the load."""
        folder = Path(self.load.out)
        (folder / "acknowledged").write_bytes(self.acknowledged.tobytes())
        (folder / "unsure").write_bytes(self.unsure.tobytes())
        (folder / "milliseconds").write_bytes(self.milliseconds.tobytes())
        (folder / "told.json").write_text(json.dumps({"refused": self.refused, "errors": self.errors}))


def _schedule(load: Load, connection: int) -> Iterator[float | None]:
    """When the requests of one connection are due, by perf_counter; None: at once."""
    began = time.perf_counter()
    if not load.rate:
        while time.perf_counter() - began < load.seconds:
            yield None
        return
    step = load.connections / load.rate
    due = began + connection * step / load.connections
    while due - began < load.seconds and time.perf_counter() - began < 2 * load.seconds:
        yield due
        due += step


async def _over_http(load: Load, kept: Kept, connection: int) -> None:
    host, _, port = load.address.partition("://")[2].rpartition(":")
    kind = "application/json" if load.protocol == "json" else "application/x-protobuf"
    more = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for due in _schedule(load, connection):
        if due is not None:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        signal, first, body = kept.request()
        began = due if due is not None else time.perf_counter()
        head = (
            f"POST /v1/{signal} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: {kind}\r\n{more}"
            f"content-length: {len(body)}\r\n\r\n"
        )
        try:
            if streams is None:
                streams = await asyncio.open_connection(host, int(port))
            reader, writer = streams
            writer.write(head.encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            at = answer.lower().find(b"content-length: ")
            if at >= 0:
                await reader.readexactly(int(answer[at + 16 : answer.index(b"\r", at)]))
            status = int(answer[9:12])
        except (OSError, asyncio.IncompleteReadError, ValueError):
            kept.errors += 1
            kept.unsure.append(first)
            if streams is not None:
                streams[1].close()
            streams = None
            if not load.again_on_error:
                return
            await asyncio.sleep(0.05)
            continue
        if status == 200:
            kept.milliseconds.append((time.perf_counter() - began) * 1e3)
            kept.acknowledged.append(first)
        else:
            kept.refused += 1
            await asyncio.sleep(0.05)
    if streams is not None:
        streams[1].close()


def _over_grpc(load: Load, kept: Kept, connection: int) -> None:
    import grpc

    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 200)]
    with grpc.insecure_channel(load.address, options=options) as channel:
        calls = {signal: channel.unary_unary(path) for signal, path in SERVICES.items()}
        for due in _schedule(load, connection):
            if due is not None:
                time.sleep(max(0.0, due - time.perf_counter()))
            signal, first, body = kept.request()
            began = due if due is not None else time.perf_counter()
            try:
                calls[signal](body, timeout=30, metadata=tuple(load.headers.items()))
            except grpc.RpcError as error:
                kept.unsure.append(first)
                if error.code() == grpc.StatusCode.UNAVAILABLE and "disk" in (error.details() or ""):
                    kept.refused += 1
                else:
                    kept.errors += 1
                if not load.again_on_error:
                    return
                time.sleep(0.05)
                continue
            kept.milliseconds.append((time.perf_counter() - began) * 1e3)
            kept.acknowledged.append(first)


def send(kept: Kept) -> None:
    """Send until the time is over."""
    load = kept.load
    if load.protocol == "grpc":
        threads = [threading.Thread(target=_over_grpc, args=(load, kept, number)) for number in range(load.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return

    async def all_of_them() -> None:
        await asyncio.gather(*(_over_http(load, kept, number) for number in range(load.connections)))

    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_of_them())


def specification(load: Load) -> str:
    """For the command line."""
    return json.dumps(asdict(load))


def main() -> None:
    """Send what the specification says."""
    kept = Kept(Load(**json.loads(sys.argv[1])))
    print("ready", flush=True)
    sys.stdin.readline()
    send(kept)
    kept.write()


if __name__ == "__main__":
    main()
