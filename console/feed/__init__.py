"""Where rows come from: one protocol, two implementations (HTTP and recorded answers).

Owns the questions a console can ask, the answers, the events and the errors of asking. Refuses to know who asks: no
screen, no terminal.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Generic, Literal, Protocol, TypeVar

from console.rows import (
    Commit,
    Cost,
    Coverage,
    Developer,
    Metadata,
    Request,
    Session,
    SessionSource,
    Tool,
    Trust,
)
from engine.contract import ChangeSet

Record = TypeVar("Record", bound="AnyRow")
AnyRow = Session | Request | Tool | Commit | Developer | Cost | Coverage | SessionSource | Trust

VIEWS: dict[str, type[AnyRow]] = {
    "sessions": Session,
    "requests": Request,
    "tools": Tool,
    "commits": Commit,
    "developers": Developer,
    "costs": Cost,
    "coverage": Coverage,
    "session_sources": SessionSource,
    "trust": Trust,
}
"""Views of `/api/v1/…` this console reads, and the type of their rows."""


@dataclass(frozen=True, slots=True)
class Query:
    """A question about a view: a filter expression, a group (`by`, costs only), an order, a window."""

    view: str
    filter: str = ""
    since: str = ""
    until: str = ""
    by: str = ""
    sort: str = ""
    limit: int = 200
    cursor: str = ""

    def parameters(self) -> dict[str, str]:
        """The query string; empty values are left out."""
        named = {
            "filter": self.filter,
            "since": self.since,
            "until": self.until,
            "by": self.by,
            "sort": self.sort,
            "cursor": self.cursor,
        }
        return {name: value for name, value in named.items() if value} | {"limit": str(self.limit)}

    def after(self, cursor: str) -> Query:
        """The same question, further down."""
        return replace(self, cursor=cursor)


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record]):
    """Rows in the engine's order."""

    rows: tuple[Record, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream is open: everything on screen may be stale and is asked for again."""

    version: str
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """Something changed; `change` says which sessions, commits, days and models."""

    change: ChangeSet


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The engine is there and has nothing to tell."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream ended; the next attempt comes in `retry_seconds`."""

    reason: str
    retry_seconds: float


FeedEvent = Connected | Changed | Heartbeat | Lost

Kind = Literal["offline", "auth", "forbidden", "filter", "limited", "version", "failed"]


class FeedError(Exception):
    """A question that got no answer. `kind` decides what the screen offers; `sentence` and `hint` are for people."""

    def __init__(
        self,
        kind: Kind,
        sentence: str,
        hint: str = "",
        *,
        column: int | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(sentence)
        self.kind: Kind = kind
        self.sentence = sentence
        self.hint = hint
        self.column = column
        self.retry_seconds = retry_seconds


class Feed(Protocol):
    """Anything that answers queries and tells of changes."""

    @property
    def name(self) -> str:
        """What the feed talks to, for people: an address."""
        ...

    @property
    def interval(self) -> float:
        """Shortest time in seconds between two refreshes of a screen that this feed allows."""
        ...

    async def ask(self, query: Query) -> Answer[Any]:
        """Rows for a query. Raises FeedError."""
        ...

    def events(self) -> AsyncIterator[FeedEvent]:
        """Changes as they happen, across reconnections, until closed."""
        ...

    async def raw(self, query: Query) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """The engine's own objects for a query, and the cursor of the next page. Raises FeedError."""
        ...

    async def explain(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        """What stands behind one number: `view`, `row`, `column`, and the question around it. Raises FeedError."""
        ...

    async def close(self) -> None:
        """Let go of every connection."""
        ...
