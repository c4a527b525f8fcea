"""Costs as columns, a chart per day and the sentence about what is not counted.

Owns the wording of money: metered, reported, priced, unknown price. Refuses to add up: sums are the engine's totals.
"""

# ruff: noqa: E501  (one column, one line)
from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from console.rows import Cost, Totals
from console.views import cells, text
from console.views.columns import Column
from console.views.context import Context, project
from console.views.frame import wrap
from console.views.line import Line, Span, clean, fit, line

GROUPS: tuple[tuple[str, str, str], ...] = (
    ("developer", "developer", "d"),
    ("agent", "agent", "a"),
    ("model", "model", "m"),
    ("project", "repository", "r"),
    ("branch", "branch", "b"),
    ("day", "day", "y"),
)
"""What costs can be grouped by, its word, and its letter in the menu."""

NOUNS = {
    "developer": "developers",
    "agent": "agents",
    "model": "models",
    "project": "repositories",
    "branch": "branches",
    "day": "days",
}
TITLES = {
    "developer": "DEVELOPER",
    "agent": "AGENT",
    "model": "MODEL",
    "project": "REPO",
    "branch": "BRANCH",
    "day": "DAY",
}


def group_name(row: Cost, by: str, context: Context) -> str:
    """A group as shown; rows without a value have one too."""
    if row.group_key is None:
        return {
            "developer": "nobody known",
            "project": "no repository",
            "branch": "no branch",
            "model": "no model",
        }.get(by, "none")
    if by == "developer":
        return context.person(row.group_key, row.key_name)
    if by == "project":
        return project(row.key_name, row.group_key)
    if by == "day":
        try:
            day = date.fromisoformat(row.group_key)
        except ValueError:
            return clean(row.group_key)
        return f"{day.strftime('%a')} {text.day(day)}"
    return clean(row.key_name or row.group_key)


def table_columns(by: str, paid: bool = False) -> Sequence[Column]:
    """The columns of the table for one grouping; `paid`: plans are declared, and what they cost stands beside."""
    plans = (
        Column("paid", "PAID", 10, lambda row, context: cells.maybe(text.cents(row.paid_usd)), 2, "right", most=11, sort="paid_usd", letter="p"),
        Column("covered", "BY PLAN", 10, lambda row, context: cells.maybe(text.cents(row.covered_usd)), 35, "right", most=11, sort="covered_usd"),
    ) if paid else ()  # fmt: skip
    sort_key = "key" if by == "day" else "key_name"

    def difference(row: Cost, context: Context) -> Span:
        shown = text.difference(row.cost_usd, row.previous_cost_usd)
        return Span(shown, "dim" if shown in (text.UNKNOWN, "0%", "new") else "text")

    def per_session(row: Cost, context: Context) -> Span:
        if row.cost_usd is None or not row.session_count:
            return Span(text.UNKNOWN, "dim")
        return Span(text.cents(row.cost_usd / row.session_count))

    def share(row: Cost, context: Context) -> Span:
        return cells.maybe(text.percent(row.share, 1) if row.share is not None else text.UNKNOWN)

    def cache(row: Cost, context: Context) -> Span:
        read = row.cache_read_tokens
        everything = sum(value or 0 for value in (row.input_tokens, read, row.cache_write_tokens))
        return cells.maybe(text.percent(read, everything))

    return (
        Column("key", TITLES[by], 13, lambda row, context: Span(group_name(row, by, context), "strong"), 0, most=20, sort=sort_key, letter="k", descending=by == "day"),
        Column("sessions", "SESSIONS", 8, lambda row, context: cells.whole(row.session_count), 20, "right", most=9, sort="session_count", letter="n"),
        Column("requests", "REQUESTS", 8, lambda row, context: cells.whole(row.request_count), 45, "right", most=9, sort="request_count", letter="r"),
        Column("tokens", "TOKENS", 8, lambda row, context: cells.maybe(text.tokens(row.total_tokens)), 10, "right", most=9, sort="total_tokens", letter="t"),
        Column("input", "INPUT", 7, lambda row, context: cells.maybe(text.tokens(row.input_tokens)), 60, "right"),
        Column("output", "OUTPUT", 7, lambda row, context: cells.maybe(text.tokens(row.output_tokens)), 55, "right"),
        Column("cache", "CACHE", 5, cache, 15, "right", most=6),
        Column("cost", "API-EQ" if paid else "COST", 10, lambda row, context: Span(text.cents(row.cost_usd), "dim" if row.cost_usd is None else "text"), 0, "right", most=11, sort="cost_usd", letter="c"),
        *plans,
        Column("previous", "Δ PREV", 7, difference, 8, "right", most=8),
        Column("session_cost", "$/SESSION", 9, per_session, 30, "right"),
        Column("unpriced", "UNPRICED", 8, lambda row, context: Span(text.tokens(row.unpriced_tokens) if row.unpriced_tokens else "", "warn"), 40, "right", sort="unpriced_tokens", letter="u"),
        Column("reported", "REPORTED", 10, lambda row, context: cells.maybe(text.cents(row.cost_reported_usd)), 90, "right"),
        Column("priced", "PRICED", 10, lambda row, context: cells.maybe(text.cents(row.cost_priced_usd)), 91, "right"),
        Column("share", "SHARE", 11, share, 12, most=26, part=lambda row: None if row.share is None else float(row.share)),
    )  # fmt: skip


def unpriced_note(totals: Totals | None, models: Sequence[Cost], width: int) -> Sequence[Line]:
    """What the sum leaves out; nothing left out is said too."""
    if totals is None:
        return ()
    missing = [row for row in models if row.unpriced_tokens]
    tokens = totals.unpriced_tokens or 0
    if not tokens and totals.paid_usd is not None:
        covered = "nothing" if totals.covered_usd is None else text.cents(totals.covered_usd)
        said = f"API-EQ is what the API would charge: plans cover {covered} of it; PAID is what they cost"
        return wrap(said, width, "dim")
    if not tokens:
        return wrap("every token has a price; a subscription's costs are what the API would charge", width, "dim")
    names = ", ".join(clean(row.key_name or row.group_key or "unknown") for row in missing[:2]) or "some models"
    more = f" and {len(missing) - 2} more" if len(missing) > 2 else ""
    return wrap(f"no price known for {names}{more}: {text.tokens(tokens)} tokens not counted", width, "warn")


def breakdown(row: Cost, by: str, others: Mapping[str, Sequence[Cost]], context: Context, width: int) -> Sequence[Line]:
    """Where a group's money went: kinds of tokens, then the groups of other dimensions."""
    words = ("input", "cache read", "cache write", "output") if width >= 58 else ("in", "read", "write", "out")
    values = (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens)
    total = sum(value or 0 for value in values)
    parts = zip(words, values, strict=True)
    shown = "  ".join(f"{name} {text.percent(value, total)}" for name, value in parts if value)
    lines: list[Line] = [line(Span(fit("tokens", 8), "dim"), shown or text.UNKNOWN)]
    for dimension, rows in others.items():
        named = []
        spent = sum((each.cost_usd for each in rows if each.cost_usd), Decimal(0))
        for each in rows[:4]:
            name = group_name(each, dimension, context)
            shown_name = text.short_model(name) if dimension == "model" else name
            named.append(f"{shown_name} {text.percent(each.cost_usd, spent)}")
        label = {"project": "repos", "model": "models", "agent": "agents", "developer": "people"}.get(
            dimension, dimension
        )
        lines.append(line(Span(fit(label, 8), "dim"), "  ".join(named) or text.UNKNOWN))
    return lines
