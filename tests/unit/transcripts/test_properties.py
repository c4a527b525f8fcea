"""Whatever bytes a history holds, and wherever reading stops in between."""

from __future__ import annotations

import io
import json
from pathlib import Path

import orjson
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.agents.transcripts.facts import Fact
from engine.agents.transcripts.registry import SOURCES, TranscriptSource
from engine.ingest.transcript_files import pieces
from engine.store.rows import RawRows
from tests.unit.transcripts.support import (
    FIXTURES,
    codex_line,
    codex_meta,
    codex_turn,
    prompt,
    reply,
    rows_from,
    token_count,
    tool_result,
    tool_use,
    usage,
    usage_record,
    workplace,
)

HISTORIES = sorted((FIXTURES / "telemetry").glob("*/*/transcripts/*.jsonl")) + sorted(
    (FIXTURES / "vendors").glob("*.jsonl")
)

json_values = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = (
    "type", "payload", "timestamp", "message", "usage", "id", "model", "content", "sessionId", "requestId", "cwd",
    "gitBranch", "input_tokens", "output_tokens", "cache_creation", "info", "total_token_usage", "last_token_usage",
    "thread_id", "response_id", "call_id", "name", "arguments", "output", "source", "subagent", "item", "error",
    "input", "tool_use_id", "isSidechain", "toolUseResult", "turn_id", "started_at", "git", "codex_error_info",
    "command",
)  # fmt: skip
WORDS = (
    "assistant", "user", "session_meta", "turn_context", "event_msg", "response_item", "token_count", "function_call",
    "token_usage_record", "tool_use", "tool_result", "task_started", "task_complete", "item_completed", "UserMessage",
    "CommandExecution", "2026-11-18T10:00:00Z", "git commit -m x", "[main a7436e3] x", "m", "-1", "\ud800",
)  # fmt: skip
shaped = some.recursive(
    some.sampled_from(WORDS) | some.integers(-5, 2**70) | some.booleans() | some.none() | json_values,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(FIELDS), inner, max_size=8),
    max_leaves=15,
)


def as_line(value: object) -> bytes:
    """JSON as agents write it, lone surrogates included."""
    return json.dumps(value).encode()


def read_at_once(source: TranscriptSource, content: bytes) -> RawRows:
    return read_in_parts(source, [content])


def read_in_parts(source: TranscriptSource, parts: list[bytes]) -> RawRows:
    """Rows of a file that grows part by part, with a new reader each time."""
    facts: list[Fact] = []
    content, offset, inside, kept = b"", 0, False, None
    for part in parts:
        content += part
        reader = source.reader(workplace(), kept)
        for piece in pieces(io.BytesIO(content), offset, inside):
            reader.read(piece.lines, facts)
            offset, inside = piece.offset, piece.is_inside_long_line
        kept = reader.state()
        orjson.loads(kept)
    return rows_from(facts, source.agent_type)


def storable(rows: RawRows) -> None:
    """Every text can be written, every number fits."""
    for columns in rows.tables.values():
        for values in columns.values():
            for value in values:
                if isinstance(value, str):
                    value.encode("utf-8")
                elif isinstance(value, int):
                    assert -(2**63) <= value < 2**63


@settings(deadline=None)
@given(content=some.binary(max_size=400))
def test_no_bytes_crash_a_reader(content: bytes) -> None:
    for source in SOURCES:
        storable(read_at_once(source, content))


@settings(max_examples=100, deadline=None)
@given(values=some.lists(some.dictionaries(some.sampled_from(FIELDS), shaped, max_size=8), max_size=4))
def test_no_json_crashes_a_reader(values: list[object]) -> None:
    content = b"\n".join(as_line(value) for value in values)
    for source in SOURCES:
        storable(read_at_once(source, content))


@settings(max_examples=150, deadline=None)
@given(data=some.data())
def test_a_mutated_history_never_crashes_a_reader(data: some.DataObject) -> None:
    content = bytearray(data.draw(some.sampled_from(HISTORIES), label="history").read_bytes())
    for _ in range(data.draw(some.integers(1, 20), label="mutations")):
        at = data.draw(some.integers(0, len(content) - 1))
        content[at : at + data.draw(some.integers(0, 5))] = data.draw(some.binary(max_size=5))
    for source in SOURCES:
        storable(read_at_once(source, bytes(content)))


def history(path: Path) -> tuple[TranscriptSource, bytes]:
    content = path.read_bytes()
    return next(source for source in SOURCES if source.recognises(orjson.loads(content.split(b"\n", 1)[0]))), content


@settings(max_examples=100, deadline=None)
@given(data=some.data())
def test_stopping_anywhere_gives_the_same_rows(data: some.DataObject) -> None:
    source, content = history(data.draw(some.sampled_from(HISTORIES), label="history"))
    cuts = sorted(data.draw(some.lists(some.integers(0, len(content)), max_size=4), label="cuts"))
    parts = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    assert read_in_parts(source, parts).tables == read_at_once(source, content).tables


claude_lines = some.one_of(
    some.builds(reply, some.integers(0, 900), some.integers(1, 4), output=some.integers(0, 5)),
    some.builds(reply, some.integers(0, 900), some.integers(1, 4), isSidechain=some.booleans()),
    some.builds(
        lambda second, call: reply(second, 9, content=[tool_use(f"t{call}", "Bash", command="git commit -m x")]),
        some.integers(0, 900),
        some.integers(1, 3),
    ),
    some.builds(
        lambda second, call: tool_result(second, f"t{call}", "[m abcdef1] x"),
        some.integers(0, 900),
        some.integers(1, 3),
    ),
    some.builds(prompt, some.integers(0, 900), gitBranch=some.sampled_from(["main", "topic", "HEAD"])),
    some.just(b"garbage"),
    some.just(b""),
)
codex_lines = some.one_of(
    some.builds(
        lambda second, total: token_count(second, usage(total * 10, total, total)),
        some.integers(0, 900),
        some.integers(0, 60),
    ),
    some.builds(
        lambda second, number: usage_record(second, f"r{number}", usage(10, 5, 1)),
        some.integers(0, 900),
        some.integers(0, 5),
    ),
    some.builds(codex_turn, some.integers(0, 900), some.sampled_from(["a", "b"]), cwd=some.sampled_from(["/a", "/b"])),
    some.builds(codex_meta, some.integers(0, 900)),
    some.builds(lambda second: codex_line("event_msg", second, {"type": "user_message"}), some.integers(0, 900)),
    some.just(b"garbage"),
)


@settings(max_examples=150, deadline=None)
@given(
    lines=some.lists(claude_lines, max_size=25) | some.lists(codex_lines, max_size=25),
    data=some.data(),
)
def test_a_growing_history_gives_the_same_rows_as_a_whole_one(lines: list[bytes], data: some.DataObject) -> None:
    content = b"\n".join(lines) + b"\n"
    cuts = sorted(data.draw(some.lists(some.integers(0, len(content)), max_size=5)))
    parts = [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]
    for source in SOURCES:
        assert read_in_parts(source, parts).tables == read_at_once(source, content).tables
