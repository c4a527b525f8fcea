"""Live: sessions, the live ones above the finished ones. The same page lists sessions of anything one drills into.

Owns the questions and the columns of sessions. Refuses to decide what live means: the engine says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar

from console.feed import Query
from console.rows import Session
from console.screens.page import Page, Pane, figures, is_, silent_sources, total_of
from console.views import sessions, text
from console.views.columns import Column
from console.views.context import Context
from console.views.figures import Figure
from console.views.line import Line


class SessionsPage(Page):
    """Sessions in any order."""

    name: ClassVar[str] = "sessions"
    label: ClassVar[str] = "sessions"
    view: ClassVar[str] = "sessions"
    noun: ClassVar[str] = "sessions"
    default_filter: ClassVar[str] = "since:30d"
    default_sort: ClassVar[str] = "session_start"

    @property
    def columns(self) -> Sequence[Column]:
        return sessions.LIST_COLUMNS

    def detail_queries(self, row: Session) -> Mapping[str, Query]:
        scope = session_filter(row)
        return {
            "tools": Query("tools", scope, sort="-ts", limit=20),
            "commits": Query("commits", scope, sort="-commit_timestamp", limit=20),
        }

    def open(self, row: Session, context: Context) -> Page | None:
        from console.screens.session import SessionPage

        return SessionPage(row, self.crumbs(context))

    def copy_text(self, row: Session) -> str:
        return row.session_id

    def detail_title(self, row: Session, context: Context) -> str:
        who = context.person(row.developer_id, row.developer_name)
        return f"{who} · {text.short_session(row.session_id)}"

    def detail(self, row: Session, context: Context, width: int, height: int) -> Sequence[Line]:
        return sessions.detail(row, self.details, context, width, height)

    def middle(self, context: Context, width: int) -> Line:
        return figures((text.count(self.total()), "sessions"))


_TODAY = Query("costs", since="today")


class LivePage(SessionsPage):
    """What runs now, and what ran today."""

    name: ClassVar[str] = "live"
    label: ClassVar[str] = "Live"
    default_filter: ClassVar[str] = "since:24h"
    default_sort: ClassVar[str] = "cost_usd"

    @property
    def columns(self) -> Sequence[Column]:
        return sessions.LIVE_COLUMNS

    def order(self) -> str:
        # By state first (live, idle, ended): finished sessions never push live ones off the screen.
        return f"state,{super().order()}"

    def queries(self) -> Mapping[str, Query]:
        asked = {
            **super().queries(),
            "live": Query("sessions", "state:live", limit=1),
            "today": Query("costs", by="agent", since="today", sort="-cost_usd", limit=20),
        }
        asked["trust"] = Query("trust", since="14d", limit=1)
        asked["recent_tools"] = Query("tools", since="1h", sort="-ts", limit=12)
        asked["recent_commits"] = Query("commits", since="24h", sort="-commit_timestamp", limit=12)
        return asked

    def totals(self) -> Sequence[Figure]:
        return tuple(Figure(each.words.replace("all rows", "today"), each.asked) for each in total_of(_TODAY))[:2]

    def crumbs(self, context: Context) -> Sequence[str]:
        rest = self.filter.replace(self.default_filter, "").strip()
        return (self.label, "filtered" if rest else "all")

    def heading(self, context: Context) -> str:
        return "Sessions"

    def middle(self, context: Context, width: int) -> Line:
        if not self.sheet.answered("today"):
            return ()
        totals = self.sheet.metadata("today").totals
        live = self.sheet.metadata("live").total
        cost = totals.cost_usd if totals else None
        # A sum over nothing is unknown to a database, but no group at all is none.
        sessions_today = totals.session_count if totals and self.sheet.metadata("today").total else 0
        return figures(
            silent_sources(self.sheet.rows("trust")),
            (text.count(live), "live"),
            (text.count(sessions_today), "today"),
            (text.cents(cost if cost is not None else Decimal(0)), ""),
        )

    def panes(self, context: Context, *, large: bool) -> Sequence[Pane]:
        if not large:
            return ()
        now = context.now.astimezone(context.zone)
        labels = [(now - timedelta(minutes=5 * back)).strftime("%H:%M") for back in range(11, -1, -1)]
        return (
            Pane(
                "tokens per minute, last hour", lambda w, h: sessions.team_rate(self.sheet.rows("rows"), labels, w, h)
            ),
            Pane("cost today by agent", lambda w, h: sessions.by_agent(self.sheet.rows("today"), w, h)),
            Pane(
                "latest",
                lambda w, h: sessions.latest(
                    self.sheet.rows("recent_tools"), self.sheet.rows("recent_commits"), context, w, h
                ),
            ),
        )


def session_filter(row: Session) -> str:
    """The filter that means exactly this session."""
    from engine.filters import Filter, render

    return render(Filter((is_("session", row.session_id), is_("agent", row.agent_type))))
