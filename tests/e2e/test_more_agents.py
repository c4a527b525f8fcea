"""Agents and set-ups without telemetry of every call, through a real engine: what is told is counted, no more."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.captures import captures, send_http
from tests.e2e.engine_process import TELEMETRY, EngineProcess, aa_engine, environment, running
from tests.e2e.test_numbers import caught_up
from tests.unit.transcripts.support import (
    THREAD,
    codex_meta,
    codex_turn,
    token_count,
    usage,
    write_lines,
)
from tests.unit.transcripts.test_cursor import SCHEMA, START

CHILD = "01970000-0000-7000-8000-0000000000c1"
FORK = "01970000-0000-7000-8000-0000000000f1"


def sessions(engine: EngineProcess) -> dict[str, dict[str, Any]]:
    caught_up(engine)
    with engine.local() as client:
        rows = client.get("/api/v1/sessions", params={"limit": 1000}).json()["data"]
    return {row["session_id"]: row for row in rows}


def imported(engine: EngineProcess, *paths: Path) -> None:
    done = aa_engine(engine.folder, "import", "transcripts", "--data-dir", str(engine.data_dir), *map(str, paths))
    assert done.returncode == 0, done.stderr


def expected(scenario: str) -> dict[str, int]:
    told: dict[str, int] = json.loads((TELEMETRY / scenario / "truth.json").read_text())["expected"]
    return told


def test_counters_alone_are_told_as_counters(tmp_path: Path) -> None:
    """Claude Code and Copilot set up to send metrics alone; a resumed session's throw-away id is no session."""
    scenarios = ("claude/resume-1", "claude/resume-2", "claude/long-delta", "copilot/commit", "copilot/tool-httppb")
    with running(tmp_path) as engine:
        with engine.client() as client:
            for capture in [each for each in captures(*scenarios) if each.signal == "metrics"] * 2:
                assert send_http(client, capture, "protobuf").status_code == 200
        shown = sessions(engine)
        with engine.local() as client:
            requests = client.get("/api/v1/requests", params={"limit": 1000}).json()["data"]
            totals = client.get("/api/v1/costs", params={"by": "agent"}).json()["data"]
    assert len(shown) == 2
    assert {(row["request_count"], row["cost_basis"]) for row in shown.values()} == {(0, "reported")}
    assert requests
    by_agent = {row["key"]: row["total_tokens"] for row in totals}
    for agent, names in (("claude_code", scenarios[:3]), ("github_copilot", scenarios[3:])):
        truth = [expected(name) for name in names]
        measures = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
        assert by_agent[agent] == sum(told[measure] for told in truth for measure in measures), agent


def test_threads_of_codex_and_sessions_of_cursor(tmp_path: Path) -> None:
    home = tmp_path / "histories"
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": THREAD, "agent_nickname": "scout"}}}
    old = usage(1000, 0, 100)
    write_lines(home / "rollout-a.jsonl", [codex_meta(0), codex_turn(0), token_count(10, old), token_count(11, old)])
    write_lines(
        home / "rollout-b.jsonl",
        [codex_meta(20, id=CHILD, source=spawned), codex_turn(20), token_count(30, usage(500, 0, 50))],
    )
    # A fork that copied the first thread and went on.
    write_lines(
        home / "rollout-c.jsonl",
        [
            codex_meta(100, id=FORK, forked_from_id=THREAD),
            codex_meta(0),
            codex_turn(0),
            token_count(10, old),
            token_count(120, usage(1700, 0, 170)),
        ],
    )
    tracking = home / "ai-code-tracking.db"
    connection = sqlite3.connect(tracking, isolation_level=None)
    connection.executescript(SCHEMA)
    repository = tmp_path / "payments"
    commit = made_commit(tmp_path, repository, START // 1000 + 20)
    connection.execute(
        "insert into ai_code_hashes values ('h', 'composer', 'py', ?, 'r', 'conv-1', ?, 'auto', ?)",
        (str(repository / "app.py"), START, START),
    )
    connection.execute(
        "insert into scored_commits (commitHash, branchName, scoredAt, linesAdded, composerLinesAdded)"
        " values (?, 'main', ?, 4, 3)",
        (commit, START + 60_000),
    )
    connection.close()
    with running(tmp_path) as engine:
        imported(engine, home)
        done = aa_engine(tmp_path, "repos", "add", "--data-dir", str(engine.data_dir), str(repository))
        assert done.returncode == 0, done.stderr
        imported(engine, home)
        shown = sessions(engine)
        links = engine_links(engine, commit)
    assert set(shown) == {THREAD, FORK, "conv-1"}
    measures = ("request_count", "subagent_request_count", "total_tokens")
    told = {name: tuple(row[measure] for measure in measures) for name, row in shown.items()}
    assert told == {THREAD: (2, 1, 1650), FORK: (1, 0, 770), "conv-1": (0, 0, None)}
    assert links == [("cursor", "conv-1", "assisted")]


def made_commit(folder: Path, repository: Path, seconds: int) -> str:
    """A commit of the machine's developer."""
    repository.mkdir()
    (repository / "app.py").write_text("x = 1\n")
    moment = f"@{seconds} +0000"
    variables = environment(folder / "home") | {"GIT_COMMITTER_DATE": moment, "GIT_AUTHOR_DATE": moment}

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(repository), *words], env=variables, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "change")
    return git("rev-parse", "HEAD")


def engine_links(engine: EngineProcess, commit: str) -> list[tuple[str, str, str]]:
    """Agent, session and attribution of a commit, once the models know it."""
    from tests.e2e.engine_process import eventually

    def found() -> list[dict[str, Any]]:
        with engine.local() as client:
            rows: list[dict[str, Any]] = client.get("/api/v1/commits", params={"limit": 10}).json()["data"]
        return [row for row in rows if row["commit_hash"] == commit and row["links"]]

    (row,) = eventually(found, "the commit is linked")
    return [(link["agent_type"], link["session_id"], row["attribution"]) for link in row["links"]]
