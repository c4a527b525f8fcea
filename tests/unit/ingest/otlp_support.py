"""Captured requests, small requests of one's own, and other renderings of the same content, for the decoder's tests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from engine.ingest.otlp import Decoded, Encoding, SenderContext, Signal, decode

CAPTURES = Path(__file__).parents[2] / "fixtures" / "telemetry"
RECEIVED = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
NANOSECONDS = int(datetime(2026, 11, 20, 17, 0, tzinfo=UTC).timestamp()) * 10**9
MICROSECONDS = NANOSECONDS // 1000
TABLES: dict[Signal, str] = {"metrics": "otel_metrics", "logs": "otel_logs", "traces": "otel_spans"}
REQUESTS: dict[Signal, Any] = {
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
    "traces": ExportTraceServiceRequest,
}

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Capture:
    """One captured request."""

    name: str
    signal: Signal
    encoding: Encoding
    body: bytes


def captures(scenario: Path) -> list[Capture]:
    """The requests of one scenario, in the order in which they were sent."""
    found = []
    for meta_path in sorted(scenario.glob("*.meta.json")):
        meta = json.loads(meta_path.read_text())
        stem = meta_path.name.removesuffix(".meta.json")
        path = next(path for path in (scenario / f"{stem}.pb", scenario / f"{stem}.json") if path.exists())
        encoding: Encoding = "json" if path.suffix == ".json" else "protobuf"
        name = f"{scenario.parent.name}/{scenario.name}/{stem}"
        found.append(Capture(name, meta["signal"], encoding, path.read_bytes()))
    return found


SCENARIOS = sorted(path for agent in ("claude", "codex") for path in (CAPTURES / agent).iterdir() if path.is_dir())
OTHERS = sorted(
    path
    for agent in ("copilot", "gemini", "opencode", "qwen")
    for path in (CAPTURES / agent).iterdir()
    if path.is_dir()
)
ALL = [capture for scenario in SCENARIOS + OTHERS for capture in captures(scenario)]


def decoded(
    signal: Signal, body: bytes, encoding: Encoding = "protobuf", context: SenderContext | None = None
) -> Decoded:
    """Decode with this module's clock."""
    return decode(signal, body, encoding=encoding, received_at=RECEIVED, context=context or SenderContext())


def rows(result: Decoded, table: str) -> list[Row]:
    """One dict per row."""
    columns = result.rows.tables.get(table, {})
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def keys(result: Decoded, signal: Signal) -> list[str]:
    """The dedup keys of a request's points, records or spans."""
    return [row["dedup_key"] for row in rows(result, TABLES[signal])]


def attribute(name: str, value: Any) -> dict[str, Any]:
    """An attribute in JSON, as SDKs in JavaScript write it."""
    match value:
        case bool():
            kind = "boolValue"
        case int():
            kind = "intValue"
        case float():
            kind = "doubleValue"
        case str():
            kind = "stringValue"
        case list():
            return {"key": name, "value": {"arrayValue": {"values": [attribute("", part)["value"] for part in value]}}}
        case dict():
            pairs = [attribute(key, part) for key, part in value.items()]
            return {"key": name, "value": {"kvlistValue": {"values": pairs}}}
        case _:
            return {"key": name, "value": {}}
    return {"key": name, "value": {kind: value}}


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes in JSON."""
    return [attribute(name, value) for name, value in values.items()]


def resource(service: str = "claude-code", **others: Any) -> dict[str, Any]:
    """A resource in JSON; double underscores in names become dots."""
    named = {name.replace("__", "."): value for name, value in others.items()}
    return {"attributes": attributes({"service.name": service, **named})}


def log_body(
    *records: dict[str, Any], service: str = "claude-code", scope: str = "events", sender: dict[str, Any] | None = None
) -> bytes:
    """A logs request in JSON."""
    group = {
        "resource": sender or resource(service),
        "scopeLogs": [{"scope": {"name": scope}, "logRecords": list(records)}],
    }
    return json.dumps({"resourceLogs": [group]}).encode()


def record(values: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A log record in JSON."""
    return {"timeUnixNano": str(NANOSECONDS), "attributes": attributes(values), **fields}


def metric_body(*metrics: dict[str, Any], service: str = "claude-code", **others: Any) -> bytes:
    """A metrics request in JSON."""
    group = {
        "resource": resource(service, **others),
        "scopeMetrics": [{"scope": {"name": "meter"}, "metrics": list(metrics)}],
    }
    return json.dumps({"resourceMetrics": [group]}).encode()


def point(value: Any, values: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A number point in JSON: floats as asDouble, integers as asInt."""
    kind = "asDouble" if isinstance(value, (float, str)) else "asInt"
    return {
        "startTimeUnixNano": str(NANOSECONDS - 10**9),
        "timeUnixNano": str(NANOSECONDS),
        kind: value,
        "attributes": attributes(values or {}),
        **fields,
    }


def total(name: str, *points: dict[str, Any], temporality: Any = 1, unit: str = "tokens") -> dict[str, Any]:
    """A monotonic sum in JSON."""
    data = {"dataPoints": list(points), "aggregationTemporality": temporality, "isMonotonic": True}
    return {"name": name, "unit": unit, "sum": data}


def span_body(*spans: dict[str, Any], service: str = "claude-code") -> bytes:
    """A traces request in JSON."""
    group = {"resource": resource(service), "scopeSpans": [{"scope": {"name": "tracer"}, "spans": list(spans)}]}
    return json.dumps({"resourceSpans": [group]}).encode()


def span(name: str, values: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A span in JSON."""
    return {
        "traceId": "0123456789abcdef0123456789abcdef",
        "spanId": "0123456789abcdef",
        "name": name,
        "kind": 3,
        "startTimeUnixNano": str(NANOSECONDS),
        "endTimeUnixNano": str(NANOSECONDS + 10**9),
        "attributes": attributes(values or {}),
        **fields,
    }


def one_log(values: dict[str, Any], service: str = "claude-code", **fields: Any) -> Row:
    """The row of one log record."""
    return rows(decoded("logs", log_body(record(values, **fields), service=service), "json"), "otel_logs")[0]


def as_protobuf(capture: Capture) -> Any:
    """A capture as a message of the official classes."""
    message = REQUESTS[capture.signal]()
    if capture.encoding == "protobuf":
        message.ParseFromString(capture.body)
        return message
    # SDKs write ids in hexadecimal digits, which protobuf's mapping does not know.
    return json_format.Parse(json.dumps(base64_ids(json.loads(capture.body))), message, ignore_unknown_fields=True)


def base64_ids(value: Any) -> Any:
    """The same JSON with ids as protobuf's mapping wants them."""
    import base64

    if isinstance(value, dict):
        return {
            name: base64.b64encode(bytes.fromhex(part)).decode()
            if name in ("traceId", "spanId", "parentSpanId") and isinstance(part, str)
            else base64_ids(part)
            for name, part in value.items()
        }
    if isinstance(value, list):
        return [base64_ids(part) for part in value]
    return value


def hexadecimal_ids(value: Any) -> Any:
    """The same JSON with ids as SDKs write them, and 64-bit numbers as numbers."""
    import base64

    if isinstance(value, dict):
        return {name: _sdk_value(name, part, base64.b64decode) for name, part in value.items()}
    if isinstance(value, list):
        return [hexadecimal_ids(part) for part in value]
    return value


def _sdk_value(name: str, part: Any, from_base64: Any) -> Any:
    if name in ("traceId", "spanId", "parentSpanId") and isinstance(part, str):
        return from_base64(part).hex()
    if name in ("intValue", "asInt", "count") and isinstance(part, str):
        return int(part)
    return hexadecimal_ids(part)


def json_renderings(message: Any) -> Iterator[bytes]:
    """The same content in every JSON dialect that senders use."""
    yield json_format.MessageToJson(message).encode()
    yield json_format.MessageToJson(message, preserving_proto_field_name=True).encode()
    yield json_format.MessageToJson(message, use_integers_for_enums=True, indent=None).encode()
    yield json.dumps(
        hexadecimal_ids(json.loads(json_format.MessageToJson(message, use_integers_for_enums=True)))
    ).encode()
