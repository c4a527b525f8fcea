"""Cost: what is spent, grouped by one thing at a time.

Owns the grouping and the questions about it. Refuses forecasts and budgets: they have screens of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from console.feed import Query
from console.rows import Cost
from console.screens.live import SessionsPage
from console.screens.page import Page, Pane, figures, is_, lacks
from console.store import PAGE
from console.views import costs, text
from console.views.columns import Column
from console.views.context import Context
from console.views.line import Line, Span
from console.views.sessions import share_bars

FIELD_OF = {"developer": "dev", "agent": "agent", "model": "model", "project": "project", "branch": "branch"}


class CostPage(Page):
    """Groups of cost; `by` is the current grouping."""

    name: ClassVar[str] = "cost"
    label: ClassVar[str] = "Cost"
    view: ClassVar[str] = "costs"
    noun: ClassVar[str] = "costs"
    default_filter: ClassVar[str] = "since:30d"
    default_sort: ClassVar[str] = "cost_usd"
    chart_height: ClassVar[int] = 7
    detail_height: ClassVar[int] = 3

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.by = "developer"

    @property
    def columns(self) -> Sequence[Column]:
        return costs.table_columns(self.by)

    def group(self, by: str) -> None:
        """Group by something else; days are in order of time, everything else in order of cost."""
        self.by = by
        self.sort, self.descending = ("key", True) if by == "day" else (self.default_sort, True)
        self.cursor.key = None

    def base(self, limit: int = PAGE) -> Query:
        return replace(super().base(limit), by=self.by)

    def queries(self) -> Mapping[str, Query]:
        plain = replace(self.base(), cursor="", sort="")
        return {
            "rows": self.base(self.sheet.refresh_limit("rows")),
            "days": replace(plain, by="day", sort="-key", limit=366),
            "models": replace(plain, by="model", sort="-cost_usd", limit=50),
        }

    def detail_queries(self, row: Cost) -> Mapping[str, Query]:
        scope = self.of_group(row)
        if scope is None:
            return {}
        others = [by for by in ("project", "model", "agent", "developer") if by != self.by][:3]
        return {by: replace(scope, by=by, sort="-cost_usd", limit=8) for by in others}

    def of_group(self, row: Cost) -> Query | None:
        """The question narrowed to one group."""
        query = self.base()
        if self.by == "day":
            return replace(query, since=row.group_key or "", until=row.group_key or "") if row.group_key else None
        term = lacks(FIELD_OF[self.by]) if row.group_key is None else _term(FIELD_OF[self.by], row.group_key)
        return replace(query, filter=f"{query.filter} {term}".strip())

    def open(self, row: Cost, context: Context) -> Page | None:
        query = self.of_group(row)
        if query is None:
            return None
        times = " ".join(f"{name}:{value}" for name, value in (("since", query.since), ("until", query.until)) if value)
        crumb = costs.group_name(row, self.by, context)
        page = SessionsPage((), (*self.crumbs(context), crumb), f"{query.filter} {times}".strip())
        page.sort = "cost_usd"
        return page

    def copy_text(self, row: Cost) -> str:
        return row.group_key or ""

    def crumbs(self, context: Context) -> Sequence[str]:
        return (self.label, f"by {'repository' if self.by == 'project' else self.by}")

    def heading(self, context: Context) -> str:
        return f"by {'repository' if self.by == 'project' else self.by}"

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
            Span(f"  {change} vs previous" if known else "", "dim"),
        )

    def chart(self, context: Context, width: int, height: int) -> Sequence[Line]:
        if not self.sheet.answered("days"):
            return ()
        return costs.per_day(self.sheet.rows("days"), context, width, height)

    def detail_title(self, row: Cost, context: Context) -> str:
        return f"{costs.group_name(row, self.by, context)}: where it went"

    def detail(self, row: Cost, context: Context, width: int, height: int) -> Sequence[Line]:
        if height <= 2:
            return costs.unpriced_note(self.sheet.metadata("rows").totals, self.sheet.rows("models"), width)[:height]
        others = {name: answer.rows for name, answer in self.details.answers.items()}
        lines = [*costs.breakdown(row, self.by, others, context, width), ()]
        lines += costs.unpriced_note(self.sheet.metadata("rows").totals, self.sheet.rows("models"), width)
        return lines

    def beside_chart(self, context: Context) -> Pane | None:
        rows = self.sheet.rows("models")
        names = [text.short_model(costs.group_name(row, "model", context)) for row in rows]
        return Pane("by model", lambda w, h: share_bars(rows, w, h, "nothing spent", names))


def _term(field: str, value: str) -> str:
    from engine.filters import Filter, render

    return render(Filter((is_(field, value),)))
