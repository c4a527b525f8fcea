"""One session as a timeline: model requests, tool calls and commits in order of time.

Owns merging the three and the words of each line. Refuses content: prompts, arguments and outputs are not stored, so a
line says which tool ran, not what it was asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.rows import Commit, Request, Session, SessionSource, Tool
from console.views import cells, coverage, text
from console.views.columns import Column
from console.views.context import Context
from console.views.line import Line, Span, clean, fit, line
from console.views.sessions import (
    LABEL,
    commits_and_lines,
    numbers,
    outcome,
    token_kinds,
    who_then_where,
)


@dataclass(frozen=True, slots=True)
class Event:
    """One moment of a session; `row` is the request, tool call or commit itself."""

    at: datetime
    row: Request | Tool | Commit

    @property
    def key(self) -> str:
        return self.row.key

    @property
    def failed(self) -> bool:
        return isinstance(self.row, (Request, Tool)) and self.row.success is False


def timeline(requests: Iterable[Request], tools: Iterable[Tool], commits: Iterable[Commit]) -> tuple[Event, ...]:
    """All three in order of time, the oldest first; what has no time is left out."""
    events = [Event(row.ts, row) for row in requests if row.ts is not None]
    events += [Event(row.ts, row) for row in tools if row.ts is not None]
    events += [Event(row.commit_timestamp, row) for row in commits if row.commit_timestamp is not None]
    return tuple(sorted(events, key=lambda event: (event.at, event.key)))


def _kind(event: Event, context: Context) -> Span:
    row = event.row
    if isinstance(row, Commit):
        return Span("  commit", "accent")
    word = "tool" if isinstance(row, Tool) else "model"
    if event.failed:
        return Span(f"✗ {word}", "bad")
    aside = (isinstance(row, Tool) and row.is_subagent) or (isinstance(row, Request) and row.query_source == "subagent")
    return Span(f"{'↳' if aside else ' '} {word}", "text" if word == "model" else "dim")


def _what(event: Event, context: Context) -> Span:
    row = event.row
    if isinstance(row, Commit):
        return Span(f"{text.short_sha(row.commit_hash)} {clean(row.commit_subject or '')}")
    if isinstance(row, Tool):
        extension = f" {cells.extension(row.file_extension)}".rstrip()
        commit = f" → commit {clean(row.commit_sha)[:7]}" if row.commit_sha else ""
        return Span(f"{clean(row.tool_name or 'tool')}{extension}{commit}")
    taken = [value for value in (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens) if value is not None]
    counts = f" in {text.tokens(sum(taken) if taken else None)} out {text.tokens(row.output_tokens)}"
    return Span(clean(text.short_model(row.model_name)) + counts)


def _result(event: Event, context: Context) -> Span:
    row = event.row
    if isinstance(row, Commit):
        return Span(text.signed_lines(row.lines_added, row.lines_deleted))
    if isinstance(row, Tool):
        shown = outcome(row)
        return Span("", "dim") if shown.text == "ok" else shown
    if row.success is False:
        return Span(clean(row.error_code or "failed"), "bad")
    return Span("", "dim")


def _duration(event: Event, context: Context) -> Span:
    value = getattr(event.row, "duration_ms", None)
    return Span("" if value is None else text.milliseconds(value))


def _tokens(event: Event, context: Context) -> Span:
    return Span(text.tokens(event.row.total_tokens)) if isinstance(event.row, Request) else Span("")


def _cost(event: Event, context: Context) -> Span:
    if isinstance(event.row, Request):
        return cells.cost(event.row.cost_usd)
    return Span("")


def _cache(event: Event, context: Context) -> Span:
    row = event.row
    if not isinstance(row, Request):
        return Span("")
    taken = sum(value or 0 for value in (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens))
    return cells.maybe(text.percent(row.cache_read_tokens, taken))


COLUMNS = (
    Column("time", "TIME", 8, lambda event, context: Span(text.clock(event.at, context.zone), "dim"), 0),
    Column("kind", "KIND", 8, _kind, 0),
    Column("what", "WHAT", 24, _what, 0, most=64),
    Column("cache", "CACHE", 5, _cache, 30, "right", most=6),
    Column("result", "RESULT", 8, _result, 3, "right", most=18),
    Column("duration", "DUR", 6, _duration, 2, "right"),
    Column("tokens", "TOKENS", 6, _tokens, 1, "right", most=7),
    Column("cost", "COST", 8, _cost, 0, "right"),
)


def detail(
    session: Session,
    event: Event | None,
    sources: Sequence[SessionSource],
    context: Context,
    width: int,
    height: int,
) -> Sequence[Line]:
    """Where the session's tokens and money went, and who told of them; in a tall box also who, where and the moment."""
    source = session.cost_basis or "unknown"
    basis = {
        "reported": "reported by the agent",
        "priced": "tokens × price",
        "mixed": "partly reported, partly tokens × price",
        "unpriced": "no price known for its models",
    }.get(source, source)
    unpriced = f" · {text.tokens(session.unpriced_tokens)} tokens without a price" if session.unpriced_tokens else ""
    if height < 10:
        return (
            token_row(session, width),
            line(Span(fit("cost", LABEL), "dim"), text.money(session.cost_usd), Span(f"  {basis}{unpriced}", "dim")),
            line(
                Span(fit("did", LABEL), "dim"),
                f"{text.count(session.request_count)} requests · {text.count(session.tool_call_count)} tool calls · "
                f"{commits_and_lines(session)}",
            ),
            coverage.source_row(sources, LABEL, width),
        )[:height]
    lines: list[Line] = [*who_then_where(session, context), (), *numbers(session, context, width)]
    lines += [
        line(Span(f"cost: {basis}{unpriced}", "dim")),
        (),
        (Span("tokens by type", "header"),),
        *token_kinds(session, width),
        (),
        (Span("told by", "header"),),
        *coverage.source_table(sources, width),
    ]
    if session.prompt_count is not None:
        lines += [(), line(f"{text.count(session.prompt_count)} prompts", Span("  (text not collected)", "dim"))]
    if event is not None:
        lines += [(), (Span("this moment", "header"),), *moment(event, context, width)]
    return lines


def moment(event: Event, context: Context, width: int) -> Sequence[Line]:
    """The event under the cursor, in a few lines."""
    row = event.row
    lines = [line(Span(text.clock(event.at, context.zone), "dim"), "  ", _what(event, context).text)]
    if isinstance(row, Request):
        lines.append(
            line(
                f"{text.money(row.cost_usd)} · {text.tokens(row.total_tokens)} tokens · ",
                _duration(event, context).text,
            )
        )
        lines.append(line(Span(f"{row.query_source or 'main'} · told by {', '.join(row.sources) or 'n/a'}", "dim")))
    elif isinstance(row, Tool):
        shown = outcome(row)
        lines.append(line(shown, "  ", _duration(event, context).text))
    else:
        lines.append(line(text.signed_lines(row.lines_added, row.lines_deleted), "  ", cells.attribution(row)))
    return lines


def token_row(session: Session, width: int) -> Line:
    """`in 61k ▎  cache read 1.62M █████`: tokens by type in one line."""
    kinds = (
        ("in", session.input_tokens),
        ("cache read", session.cache_read_tokens),
        ("cache write", session.cache_write_tokens),
        ("out", session.output_tokens),
    )
    parts = "   ".join(f"{name} {text.tokens(value)}" for name, value in kinds if value is not None)
    return line(Span(fit("tokens", LABEL), "dim"), parts or text.UNKNOWN)
