"""Hand-made raw rows, with what a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.store.rows import RawRows, dedup_key

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""A Friday."""
OPUS = "claude-opus-4-8"
"""5 and 25 dollars per million tokens, cache read 0.5, cache write 6.25 and 10."""
PROJECT = "github.com/acme/web"


def at(seconds: float, since: datetime = NOON) -> datetime:
    return since + timedelta(seconds=seconds)


def rows(table: str, **columns: Any) -> RawRows:
    """One row; its key is its content."""
    made = RawRows()
    made.append(table, {"dedup_key": dedup_key(table, [(name, columns[name]) for name in sorted(columns)]), **columns})
    return made


def log(event_name: str, seconds: float = 0, **columns: Any) -> RawRows:
    """A log record of Claude Code's session s1 by alice."""
    return rows(
        "otel_logs",
        **{
            "timestamp": at(seconds),
            "agent_type": "claude_code",
            "event_name": event_name,
            "session_id": "s1",
            "developer_id": "alice@acme.dev",
            **columns,
        },
    )


def request(seconds: float = 0, **columns: Any) -> RawRows:
    """A request as telemetry tells it: 1000 tokens in, 100 out, no cache, no cost of the client's own."""
    return log(
        "api_request",
        seconds,
        **{
            "model": OPUS,
            "input_tokens": 1000,
            "output_tokens": 100,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "query_source": "repl_main_thread",
            **columns,
        },
    )


def line(seconds: float = 0, **columns: Any) -> RawRows:
    """The same request as a transcript tells it."""
    return rows(
        "transcript_usage",
        **{
            "timestamp": at(seconds),
            "agent_type": "claude_code",
            "session_id": "s1",
            "developer_id": "alice@acme.dev",
            "is_sidechain": False,
            "model": OPUS,
            "input_tokens": 1000,
            "output_tokens": 100,
            "success": True,
            **columns,
        },
    )


def counter(token_type: str | None, value: float, seconds: float = 0, **columns: Any) -> RawRows:
    """A point of Claude Code's token counter."""
    made = {
        "timestamp": at(seconds),
        "start_time": NOON,
        "agent_type": "claude_code",
        "metric_name": "claude_code.token.usage",
        "kind": "sum",
        "metric_value": value,
        "temporality": "delta",
        "is_monotonic": True,
        "session_id": "s1",
        "developer_id": "alice@acme.dev",
        "model": OPUS,
        "token_type": token_type,
        **columns,
    }
    key = dedup_key("series", [made["metric_name"], made["session_id"], made["model"], made["token_type"]])
    return rows("otel_metrics", **{"series_key": key, **made})


def context(seconds: float = 0, **columns: Any) -> RawRows:
    """A hook that says where session s1 works."""
    return rows(
        "session_context",
        **{
            "timestamp": at(seconds),
            "agent_type": "claude_code",
            "session_id": "s1",
            "developer_id": "alice@acme.dev",
            "event": "context",
            "project_id": PROJECT,
            "branch": "main",
            "source": "hook",
            **columns,
        },
    )


def commit(commit_hash: str, seconds: float = 0, **columns: Any) -> RawRows:
    """A commit by alice: ten lines added."""
    return rows(
        "git_commits",
        **{
            "project_id": PROJECT,
            "commit_hash": commit_hash.ljust(40, "0"),
            "commit_message": "Fix the login\n\nBecause it was broken.",
            "author_name": "Alice",
            "author_email": "alice@acme.dev",
            "commit_timestamp": at(seconds),
            "parents": "f" * 40,
            "branch": "main",
            "files_changed": 1,
            "lines_added": 10,
            "lines_deleted": 0,
            "source": "watch",
            **columns,
        },
    )


def evidence(commit_hash: str, kind: str, **columns: Any) -> RawRows:
    """An observed sign that an agent had part in a commit."""
    return rows(
        "git_commit_evidence",
        **{"project_id": PROJECT, "commit_hash": commit_hash, "kind": kind, "observed_at": NOON, **columns},
    )
