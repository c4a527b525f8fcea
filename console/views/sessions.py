"""Sessions as columns, details and boxes.

Owns how a session is told in a row, in four lines and in a side box. Refuses to ask for anything: details come in as
the sheet that the page keeps.
"""

# ruff: noqa: E501  (one column, one line)
from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from console.rows import Commit, Cost, Session, Tool
from console.store import Sheet
from console.views import cells, text
from console.views.chart import bar, columns, nice_ceiling, sparkline
from console.views.columns import Column
from console.views.context import Context, project
from console.views.line import Line, Span, clean, fit, line, spread

LABEL = 8
"""Cells of the words before a line of details."""


def _developer(row: Session, context: Context) -> Span:
    return cells.maybe(context.person(row.developer_id, row.developer_name), "strong")


def _agent(row: Session, context: Context) -> Span:
    return Span(clean(row.agent_type))


def _repo(row: Session, context: Context) -> Span:
    return cells.maybe(project(row.project_name, row.project_id))


def _place(row: Session, context: Context) -> Span:
    name = project(row.project_name, row.project_id)
    return cells.maybe(f"{name}@{clean(row.branch)}" if row.branch else name)


def _commits(row: Session, context: Context) -> Span:
    return cells.whole(row.commit_count)


# fmt: off
DEVELOPER = Column("developer", "DEVELOPER", 13, _developer, 1, most=16, sort="developer_name", letter="d", descending=False)
AGENT = Column("agent", "AGENT", 11, _agent, 5, most=13, sort="agent_type", letter="a", descending=False)
MODEL = Column("model", "MODEL", 12, lambda row, context: cells.maybe(cells.models(row.models)), 30, most=16)
REPO = Column("repo", "REPO", 12, _repo, 8, most=16, sort="project_name", letter="r", descending=False)
BRANCH = Column("branch", "BRANCH", 13, lambda row, context: cells.maybe(clean(row.branch or "n/a")), 31, most=20)
STATE = Column("state", "STATE", 7, lambda row, context: cells.state(row), 2)
AGE = Column("age", "AGE", 4, lambda row, context: cells.maybe(text.ago(row.session_start, context.now)), 10, "right", sort="session_start", letter="g", moving=True)
TOKENS = Column("tokens", "TOKENS", 6, lambda row, context: cells.maybe(text.tokens(row.total_tokens)), 4, "right", most=8, sort="total_tokens", letter="t")
COST = Column("cost", "COST", 8, lambda row, context: cells.cost(row.cost_usd, row.unpriced_tokens), 0, "right", most=9, sort="cost_usd", letter="c")
TREND = Column("trend", "TREND", 6, lambda row, context: Span(sparkline(row.tokens_trend, 12), "chart"), 20, "right", most=12, tail=True)
TOOLS = Column("tools", "TOOLS", 6, lambda row, context: cells.whole(row.tool_call_count), 32, "right", most=7, sort="tool_call_count", letter="o")
ERRORS = Column("errors", "ERR", 4, lambda row, context: cells.errors(row.error_count), 33, "right", sort="error_count", letter="e")
COMMITS = Column("commits", "COMMITS", 7, _commits, 29, "right", most=8, sort="commit_count", letter="m")
REQUESTS = Column("requests", "REQUESTS", 9, lambda row, context: cells.whole(row.request_count), 90, "right")
BASIS = Column("basis", "BASIS", 8, lambda row, context: cells.maybe(clean(row.cost_basis or "n/a")), 91)
STARTED = Column("started", "STARTED", 12, lambda row, context: cells.maybe(text.when(row.session_start, context.now, context.zone)), 1, sort="session_start", letter="s")
DURATION = Column("duration", "DUR", 6, lambda row, context: cells.maybe(text.span(row.duration_seconds)), 9, "right", sort="duration_seconds", letter="u")

LIVE_COLUMNS = (
    DEVELOPER,
    AGENT,
    MODEL,
    REPO,
    BRANCH,
    STATE,
    AGE,
    TOOLS,
    ERRORS,
    COMMITS,
    REQUESTS,
    TOKENS,
    COST,
    BASIS,
    TREND,
)  # fmt: skip
LIST_COLUMNS = (STARTED, DEVELOPER, AGENT, MODEL, REPO, BRANCH, DURATION, TOOLS, ERRORS, REQUESTS, TOKENS, COST, BASIS, COMMITS, STATE)  # fmt: skip
OF_DEVELOPER_COLUMNS = tuple(column for column in LIST_COLUMNS if column.id != "developer")
# fmt: on


def who_and_where(row: Session, context: Context) -> Line:
    """`claude_code 2.1 · sonnet-4-5 · payments-api@feat/refunds · since 14:02:11`."""
    return line(" · ".join((*_who(row), *_where(row, context))))


def who_then_where(row: Session, context: Context) -> tuple[Line, Line]:
    """The same in two lines, for a narrow box."""
    return line(" · ".join(_who(row))), line(" · ".join(_where(row, context)))


def _who(row: Session) -> list[str]:
    version = f" {clean(row.agent_version)}" if row.agent_version else ""
    return [f"{clean(row.agent_type)}{version}", *([cells.models(row.models)] if row.models else [])]


def _where(row: Session, context: Context) -> list[str]:
    place = _place(row, context).text
    parts = [place] if place != text.UNKNOWN else []
    if row.session_start is not None:
        today = row.session_start.astimezone(context.zone).date() == context.now.astimezone(context.zone).date()
        clock = text.clock(row.session_start, context.zone)
        since = clock if today else " ".join(text.when(row.session_start, context.now, context.zone).split())
        parts.append(f"since {since}")
    return parts


def detail(row: Session, sheet: Sheet, context: Context, width: int, height: int) -> Sequence[Line]:
    """Four lines under a small table; more of the same in a tall box."""
    lines: list[Line] = [who_and_where(row, context)]
    if height > 8:
        lines = [*who_then_where(row, context)]
        lines += [(), *numbers(row, context, width), (), *token_kinds(row, width), ()]
        lines.append((Span("latest", "header"),))
    tools: tuple[Tool, ...] = sheet.rows("tools")
    commits: tuple[Commit, ...] = sheet.rows("commits")
    if height <= 8:
        lines += tool_lines(tools, sheet, context, width, 2)
        lines.append(git_line(row, commits))
        return lines[:height]
    happened: list[tuple[Any, Line]] = [(tool.ts, tool_line(tool, context, width)) for tool in tools if tool.ts]
    happened += [(commit.commit_timestamp, commit_line(commit, context, width)) for commit in commits if commit.commit_timestamp]  # fmt: skip
    happened.sort(key=lambda pair: pair[0], reverse=True)
    lines += [drawn for _, drawn in happened[: max(0, height - len(lines))]]
    if not happened:
        lines.append((Span("…" if not sheet.answered("tools") else "no tool calls, no commits", "dim"),))
    return lines


def numbers(row: Session, context: Context, width: int) -> tuple[Line, ...]:
    """Cost, duration and counts of a session, two lines."""
    cost = cells.cost(row.cost_usd, row.unpriced_tokens)
    basis = f" ({clean(row.cost_basis)})" if row.cost_basis else ""
    return (
        line(
            Span(cost.text, "strong"),
            Span(basis, "dim"),
            f" · {text.tokens(row.total_tokens)} tokens · {text.span(row.duration_seconds)}",
        ),
        line(
            f"{text.count(row.request_count)} requests · {text.count(row.tool_call_count)} tool calls · ",
            commits_and_lines(row),
        ),
    )


def commits_and_lines(row: Session) -> str:
    """`2 commits +184 −37`; no lines where there are no commits."""
    lines = f" {text.signed_lines(row.lines_added, row.lines_deleted)}" if row.commit_count else ""
    return f"{text.count(row.commit_count)} commits{lines}"


def token_kinds(row: Session, width: int) -> tuple[Line, ...]:
    """Tokens by type, as bars."""
    kinds = (
        ("input", row.input_tokens),
        ("cache read", row.cache_read_tokens),
        ("cache write", row.cache_write_tokens),
        ("output", row.output_tokens),
    )
    most = max((value for _, value in kinds if value), default=0)
    room = max(4, min(width - 20, 40))
    return tuple(
        line(
            Span(fit(name, 12), "dim"),
            Span(fit(text.tokens(value), 6, "right")),
            "  ",
            Span(bar((value or 0) / most if most else 0, room), "chart"),
        )
        for name, value in kinds
    )


def tool_lines(tools: Sequence[Tool], sheet: Sheet, context: Context, width: int, most: int) -> list[Line]:
    """The latest tool calls, or why there are none."""
    if not tools:
        waiting = not sheet.answered("tools") and "tools" not in sheet.errors
        return [(Span("…" if waiting else "no tool calls", "dim"),)] + [()] * (most - 1)
    lines = []
    for index, tool in enumerate(tools[:most]):
        label = "last" if index == 0 else ""
        lines.append(line(Span(fit(label, LABEL), "dim"), *tool_line(tool, context, width - LABEL)))
    return lines + [()] * (most - len(lines))


def outcome(tool: Tool) -> Span:
    """ok, denied, or the error's kind."""
    if tool.decision in ("reject", "denied", "rejected"):
        return Span("denied", "warn")
    if tool.success is False:
        return Span(clean(tool.error_type or "failed"), "bad")
    return Span("ok" if tool.success else "", "dim")


def tool_line(tool: Tool, context: Context, width: int) -> Line:
    """`Bash   ok   0.3s   14:13:51`."""
    name = clean(tool.tool_name or "tool")
    kind = f"  {cells.extension(tool.file_extension)}"
    shown = outcome(tool)
    right = line(
        Span(fit(shown.text, 14 if width >= 50 else 9, "right"), shown.role),
        fit(text.milliseconds(tool.duration_ms), 7, "right"),
        Span("  " + text.clock(tool.ts, context.zone), "dim"),
    )
    return spread(line(Span(name), Span(kind, "dim")), right, min(width, 74))


def commit_line(commit: Commit, context: Context, width: int) -> Line:
    """`9f2c1ab refunds: honour window   +120 −14   14:09:01`."""
    right = line(
        fit(text.signed_lines(commit.lines_added, commit.lines_deleted), 12, "right"),
        Span("  " + text.clock(commit.commit_timestamp, context.zone), "dim"),
    )
    left = line(Span(text.short_sha(commit.commit_hash), "accent"), " " + clean(commit.commit_subject or ""))
    return spread(left, (Span(" "), *right), min(width, 74))


def git_line(row: Session, commits: Sequence[Commit]) -> Line:
    """`git   2 commits  +184 −37   1 by trailer, 1 by time (0.45)`."""
    if not row.commit_count:
        return line(
            Span(fit("git", LABEL), "dim"), Span("no commits yet" if row.state != "ended" else "no commits", "dim")
        )
    known: dict[str, list[Decimal]] = {}
    for commit in commits:
        for link in commit.links:
            if link.session_id == row.session_id:
                known.setdefault(cells.method(link.method), []).append(link.confidence or Decimal(0))
    ways = ", ".join(f"{len(sure)} by {name} ({min(sure):.2f})" for name, sure in known.items())
    plural = "commit" if row.commit_count == 1 else "commits"
    return line(
        Span(fit("git", LABEL), "dim"),
        f"{row.commit_count} {plural}  {text.signed_lines(row.lines_added, row.lines_deleted)}",
        Span(f"   {ways}" if ways else "", "dim"),
    )


def team_rate(rows: Sequence[Session], labels: Sequence[str], width: int, height: int) -> Sequence[Line]:
    """Tokens per minute of the sessions on screen, a column per five minutes."""
    sums = [0.0] * 12
    for row in rows:
        for index, value in enumerate(row.tokens_trend[-12:]):
            sums[index] += value / 5
    if not any(sums):
        return ((Span(" no tokens in the last hour", "dim"),),)
    top = nice_ceiling(max(sums))
    axis = (text.tokens(int(top / 2)), text.tokens(int(top)))
    return columns(sums, labels, width, height, axis, top)


def by_agent(rows: Sequence[Cost], width: int, height: int) -> Sequence[Line]:
    """Cost by agent as bars."""
    return share_bars(rows, width, height, "nothing spent today")


def share_bars(
    rows: Sequence[Cost], width: int, height: int, nothing: str, names: Sequence[str] = ()
) -> Sequence[Line]:
    """Groups of a cost answer as bars with amount and share."""
    if not rows:
        return ((Span(f" {nothing}", "dim"),),)
    most = max((float(row.cost_usd) for row in rows if row.cost_usd), default=0.0)
    total = sum((row.cost_usd for row in rows if row.cost_usd), Decimal(0))
    labels = list(names) or [clean(row.key_name or row.group_key or "(none)") for row in rows]
    label_width = min(max(len(label) for label in labels[:height]), max(8, width // 3))
    room = max(4, width - label_width - 21)
    drawn = []
    for row, label in list(zip(rows, labels, strict=False))[:height]:
        if row.cost_usd is None:
            drawn.append(
                line(" " + fit(label, label_width), Span(f"  no price, {text.tokens(row.total_tokens)} tokens", "dim"))
            )
            continue
        drawn.append(
            line(
                " " + fit(label, label_width) + "  ",
                Span(bar(float(row.cost_usd) / most if most else 0, room), "chart"),
                fit(text.cents(row.cost_usd), 11, "right"),
                Span(fit(text.percent(row.cost_usd, total), 6, "right"), "dim"),
            )
        )
    return drawn


def latest(
    tools: Sequence[Tool], commits: Sequence[Commit], context: Context, width: int, height: int
) -> Sequence[Line]:
    """What happened last in the whole team."""
    happened: list[tuple[Any, Line]] = []
    for tool in tools:
        if tool.ts:
            who = fit(context.person(tool.developer_id), 9)
            shown = outcome(tool)
            happened.append(
                (tool.ts, line(who, " tool   ", clean(tool.tool_name or ""), Span(f"  {shown.text}", shown.role)))
            )
    for commit in commits:
        if commit.commit_timestamp:
            who = fit(context.person(commit.developer_id, commit.developer_name or commit.author_name), 9)
            sha = Span(text.short_sha(commit.commit_hash), "accent")
            happened.append(
                (commit.commit_timestamp, line(who, " commit ", sha, " " + clean(commit.commit_subject or "")))
            )
    happened.sort(key=lambda pair: pair[0], reverse=True)
    if not happened:
        return ((Span(" quiet: no tool call in the last hour", "dim"),),)
    return [line(Span(f" {text.clock(at, context.zone)} ", "dim"), *drawn) for at, drawn in happened[:height]]
