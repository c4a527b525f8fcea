"""Developers as columns and details.

Owns the figures per person and their caution: the list opens in order of who was seen last, not of who costs most.
Refuses rankings and scores.
"""

# ruff: noqa: E501  (one column, one line)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from console.rows import Cost, Developer, Tool
from console.views import cells, text
from console.views.chart import bar
from console.views.columns import Column
from console.views.context import Context
from console.views.daychart import day_chart, small
from console.views.line import Line, Span, clean, fit, line


def _live(row: Developer, context: Context) -> Span:
    count = row.live_session_count
    return Span(f"● {count}", "good") if count else Span("", "dim")


COLUMNS = (
    Column("developer", "DEVELOPER", 13, lambda row, context: Span(context.person(row.developer_id, row.developer_name), "strong"), 0, most=24, sort="developer_name", letter="d", descending=False),
    Column("email", "E-MAIL", 20, lambda row, context: cells.maybe(context.address(row.developer_email)), 50, most=30),
    Column("live", "LIVE", 4, _live, 3, sort="live_session_count", letter="v"),
    Column("sessions", "SESSIONS", 8, lambda row, context: cells.whole(row.session_count), 4, "right", most=9, sort="session_count", letter="n"),
    Column("active", "ACTIVE", 6, lambda row, context: cells.maybe(text.hours(row.active_seconds)), 8, "right", sort="active_seconds", letter="a"),
    Column("tokens", "TOKENS", 6, lambda row, context: cells.maybe(text.tokens(row.total_tokens)), 12, "right", sort="total_tokens", letter="t"),
    Column("cost", "COST", 9, lambda row, context: cells.cost(row.cost_usd, row.unpriced_tokens), 0, "right", most=11, sort="cost_usd", letter="c"),
    Column("commits", "COMMITS", 7, lambda row, context: cells.whole(row.commit_count), 5, "right", most=8, sort="commit_count", letter="m"),
    Column("assisted", "AGENT", 5, lambda row, context: cells.maybe(text.percent(row.assisted_commit_count, row.commit_count)), 14, "right", most=6),
    Column("lines", "LINES+", 7, lambda row, context: cells.whole(row.lines_added), 40, "right", sort="lines_added", letter="l"),
    Column("per_commit", "$/COMMIT", 8, lambda row, context: cells.maybe(text.cents(row.cost_per_commit_usd)), 10, "right", most=9, sort="cost_per_commit_usd", letter="p"),
    Column("agents", "AGENTS", 12, lambda row, context: cells.maybe(clean(", ".join(row.agents)) or "n/a"), 45, most=36),
    Column("seen", "LAST SEEN", 11, lambda row, context: cells.maybe(text.ago(row.last_seen_at, context.now)), 2, "right", sort="last_seen_at", letter="s", moving=True),
)  # fmt: skip


def detail(row: Developer, days: Sequence[Cost], context: Context, width: int, height: int) -> Sequence[Line]:
    """Who this is, and the figures behind the row."""
    agents = clean(", ".join(row.agents)) or "no agent seen"
    lines: list[Line] = [
        line(context.address(row.developer_email), Span(f"  ·  {agents}", "dim")),
        line(
            f"{text.count(row.session_count)} sessions · {text.hours(row.active_seconds)} active · "
            f"{text.tokens(row.total_tokens)} tokens · {text.cents(row.cost_usd)}"
        ),
        line(
            f"{text.count(row.commit_count)} commits, {text.count(row.assisted_commit_count)} with an agent · "
            f"{text.count(row.lines_added)} lines added"
        ),
    ]
    if height >= 14:
        lines += [(), (Span("cost per day", "header"),), *small(day_chart(days), width, 8)]
    else:
        lines.append((Span("activity, not worth: lines and commits say little alone", "dim"),))
    return lines


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool over several calls; times in milliseconds."""

    name: str
    calls: int
    failed: int
    denied: int
    slowest: Decimal | None
    median: Decimal | None

    @property
    def key(self) -> str:
        return self.name


def tool_uses(tools: Sequence[Tool]) -> tuple[ToolUse, ...]:
    """Calls grouped by tool, the most used first."""
    grouped: dict[str, list[Tool]] = {}
    for tool in tools:
        grouped.setdefault(tool.tool_name or "unknown", []).append(tool)
    uses = []
    for name, calls in grouped.items():
        times = sorted(call.duration_ms for call in calls if call.duration_ms is not None)
        denied = sum(call.decision in ("reject", "denied", "rejected") for call in calls)
        failed = sum(call.success is False for call in calls) - denied
        uses.append(
            ToolUse(
                name,
                len(calls),
                max(0, failed),
                denied,
                times[-1] if times else None,
                times[len(times) // 2] if times else None,
            )
        )
    return tuple(sorted(uses, key=lambda use: (-use.calls, use.name)))


TOOL_COLUMNS = (
    Column("tool", "TOOL", 16, lambda row, context: Span(clean(row.name), "strong"), 0, most=40),
    Column("calls", "CALLS", 7, lambda row, context: cells.whole(row.calls), 0, "right"),
    Column("failed", "FAILED", 7, lambda row, context: cells.errors(row.failed), 1, "right"),
    Column("failed_share", "FAIL%", 6, lambda row, context: cells.maybe(text.percent(row.failed, row.calls)), 2, "right"),
    Column("denied", "DENIED", 7, lambda row, context: Span("" if not row.denied else text.count(row.denied), "warn"), 3, "right"),
    Column("median", "MEDIAN", 7, lambda row, context: cells.maybe(text.milliseconds(row.median)), 4, "right"),
    Column("slowest", "SLOWEST", 8, lambda row, context: cells.maybe(text.milliseconds(row.slowest)), 5, "right"),
)  # fmt: skip


def tool_bars(uses: Sequence[ToolUse], width: int, height: int) -> Sequence[Line]:
    """`Bash  412 ██████████▌  6% failed`."""
    if not uses:
        return ((Span(" no tool calls", "dim"),),)
    most = uses[0].calls
    drawn = []
    for use in uses[:height]:
        trouble = f"{text.percent(use.failed, use.calls)} failed" if use.failed else ""
        trouble = trouble or (f"{text.percent(use.denied, use.calls)} denied" if use.denied else "")
        drawn.append(
            line(
                f" {fit(clean(use.name), 9)}",
                fit(text.count(use.calls), 6, "right") + " ",
                Span(bar(use.calls / most, max(4, width - 31)), "chart"),
                Span(fit(f"  {trouble}", 12), "dim"),
            )
        )
    return drawn


def model_columns() -> Sequence[Column]:
    """The columns of a developer's models."""
    from console.views.costs import table_columns

    return tuple(column for column in table_columns("model") if column.id != "previous")


SECTION_NAMES: Mapping[str, str] = {"sessions": "Sessions", "commits": "Commits", "tools": "Tools", "models": "Models"}
