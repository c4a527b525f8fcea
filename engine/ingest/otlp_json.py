"""OTLP's JSON as lean messages.

Owns the two dialects that senders use: protobuf's JSON mapping (numbers as strings, enum names, base64 ids, either
spelling of field names) and what JavaScript and Rust SDKs write (numbers, hexadecimal ids). A body becomes the very
message that its protobuf rendering would be, so that everything after this module, keys included, is the same.
Refuses what is neither, with MalformedPayload and nothing else.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from engine.ingest.lean import lean
from engine.ingest.payloads import MalformedPayload, Signal

DEPTH = 32
"""Deepest nesting of attribute values."""
CACHE_ENTRIES = 16_384
CACHE_ENTRY_BYTES = 256

TEMPORALITIES = {"UNSPECIFIED": 0, "DELTA": 1, "CUMULATIVE": 2}
SPAN_KINDS = {"UNSPECIFIED": 0, "INTERNAL": 1, "SERVER": 2, "CLIENT": 3, "PRODUCER": 4, "CONSUMER": 5}
STATUS_CODES = {"UNSET": 0, "OK": 1, "ERROR": 2}
SEVERITIES = {
    f"{name}{'' if step == 0 else step + 1}": 4 * position + step + 1
    for position, name in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for step in range(4)
} | {"UNSPECIFIED": 0}

_SNAKE = re.compile(r"_([a-z])")
_AnyValue, _KeyValue = lean("AnyValue"), lean("KeyValue")
_ArrayValue, _KeyValueList = lean("ArrayValue"), lean("KeyValueList")
_Resource, _Scope = lean("Resource"), lean("Scope")


def _malformed(where: str, expected: str) -> MalformedPayload:
    return MalformedPayload(f"{where} is not {expected}", hint="send OTLP JSON as the protocol defines it")


def _object(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _malformed(where, "an object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise _malformed(where, "a list")
    return value


def _text(value: Any, where: str) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise _malformed(where, "text")
    return value.encode("utf-8", "replace")


def _whole(value: Any, where: str, low: int, high: int) -> int:
    """A number or its decimal text; null and absence are 0."""
    if value is None:
        return 0
    try:
        if isinstance(value, str) or (isinstance(value, float) and value.is_integer()):
            value = int(value)
    except ValueError:
        raise _malformed(where, "a whole number") from None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _malformed(where, f"a whole number from {low} to {high}")
    return value


def _unsigned(value: Any, where: str) -> int:
    return _whole(value, where, 0, 2**64 - 1)


def _signed(value: Any, where: str) -> int:
    return _whole(value, where, -(2**63), 2**63 - 1)


def _float(value: Any, where: str) -> float:
    """A number, its text, or "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise _malformed(where, "a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _malformed(where, "a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _enum(value: Any, where: str, names: dict[str, int]) -> int:
    """A number, or a name with or without its prefix (AGGREGATION_TEMPORALITY_DELTA)."""
    if isinstance(value, str):
        found = next((number for name, number in names.items() if value == name or value.endswith("_" + name)), None)
        if found is not None:
            return found
    return _whole(value, where, -(2**31), 2**31 - 1)


def _id(value: Any, where: str, size: int) -> bytes:
    """An id of `size` bytes as hexadecimal digits or base64; what has neither length is kept as it is and invalid."""
    if value is None or value == "":
        return b""
    if not isinstance(value, str):
        raise _malformed(where, "text")
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        return base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise _malformed(where, "an id in hexadecimal digits or base64") from None


def _value(value: dict[str, Any], depth: int) -> Any:
    """An AnyValue message."""
    message = _AnyValue()
    for name, content in value.items():
        if content is None:
            continue
        match name:
            case "stringValue" | "string_value":
                message.string_value = _text(content, "stringValue")
            case "intValue" | "int_value":
                message.int_value = _signed(content, "intValue")
            case "doubleValue" | "double_value":
                message.double_value = _float(content, "doubleValue")
            case "boolValue" | "bool_value":
                if not isinstance(content, bool):
                    raise _malformed("boolValue", "true or false")
                message.bool_value = content
            case "bytesValue" | "bytes_value":
                message.bytes_value = _bytes(content)
            case "arrayValue" | "array_value":
                values = _nested(content, depth)
                array = _ArrayValue(
                    values=[_value(_object(part, "value"), depth - 1).SerializeToString() for part in values]
                )
                message.array_value = array.SerializeToString()
            case "kvlistValue" | "kvlist_value":
                pairs = _KeyValueList(values=[_pair(part, depth - 1) for part in _nested(content, depth)])
                message.kvlist_value = pairs.SerializeToString()
    return message


def _bytes(content: Any) -> bytes:
    if not isinstance(content, str):
        raise _malformed("bytesValue", "base64")
    try:
        padded = content.replace("-", "+").replace("_", "/") + "=" * (-len(content) % 4)
        return base64.b64decode(padded, validate=True)
    except (ValueError, binascii.Error):
        raise _malformed("bytesValue", "base64") from None


def _nested(content: Any, depth: int) -> list[Any]:
    if depth <= 0:
        raise MalformedPayload("attribute values are nested too deeply", hint=f"nest at most {DEPTH} levels")
    return _list(_object(content, "arrayValue or kvlistValue").get("values"), "values")


def _pair(pair: Any, depth: int = DEPTH) -> bytes:
    """A KeyValue in its canonical encoding."""
    if not isinstance(pair, dict):
        raise _malformed("an attribute", "an object with key and value")
    message = _KeyValue()
    key = _text(pair.get("key"), "an attribute's key")
    if key:
        message.key = key
    value = pair.get("value")
    if value is not None:
        message.value.CopyFrom(_value(_object(value, "an attribute's value"), depth))
        message.value.SetInParent()
    encoded: bytes = message.SerializeToString()
    return encoded


class _Pairs(dict[bytes, bytes]):
    """JSON text of an attribute → its protobuf encoding: most attributes repeat."""

    def __missing__(self, text: bytes) -> bytes:
        encoded = _pair(orjson.loads(text))
        if len(text) <= CACHE_ENTRY_BYTES:
            if len(self) >= CACHE_ENTRIES:
                self.clear()
            self[text] = encoded
        return encoded


_read_pair = _Pairs().__getitem__


def _attributes(value: Any) -> list[bytes]:
    try:
        return list(map(_read_pair, map(orjson.dumps, _list(value, "attributes"))))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        raise _malformed("an attribute", "an OTLP attribute") from None


def _resource(value: Any) -> bytes:
    encoded: bytes = _Resource(attributes=_attributes(_object(value, "resource").get("attributes"))).SerializeToString()
    return encoded


def _scope(value: Any) -> bytes:
    scope = _object(value, "scope")
    encoded: bytes = _Scope(
        name=_text(scope.get("name"), "scope name"), version=_text(scope.get("version"), "scope version")
    ).SerializeToString()
    return encoded


def _point(point: Any) -> dict[str, Any]:
    """What all kinds of points have in common."""
    found = _object(point, "a data point")
    return {
        "start_time_unix_nano": _unsigned(found.get("startTimeUnixNano"), "startTimeUnixNano"),
        "time_unix_nano": _unsigned(found.get("timeUnixNano"), "timeUnixNano"),
        "attributes": _attributes(found.get("attributes")),
        "flags": _whole(found.get("flags"), "flags", 0, 2**32 - 1),
    }


def _number_point(point: Any) -> dict[str, Any]:
    fields = _point(point)
    if point.get("asDouble") is not None:
        fields["as_double"] = _float(point["asDouble"], "asDouble")
    elif point.get("asInt") is not None:
        fields["as_int"] = _signed(point["asInt"], "asInt")
    return fields


def _distribution_point(point: Any) -> dict[str, Any]:
    fields = _point(point)
    fields["count"] = _unsigned(point.get("count"), "count")
    if point.get("sum") is not None:
        fields["sum"] = _float(point["sum"], "sum")
    return fields


_KINDS: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "gauge": ("gauge", _number_point),
    "sum": ("sum", _number_point),
    "histogram": ("histogram", _distribution_point),
    "exponentialHistogram": ("exponential_histogram", _distribution_point),
    "summary": ("summary", _distribution_point),
}


def _metric(metric: Any) -> dict[str, Any]:
    found = _object(metric, "a metric")
    fields: dict[str, Any] = {"name": _text(found.get("name"), "name"), "unit": _text(found.get("unit"), "unit")}
    for name, (field, read) in _KINDS.items():
        if found.get(name) is None:
            continue
        data = _object(found[name], name)
        content: dict[str, Any] = {
            "data_points": [read(point) for point in _list(data.get("dataPoints"), "dataPoints")]
        }
        if field in ("sum", "histogram", "exponential_histogram"):
            temporality = data.get("aggregationTemporality")
            content["aggregation_temporality"] = _enum(temporality, "aggregationTemporality", TEMPORALITIES)
        if field == "sum":
            is_monotonic = data.get("isMonotonic")
            if is_monotonic is not None and not isinstance(is_monotonic, bool):
                raise _malformed("isMonotonic", "true or false")
            content["is_monotonic"] = bool(is_monotonic)
        fields[field] = content
    return fields


def _record(record: Any) -> dict[str, Any]:
    found = _object(record, "a log record")
    fields = {
        "time_unix_nano": _unsigned(found.get("timeUnixNano"), "timeUnixNano"),
        "observed_time_unix_nano": _unsigned(found.get("observedTimeUnixNano"), "observedTimeUnixNano"),
        "severity_number": _enum(found.get("severityNumber"), "severityNumber", SEVERITIES),
        "severity_text": _text(found.get("severityText"), "severityText"),
        "attributes": _attributes(found.get("attributes")),
        "trace_id": _id(found.get("traceId"), "traceId", 16),
        "span_id": _id(found.get("spanId"), "spanId", 8),
        "event_name": _text(found.get("eventName"), "eventName"),
    }
    if found.get("body") is not None:
        fields["body"] = _value(_object(found["body"], "body"), DEPTH).SerializeToString()
    return fields


def _span(span: Any) -> dict[str, Any]:
    found = _object(span, "a span")
    return {
        "trace_id": _id(found.get("traceId"), "traceId", 16),
        "span_id": _id(found.get("spanId"), "spanId", 8),
        "parent_span_id": _id(found.get("parentSpanId"), "parentSpanId", 8),
        "name": _text(found.get("name"), "name"),
        "kind": _enum(found.get("kind"), "kind", SPAN_KINDS),
        "start_time_unix_nano": _unsigned(found.get("startTimeUnixNano"), "startTimeUnixNano"),
        "end_time_unix_nano": _unsigned(found.get("endTimeUnixNano"), "endTimeUnixNano"),
        "attributes": _attributes(found.get("attributes")),
        "status": {"code": _enum(_object(found.get("status"), "status").get("code"), "code", STATUS_CODES)},
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
    for group in _list(root.get(form.groups), form.groups):
        found = _object(group, form.groups)
        scopes = [_object(scope, form.scopes) for scope in _list(found.get(form.scopes), form.scopes)]
        yield {
            "resource": _resource(found.get("resource")),
            form.scopes_field: [
                {
                    "scope": _scope(scope.get("scope")),
                    form.items_field: [form.read(item) for item in _list(scope.get(form.items), form.items)],
                }
                for scope in scopes
            ],
        }


def message(signal: Signal, body: bytes) -> Any:
    """The lean request message of a JSON body. Raises MalformedPayload."""
    root = _load(body)
    if not isinstance(root, dict):
        raise _malformed("the body", "an object")
    form = _FORMS[signal]
    if form.groups not in root and form.groups_field in root:
        root = _camel(root)
    return form.message(**{form.groups_field: list(_groups(root, form))})
