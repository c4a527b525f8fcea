"""One request, tool call or commit in full: a list of named facts.

Owns which facts there are and what each means. Refuses anything that is not in the row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from console.rows import Commit, Link, Request, Tool
from console.views import cells, text
from console.views.columns import Column
from console.views.context import Context, project
from console.views.line import Role, Span, clean


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a record. `link` leads to a session."""

    key: str
    value: str
    role: Role = "text"
    note: str = ""
    link: Link | None = None


COLUMNS = (
    Column("fact", "FACT", 16, lambda fact, context: Span(fact.key.partition("#")[0], "dim"), 0),
    Column("value", "VALUE", 24, lambda fact, context: cells.maybe(fact.value, fact.role), 0, most=60),
    Column("note", "", 10, lambda fact, context: Span(fact.note, "dim"), 1, most=60),
)  # fmt: skip


def request_facts(row: Request, context: Context) -> Sequence[Fact]:
    """A model request."""
    total = row.total_tokens or 0
    return (
        Fact("time", _instant(row.ts, context)),
        Fact("agent", clean(row.agent_type)),
        Fact("session", clean(row.session_id or "no session"), "accent", "enter opens it", _link(row)),
        Fact("model", clean(row.model_name or "n/a"), "strong", clean(row.model_id or "not in the price book")),
        Fact("asked by", clean(row.query_source or "n/a")),
        Fact("outcome", *_outcome(row.success, row.error_code)),
        Fact("duration", text.milliseconds(row.duration_ms)),
        Fact("input tokens", text.count(row.input_tokens), note=text.percent(row.input_tokens, total)),
        Fact("cache read", text.count(row.cache_read_tokens), note=text.percent(row.cache_read_tokens, total)),
        Fact("cache write", text.count(row.cache_write_tokens), note=text.percent(row.cache_write_tokens, total)),
        Fact("output tokens", text.count(row.output_tokens), note=text.percent(row.output_tokens, total)),
        Fact("reasoning", text.count(row.reasoning_tokens), note="part of the output"),
        Fact("total tokens", text.count(row.total_tokens), "strong"),
        Fact("cost", _exact(row.cost_usd), "strong", clean(row.cost_basis or "")),
        Fact("reported", _exact(row.cost_reported_usd), note="what the agent said"),
        Fact("priced", _exact(row.cost_priced_usd), note="tokens × price at that time"),
        Fact("told by", clean(", ".join(row.sources)) or text.UNKNOWN),
        Fact("key", clean(row.request_key), "dim"),
    )


def tool_facts(row: Tool, context: Context) -> Sequence[Fact]:
    """A tool call."""
    yes_no = {True: "yes", False: "no", None: text.UNKNOWN}
    return (
        Fact("time", _instant(row.ts, context)),
        Fact("tool", clean(row.tool_name or "n/a"), "strong"),
        Fact("agent", clean(row.agent_type)),
        Fact("session", clean(row.session_id or "no session"), "accent", "enter opens it", _link(row)),
        Fact("outcome", *_outcome(row.success, row.error_type)),
        Fact("decision", clean(row.decision or "n/a")),
        Fact("duration", text.milliseconds(row.duration_ms)),
        Fact("file type", cells.extension(row.file_extension) or text.UNKNOWN),
        Fact("sub-agent", yes_no[row.is_subagent]),
        Fact("git commit", yes_no[row.is_git_commit], note=clean(row.commit_sha or "")),
        Fact("arguments", "not collected", "dim", "privacy: content is dropped when it arrives"),
        Fact("key", clean(row.tool_call_key), "dim"),
    )


def commit_facts(row: Commit, context: Context) -> Sequence[Fact]:
    """A commit and its links."""
    facts = [
        Fact("hash", row.commit_hash, "accent"),
        Fact("subject", clean(row.commit_subject or "n/a"), "strong"),
        Fact("time", _instant(row.commit_timestamp, context)),
        Fact("author", _author(row, context), note=context.address(row.author_email)),
        Fact("repository", project(row.project_name, row.project_id), note=clean(row.project_id or "")),
        Fact("branch", clean(row.branch or "n/a"), note="merge" if row.is_merge else ""),
        Fact("files", text.count(row.files_changed)),
        Fact("lines", text.signed_lines(row.lines_added, row.lines_deleted)),
        Fact("with an agent", *_attributed(row)),
        Fact("cost", _exact(row.cost_usd), note="its share of the linked sessions"),
    ]
    for index, link in enumerate(row.links):
        sure = f"{link.confidence:.2f}" if link.confidence else text.UNKNOWN
        note = f"{clean(link.agent_type)}, known by {cells.method(link.method)}, {sure}"
        facts.append(Fact(f"session#{index}", clean(link.session_id), "accent", note, link))
    if not row.links:
        words = "nobody can say: no telemetry from this developer" if row.attribution == "unknown" else "none"
        facts.append(Fact("session", words, "dim"))
    return tuple(facts)


def _instant(at: datetime | None, context: Context) -> str:
    """The whole instant in the reader's zone."""
    return text.UNKNOWN if at is None else at.astimezone(context.zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def _author(row: Commit, context: Context) -> str:
    return context.person(row.developer_id or row.author_email, row.author_name)


def _attributed(row: Commit) -> tuple[str, Role, str]:
    glyph, word, role = cells.ATTRIBUTIONS.get(row.attribution or "unknown", ("?", "unknown", "dim"))
    sure = f"confidence {row.confidence:.2f}" if row.confidence else ""
    return f"{glyph} {word}", role, sure


def _outcome(success: bool | None, error: str | None) -> tuple[str, Role, str]:
    if success is None:
        return text.UNKNOWN, "dim", ""
    return ("✓ ok", "good", "") if success else ("✗ failed", "bad", clean(error or ""))


def _exact(value: object) -> str:
    """Money with every digit it has."""
    return text.UNKNOWN if value is None else f"${value:f}"


def _link(row: Request | Tool) -> Link | None:
    return Link(row.agent_type, row.session_id) if row.session_id else None
