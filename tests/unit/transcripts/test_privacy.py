"""Nothing of what a person wrote, what a tool was given or what it answered leaves a history."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import BY_AGENT
from engine.store.rows import RawRows
from tests.unit.transcripts.support import (
    FIXTURES,
    codex_line,
    codex_meta,
    codex_turn,
    prompt,
    read_facts,
    reply,
    rows_from,
    tool_result,
    tool_use,
)

MARK = "XYZZY"
CLAUDE = [
    prompt(0, f"{MARK} prompt"),
    reply(
        1,
        1,
        content=[
            {"type": "thinking", "thinking": f"{MARK} thought", "signature": MARK},
            {"type": "text", "text": f"{MARK} answer"},
            tool_use("t1", "Bash", command=f"git commit -m '{MARK}'", description=MARK),
            tool_use("t2", "Write", file_path=f"/home/{MARK}/x.py", content=f"{MARK} = 1"),
        ],
    ),
    tool_result(2, "t1", f"[{MARK} a7436e3] {MARK}", is_error=True, toolUseResult={"stdout": MARK, "stderr": MARK}),
    tool_result(3, "t2", [{"type": "text", "text": MARK}], is_error=True, toolUseResult=f"Error: {MARK}"),
    reply(4, 2, slug=MARK, uuid=MARK, error=f"{MARK} words", content=f"API Error: 500 {MARK}", isApiErrorMessage=True),
]
CODEX = [
    codex_meta(base_instructions={"text": MARK}, originator=MARK, instructions=MARK),
    codex_turn(1, developer_instructions=MARK),
    codex_line("event_msg", 2, {"type": "user_message", "message": MARK}),
    codex_line(
        "response_item",
        3,
        {
            "type": "function_call",
            "name": "exec_command",
            "call_id": "c1",
            "arguments": json.dumps({"cmd": f"git commit -m {MARK}", "justification": MARK}),
        },
    ),
    codex_line(
        "event_msg",
        4,
        {"type": "item_completed", "item": {"type": "CommandExecution", "id": "c1", "aggregated_output": MARK}},
    ),
    codex_line(
        "response_item", 5, {"type": "function_call_output", "call_id": "c1", "output": f"[{MARK} a7436e3] {MARK}"}
    ),
    codex_line(
        "event_msg",
        6,
        {
            "type": "task_complete",
            "error": {"message": MARK, "codex_error_info": {"stream": {"http_status_code": 500}}},
        },
    ),
]


def texts(rows: RawRows) -> list[str]:
    return [
        str(value)
        for columns in rows.tables.values()
        for values in columns.values()
        for value in values
        if value is not None
    ]


@pytest.mark.parametrize(("agent", "lines"), [("claude_code", CLAUDE), ("codex", CODEX)])
def test_no_content_is_in_any_row(agent: str, lines: list[bytes]) -> None:
    rows = rows_from(read_facts(lines, agent), agent)
    assert rows.length("transcript_usage") >= 1
    assert rows.length("transcript_tool_calls") >= 1
    assert rows.length("git_commit_evidence") == 1
    assert [text for text in texts(rows) if MARK in text] == []


@pytest.mark.parametrize(("agent", "lines"), [("claude_code", CLAUDE), ("codex", CODEX)])
def test_no_content_is_in_what_is_kept_between_two_reads(agent: str, lines: list[bytes]) -> None:
    for length in range(len(lines) + 1):
        reader = BY_AGENT[agent].reader(Workplace(b"key"), None)
        reader.read(lines[:length], [])
        assert MARK.encode() not in reader.state()


@pytest.mark.parametrize(
    "path", sorted((FIXTURES / "telemetry").glob("*/*/transcripts/*.jsonl")), ids=lambda path: path.stem
)
def test_captured_histories_leave_no_path_and_no_words(path: Path) -> None:
    agent = "claude_code" if "claude" in path.parts else "codex"
    rows = rows_from(read_facts(path.read_bytes().splitlines(), agent), agent)
    for text in texts(rows):
        assert "/home" not in text
        assert " " not in text


def test_hashes_mean_nothing_under_another_key() -> None:
    first, second = (Workplace(key) for key in (b"one", b"two"))
    assert first.place("/home/dev/app")[1] != second.place("/home/dev/app")[1]
