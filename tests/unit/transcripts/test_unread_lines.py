"""Lines that are passed over unread: in whatever way JSON allows to write them, none of them tells anything."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engine.agents.transcripts.codex import is_unused
from engine.agents.transcripts.facts import Fact
from engine.agents.transcripts.reader import has_escaped_letters
from engine.agents.transcripts.registry import BY_AGENT
from tests.unit.transcripts.support import FIXTURES, codex_line, line, workplace

HISTORIES = {
    "claude_code": sorted((FIXTURES / "telemetry/claude").glob("*/transcripts/*.jsonl")),
    "codex": sorted((FIXTURES / "telemetry/codex").glob("*/transcripts/*.jsonl")),
}
SPACES = ("", "", "", " ", "\t", "  ")


@contextmanager
def everything_is_parsed() -> Iterator[None]:
    """Readers that pass over nothing."""
    with (
        mock.patch("engine.agents.transcripts.claude_code.has_escaped_letters", return_value=True),
        mock.patch("engine.agents.transcripts.codex.is_unused", return_value=False),
    ):
        yield


def facts_of(agent_type: str, lines: list[bytes]) -> tuple[list[Fact], int]:
    facts: list[Fact] = []
    return facts, BY_AGENT[agent_type].reader(workplace(), None).read(lines, facts)


def text(value: str, chance: random.Random) -> str:
    """A JSON text in which letters may be written as escapes."""
    written = json.dumps(value)
    if "\\" in written or chance.random() < 0.9:
        return written
    return '"' + "".join(f"\\u{ord(one):04x}" if chance.random() < 0.3 else one for one in value) + '"'


def rewritten(value: object, chance: random.Random) -> str:
    """The same JSON value in another hand: order of keys, white space, escapes."""

    def gap() -> str:
        return chance.choice(SPACES)

    if isinstance(value, dict):
        items = list(value.items())
        if chance.random() < 0.4:
            chance.shuffle(items)
        inner = ",".join(
            f"{gap()}{text(key, chance)}{gap()}:{gap()}{rewritten(item, chance)}{gap()}" for key, item in items
        )
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ",".join(f"{gap()}{rewritten(item, chance)}{gap()}" for item in value) + "]"
    return text(value, chance) if isinstance(value, str) else json.dumps(value)


@pytest.mark.parametrize("agent_type", list(HISTORIES))
@settings(max_examples=60, deadline=None)
@given(file=some.integers(0, 100), seed=some.integers(0, 2**32))
def test_a_reader_that_passes_over_lines_tells_what_one_that_reads_all_tells(
    agent_type: str, file: int, seed: int
) -> None:
    histories = HISTORIES[agent_type]
    chance = random.Random(seed)
    lines = [
        rewritten(json.loads(line), chance).encode() if chance.random() < 0.5 else line
        for line in histories[file % len(histories)].read_bytes().splitlines()
    ]
    with everything_is_parsed():
        expected = facts_of(agent_type, lines)
    assert facts_of(agent_type, lines) == expected
    assert expected[0]


def test_words_that_are_written_as_escapes_are_read() -> None:
    plain = line({"type": "user", "sessionId": "s", "timestamp": "2026-11-20T10:00:00Z", "message": {"content": "hi"}})
    hidden = plain.replace(b'"user"', b'"\\u0075ser"')
    assert facts_of("claude_code", [hidden]) == facts_of("claude_code", [plain])
    assert len(facts_of("claude_code", [hidden])[0]) == 2


def test_control_characters_of_outputs_are_no_letters() -> None:
    assert not has_escaped_letters(b'{"stdout":"\\u001b[0m \\u00e9 \\\\n"}')
    assert has_escaped_letters(b'{"\\u0074ype":"x"}')


def test_outputs_of_a_rollout_are_read_and_its_messages_are_not() -> None:
    message = codex_line("response_item", 1, {"type": "message", "content": []})
    assert is_unused(message)
    assert is_unused(message.replace(b'":', b'" : '))
    assert not is_unused(codex_line("response_item", 1, {"type": "function_call_output", "output": "x"}))


def test_a_type_inside_an_output_does_not_hide_it() -> None:
    told = {"content": [{"type": "message"}], "type": "function_call_output"}
    assert not is_unused(codex_line("response_item", 1, told))
    assert not is_unused(b'{"payload":{"type":"compacted"},"timestamp":"2026-11-20T10:00:00Z","type":"event_msg"}')
