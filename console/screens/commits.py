"""Commits, newest first, each with its link to a session.

Owns the questions about commits. Refuses git: what a repository says came through the engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from console.feed import Query
from console.rows import Commit
from console.screens.page import Page, Pane, figures
from console.views import commits, text
from console.views.columns import Column
from console.views.context import Context
from console.views.line import Line


class CommitsPage(Page):
    """Commits of everybody, or of one developer."""

    name: ClassVar[str] = "commits"
    label: ClassVar[str] = "Commits"
    view: ClassVar[str] = "commits"
    noun: ClassVar[str] = "commits"
    default_filter: ClassVar[str] = "since:30d"
    default_sort: ClassVar[str] = "commit_timestamp"

    @property
    def columns(self) -> Sequence[Column]:
        return commits.COLUMNS

    def queries(self) -> Mapping[str, Query]:
        query = self.base(1)
        assisted = f"{query.filter} assisted:yes".strip()
        return {
            **super().queries(),
            "assisted": Query("commits", assisted, query.since, query.until, limit=1),
        }

    def open(self, row: Commit, context: Context) -> Page | None:
        from console.screens.record import CommitRecord

        return CommitRecord(row, self.crumbs(context))

    def copy_text(self, row: Commit) -> str:
        return row.commit_hash

    def middle(self, context: Context, width: int) -> Line:
        total, assisted = self.total(), self.sheet.metadata("assisted").total
        if total is None:
            return ()
        share = text.percent(assisted, total) if assisted is not None and total else text.UNKNOWN
        return figures((text.count(total), "commits"), (share, "with an agent"))

    def detail_title(self, row: Commit, context: Context) -> str:
        who = context.person(row.developer_id or row.author_email, row.developer_name or row.author_name)
        return f"{text.short_sha(row.commit_hash)} · {who}"

    def detail(self, row: Commit, context: Context, width: int, height: int) -> Sequence[Line]:
        return commits.detail(row, context, width, height)

    def panes(self, context: Context, *, large: bool) -> Sequence[Pane]:
        if not large:
            return ()
        rows: Sequence[Commit] = self.sheet.rows("rows")
        shown = f"newest {len(rows)}" if (self.total() or 0) > len(rows) else "all"
        return (
            Pane(f"commits per day ({shown})", lambda w, h: commits.per_day(rows, context, w, h)),
            Pane(f"with an agent ({shown})", lambda w, h: commits.attribution_bars(rows, w, h)),
        )
