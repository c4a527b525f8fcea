"""What hooks, vendors' jobs and custom programs post as JSON becomes rows.

Owns the payloads of POST /v1/commits, /v1/copilot-metrics, /v1/events, /v1/sessions/context and /v1/usage: one object
or an array, read field by field. Refuses the whole document when one field is wrong, naming every mistake, so that a
sender can repair and send again; equal content gives equal keys, so sending twice stores once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from engine.ingest.fields import Item
from engine.ingest.submission_parts import (
    ABBREVIATED,
    HASH,
    KIND,
    Sender,
    agent_of,
    languages_of,
    metadata_of,
    parents_of,
    project_of,
    short_hash,
    stored_message,
    trailers_of,
)
from engine.store.rows import RawRows, dedup_key

MOST_ITEMS = 10_000
NO_PROJECT = "unassigned"
"""The project of a commit whose sender names none."""


@dataclass(frozen=True, slots=True)
class Submission:
    """Rows of a document without mistakes. `ignored` are pointers of unknown fields."""

    rows: RawRows
    accepted: int
    ignored: tuple[str, ...]


class WrongSubmission(Exception):
    """The document cannot be taken. `problems` are (JSON pointer, sentence); `items` how many objects it held."""

    def __init__(self, sentence: str, problems: tuple[tuple[str, str], ...] = (), items: int = 0) -> None:
        super().__init__(sentence)
        self.problems = problems
        self.items = items


Reader = Callable[[Item, RawRows, Sender, datetime], None]


def read(kind: str, body: bytes, sender: Sender, received_at: datetime) -> Submission:
    """Read a posted document; `kind` is a key of READERS. Raises WrongSubmission."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise WrongSubmission(f"the body is not JSON (line {error.lineno}, column {error.colno})") from None
    single = isinstance(document, dict)
    entries = [document] if single else document
    if not isinstance(entries, list) or not entries:
        raise WrongSubmission("the body must be an object, or an array of at least one object")
    if len(entries) > MOST_ITEMS:
        raise WrongSubmission(f"more than {MOST_ITEMS} objects in one request", items=len(entries))
    rows = RawRows()
    problems: list[tuple[str, str]] = []
    ignored: list[str] = []
    for index, entry in enumerate(entries):
        pointer = "" if single else f"/{index}"
        if not isinstance(entry, dict):
            problems.append((pointer, "must be an object"))
            continue
        item = Item(entry, pointer, problems)
        READERS[kind](item, rows, sender, received_at)
        ignored += item.ignored()
    if problems:
        several = f"{len(problems)} mistakes" if len(problems) > 1 else "1 mistake"
        first = f"{problems[0][0] or '/'} {problems[0][1]}"
        raise WrongSubmission(f"{several}, nothing was stored: {first}", tuple(problems), len(entries))
    return Submission(rows, len(entries), tuple(ignored[:100]))


def _commit(item: Item, rows: RawRows, sender: Sender, received_at: datetime) -> None:
    project = project_of(item, rows, sender)
    commit_hash = item.matching(HASH, "a whole commit hash", "commit_hash", "hash", required=True)
    email = item.text("author_email", "email")
    author_time = item.instant("author_timestamp")
    row: dict[str, Any] = {
        "project_id": project or NO_PROJECT,
        "commit_hash": commit_hash,
        "commit_message": stored_message(item.text("commit_message", "message", longest=1 << 20), sender),
        "author_name": item.text("author_name", "author"),
        "author_email": email,
        "author_timestamp": author_time,
        "author_offset_minutes": item.whole("author_offset_minutes", least=-1440, most=1440),
        "committer_name": item.text("committer_name"),
        "committer_email": item.text("committer_email"),
        "commit_timestamp": item.instant("timestamp", "commit_timestamp", required=True),
        "commit_offset_minutes": item.whole("commit_offset_minutes", least=-1440, most=1440),
        "parents": parents_of(item),
        "branch": item.text("branch"),
        "files_changed": item.whole("files_changed", most=2**31 - 1),
        "lines_added": item.whole("lines_added"),
        "lines_deleted": item.whole("lines_deleted"),
        "lines_added_total": item.whole("lines_added_total"),
        "lines_deleted_total": item.whole("lines_deleted_total"),
        "patch_id": item.matching(HASH, "a patch id", "patch_id"),
        "trailers": trailers_of(item, sender),
        "source": item.one_of(("hook", "api", "backfill"), "source", default="api"),
        "agent_assisted": item.truth("agent_assisted"),
        "agent_session_id": item.text("agent_session_id"),
        "agent_type": agent_of(item, "agent_type"),
    }
    key = dedup_key("git_commits", row.values())
    hint = item.text("developer_id")
    rows.append("git_commits", row | {"developer_id": sender.developer(email, hint), "dedup_key": key})
    for sign in item.items("evidence", 50):
        found = {
            "project_id": project or NO_PROJECT,
            "commit_hash": sign.matching(ABBREVIATED, "a commit hash", "commit_hash") or commit_hash,
            "kind": sign.matching(KIND, "a kind of evidence", "kind", required=True),
            "agent_type": agent_of(sign, "agent_type"),
            "session_id": sign.text("session_id"),
            "value": sign.text("value"),
        }
        rows.append(
            "git_commit_evidence",
            found
            | {
                "observed_at": sign.instant("observed_at") or row["commit_timestamp"],
                "dedup_key": dedup_key("git_commit_evidence", found.values()),
            },
        )


def _copilot(item: Item, rows: RawRows, sender: Sender, received_at: datetime) -> None:
    _, breakdown = item.raw("language_breakdown", "breakdown")
    languages = languages_of(item, breakdown)
    row: dict[str, Any] = {
        "date": item.day("day", "date", required=True),
        "scope": item.text("scope") or "org",
        "total_suggestions": item.whole("total_suggestions", "total_suggestions_count"),
        "total_acceptances": item.whole("total_acceptances", "total_acceptances_count"),
        "total_lines_suggested": item.whole("total_lines_suggested"),
        "total_lines_accepted": item.whole("total_lines_accepted"),
        "total_active_users": item.whole("total_active_users"),
        "language_breakdown": languages,
    }
    developer = sender.developer_id or item.text("developer_id")
    rows.append(
        "copilot_metrics",
        row | {"developer_id": developer, "dedup_key": dedup_key("copilot_metrics", (*row.values(), developer))},
    )


def _event(item: Item, rows: RawRows, sender: Sender, received_at: datetime) -> None:
    identifier = item.text("id")
    moment = item.instant("timestamp")
    row: dict[str, Any] = {
        "event_type": item.text("event_type", "type", required=True),
        "agent_type": agent_of(item, "agent_type", "agentType", "agent_id"),
        "session_id": item.text("session_id", "sessionId", "workflow_id"),
        "project_id": project_of(item, rows, sender),
        "correlation_id": item.text("correlation_id"),
        "duration_ms": item.whole("duration_ms"),
        "cost_usd": item.money("cost_usd"),
        "provider": item.text("provider"),
        "task_type": item.text("task_type"),
        "success": item.truth("success"),
        "error_code": item.text("error_code"),
        "source": item.text("source") or "api",
    }
    row["attributes"], dropped = metadata_of(item, sender)
    hint = item.text("user_id", "developer_id")
    item.raw("tenant_id")  # one workspace is one tenant: accepted, and of no consequence
    # An event with an id is that event, whatever else it says; without one, its content tells.
    identity = ("id", identifier) if identifier is not None else (moment, *row.values(), hint)
    key = dedup_key("events", identity)
    rows.append(
        "events",
        row
        | {
            # Without a time of its own it is dated by its arrival, exactly: that is how the writer knows.
            "timestamp": moment or received_at,
            "received_at": received_at,
            "developer_id": sender.developer(hint=hint),
            "dedup_key": key,
        },
    )
    for name in dropped:
        rows.append(
            "dropped_attributes",
            {
                "dedup_key": dedup_key("dropped_attributes", (key, name)),
                "signal": "events",
                "agent_type": row["agent_type"] or "other",
                "attribute_name": name[:200],
                "dropped": 1,
            },
        )


def _context(item: Item, rows: RawRows, sender: Sender, received_at: datetime) -> None:
    folder = item.text("cwd", longest=4096)
    moment = item.instant("timestamp")
    row: dict[str, Any] = {
        "timestamp": moment,
        "agent_type": agent_of(item, "agent_type", required=True),
        "session_id": item.text("session_id", required=True),
        "event": item.one_of(("start", "end", "prompt", "context"), "event", default="context"),
        "reason": item.text("reason"),
        "project_id": project_of(item, rows, sender, folder),
        "cwd_hash": item.text("cwd_hash") or (None if folder is None else short_hash(folder)),
        "branch": item.text("branch"),
        "service_version": item.text("service_version", "agent_version"),
        "source": item.one_of(("hook", "transcript", "api"), "source", default="api"),
    }
    hint = item.text("developer_id", "user_email")
    rows.append(
        "session_context",
        row
        | {
            "timestamp": moment or received_at,
            "received_at": received_at,
            "developer_id": sender.developer(hint=hint),
            "dedup_key": dedup_key("session_context", row.values()),
        },
    )


def _usage(item: Item, rows: RawRows, sender: Sender, received_at: datetime) -> None:
    row: dict[str, Any] = {
        "timestamp": item.instant("timestamp", required=True),
        "agent_type": agent_of(item, "agent_type", required=True),
        "service_version": item.text("service_version", "agent_version"),
        "session_id": item.text("session_id"),
        "parent_session_id": item.text("parent_session_id"),
        "is_sidechain": item.truth("is_sidechain"),
        "agent_name": item.text("agent_name"),
        "request_id": item.text("request_id"),
        "message_id": item.text("message_id"),
        "sequence": item.whole("sequence"),
        "model": item.text("model"),
        "input_tokens": item.whole("input_tokens"),
        "cache_read_tokens": item.whole("cache_read_tokens"),
        "cache_write_5m_tokens": item.whole("cache_write_5m_tokens"),
        "cache_write_1h_tokens": item.whole("cache_write_1h_tokens"),
        "cache_write_unknown_tokens": item.whole("cache_write_unknown_tokens"),
        "output_tokens": item.whole("output_tokens"),
        "reasoning_tokens": item.whole("reasoning_tokens"),
        "cost_usd": item.money("cost_usd"),
        "speed": item.text("speed"),
        "service_tier": item.text("service_tier"),
        "success": item.truth("success"),
        "error_code": item.text("error_code"),
        "project_id": project_of(item, rows, sender),
        "branch": item.text("branch"),
    }
    hint = item.text("developer_id")
    rows.append(
        "transcript_usage",
        row | {"developer_id": sender.developer(hint=hint), "dedup_key": dedup_key("transcript_usage", row.values())},
    )


READERS: dict[str, Reader] = {
    "commits": _commit,
    "copilot-metrics": _copilot,
    "events": _event,
    "sessions/context": _context,
    "usage": _usage,
}
