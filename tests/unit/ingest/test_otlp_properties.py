"""Whatever arrives: rows of equal length, or MalformedPayload; and equal content gives equal keys."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.otlp import Encoding, MalformedPayload
from engine.ingest.payloads import Signal
from tests.unit.ingest.otlp_support import (
    ALL,
    NANOSECONDS,
    REQUESTS,
    TABLES,
    attributes,
    base64_ids,
    decoded,
    keys,
    log_body,
)

SIGNALS: tuple[Signal, ...] = ("metrics", "logs", "traces")
signals = st.sampled_from(SIGNALS)
encodings: st.SearchStrategy[Encoding] = st.sampled_from(("protobuf", "json"))

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
trees = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELD_NAMES = re.findall(
    r"\w+",
    """resourceMetrics scopeMetrics metrics sum gauge histogram exponentialHistogram summary dataPoints asInt asDouble
    count isMonotonic aggregationTemporality timeUnixNano startTimeUnixNano attributes key value stringValue intValue
    doubleValue boolValue bytesValue arrayValue kvlistValue values resource scope name unit flags resourceLogs
    scopeLogs logRecords body severityNumber severityText observedTimeUnixNano traceId spanId eventName resourceSpans
    scopeSpans spans status code kind""",
)
shaped = st.recursive(
    scalars | st.sampled_from([[], {}, "NaN", "1", "-1", "00" * 8, "00" * 16]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELD_NAMES), inner, max_size=5),
    max_leaves=40,
)


def decodes_or_is_malformed(signal: Signal, body: bytes, encoding: Encoding) -> None:
    try:
        result = decoded(signal, body, encoding)
    except MalformedPayload:
        return
    for columns in result.rows.tables.values():
        assert len({len(values) for values in columns.values()}) == 1
    assert result.rows.length(TABLES[signal]) <= result.accepted


@given(signals, encodings, st.binary(max_size=300))
def test_any_bytes(signal: Signal, encoding: Encoding, body: bytes) -> None:
    decodes_or_is_malformed(signal, body, encoding)


@given(signals, trees)
def test_any_json(signal: Signal, tree: Any) -> None:
    decodes_or_is_malformed(signal, json.dumps(tree).encode("utf-8", "surrogatepass"), "json")


@given(signals, st.dictionaries(st.sampled_from(FIELD_NAMES), shaped, max_size=3), shaped)
def test_json_of_nearly_the_right_shape(signal: Signal, tree: dict[str, Any], items: Any) -> None:
    top, scopes, names = {
        "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
        "logs": ("resourceLogs", "scopeLogs", "logRecords"),
        "traces": ("resourceSpans", "scopeSpans", "spans"),
    }[signal]
    body = {top: [{"resource": tree, scopes: [{"scope": tree, names: [items, tree]}]}]}
    decodes_or_is_malformed(signal, json.dumps(body).encode("utf-8", "surrogatepass"), "json")


@given(st.data(), st.sampled_from([capture for capture in ALL if len(capture.body) < 60_000]))
def test_captured_bodies_with_bytes_changed_inserted_and_removed(data: st.DataObject, capture: Any) -> None:
    body = bytearray(capture.body)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["change", "insert", "remove", "cut"])):
            case "change":
                body[position] = data.draw(st.integers(0, 255))
            case "insert":
                body[position:position] = data.draw(st.binary(max_size=4))
            case "remove":
                del body[position : position + data.draw(st.integers(1, 8))]
            case _:
                del body[position:]
        if not body:
            break
    decodes_or_is_malformed(capture.signal, bytes(body), capture.encoding)


values = st.recursive(
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(["session.id", "model", "input_tokens", "prompt", "event.name"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=150
)
records = st.fixed_dictionaries(
    {
        "timeUnixNano": st.integers(0, 2**64 - 1).map(str),
        "severityNumber": st.integers(0, 24),
        "severityText": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        "traceId": st.binary(min_size=16, max_size=16).map(bytes.hex),
        "attributes": st.dictionaries(names, values, max_size=6).map(attributes),
    }
)


@given(st.lists(records, max_size=5))
def test_any_log_record_has_the_same_key_in_json_and_protobuf(sent: list[dict[str, Any]]) -> None:
    from google.protobuf import json_format

    body = log_body(*sent)
    message = json_format.Parse(json.dumps(base64_ids(json.loads(body))), REQUESTS["logs"]())
    from_json, from_protobuf = decoded("logs", body, "json"), decoded("logs", message.SerializeToString())
    assert keys(from_json, "logs") == keys(from_protobuf, "logs")
    assert from_json.rows.tables == from_protobuf.rows.tables


@pytest.mark.parametrize("count", [40_000])
def test_memory_stays_bounded_whatever_names_and_values_arrive(count: int) -> None:
    from engine.ingest import attributes as module
    from engine.ingest.otlp_logs import _origins

    for first in range(0, count, 4_000):
        decoded(
            "logs",
            log_body(
                *(
                    {"timeUnixNano": NANOSECONDS, "attributes": attributes({f"n{n}": n, "session.id": f"s{n}"})}
                    for n in range(first, first + 4_000)
                )
            ),
            "json",
        )
    reader = _origins._readers["claude_code"]
    assert len(reader) <= module.ENTRY_LIMIT
    assert len(reader._plans) <= module.NAME_LIMIT
