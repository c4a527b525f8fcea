"""Developers, and one developer in four sections: sessions, commits, tools, models.

Owns the drill-down by person. Refuses a default order by cost or lines: this is no leaderboard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from console.feed import Query
from console.rows import Developer
from console.screens.commits import CommitsPage
from console.screens.coverage import CoveragePage
from console.screens.live import SessionsPage
from console.screens.page import Page, Pane, cost_of, figures, is_, silent_sources
from console.store import PAGE
from console.views import commits, coverage, developers, sessions, text
from console.views.columns import Column
from console.views.context import Context
from console.views.daychart import day_chart, small
from console.views.line import Line, Span
from engine.filters import Filter, render


class DevelopersPage(Page):
    """Everybody, the most recently seen first."""

    name: ClassVar[str] = "developers"
    label: ClassVar[str] = "Developers"
    view: ClassVar[str] = "developers"
    noun: ClassVar[str] = "developers"
    default_filter: ClassVar[str] = "since:30d"
    default_sort: ClassVar[str] = "last_seen_at"

    @property
    def columns(self) -> Sequence[Column]:
        return developers.COLUMNS

    def detail_queries(self, row: Developer) -> Mapping[str, Query]:
        if not row.developer_id:
            return {}
        scope = render(Filter((is_("dev", row.developer_id),)))
        return {"days": Query("costs", scope, since="30d", by="day", sort="-key", limit=31)}

    def open(self, row: Developer, context: Context) -> Page | None:
        return developer_page(row, self.range) if row.developer_id else None

    def number(self, row: Developer) -> Mapping[str, str] | None:
        asked = self.base().parameters()
        seen: dict[str, str] = {name: asked[name] for name in ("filter", "since", "until") if name in asked}
        return {**(cost_of(row) or {}), **seen}

    def copy_text(self, row: Developer) -> str:
        return row.developer_id or ""

    def middle(self, context: Context, width: int) -> Line:
        rows: Sequence[Developer] = self.sheet.rows("rows")
        live = sum(row.live_session_count or 0 for row in rows)
        return figures((text.count(self.total()), "developers"), (text.count(live), "sessions live"))

    def detail_title(self, row: Developer, context: Context) -> str:
        return context.person(row.developer_id, row.developer_name)

    def detail(self, row: Developer, context: Context, width: int, height: int) -> Sequence[Line]:
        return developers.detail(row, self.details.rows("days"), context, width, height)


class Section(Page):
    """One section of a developer: a page of its own that knows its neighbours, so each keeps its row and order."""

    name: ClassVar[str] = "developer"
    section: ClassVar[str] = ""
    default_filter: ClassVar[str] = "since:30d"
    developer: Developer
    neighbours: tuple[Section, ...]

    def sibling(self, by: int) -> Page | None:
        other = self.neighbours[(self.neighbours.index(self) + by) % len(self.neighbours)]
        other.set_range(self.range)
        return other

    def queries(self) -> Mapping[str, Query]:
        scope = render(Filter(self.scope))
        return {
            **super().queries(),
            "person": Query("developers", scope, since=self.range, limit=1),
            "days": Query("costs", scope, since="14d", by="day", sort="-key", limit=31),
            "trust": Query("trust", scope, since="14d", limit=1),
            "tools": Query("tools", scope, since=self.range, sort="-ts", limit=500),
        }

    def crumbs(self, context: Context) -> Sequence[str]:
        return ("Developers", context.person(self.developer.developer_id, self.developer.developer_name))

    def heading(self, context: Context) -> str:
        return self.section

    def lead(self, context: Context) -> Line | None:
        spans: list[Span] = [Span("tab", "key"), Span(" ")]
        for other in self.neighbours:
            total = other.total()
            label = other.section if total is None else f"{other.section} {text.count(total)}"
            spans.append(Span(f"[{label}]" if other is self else f" {label} ", "tab" if other is self else "dim"))
        return tuple(spans)

    def middle(self, context: Context, width: int) -> Line:
        known: Sequence[Developer] = self.sheet.rows("person")
        row = known[0] if known else self.developer
        share = text.percent(row.assisted_commit_count, row.commit_count)
        roomy = width >= 120
        return figures(
            silent_sources(self.sheet.rows("trust")),
            (text.cents(row.cost_usd), self.range),
            (text.count(row.session_count), "sessions") if roomy else "",
            (text.count(row.commit_count), "commits"),
            (share, "with an agent" if roomy else "agent"),
        )

    def panes(self, context: Context, *, large: bool) -> Sequence[Pane]:
        days, tools = self.sheet.rows("days"), self.sheet.rows("tools")
        note = ", newest 500 calls" if len(tools) == 500 else ""
        return (
            Pane("cost per day", lambda w, h: small(day_chart(days), w, h)),
            Pane(f"tools{note}", lambda w, h: developers.tool_bars(developers.tool_uses(tools), w, h)),
        )


class SessionsSection(Section, SessionsPage):
    """A developer's sessions."""

    section: ClassVar[str] = "Sessions"
    name: ClassVar[str] = "developer"

    @property
    def columns(self) -> Sequence[Column]:
        return sessions.OF_DEVELOPER_COLUMNS


class CommitsSection(Section, CommitsPage):
    """A developer's commits."""

    section: ClassVar[str] = "Commits"
    name: ClassVar[str] = "developer"

    @property
    def columns(self) -> Sequence[Column]:
        return tuple(column for column in commits.COLUMNS if column.id != "developer")


class ToolsSection(Section):
    """A developer's tool calls, grouped by tool."""

    section: ClassVar[str] = "Tools"
    view: ClassVar[str] = "tools"
    noun: ClassVar[str] = "tools"
    default_sort: ClassVar[str] = "ts"
    columns = developers.TOOL_COLUMNS

    def base(self, limit: int = PAGE) -> Query:
        return super().base(1000)

    def rows(self, context: Context) -> Sequence[Any]:
        return developers.tool_uses(self.sheet.rows("rows"))

    def total(self) -> int | None:
        return len(developers.tool_uses(self.sheet.rows("rows"))) if self.sheet.answered("rows") else None


class ModelsSection(Section):
    """A developer's cost by model."""

    section: ClassVar[str] = "Models"
    view: ClassVar[str] = "costs"
    noun: ClassVar[str] = "models"
    default_sort: ClassVar[str] = "cost_usd"
    columns = developers.model_columns()

    def base(self, limit: int = PAGE) -> Query:
        return replace(super().base(limit), by="model")

    def number(self, row: Any) -> Mapping[str, str] | None:
        asked = self.base().parameters()
        seen: dict[str, str] = {name: asked[name] for name in ("by", "filter", "since", "until") if name in asked}
        key = "unknown" if row.group_key is None else row.group_key
        return {"view": "costs", "row": key, "column": "cost_usd", **seen}

    def copy_text(self, row: Any) -> str:
        return row.group_key or ""


class SourcesSection(Section, CoveragePage):
    """Which sources told of a developer's days."""

    section: ClassVar[str] = "Sources"
    name: ClassVar[str] = "developer"
    default_filter: ClassVar[str] = "since:30d"
    default_sort: ClassVar[str] = "date"
    default_descending: ClassVar[bool] = True

    @property
    def columns(self) -> Sequence[Column]:
        return tuple(column for column in coverage.COLUMNS if column.id != "developer")

    def panes(self, context: Context, *, large: bool) -> Sequence[Pane]:
        # The alarm of the day under the cursor needs its words.
        return super().panes(context, large=large) if large else ()


def developer_page(row: Developer, since: str) -> Section:
    """The first section of a developer, its neighbours attached."""
    scope = (is_("dev", row.developer_id or ""),)
    filter = f"since:{since}" if since else ""
    neighbours = tuple(
        kind(scope, (), filter)
        for kind in (SessionsSection, CommitsSection, ToolsSection, ModelsSection, SourcesSection)
    )
    for section in neighbours:
        section.developer, section.neighbours = row, neighbours
    return neighbours[0]
