"""The innermost step: one request, tool call or commit, fact by fact.

Owns the way from a record to the session it names. Refuses questions about itself: the row that led here is the record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from console.feed import Query
from console.rows import Commit, Request, Session, Tool
from console.screens.page import Page, cost_of
from console.views import records, text
from console.views.columns import Column
from console.views.context import Context


class RecordPage(Page):
    """Facts of one row."""

    name: ClassVar[str] = "record"
    noun: ClassVar[str] = "facts"
    detail_height: ClassVar[int] = 0

    def __init__(self, trail: Sequence[str]) -> None:
        super().__init__((), trail)

    @property
    def columns(self) -> Sequence[Column]:
        return records.COLUMNS

    def queries(self) -> Mapping[str, Query]:
        return {}

    def rows(self, context: Context) -> Sequence[records.Fact]:
        return self.facts(context)

    def facts(self, context: Context) -> Sequence[records.Fact]:
        """The facts as they are shown now."""
        return ()

    def number(self, row: records.Fact) -> Mapping[str, str] | None:
        return cost_of(getattr(self, "row", None))

    def open(self, row: records.Fact, context: Context) -> Page | None:
        if row.link is None:
            return None
        from console.screens.session import SessionPage

        return SessionPage(Session(row.link.session_id, row.link.agent_type), self.crumbs(context))

    def copy_text(self, row: records.Fact) -> str:
        return row.value


class RequestRecord(RecordPage):
    """One model request."""

    def __init__(self, row: Request, trail: Sequence[str]) -> None:
        super().__init__(trail)
        self.row = row

    def crumbs(self, context: Context) -> Sequence[str]:
        return (*self.trail, f"request {text.clock(self.row.ts, context.zone)}")

    def facts(self, context: Context) -> Sequence[records.Fact]:
        return records.request_facts(self.row, context)


class ToolRecord(RecordPage):
    """One tool call."""

    def __init__(self, row: Tool, trail: Sequence[str]) -> None:
        super().__init__(trail)
        self.row = row

    def crumbs(self, context: Context) -> Sequence[str]:
        return (*self.trail, f"tool {text.clock(self.row.ts, context.zone)}")

    def facts(self, context: Context) -> Sequence[records.Fact]:
        return records.tool_facts(self.row, context)


class CommitRecord(RecordPage):
    """One commit."""

    def __init__(self, row: Commit, trail: Sequence[str]) -> None:
        super().__init__(trail)
        self.row = row

    def crumbs(self, context: Context) -> Sequence[str]:
        return (*self.trail, text.short_sha(self.row.commit_hash))

    def facts(self, context: Context) -> Sequence[records.Fact]:
        return records.commit_facts(self.row, context)
