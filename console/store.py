"""The rows that a screen holds now: answers by the name of their question, and a window that grows downwards.

Owns merging of pages by key, what is asked but not yet answered, and what went wrong. Refuses the network and the
terminal, and refuses to hold a table: a window has a bound, the engine keeps the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from console.feed import Answer, FeedError, Query
from console.rows import Metadata

MOST_ROWS = 5_000
"""Rows of one window. Whoever needs to look further narrows the filter."""
PAGE = 200
"""Rows of one question; a screen shows 60 at most."""


@dataclass(slots=True)
class Sheet:
    """Answers of one screen.

    `asked` are the questions that were answered, `last_asked` the newest ones, `asked_at` (generation, seconds) when.
    `arrived` is when the newest answer came, `as_of` the engine's own instant of it.
    """

    answers: dict[str, Answer[Any]] = field(default_factory=dict)
    asked: dict[str, Query] = field(default_factory=dict)
    last_asked: dict[str, Query] = field(default_factory=dict)
    errors: dict[str, FeedError] = field(default_factory=dict)
    asked_at: dict[str, tuple[int, float]] = field(default_factory=dict)
    arrived: datetime | None = None
    as_of: datetime | None = None

    def rows(self, name: str) -> tuple[Any, ...]:
        """The rows of a question; none while it is unanswered."""
        answer = self.answers.get(name)
        return answer.rows if answer is not None else ()

    def metadata(self, name: str) -> Metadata:
        """What the answer says about itself; all unknown while unanswered."""
        answer = self.answers.get(name)
        return answer.metadata if answer is not None else Metadata()

    def answered(self, name: str) -> bool:
        return name in self.answers

    def take(self, name: str, query: Query, answer: Answer[Any], now: datetime) -> None:
        """An answer replaces what was known. Rows beyond the answer's window stay if the question is the same."""
        before = self.answers.get(name)
        same = before is not None and self.same(self.asked.get(name), query)
        if before is not None and same and answer.metadata.next_cursor and len(before.rows) > len(answer.rows):
            answer = merge(answer, before.rows[len(answer.rows) :], before.metadata)
        self.answers[name], self.asked[name] = answer, query
        self.errors.pop(name, None)
        self.arrived = now
        self.as_of = answer.metadata.as_of or self.as_of

    def extend(self, name: str, query: Query, answer: Answer[Any], now: datetime) -> None:
        """Append the next page, if the question has not changed meanwhile."""
        before = self.answers.get(name)
        if before is None or not self.same(self.asked.get(name), query):
            return
        self.answers[name] = merge(before, answer.rows, answer.metadata)
        self.arrived = now

    def fail(self, name: str, error: FeedError) -> None:
        """A question that got no answer; rows that are there stay."""
        self.errors[name] = error

    def wants_more(self, name: str, place: int, ahead: int) -> bool:
        """Whether the next page should be asked for, the reader being at `place`."""
        answer = self.answers.get(name)
        return (
            answer is not None
            and answer.metadata.next_cursor is not None
            and len(answer.rows) < MOST_ROWS
            and place + ahead >= len(answer.rows)
        )

    def refresh_limit(self, name: str) -> int:
        """How many rows to ask for again so that everything loaded is fresh, within one question."""
        return max(PAGE, min(1000, -(-len(self.rows(name)) // PAGE) * PAGE))

    @staticmethod
    def same(one: Query | None, other: Query) -> bool:
        """Whether two questions differ in their window at most."""
        return one is not None and replace(one, limit=0, cursor="") == replace(other, limit=0, cursor="")


def merge(first: Answer[Any], more: tuple[Any, ...], metadata: Metadata) -> Answer[Any]:
    """Both pages' rows, each key once (the first page is the newer knowledge), with the later page's cursor."""
    seen = {row.key for row in first.rows}
    rows = (*first.rows, *(row for row in more if row.key not in seen))
    return Answer(rows[:MOST_ROWS], replace(first.metadata, next_cursor=metadata.next_cursor))
