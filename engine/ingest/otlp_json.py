"""OTLP's JSON as lean messages.

Owns the two dialects that senders use: protobuf's JSON mapping (numbers as strings, enum names, base64 ids, either
spelling of field names) and what JavaScript and Rust SDKs write (numbers, hexadecimal ids). A body becomes the very
message that its protobuf rendering would be, so that everything after this module, keys included, is the same.
Refuses what is neither, with MalformedPayload and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from engine.ingest import json_values as values
from engine.ingest.lean import lean
from engine.ingest.payloads import MalformedPayload, Signal

TEMPORALITIES = {"UNSPECIFIED": 0, "DELTA": 1, "CUMULATIVE": 2}
SPAN_KINDS = {"UNSPECIFIED": 0, "INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
STATUS_CODES = {"UNSET": 0, "OK": 1, "ERROR": 2}
SEVERITIES = {
    f"{name}{'' if step == 0 else step + 1}": 4 * position + step + 1
    for position, name in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for step in range(4)
} | {"UNSPECIFIED": 0}

_SNAKE = re.compile(r"_([a-z])")
_Resource, _Scope = lean("Resource"), lean("Scope")


def _resource(value: Any) -> bytes:
    encoded: bytes = _Resource(
        attributes=values.attributes(values.obj(value, "resource").get("attributes"))
    ).SerializeToString()
    return encoded


def _scope(value: Any) -> bytes:
    scope = values.obj(value, "scope")
    encoded: bytes = _Scope(
        name=values.text(scope.get("name"), "scope name"), version=values.text(scope.get("version"), "scope version")
    ).SerializeToString()
    return encoded


def _point(point: Any) -> dict[str, Any]:
    """What all kinds of points have in common."""
    found = values.obj(point, "a data point")
    return {
        "start_time_unix_nano": values.unsigned(found.get("startTimeUnixNano"), "startTimeUnixNano"),
        "time_unix_nano": values.unsigned(found.get("timeUnixNano"), "timeUnixNano"),
        "attributes": values.attributes(found.get("attributes")),
        "flags": values.whole(found.get("flags"), "flags", 0, 2**32 - 1),
    }


def _number_point(point: Any) -> dict[str, Any]:
    fields = _point(point)
    if point.get("asDouble") is not None:
        fields["as_double"] = values.number(point["asDouble"], "asDouble")
    elif point.get("asInt") is not None:
        fields["as_int"] = values.signed(point["asInt"], "asInt")
    return fields


def _distribution_point(point: Any) -> dict[str, Any]:
    fields = _point(point)
    fields["count"] = values.unsigned(point.get("count"), "count")
    if point.get("sum") is not None:
        fields["sum"] = values.number(point["sum"], "sum")
    return fields


_KINDS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "gauge": ("gauge", _number_point),
    "sum": ("sum", _number_point),
    "histogram": ("histogram", _distribution_point),
    "exponentialHistogram": ("exponential_histogram", _distribution_point),
    "summary": ("summary", _distribution_point),
}


def _metric(metric: Any) -> dict[str, Any]:
    found = values.obj(metric, "a metric")
    fields: dict[str, Any] = {
        "name": values.text(found.get("name"), "name"),
        "unit": values.text(found.get("unit"), "unit"),
    }
    for name, (field, read) in _KINDS.items():
        if found.get(name) is None:
            continue
        data = values.obj(found[name], name)
        content: dict[str, Any] = {
            "data_points": [read(point) for point in values.array(data.get("dataPoints"), "dataPoints")]
        }
        if field in ("sum", "histogram", "exponential_histogram"):
            temporality = data.get("aggregationTemporality")
            content["aggregation_temporality"] = values.enum(temporality, "aggregationTemporality", TEMPORALITIES)
        if field == "sum":
            is_monotonic = data.get("isMonotonic")
            if is_monotonic is not None and not isinstance(is_monotonic, bool):
                raise values.malformed("isMonotonic", "true or false")
            content["is_monotonic"] = bool(is_monotonic)
        fields[field] = content
    return fields


def _record(record: Any) -> dict[str, Any]:
    found = values.obj(record, "a log record")
    fields = {
        "time_unix_nano": values.unsigned(found.get("timeUnixNano"), "timeUnixNano"),
        "observed_time_unix_nano": values.unsigned(found.get("observedTimeUnixNano"), "observedTimeUnixNano"),
        "severity_number": values.enum(found.get("severityNumber"), "severityNumber", SEVERITIES),
        "severity_text": values.text(found.get("severityText"), "severityText"),
        "attributes": values.attributes(found.get("attributes")),
        "trace_id": values.identifier(found.get("traceId"), "traceId", 16),
        "span_id": values.identifier(found.get("spanId"), "spanId", 8),
        "event_name": values.text(found.get("eventName"), "eventName"),
    }
    if found.get("body") is not None:
        fields["body"] = values.any_value(values.obj(found["body"], "body"), values.DEPTH).SerializeToString()
    return fields


def _span(span: Any) -> dict[str, Any]:
    found = values.obj(span, "a span")
    return {
        "trace_id": values.identifier(found.get("traceId"), "traceId", 16),
        "span_id": values.identifier(found.get("spanId"), "spanId", 8),
        "parent_span_id": values.identifier(found.get("parentSpanId"), "parentSpanId", 8),
        "name": values.text(found.get("name"), "name"),
        "kind": values.enum(found.get("kind"), "kind", SPAN_KINDS),
        "start_time_unix_nano": values.unsigned(found.get("startTimeUnixNano"), "startTimeUnixNano"),
        "end_time_unix_nano": values.unsigned(found.get("endTimeUnixNano"), "endTimeUnixNano"),
        "attributes": values.attributes(found.get("attributes")),
        "status": {"code": values.enum(values.obj(found.get("status"), "status").get("code"), "code", STATUS_CODES)},
    }


@dataclass(frozen=True, slots=True)
class _Form:
    """Names of one signal's groups, scopes and items, in JSON and in the message; the reader of an item."""

    groups: str
    scopes: str
    items: str
    message: Any
    groups_field: str
    scopes_field: str
    items_field: str
    read: Callable[[Any], dict[str, Any]]


_FORMS: dict[Signal, _Form] = {
    "metrics": _Form(
        "resourceMetrics",
        "scopeMetrics",
        "metrics",
        lean("Metrics"),
        "resource_metrics",
        "scope_metrics",
        "metrics",
        _metric,
    ),
    "logs": _Form(
        "resourceLogs",
        "scopeLogs",
        "logRecords",
        lean("Logs"),
        "resource_logs",
        "scope_logs",
        "log_records",
        _record,
    ),
    "traces": _Form(
        "resourceSpans", "scopeSpans", "spans", lean("Traces"), "resource_spans", "scope_spans", "spans", _span
    ),
}


def _camel(value: Any, depth: int = 16) -> Any:
    """Field names in lowerCamelCase, from the spelling of the .proto files. Attribute values stay as they are."""
    if depth == 0:
        return value
    if isinstance(value, dict):
        return {
            _SNAKE.sub(lambda match: match[1].upper(), name): _camel(content, depth - 1)
            for name, content in value.items()
        }
    if isinstance(value, list):
        return [_camel(part, depth - 1) for part in value]
    return value


def _load(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass
    # Invalid UTF-8, lone surrogates, NaN: what orjson refuses and some senders write.
    try:
        loaded = json.loads(body.decode("utf-8", "replace"))
        return orjson.loads(json.dumps(_sound(loaded)).encode())
    except (ValueError, RecursionError) as error:
        what = "JSON" if isinstance(error, ValueError) else "JSON of a sensible depth"
        raise MalformedPayload(f"the body is not {what}", hint="check content-type and content-encoding") from None


def _sound(value: Any) -> Any:
    """The same without lone surrogates and numbers that JSON does not have."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_sound(name): _sound(content) for name, content in value.items()}
    if isinstance(value, list):
        return [_sound(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _groups(root: dict[str, Any], form: _Form) -> Iterable[dict[str, Any]]:
    for group in values.array(root.get(form.groups), form.groups):
        found = values.obj(group, form.groups)
        scopes = [values.obj(scope, form.scopes) for scope in values.array(found.get(form.scopes), form.scopes)]
        yield {
            "resource": _resource(found.get("resource")),
            form.scopes_field: [
                {
                    "scope": _scope(scope.get("scope")),
                    form.items_field: [form.read(item) for item in values.array(scope.get(form.items), form.items)],
                }
                for scope in scopes
            ],
        }


def message(signal: Signal, body: bytes) -> Any:
    """The lean request message of a JSON body. Raises MalformedPayload."""
    root = _load(body)
    if not isinstance(root, dict):
        raise values.malformed("the body", "an object")
    form = _FORMS[signal]
    if form.groups not in root and form.groups_field in root:
        root = _camel(root)
    return form.message(**{form.groups_field: list(_groups(root, form))})
