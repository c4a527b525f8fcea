"""How fast OTLP bodies become columns, against the plain way of doing it.

Owns one measurement: points per second of one core for `engine.ingest.otlp.decode`, beside a baseline measured in the
same run (opentelemetry-proto's classes, one dict per point, attributes as JSON). Refuses to judge: it prints ratios.
Run: python -m bench decode
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from engine.ingest.otlp import SenderContext, decode
from engine.ingest.payloads import Signal

REQUESTS = 400
ROUNDS = 5
POINTS = 20
SESSIONS = 25
START = 1_795_193_536_000_000_000
RECEIVED = datetime.fromtimestamp(START / 1e9 + 60, UTC)
CONTEXT = SenderContext(local_developer="developer@example.test")


def pair(name: str, value: str | int | float) -> KeyValue:
    """An attribute."""
    if isinstance(value, str):
        return KeyValue(key=name, value=AnyValue(string_value=value))
    if isinstance(value, int):
        return KeyValue(key=name, value=AnyValue(int_value=value))
    return KeyValue(key=name, value=AnyValue(double_value=value))


def resource(message: Any) -> None:
    """The resource that Claude Code sends."""
    message.attributes.extend(
        [
            pair("host.arch", "amd64"),
            pair("os.type", "linux"),
            pair("os.version", "6.1"),
            pair("service.name", "claude-code"),
            pair("service.version", "2.1.197"),
        ]
    )


def standard(session: int) -> list[KeyValue]:
    """The attributes that Claude Code repeats on every point and record."""
    return [
        pair("user.id", f"{session % 10:064x}"),
        pair("session.id", f"00000000-0000-4000-8000-{session:012d}"),
        pair("organization.id", "99999999-8888-4777-8666-555555555555"),
        pair("user.email", f"developer{session % 10}@example.test"),
        pair("user.account_uuid", f"11111111-2222-4333-8444-{session % 10:012d}"),
        pair("user.account_id", f"user_{session % 10:024d}"),
        pair("terminal.type", "xterm-256color"),
    ]


def metrics_bodies() -> list[bytes]:
    """Delta points of token usage and cost, as one session after another sends them."""
    bodies = []
    for request in range(REQUESTS * ROUNDS):
        export = ExportMetricsServiceRequest()
        group = export.resource_metrics.add()
        resource(group.resource)
        scope = group.scope_metrics.add()
        scope.scope.name = "com.anthropic.claude_code"
        usage = scope.metrics.add(name="claude_code.token.usage", unit="tokens")
        cost = scope.metrics.add(name="claude_code.cost.usage", unit="USD")
        for metric in (usage, cost):
            metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
            metric.sum.is_monotonic = True
        for point in range(POINTS):
            metric = usage if point % 5 else cost
            data = metric.sum.data_points.add(
                start_time_unix_nano=START + request * 10**9,
                time_unix_nano=START + (request + 1) * 10**9 + point,
                as_double=float(100 + point * 7 + request),
            )
            data.attributes.extend(standard(request % SESSIONS))
            data.attributes.extend(
                [pair("model", "claude-opus-4-8[1m]"), pair("query_source", "main"), pair("effort", "high")]
            )
            if point % 5:
                data.attributes.append(pair("type", ("input", "output", "cacheRead", "cacheCreation")[point % 5 - 1]))
        bodies.append(export.SerializeToString())
    return bodies


def event(request: int, position: int) -> tuple[str, list[KeyValue]]:
    """One event of a turn: prompt, request, response, decision, result."""
    number = request * POINTS + position
    model = pair("model", "claude-opus-4-8")
    tool = [pair("tool_name", "Bash"), pair("tool_use_id", f"toolu_{number // 5:016d}")]
    match position % 5:
        case 0:
            return "user_prompt", [pair("prompt_length", str(20 + number % 400)), pair("prompt", "<REDACTED>")]
        case 1:
            return "api_request", [
                model,
                pair("input_tokens", 10 + number * 7919 % 5_000),
                pair("output_tokens", 10 + number * 104_729 % 3_000),
                pair("cache_read_tokens", number * 15_485_863 % 150_000),
                pair("cache_creation_tokens", number * 32_452_843 % 20_000),
                pair("cost_usd", (number * 7919 % 100_003) / 1e6),
                pair("cost_usd_micros", number * 7919 % 100_003),
                pair("duration_ms", 200 + number * 6_700_417 % 30_000),
                pair("request_id", f"req_{number:016d}"),
                pair("speed", "normal"),
                pair("query_source", "repl_main_thread"),
                pair("effort", "high"),
            ]
        case 2:
            return "assistant_response", [
                pair("response_length", number * 31 % 4_000),
                pair("response", "<REDACTED>"),
                pair("request_id", f"req_{number:016d}"),
                model,
                pair("query_source", "repl_main_thread"),
            ]
        case 3:
            return "tool_decision", [pair("decision", "accept"), pair("source", "config"), *tool]
    return "tool_result", [
        *tool,
        pair("success", "true"),
        pair("duration_ms", str(5 + number * 131 % 9_000)),
        pair("tool_input_size_bytes", str(number * 17 % 2_000)),
        pair("tool_result_size_bytes", str(number * 37 % 9_000)),
    ]


def logs_bodies() -> list[bytes]:
    """Events of Claude Code's turns; sequences, times, ids and token counts are new in every record."""
    bodies = []
    for request in range(REQUESTS * ROUNDS):
        export = ExportLogsServiceRequest()
        group = export.resource_logs.add()
        resource(group.resource)
        scope = group.scope_logs.add()
        scope.scope.name = "com.anthropic.claude_code.events"
        for position in range(POINTS):
            name, attributes = event(request, position)
            nanoseconds = START + request * 10**9 + position * 10**6
            stamp = datetime.fromtimestamp(nanoseconds / 1e9, UTC).isoformat(timespec="milliseconds")
            record = scope.log_records.add(time_unix_nano=nanoseconds, observed_time_unix_nano=nanoseconds)
            record.body.string_value = f"claude_code.{name}"
            record.attributes.extend(standard(request % SESSIONS))
            record.attributes.extend(
                [
                    pair("event.name", name),
                    pair("event.timestamp", stamp.replace("+00:00", "Z")),
                    pair("event.sequence", request // SESSIONS * POINTS + position),
                    pair("prompt.id", f"76c66d27-d49f-433d-8c36-{request:012d}"),
                    *attributes,
                ]
            )
        bodies.append(export.SerializeToString())
    return bodies


def plain_value(value: AnyValue) -> Any:
    """An attribute's value, by the generated class."""
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)


def plain_metrics(body: bytes) -> list[dict[str, Any]]:
    """The baseline for metrics."""
    rows = []
    for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        service = {item.key: plain_value(item.value) for item in group.resource.attributes}
        for scope in group.scope_metrics:
            for metric in scope.metrics:
                for point in metric.sum.data_points:
                    attributes = {item.key: plain_value(item.value) for item in point.attributes}
                    rows.append(
                        {
                            "timestamp": point.time_unix_nano,
                            "start_time": point.start_time_unix_nano,
                            "name": metric.name,
                            "value": point.as_double or point.as_int,
                            "attributes": json.dumps(attributes),
                            "resource": json.dumps(service),
                        }
                    )
    return rows


def plain_logs(body: bytes) -> list[dict[str, Any]]:
    """The baseline for logs."""
    rows = []
    for group in ExportLogsServiceRequest.FromString(body).resource_logs:
        service = {item.key: plain_value(item.value) for item in group.resource.attributes}
        for scope in group.scope_logs:
            for record in scope.log_records:
                attributes = {item.key: plain_value(item.value) for item in record.attributes}
                rows.append(
                    {
                        "timestamp": record.time_unix_nano,
                        "body": plain_value(record.body),
                        "attributes": json.dumps(attributes),
                        "resource": json.dumps(service),
                    }
                )
    return rows


def rate(work: Callable[[bytes], object], bodies: list[bytes]) -> float:
    """Points per second of processor time: the best round, because other programs only ever slow one down.

    No body is decoded twice, so that no cache knows its numbers, times and ids beforehand.
    """
    best = float("inf")
    for first in range(0, len(bodies), REQUESTS):
        started = time.thread_time()
        for body in bodies[first : first + REQUESTS]:
            work(body)
        best = min(best, time.thread_time() - started)
    return REQUESTS * POINTS / best


def main() -> None:
    """Print one line per signal: ours, the baseline, the ratio."""
    signals: tuple[tuple[Signal, list[bytes], Callable[[bytes], object]], ...] = (
        ("metrics", metrics_bodies(), plain_metrics),
        ("logs", logs_bodies(), plain_logs),
    )
    for signal, bodies, plain in signals:

        def ours(body: bytes, signal: Signal = signal) -> object:
            return decode(signal, body, encoding="protobuf", received_at=RECEIVED, context=CONTEXT)

        fast, slow = rate(ours, bodies), rate(plain, bodies)
        size = sum(map(len, bodies)) // len(bodies)
        print(
            f"{signal:8} {fast:>9,.0f} points/s, baseline (opentelemetry-proto and dicts) {slow:>8,.0f}: "
            f"ratio {fast / slow:.1f} ({POINTS} points and {size} bytes a request)"
        )


if __name__ == "__main__":
    main()
