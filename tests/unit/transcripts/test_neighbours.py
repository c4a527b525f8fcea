"""One line that another release wrote in another shape: it may be lost, its neighbours may not."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.agents.transcripts.registry import BY_AGENT
from tests.unit.transcripts.support import rows_of
from tests.unit.transcripts.test_properties import HISTORIES, as_line, history, json_values, read_at_once, storable

ODD: some.SearchStrategy[Any] = some.sampled_from(
    [None, True, -1, 2**63, 2**70, 1e300, "", "12", "\x00", "x" * 5000, [], {}, [None], {"": None}, [[]]]
)
NUMBERS = ("input_tokens", "cache_read_tokens", "output_tokens")

Path = tuple[object, ...]


def places(value: object, at: Path = ()) -> list[Path]:
    """The way to every value inside a value."""
    inner: list[tuple[object, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [found for key, one in inner for found in ((*at, key), *places(one, (*at, key)))]


def changed(value: Any, place: Path, new: object, *, remove: bool) -> Any:
    """The value with another one at that place, or without it."""
    found = copy.deepcopy(value)
    holder = found
    for key in place[:-1]:
        holder = holder[key]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = new
    return found


def told(agent_type: str, content: bytes) -> dict[tuple[Any, ...], tuple[int, ...]]:
    """By message and request: the largest figures."""
    rows = read_at_once(BY_AGENT[agent_type], content)
    storable(rows)
    found: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for row in rows_of(rows, "transcript_usage"):
        name = (row["message_id"], row["request_id"])
        figures = tuple(row[number] for number in NUMBERS)
        if name != (None, None):
            found[name] = max(found.get(name, figures), figures, key=sum)
    return found


@settings(max_examples=300, deadline=None)
@given(data=some.data())
def test_a_line_of_another_shape_takes_no_other_with_it(data: some.DataObject) -> None:
    source, content = history(data.draw(some.sampled_from(HISTORIES), label="history"))
    lines = content.rstrip(b"\n").split(b"\n")
    number = data.draw(some.integers(0, len(lines) - 1), label="line")
    entry = orjson.loads(lines[number])
    place = data.draw(some.sampled_from(places(entry)), label="place")
    new = data.draw(ODD | json_values, label="new")
    lines[number] = as_line(changed(entry, place, new, remove=data.draw(some.booleans(), label="remove")))
    before, after = told(source.agent_type, content), told(source.agent_type, b"\n".join(lines))
    line = orjson.dumps(entry).decode()
    for name, figures in before.items():
        if not any(part and str(part) in line for part in name):
            assert after.get(name) == figures, name


@pytest.mark.parametrize("agent_type", ["opencode", "cursor"])
@settings(max_examples=100, deadline=None)
@given(
    rows=some.lists(
        some.fixed_dictionaries(
            {
                "table": some.sampled_from(["session", "message", "part", "written", "scored"]),
                "data": ODD | json_values,
            },
            optional={
                name: ODD | json_values | some.sampled_from(["ses_1", 1_795_193_973_000])
                for name in ("id", "session_id", "parent_id", "directory", "version", "time_created", "time_updated")
            },
        ),
        max_size=6,
    )
)
def test_rows_of_another_shape_crash_no_reader_of_databases(agent_type: str, rows: list[dict[str, Any]]) -> None:
    storable(read_at_once(BY_AGENT[agent_type], b"\n".join(as_line(row) for row in rows)))
