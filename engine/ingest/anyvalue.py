"""OTLP's KeyValue and AnyValue as Python values.

Owns the reading of one encoded attribute: a short hand-written path for what agents send (short text, numbers,
booleans in the canonical encoding) and protobuf for everything else. Refuses nesting beyond DEPTH (None instead) and
never fails on invalid UTF-8 (the replacement character instead). Damaged bytes raise protobuf's DecodeError.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

import orjson

from engine.ingest.lean import lean

DEPTH = 16
"""Deepest nesting of arrays and maps that is read."""

_KeyValue = lean("KeyValue")
_AnyValue = lean("AnyValue")
_ArrayValue = lean("ArrayValue")
_KeyValueList = lean("KeyValueList")
_double = struct.Struct("<d").unpack_from


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


def name_end(encoded: bytes) -> int:
    """Where the name ends in a canonically encoded, short KeyValue (the name starts at 2); 0 for any other encoding.

    Canonical and short: field 1 (name), then field 2 (value), nothing else, both lengths below 128.
    """
    size = len(encoded)
    if size < 4 or encoded[0] != 0x0A:
        return 0
    end = encoded[1] + 2
    if end + 2 > size or end > 129 or encoded[end] != 0x12 or end + 2 + encoded[end + 1] != size:
        return 0
    return end


def short_value(encoded: bytes, end: int) -> Any:
    """The value of a KeyValue for which `name_end` gave `end`."""
    size = len(encoded)
    start = end + 4
    if start <= size:
        tag = encoded[end + 2]
        if tag == 0x0A and start + encoded[end + 3] == size:
            return encoded[start:].decode("utf-8", "replace")
        if tag == 0x18:
            value = encoded[end + 3]
            if value < 0x80 and size == start:
                return value
            if size == start + 1 and encoded[start] < 0x80:
                return value & 0x7F | encoded[start] << 7
        elif tag == 0x21 and size == end + 11:
            return _double(encoded, end + 3)[0]
        elif tag == 0x10 and size == start and encoded[end + 3] < 2:
            return encoded[end + 3] == 1
    return any_value(encoded[end + 2 :])


def _json_default(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(type(value).__name__)


def to_json(value: Any) -> str:
    """JSON text: bytes as base64, NaN and infinities as null."""
    return orjson.dumps(value, default=_json_default).decode("utf-8")
