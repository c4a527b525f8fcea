"""opencode's database: replies, failures, sub-agents and tool calls, whole and as it grows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.transcripts.conftest import Machine
from tests.unit.transcripts.support import until

START = 1_795_193_973_000
SCHEMA = """
create table session (id text primary key, parent_id text, directory text not null, title text, version text not null,
    time_created integer not null, time_updated integer not null);
create table message (id text primary key, session_id text not null, time_created integer not null,
    time_updated integer not null, data text not null);
create table part (id text primary key, message_id text not null, session_id text not null,
    time_created integer not null, time_updated integer not null, data text not null);
"""


class Opencode:
    """The program's own connection, in write-ahead mode as it opens it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        self.path = path
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("pragma journal_mode = wal")
        self.connection.executescript(SCHEMA)
        self.clock = START

    def session(self, name: str, parent: str | None = None) -> None:
        self.clock += 1000
        self.connection.execute(
            "insert into session values (?, ?, '/home/dev/app', 'a secret title', '1.18.33', ?, ?)",
            (name, parent, self.clock, self.clock),
        )

    def message(self, name: str, session: str, **data: Any) -> None:
        self.clock += 1000
        self.connection.execute(
            "insert or replace into message values (?, ?, ?, ?, ?)",
            (name, session, self.clock, self.clock, json.dumps(data)),
        )

    def reply(self, name: str, session: str, tokens: dict[str, Any], **more: Any) -> None:
        time = {"created": self.clock, "completed": self.clock + 500}
        self.message(name, session, role="assistant", modelID="gpt-5.1-codex", time=time, tokens=tokens, **more)

    def part(self, name: str, session: str, **data: Any) -> None:
        self.clock += 1000
        self.connection.execute(
            "insert or replace into part values (?, 'm', ?, ?, ?, ?)",
            (name, session, self.clock, self.clock, json.dumps(data)),
        )


def tokens(given: int, output: int, reasoning: int = 0, read: int = 0, total: int | None = None) -> dict[str, Any]:
    found = {"input": given, "output": output, "reasoning": reasoning, "cache": {"read": read, "write": 0}}
    return found if total is None else {**found, "total": total}


@pytest.fixture
def opencode(machine: Machine) -> Iterator[Opencode]:
    program = Opencode(machine.home / ".local" / "share" / "opencode" / "opencode.db")
    yield program
    program.connection.close()


def test_a_reply_is_told_once_with_normalised_tokens(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    opencode.message("msg_1", "ses_1", role="user")
    opencode.message("msg_2", "ses_1", role="assistant", time={"created": 1}, tokens=tokens(0, 0))
    opencode.reply("msg_2", "ses_1", tokens(1020, 95, 7, 2200, total=3322), cost=0.0125)
    summary = machine.import_()
    (row,) = machine.recorder.rows("transcript_usage")
    assert (row["input_tokens"], row["cache_read_tokens"], row["output_tokens"]) == (1020, 2200, 102)
    assert (row["reasoning_tokens"], row["model"], str(row["cost_usd"])) == (7, "gpt-5.1-codex", "0.0125")
    assert [moment["event"] for moment in machine.recorder.rows("session_context")] == ["start", "prompt"]
    assert (summary.requests, summary.prompts, summary.requests_by_agent) == (1, 1, {"opencode": 1})


def test_a_total_without_reasoning_means_that_output_has_it(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    opencode.reply("msg_1", "ses_1", tokens(1020, 102, 7, 2200, total=3322))
    machine.import_()
    assert machine.recorder.rows("transcript_usage")[0]["output_tokens"] == 102


def test_a_cost_of_nothing_is_unknown(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    opencode.reply("msg_1", "ses_1", tokens(10, 5), cost=0)
    machine.import_()
    assert machine.recorder.rows("transcript_usage")[0]["cost_usd"] is None


def test_a_failure_says_its_status(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    error = {"name": "APIError", "data": {"statusCode": 429, "message": "a secret message"}}
    opencode.message("msg_1", "ses_1", role="assistant", error=error, time={"created": START})
    machine.import_()
    (row,) = machine.recorder.rows("transcript_usage")
    assert (row["success"], row["error_code"]) == (False, "429")


def test_a_child_session_is_a_sub_agents(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    opencode.session("ses_2", parent="ses_1")
    opencode.reply("msg_1", "ses_2", tokens(10, 5), agent="explore")
    machine.import_()
    (row,) = machine.recorder.rows("transcript_usage")
    assert (row["session_id"], row["parent_session_id"], row["is_sidechain"]) == ("ses_2", "ses_1", True)
    assert row["agent_name"] == "explore"
    assert [moment["event"] for moment in machine.recorder.rows("session_context")] == ["start", "parent"]


def test_a_tool_call_is_told_when_it_is_done_and_nothing_of_its_text(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    state: dict[str, Any] = {"status": "running", "input": {"command": "git commit -m 'a secret subject'"}}
    opencode.part("prt_1", "ses_1", type="tool", callID="call_1", tool="bash", state=state)
    machine.import_()
    assert machine.recorder.rows("transcript_tool_calls") == []
    done = {**state, "status": "completed", "output": "[main 81435eb] a secret subject", "metadata": {"exit": 0}}
    opencode.part("prt_1", "ses_1", type="tool", callID="call_1", tool="bash", state=done)
    opencode.part("prt_2", "ses_1", type="text", text="a secret answer")
    machine.import_()
    (call,) = machine.recorder.rows("transcript_tool_calls")
    assert (call["tool_name"], call["success"], call["is_git_commit"]) == ("bash", True, True)
    assert call["commit_sha"] == "81435eb"
    assert "secret" not in repr(machine.recorder.tables)


def test_only_what_changed_is_read_again(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    for number in range(2_000):
        opencode.reply(f"msg_{number}", "ses_1", tokens(10, 5))
    first = machine.import_()
    assert machine.import_().files_unchanged == 1
    opencode.reply("msg_new", "ses_1", tokens(10, 5))
    second = machine.import_()
    assert (first.requests, second.requests) == (2_000, 1)
    assert second.lines_read < 5


def test_what_is_written_is_told_while_opencode_runs(machine: Machine, opencode: Opencode) -> None:
    opencode.session("ses_1")
    with machine.following() as follower:
        until(lambda: follower.status().is_caught_up, "the follower catches up")
        opencode.reply("msg_1", "ses_1", tokens(10, 5))
        until(lambda: machine.requests() == ["msg_1"], "the reply is told")


def test_another_programs_database_is_refused_by_name(machine: Machine) -> None:
    path = machine.home / ".local" / "share" / "opencode" / "opencode.db"
    path.parent.mkdir(parents=True)
    sqlite3.connect(path).execute("create table other (id)").connection.close()
    summary = machine.import_()
    ((named, reason),) = summary.unreadable
    assert named == str(path)
    assert "not readable as a database of opencode" in reason
