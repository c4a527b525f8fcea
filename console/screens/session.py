"""One session: its timeline of requests, tool calls and commits.

Owns the three questions behind the timeline and the way to the next error. Refuses prompts: their text is not stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from console.feed import Query
from console.rows import Commit, Request, Session, SessionSource, Tool
from console.screens.live import session_filter
from console.screens.page import Page, cost_of, figures
from console.views import coverage, session, text
from console.views.columns import Column
from console.views.context import Context
from console.views.figures import Figure, figures_of
from console.views.line import Line

MOST = 1000


class SessionPage(Page):
    """A timeline. It follows the newest moment while the session lives."""

    name: ClassVar[str] = "session"
    label: ClassVar[str] = "Session"
    view: ClassVar[str] = "requests"
    noun: ClassVar[str] = "moments"

    def __init__(self, row: Session, trail: Sequence[str]) -> None:
        super().__init__((), trail)
        self.row = row
        self.following = row.state == "live"
        self._merged: tuple[tuple[Any, ...], tuple[session.Event, ...]] = ((), ())

    @property
    def columns(self) -> Sequence[Column]:
        return session.COLUMNS

    def queries(self) -> Mapping[str, Query]:
        scope = session_filter(self.row)
        return {
            "rows": Query("requests", scope, sort="-ts", limit=MOST),
            "tools": Query("tools", scope, sort="-ts", limit=MOST),
            "commits": Query("commits", scope, sort="-commit_timestamp", limit=200),
            "session": Query("sessions", scope, limit=1),
            "sources": Query("session_sources", scope, sort="source", limit=20),
        }

    def base(self, limit: int = MOST) -> Query:
        return Query("requests", session_filter(self.row), sort="-ts", limit=MOST)

    def rows(self, context: Context) -> Sequence[session.Event]:
        return self.events()

    def events(self) -> Sequence[session.Event]:
        """The timeline; merged again only when one of its parts is new."""
        parts = tuple(self.sheet.rows(name) for name in ("rows", "tools", "commits"))
        if any(one is not other for one, other in zip(parts, self._merged[0] or ((), (), ()), strict=True)):
            self._merged = (parts, session.timeline(*parts))
        return self._merged[1]

    def known(self) -> Session:
        """The session as the engine tells it now."""
        rows: Sequence[Session] = self.sheet.rows("session")
        return rows[0] if rows else self.row

    def total(self) -> int | None:
        if not self.sheet.answered("rows"):
            return None
        more = sum((self.sheet.metadata(name).total or 0) for name in ("rows", "tools", "commits"))
        return max(more, len(self.events()))

    def newest(self, count: int) -> int:
        return count - 1

    def record(self, row: session.Event) -> Any:
        return row.row

    def number(self, row: session.Event) -> Mapping[str, str] | None:
        return cost_of(row.row)

    def figures(self, row: session.Event) -> Sequence[Figure]:
        sources: Sequence[SessionSource] = self.sheet.rows("sources")
        told = [
            figure
            for each in sources
            if each.source != "counted" and each.total_tokens is not None
            for figure in figures_of(
                {"view": "session_sources", "row": each.source_key}, f"{coverage.source(each.source)}: ", 1
            )
        ]
        return (*figures_of(self.number(row)), *figures_of(cost_of(self.known()), "session: "), *told)

    def next_error(self, by: int) -> bool:
        rows, place = self.events(), self.cursor.index or 0
        places = range(place + 1, len(rows)) if by > 0 else range(place - 1, -1, -1)
        found = next((index for index in places if rows[index].failed), None)
        if found is None:
            return False
        self.cursor.go(found)
        return True

    def open(self, row: session.Event, context: Context) -> Page | None:
        from console.screens.record import CommitRecord, RequestRecord, ToolRecord

        trail = tuple(self.crumbs(context))
        match row.row:
            case Request():
                return RequestRecord(row.row, trail)
            case Tool():
                return ToolRecord(row.row, trail)
            case Commit():
                return CommitRecord(row.row, trail)

    def copy_text(self, row: session.Event) -> str:
        return row.row.commit_hash if isinstance(row.row, Commit) else row.key.partition("/")[2]

    def crumbs(self, context: Context) -> Sequence[str]:
        return (*self.trail, text.short_session(self.row.session_id))

    def heading(self, context: Context) -> str:
        return f"timeline{' (following)' if self.following else ''}"

    def middle(self, context: Context, width: int) -> Line:
        row = self.known()
        parts: list[tuple[str, str] | str] = [
            (text.money(row.cost_usd), ""),
            (text.tokens(row.total_tokens), "tokens" if width >= 120 else "tok"),
            (text.span(row.duration_seconds), ""),
        ]
        if width >= 120:
            parts += [(text.count(row.tool_call_count), "tool calls"), (text.count(row.commit_count), "commits")]
        return figures(*parts)

    def lead(self, context: Context) -> Line | None:
        from console.views.sessions import who_and_where

        return who_and_where(self.known(), context)

    def detail_title(self, row: Any, context: Context) -> str:
        known = self.known()
        return f"{context.person(known.developer_id, known.developer_name)} · {text.short_session(known.session_id)}"

    def detail(self, row: session.Event, context: Context, width: int, height: int) -> Sequence[Line]:
        return session.detail(self.known(), row, self.sheet.rows("sources"), context, width, height)
