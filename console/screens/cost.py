"""Cost: what is spent, grouped by one thing at a time.

Owns the grouping and the questions about it. Refuses forecasts and budgets: they have screens of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from console.feed import Query
from console.rows import Cost, Totals
from console.screens.live import SessionsPage
from console.screens.page import Page, Pane, is_, lacks, total_of
from console.store import PAGE
from console.views import costs, coverage, daychart, text
from console.views.columns import Column
from console.views.context import Context
from console.views.figures import Figure
from console.views.line import Line, Span
from console.views.sessions import share_bars

MOST_SERIES = 4
FIELD_OF = {"developer": "dev", "agent": "agent", "model": "model", "project": "project", "branch": "branch"}


class CostPage(Page):
    """Groups of cost; `by` is the current grouping."""

    name: ClassVar[str] = "cost"
    label: ClassVar[str] = "Cost"
    view: ClassVar[str] = "costs"
    default_filter: ClassVar[str] = "since:30d"
    default_sort: ClassVar[str] = "cost_usd"
    chart_height: ClassVar[int] = 7
    detail_height: ClassVar[int] = 5
    groups: ClassVar[Sequence[tuple[str, str, str]]] = costs.GROUPS

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.group_by = "developer"

    @property
    def columns(self) -> Sequence[Column]:
        totals = self.sheet.metadata("rows").totals
        return costs.table_columns(self.group_by, totals is not None and totals.paid_usd is not None)

    def group(self, by: str) -> None:
        self.group_by = by
        self.sort, self.descending = ("key", True) if by == "day" else (self.default_sort, True)
        self.cursor.key = None

    @property
    def noun(self) -> str:  # type: ignore[override]
        return costs.NOUNS[self.group_by]

    def base(self, limit: int = PAGE) -> Query:
        return replace(super().base(limit), by=self.group_by)

    def queries(self) -> Mapping[str, Query]:
        plain = replace(self.base(), cursor="", sort="")
        days = replace(plain, by="day", sort="-key", limit=daychart.LONGEST)
        asked = {
            "rows": self.base(self.sheet.refresh_limit("rows")),
            "days": days,
            "models": replace(plain, by="model", sort="-cost_usd", limit=50),
            "trust": replace(plain, view="trust", by="", limit=1),
        }
        if self.roomy:
            asked["agents"] = replace(plain, by="agent", sort="-cost_usd", limit=MOST_SERIES)
            for agent in self._agents():
                asked[f"days of {agent}"] = replace(days, filter=f"{days.filter} {_term('agent', agent)}".strip())
        return asked

    def _agents(self) -> Sequence[str]:
        """The agents that a large chart tells apart."""
        rows: Sequence[Cost] = self.sheet.rows("agents")
        known = [row.group_key for row in rows if row.group_key]
        return known if len(known) > 1 else ()

    def detail_queries(self, row: Cost) -> Mapping[str, Query]:
        scope = self.of_group(row)
        if scope is None:
            return {}
        others = [by for by in ("project", "model", "agent", "developer") if by != self.group_by][:3]
        asked = {by: replace(scope, by=by, sort="-cost_usd", limit=8) for by in others}
        return asked if self.group_by == "day" else asked | {"day": replace(scope, by="day", sort="-key", limit=366)}

    def of_group(self, row: Cost) -> Query | None:
        """The question narrowed to one group."""
        query = self.base()
        if self.group_by == "day":
            return replace(query, since=row.group_key or "", until=row.group_key or "") if row.group_key else None
        term = (
            lacks(FIELD_OF[self.group_by]) if row.group_key is None else _term(FIELD_OF[self.group_by], row.group_key)
        )
        return replace(query, filter=f"{query.filter} {term}".strip())

    def open(self, row: Cost, context: Context) -> Page | None:
        query = self.of_group(row)
        if query is None:
            return None
        times = " ".join(f"{name}:{value}" for name, value in (("since", query.since), ("until", query.until)) if value)
        crumb = costs.group_name(row, self.group_by, context)
        page = SessionsPage((), (*self.crumbs(context), crumb), f"{query.filter} {times}".strip())
        page.sort = "cost_usd"
        return page

    def number(self, row: Cost) -> Mapping[str, str]:
        asked = self.base().parameters()
        seen: dict[str, str] = {name: asked[name] for name in ("by", "filter", "since", "until") if name in asked}
        key = "unknown" if row.group_key is None else row.group_key
        return {"view": "costs", "row": key, "column": "cost_usd", **seen}

    def totals(self) -> Sequence[Figure]:
        return total_of(self.base())

    def copy_text(self, row: Cost) -> str:
        return row.group_key or ""

    def crumbs(self, context: Context) -> Sequence[str]:
        return (self.label, f"by {'repository' if self.group_by == 'project' else self.group_by}")

    def heading(self, context: Context) -> str:
        return f"by {'repository' if self.group_by == 'project' else self.group_by}"

    def middle(self, context: Context, width: int) -> Line:
        totals = self.sheet.metadata("rows").totals
        if totals is None:
            return ()
        change = text.difference(totals.cost_usd, totals.previous_cost_usd)
        known = change not in (text.UNKNOWN, "new")
        span = f"{self.range} " if self.range else ""
        return (
            Span(span, "dim"),
            Span(text.cents(totals.cost_usd), "strong"),
            *self._paid(totals),
            Span(f"  {change} vs previous" if known else "", "dim"),
        )

    @staticmethod
    def _paid(totals: Totals) -> Line:
        """What plans cost, where some are declared: never one figure with what the API would charge."""
        if totals.paid_usd is None:
            return ()
        return (Span(" API-equivalent  ", "dim"), Span(text.cents(totals.paid_usd), "strong"), Span(" paid", "dim"))

    def chart(self, context: Context) -> daychart.DayChart | None:
        if not self.sheet.answered("days"):
            return None
        agents = self._agents() if self.roomy else ()
        parts = {agent: self.sheet.rows(f"days of {agent}") for agent in agents}
        known = all(self.sheet.answered(f"days of {agent}") for agent in agents)
        return daychart.day_chart(self.sheet.rows("days"), parts if known else None)

    def detail_title(self, row: Cost, context: Context) -> str:
        return f"{costs.group_name(row, self.group_by, context)}: where it went"

    def detail(self, row: Cost, context: Context, width: int, height: int) -> Sequence[Line]:
        note = costs.unpriced_note(self.sheet.metadata("rows").totals, self.sheet.rows("models"), width)
        others = {name: answer.rows for name, answer in self.details.answers.items() if name != "day"}
        drawn = costs.breakdown(row, self.group_by, others, context, width)
        known = self.sheet.rows("trust")
        unpriced = [each.key_name or each.key for each in self.sheet.rows("models") if each.unpriced_tokens]
        trust = coverage.trust_lines(known[0] if known else None, width, 2 if height <= 4 else 5, unpriced)
        if height <= 4:
            # Two lines: what is missing in the total, else what the total means and how sure it is.
            last = trust if unpriced or len(trust) > 1 else [*note[: 2 - len(trust)], *trust]
            return (*drawn[: height - max(1, len(last))], *last)
        days = () if self.group_by == "day" else self._group_days(context, width, height - len(drawn) - 5 - len(trust))
        shown = ((), (Span("how sure the total is", "header"),), *trust) if trust else ()
        return (*drawn, (), *days, *note, *shown)

    def _group_days(self, context: Context, width: int, height: int) -> Sequence[Line]:
        days = self.details.rows("day")
        if height < 8 or not days:
            return ()
        return (
            (Span("cost per day", "header"),),
            *daychart.small(daychart.day_chart(days), width, min(10, height - 2)),
            (),
        )

    def beside_chart(self, context: Context) -> Pane | None:
        rows = self.sheet.rows("models")
        names = [text.short_model(costs.group_name(row, "model", context)) for row in rows]
        return Pane("by model", lambda w, h: share_bars(rows, w, h, "nothing spent", names))


def _term(field: str, value: str) -> str:
    from engine.filters import Filter, render

    return render(Filter((is_(field, value),)))
