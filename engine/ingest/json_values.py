"""Single values of OTLP's JSON.

Owns the reading of numbers, ids, enums and attribute values in both dialects (see otlp_json.py), and the canonical
protobuf encoding of an attribute. Refuses what is neither dialect with MalformedPayload, which names the field.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import orjson

from engine.ingest.lean import lean
from engine.ingest.payloads import MalformedPayload

DEPTH = 32
"""Deepest nesting of attribute values."""
CACHE_ENTRIES = 16_384
CACHE_ENTRY_BYTES = 256

_AnyValue, _KeyValue = lean("AnyValue"), lean("KeyValue")
_ArrayValue, _KeyValueList = lean("ArrayValue"), lean("KeyValueList")


def malformed(where: str, expected: str) -> MalformedPayload:
    return MalformedPayload(f"{where} is not {expected}", hint="send OTLP JSON as the protocol defines it")


def obj(value: Any, where: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed(where, "an object")
    return value


def array(value: Any, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise malformed(where, "a list")
    return value


def text(value: Any, where: str) -> bytes:
    if value is None:
        return b""
    if not isinstance(value, str):
        raise malformed(where, "text")
    return value.encode("utf-8", "replace")


def whole(value: Any, where: str, low: int, high: int) -> int:
    """A number or its decimal text; null and absence are 0."""
    if value is None:
        return 0
    try:
        if isinstance(value, str) or (isinstance(value, float) and value.is_integer()):
            value = int(value)
    except ValueError:
        raise malformed(where, "a whole number") from None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise malformed(where, f"a whole number from {low} to {high}")
    return value


def unsigned(value: Any, where: str) -> int:
    return whole(value, where, 0, 2**64 - 1)


def signed(value: Any, where: str) -> int:
    return whole(value, where, -(2**63), 2**63 - 1)


def number(value: Any, where: str) -> float:
    """A number, its text, or "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            raise malformed(where, "a number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise malformed(where, "a number")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def enum(value: Any, where: str, names: dict[str, int]) -> int:
    """A number, or a name with or without its prefix (AGGREGATION_TEMPORALITY_DELTA)."""
    if isinstance(value, str):
        found = next((number for name, number in names.items() if value == name or value.endswith("_" + name)), None)
        if found is not None:
            return found
    return whole(value, where, -(2**31), 2**31 - 1)


def identifier(value: Any, where: str, size: int) -> bytes:
    """An id of `size` bytes as hexadecimal digits or base64; what has neither length is kept as it is and invalid."""
    if value is None or value == "":
        return b""
    if not isinstance(value, str):
        raise malformed(where, "text")
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        return base64.b64decode(value.replace("-", "+").replace("_", "/") + "=" * (-len(value) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise malformed(where, "an id in hexadecimal digits or base64") from None


def any_value(value: dict[str, Any], depth: int) -> Any:
    """An AnyValue message."""
    message = _AnyValue()
    for name, content in value.items():
        if content is None:
            continue
        match name:
            case "stringValue" | "string_value":
                message.string_value = text(content, "stringValue")
            case "intValue" | "int_value":
                message.int_value = signed(content, "intValue")
            case "doubleValue" | "double_value":
                message.double_value = number(content, "doubleValue")
            case "boolValue" | "bool_value":
                if not isinstance(content, bool):
                    raise malformed("boolValue", "true or false")
                message.bool_value = content
            case "bytesValue" | "bytes_value":
                message.bytes_value = bytes_value(content)
            case "arrayValue" | "array_value":
                values = _nested(content, depth)
                array = _ArrayValue(
                    values=[any_value(obj(part, "value"), depth - 1).SerializeToString() for part in values]
                )
                message.array_value = array.SerializeToString()
            case "kvlistValue" | "kvlist_value":
                pairs = _KeyValueList(values=[_pair(part, depth - 1) for part in _nested(content, depth)])
                message.kvlist_value = pairs.SerializeToString()
    return message


def bytes_value(content: Any) -> bytes:
    if not isinstance(content, str):
        raise malformed("bytesValue", "base64")
    try:
        padded = content.replace("-", "+").replace("_", "/") + "=" * (-len(content) % 4)
        return base64.b64decode(padded, validate=True)
    except (ValueError, binascii.Error):
        raise malformed("bytesValue", "base64") from None


def _nested(content: Any, depth: int) -> list[Any]:
    if depth <= 0:
        raise MalformedPayload("attribute values are nested too deeply", hint=f"nest at most {DEPTH} levels")
    return array(obj(content, "arrayValue or kvlistValue").get("values"), "values")


def _pair(pair: Any, depth: int = DEPTH) -> bytes:
    """A KeyValue in its canonical encoding."""
    if not isinstance(pair, dict):
        raise malformed("an attribute", "an object with key and value")
    key = text(pair.get("key"), "an attribute's key")
    value = pair.get("value")
    if type(value) is dict and len(value) == 1 and 0 < len(key) < 0x80:
        short = value.get("stringValue")
        if type(short) is str and len(short) < 0x7C:
            content = short.encode("utf-8", "replace")
            size = len(content)
            if size < 0x7C:
                return b"\x0a%c%b\x12%c\x0a%c%b" % (len(key), key, size + 2, size, content)
        whole_number = value.get("intValue")
        if type(whole_number) is str and len(whole_number) < 6 and whole_number.isascii() and whole_number.isdigit():
            whole_number = int(whole_number)
        if type(whole_number) is int and 0 <= whole_number < 0x4000:
            if whole_number < 0x80:
                return b"\x0a%c%b\x12\x02\x18%c" % (len(key), key, whole_number)
            return b"\x0a%c%b\x12\x03\x18%c%c" % (len(key), key, whole_number & 0x7F | 0x80, whole_number >> 7)
    message = _KeyValue()
    if key:
        message.key = key
    if value is not None:
        message.value.CopyFrom(any_value(obj(value, "an attribute's value"), depth))
        message.value.SetInParent()
    encoded: bytes = message.SerializeToString()
    return encoded


_known: dict[bytes, bytes] = {}
"""JSON text of an attribute → its protobuf encoding: most attributes repeat."""


def attributes(value: Any) -> list[bytes]:
    """Encoded KeyValues of a list of attributes."""
    pairs = array(value, "attributes")
    try:
        texts = list(map(orjson.dumps, pairs))
    except orjson.JSONEncodeError:
        raise malformed("an attribute", "an OTLP attribute") from None
    found: list[Any] = list(map(_known.get, texts))
    position = 0
    for _ in range(found.count(None)):
        position = found.index(None, position)
        found[position] = encoded = _pair(pairs[position])
        if len(texts[position]) <= CACHE_ENTRY_BYTES:
            if len(_known) >= CACHE_ENTRIES:
                _known.clear()
            _known[texts[position]] = encoded
    return found
