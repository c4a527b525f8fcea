"""Coverage: which sources told of each developer's day, alarms first.

Owns the questions and the way to the day's sessions. Refuses to judge: the engine says what an alarm is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from console.feed import Query
from console.rows import Coverage, Trust
from console.screens.live import SessionsPage
from console.screens.page import Page, figures, is_, total_of
from console.views import coverage, text
from console.views.columns import Column
from console.views.context import Context
from console.views.figures import Figure
from console.views.line import Line
from engine.filters import Filter, render


class CoveragePage(Page):
    """Days of developers and agents."""

    name: ClassVar[str] = "coverage"
    label: ClassVar[str] = "Coverage"
    view: ClassVar[str] = "coverage"
    noun: ClassVar[str] = "days"
    default_filter: ClassVar[str] = "since:14d"
    default_sort: ClassVar[str] = "state"
    default_descending: ClassVar[bool] = False
    detail_height: ClassVar[int] = 6

    @property
    def columns(self) -> Sequence[Column]:
        return coverage.COLUMNS

    def order(self) -> str:
        # Within a verdict the newest day first.
        return f"{super().order()},-date" if self.sort == "state" else super().order()

    def queries(self) -> Mapping[str, Query]:
        base = self.base(self.sheet.refresh_limit("rows"))
        return {"rows": base, "trust": Query("trust", base.filter, base.since, base.until, limit=1)}

    def open(self, row: Coverage, context: Context) -> Page | None:
        if row.date is None:
            return None
        terms = [is_("agent", row.agent_type)]
        if row.developer_id:
            terms.insert(0, is_("dev", row.developer_id))
        day = row.date.isoformat()
        crumb = f"{context.person(row.developer_id, row.developer_name)} {day}"
        return SessionsPage(
            (), (*self.crumbs(context), crumb), f"{render(Filter(tuple(terms)))} since:{day} until:{day}"
        )

    def totals(self) -> Sequence[Figure]:
        return total_of(self.base())

    def middle(self, context: Context, width: int) -> Line:
        known: Sequence[Trust] = self.sheet.rows("trust")
        silent = known[0].alarm_developer_count if known else None
        people = text.count(known[0].developer_count) if known else ""
        return figures(
            (people, "developers") if known else "", (text.count(silent), "with a silent source") if known else ""
        )

    def detail_title(self, row: Coverage, context: Context) -> str:
        day = text.UNKNOWN if row.date is None else row.date.isoformat()
        return f"{context.person(row.developer_id, row.developer_name)} · {day} · {row.agent_type}"

    def detail(self, row: Coverage, context: Context, width: int, height: int) -> Sequence[Line]:
        return coverage.detail(row, context, width, height)
