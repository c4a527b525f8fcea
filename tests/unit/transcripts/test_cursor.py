"""Cursor's tracking database: conversations that wrote code and commits that it scored, whole and as it grows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.transcripts.conftest import Machine
from tests.unit.transcripts.support import until

START = 1_795_193_973_000
SCHEMA = """
create table ai_code_hashes (hash text primary key, source text not null, fileExtension text, fileName text,
    requestId text, conversationId text, timestamp integer, model text, createdAt integer not null);
create table scored_commits (commitHash text not null, branchName text not null, scoredAt integer not null,
    linesAdded integer, linesDeleted integer, tabLinesAdded integer, tabLinesDeleted integer,
    composerLinesAdded integer, composerLinesDeleted integer, humanLinesAdded integer, humanLinesDeleted integer,
    blankLinesAdded integer, blankLinesDeleted integer, commitMessage text, commitDate text, v1AiPercentage text,
    v2AiPercentage text, primary key (commitHash, branchName));
create table conversation_summaries (conversationId text primary key, title text, tldr text, updatedAt integer);
insert into conversation_summaries values ('conv-1', 'a secret title', 'a secret summary', 1);
"""
FIGURES = {"linesAdded": 90, "linesDeleted": 10, "composerLinesAdded": 50, "tabLinesAdded": 10, "humanLinesAdded": 30}


class Cursor:
    """The program's own connection."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.executescript(SCHEMA)
        self.clock = START
        self.lines = 0

    def wrote(self, conversation: str | None, request: str, *, lines: int = 3, file: str = "secret.py") -> None:
        for _ in range(lines):
            self.clock += 1000
            self.lines += 1
            self.connection.execute(
                "insert into ai_code_hashes values (?, 'composer', 'py', ?, ?, ?, ?, 'auto', ?)",
                (f"{self.lines:032x}", file, request, conversation, self.clock, self.clock),
            )

    def scored(self, commit: str, branch: str = "main", **figures: Any) -> None:
        self.clock += 1000
        named = {"commitHash": commit, "branchName": branch, "scoredAt": self.clock, "commitMessage": "a secret"} | (
            figures or FIGURES
        )
        places = ", ".join("?" * len(named))
        self.connection.execute(f"insert into scored_commits ({', '.join(named)}) values ({places})", [*named.values()])


@pytest.fixture
def cursor(machine: Machine) -> Iterator[Cursor]:
    program = Cursor(machine.home / ".cursor" / "ai-tracking" / "ai-code-tracking.db")
    yield program
    program.connection.close()


def sessions(machine: Machine) -> list[tuple[str, str]]:
    return [(row["session_id"], row["event"]) for row in machine.recorder.rows("session_context")]


def test_a_conversation_is_a_session_from_its_first_line_to_its_last(machine: Machine, cursor: Cursor) -> None:
    cursor.wrote("conv-1", "r1")
    cursor.wrote("conv-1", "r2", lines=1)
    cursor.wrote(None, "", lines=2)
    summary = machine.import_()
    moments = machine.recorder.rows("session_context")
    seconds = [(row["timestamp"] - START * 1000) // 1_000_000 for row in moments]
    assert (seconds, {row["session_id"] for row in moments}) == ([1, 3, 4], {"conv-1"})
    assert {row["agent_type"] for row in moments} == {"cursor"}
    assert (summary.sessions, summary.requests) == (1, 0)


def test_a_scored_commit_is_evidence_with_cursors_share(machine: Machine, cursor: Cursor) -> None:
    cursor.scored("AB" * 20)
    cursor.scored("ab" * 20, "release")
    cursor.scored("cd" * 20, linesAdded=5, humanLinesAdded=5)
    machine.import_()
    found = machine.recorder.rows("git_commit_evidence")
    assert {(row["commit_hash"], row["kind"], row["value"], row["session_id"]) for row in found} == {
        ("ab" * 20, "vendor_api", "0.6000", None)
    }
    assert {(row["agent_type"], row["project_id"]) for row in found} == {("cursor", None)}


def test_nothing_of_its_texts_is_kept(machine: Machine, cursor: Cursor) -> None:
    cursor.wrote("conv-1", "r1", file="/home/dev/secret/plan.py")
    cursor.scored("ab" * 20)
    machine.import_()
    assert "secret" not in repr(machine.recorder.tables)


def test_the_repository_of_a_file_is_the_sessions(machine: Machine, cursor: Cursor, tmp_path: Path) -> None:
    repository = tmp_path / "payments"
    (repository / ".git").mkdir(parents=True)
    (repository / ".git" / "config").write_text('[remote "origin"]\n\turl = git@example.org:acme/payments.git\n')
    (repository / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    cursor.wrote("conv-1", "r1", lines=1, file=str(repository / "app.py"))
    machine.import_()
    (moment,) = machine.recorder.rows("session_context")
    assert moment["project_id"] == "example.org/acme/payments"


def test_only_what_is_new_is_told_again(machine: Machine, cursor: Cursor) -> None:
    for number in range(600):
        cursor.wrote("conv-1", f"r{number}", lines=1)
        cursor.scored(f"{number:040x}")
    machine.import_()
    assert machine.import_().files_unchanged == 1
    before = machine.recorder.calls
    cursor.wrote("conv-2", "r", lines=1)
    second = machine.import_()
    assert (second.rows, machine.recorder.calls - before) == (1, 1)
    assert len(sessions(machine)) == 601


def test_a_database_that_began_again_is_read_from_its_beginning(machine: Machine, cursor: Cursor) -> None:
    cursor.wrote("conv-1", "r1")
    machine.import_()
    cursor.connection.execute("delete from ai_code_hashes")
    cursor.wrote("conv-2", "r2", lines=1)
    machine.import_()
    assert {session for session, _ in sessions(machine)} == {"conv-1", "conv-2"}


def test_cursor_writes_while_it_is_read(machine: Machine, cursor: Cursor) -> None:
    cursor.connection.execute("pragma busy_timeout = 0")
    cursor.wrote("conv-1", "r1")
    with machine.following() as follower:
        until(lambda: follower.status().is_caught_up, "the follower catches up")
        for number in range(50):
            cursor.wrote(f"conv-{number}", "r", lines=1)
        until(lambda: ("conv-49", "context") in sessions(machine), "the last conversation is told")


@pytest.mark.parametrize(
    "schema",
    [
        "create table ai_code_hashes (hash text, conversationId text, createdAt text)",
        "create table scored_commits (commitHash text, scoredAt real)",
        "create table nothing_of_this (id text)",
    ],
)
def test_other_releases_tables_are_read_as_far_as_they_go(machine: Machine, schema: str) -> None:
    path = machine.home / ".cursor" / "ai-tracking" / "ai-code-tracking.db"
    path.parent.mkdir(parents=True)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(schema)
    if "ai_code_hashes" in schema:
        connection.execute("insert into ai_code_hashes values ('h', 'conv-1', ?)", (str(START),))
    connection.close()
    summary = machine.import_()
    assert (summary.unreadable, summary.files_read) == ((), 1)
    assert sessions(machine) == ([("conv-1", "context")] if "ai_code_hashes" in schema else [])
