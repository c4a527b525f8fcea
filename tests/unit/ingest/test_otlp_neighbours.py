"""One record that another release sent in another shape: it may be lost, its neighbours may not."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ingest.otlp import MalformedPayload
from tests.e2e.captures import as_json, captures
from tests.unit.ingest.otlp_support import TABLES, decoded
from tests.unit.transcripts.test_neighbours import changed, places

PARTS = {
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "traces": ("resourceSpans", "scopeSpans", "spans"),
}
BODIES = [
    (capture.signal, json.loads(as_json(capture)))
    for capture in captures()
    if capture.signal in PARTS and len(capture.body) < 60_000
]
ODD: Any = st.sampled_from(["", "12", "x" * 5000, "NaN", "-1", "18446744073709551615", "1e300", "true", "\x00"])


def records(signal: str, body: Any) -> list[list[Any]]:
    """The lists of records in a body."""
    top, middle, inner = PARTS[signal]
    return [scope[inner] for resource in body[top] for scope in resource[middle] if scope.get(inner)]


def keys(signal: str, body: Any) -> list[Any]:
    rows = decoded(signal, json.dumps(body).encode(), "json").rows  # type: ignore[arg-type]
    return list(rows.tables.get(TABLES[signal], {}).get("dedup_key", ()))  # type: ignore[index]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_an_attribute_of_another_shape_takes_no_other_record_with_it(data: st.DataObject) -> None:
    signal, original = data.draw(st.sampled_from(BODIES))
    body = copy.deepcopy(original)
    found = data.draw(st.sampled_from(records(signal, body)))
    number = data.draw(st.integers(0, len(found) - 1))
    alone = copy.deepcopy(original)
    attributes = found[number].get("attributes") or [{"key": "x", "value": {"stringValue": "y"}}]
    which = data.draw(st.integers(0, len(attributes) - 1))
    name = attributes[which]["key"]
    value = data.draw(
        st.sampled_from([{"boolValue": True}, {"doubleValue": 1e300}, {"intValue": str(2**63 - 1)}, {"intValue": -1}])
        | st.just({"arrayValue": {"values": [{"stringValue": "x"}]}})
        | st.just({"kvlistValue": {"values": []}})
        | st.just({})
        | ODD.map(lambda text: {"stringValue": text})
    )
    if data.draw(st.booleans()):
        attributes[which] = {"key": name, "value": value}
    else:
        del attributes[which]
    found[number]["attributes"] = attributes
    before, after = keys(signal, alone), keys(signal, body)
    lost = [key for key in before if key not in after]
    assert len(lost) <= 1
    assert abs(len(after) - len(before)) <= 1


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_body_of_another_shape_is_taken_or_refused_whole(data: st.DataObject) -> None:
    """What is no OTLP any more is refused, so that the sender knows; nothing of it is stored by halves."""
    signal, original = data.draw(st.sampled_from(BODIES))
    place = data.draw(st.sampled_from(places(original)))
    new: Any = data.draw(st.sampled_from([None, True, -1, 2**70, 1e300, "", [], {}, [None]]))
    body = changed(original, place, new, remove=data.draw(st.booleans()))
    try:
        result = decoded(signal, json.dumps(body).encode(), "json")
    except MalformedPayload:
        return
    for columns in result.rows.tables.values():
        assert len({len(values) for values in columns.values()}) == 1
