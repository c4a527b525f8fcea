"""OTLP's KeyValue and AnyValue as Python values.

Owns the reading of one encoded attribute with protobuf, and its writing as JSON. Refuses nesting beyond DEPTH (None
instead) and never fails on invalid UTF-8 (the replacement character instead). Damaged bytes raise protobuf's
DecodeError.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson

from engine.ingest.lean import lean

DEPTH = 16
"""Deepest nesting of arrays and maps that is read."""

_KeyValue = lean("KeyValue")
_AnyValue = lean("AnyValue")
_ArrayValue = lean("ArrayValue")
_KeyValueList = lean("KeyValueList")


def text(value: bytes) -> str:
    """UTF-8 text; what is invalid becomes the replacement character."""
    return value.decode("utf-8", "replace")


def message_value(message: Any, depth: int = DEPTH) -> Any:
    """The value of a parsed AnyValue: str, bool, int, float, list, dict, bytes, or None."""
    if message.HasField("string_value"):
        return text(message.string_value)
    if message.HasField("int_value"):
        return message.int_value
    if message.HasField("double_value"):
        return message.double_value
    if message.HasField("bool_value"):
        return message.bool_value
    if message.HasField("bytes_value"):
        return message.bytes_value
    if depth == 0:
        return None
    if message.HasField("array_value"):
        values = _ArrayValue.FromString(message.array_value).values
        return [message_value(_AnyValue.FromString(value), depth - 1) for value in values]
    if message.HasField("kvlist_value"):
        pairs = map(_KeyValue.FromString, _KeyValueList.FromString(message.kvlist_value).values)
        return {text(pair.key): message_value(pair.value, depth - 1) for pair in pairs}
    return None


def any_value(encoded: bytes) -> Any:
    """The value of an encoded AnyValue (a log record's body)."""
    return message_value(_AnyValue.FromString(encoded))


def key_value(encoded: bytes) -> tuple[bytes, Any]:
    """Name (UTF-8 as sent) and value of an encoded KeyValue."""
    pair = _KeyValue.FromString(encoded)
    return pair.key, message_value(pair.value)


def _json_default(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(type(value).__name__)


def to_json(value: Any) -> str:
    """JSON text: bytes as base64, NaN and infinities as null."""
    return orjson.dumps(value, default=_json_default).decode("utf-8")
