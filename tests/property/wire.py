"""OTLP requests and lines of histories, written as agents write them.

Owns the envelopes. Refuses to know any agent: names and attributes come from `tell_*`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.ingest.payloads import Signal
from tests.property.history import NOW

Attributes = Mapping[str, Any]
EPOCH = NOW.replace(year=1970, month=1, day=1, hour=0)


@dataclass(frozen=True, slots=True)
class Request:
    """One OTLP request."""

    signal: Signal
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a counter."""

    start: datetime
    at: datetime
    value: float
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class History:
    """One file of an agent's local history."""

    agent: str
    lines: tuple[bytes, ...]


def nanoseconds(at: datetime) -> str:
    return str((at - EPOCH) // timedelta(microseconds=1) * 1000)


def iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def attributes(values: Attributes) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"stringValue": str(value)}


def record(at: datetime, values: Attributes, *, body: str | None = None, observed_only: bool = False) -> dict[str, Any]:
    """A log record; Codex sets only the time at which it was observed."""
    made: dict[str, Any] = {"observedTimeUnixNano": nanoseconds(at), "attributes": attributes(values)}
    if not observed_only:
        made["timeUnixNano"] = nanoseconds(at)
    if body is not None:
        made["body"] = {"stringValue": body}
    return made


def logs(resource: Attributes, scope: str, records: Sequence[dict[str, Any]], of_each: int = 3) -> list[Request]:
    """Requests of so many records each."""
    return [
        Request("logs", {"resourceLogs": [{
            "resource": {"attributes": attributes(resource)},
            "scopeLogs": [{"scope": {"name": scope}, "logRecords": list(records[begin : begin + of_each])}],
        }]})
        for begin in range(0, len(records), of_each)
    ]  # fmt: skip


def spans(resource: Attributes, scope: str, made: Sequence[dict[str, Any]], of_each: int = 2) -> list[Request]:
    """Requests of so many spans each."""
    return [
        Request("traces", {"resourceSpans": [{
            "resource": {"attributes": attributes(resource)},
            "scopeSpans": [{"scope": {"name": scope}, "spans": list(made[begin : begin + of_each])}],
        }]})
        for begin in range(0, len(made), of_each)
    ]  # fmt: skip


def span(
    trace: int, number: int, parent: int | None, name: str, at: datetime, values: Attributes, *, failed: bool = False
) -> dict[str, Any]:
    """A span that ends at `at`."""
    made = {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "name": name,
        "kind": 3,
        "startTimeUnixNano": nanoseconds(at - timedelta(milliseconds=80)),
        "endTimeUnixNano": nanoseconds(at),
        "status": {"code": 2} if failed else {},
        "attributes": attributes(values),
    }
    return made if parent is None else {**made, "parentSpanId": f"{parent:016x}"}


def metrics(resource: Attributes, scope: str, name: str, points: Iterable[Point], *, delta: bool) -> Request:
    """One counter's points in one request."""
    made = [
        {"startTimeUnixNano": nanoseconds(point.start), "timeUnixNano": nanoseconds(point.at),
         "asDouble": point.value, "attributes": attributes(point.attributes)}
        for point in points
    ]  # fmt: skip
    counter = {"dataPoints": made, "aggregationTemporality": 1 if delta else 2, "isMonotonic": True}
    return Request("metrics", {"resourceMetrics": [{
        "resource": {"attributes": attributes(resource)},
        "scopeMetrics": [{"scope": {"name": scope}, "metrics": [{"name": name, "sum": counter}]}],
    }]})  # fmt: skip


def counter(
    resource: Attributes,
    scope: str,
    name: str,
    exports: Sequence[tuple[datetime, datetime, Sequence[tuple[Attributes, float]]]],
    *,
    delta: bool,
) -> list[Request]:
    """What one process exports of a counter: (start, time, increases by attributes) an export."""
    totals: dict[str, float] = {}
    kept: dict[str, Attributes] = {}
    found = []
    for start, at, increases in exports:
        changed: dict[str, float] = {}
        for values, increase in increases:
            key = json.dumps(values, sort_keys=True)
            kept[key] = values
            changed[key] = changed.get(key, 0) + increase
            totals[key] = totals.get(key, 0) + increase
        shown = changed if delta else dict(totals)
        points = [Point(start, at, value, kept[key]) for key, value in shown.items()]
        found.append(metrics(resource, scope, name, points, delta=delta))
    return found


def lines(agent: str, entries: Iterable[Mapping[str, Any]]) -> History:
    return History(agent, tuple(json.dumps(entry).encode() for entry in entries))
