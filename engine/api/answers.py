"""From a query to a page of rows.

Owns asking the store (one state of the models per page) and the cache of answers. Refuses to answer from the cache
across a refresh: the state of the models is part of every key.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import duckdb

from engine.api.caller import Sight
from engine.api.order import write_cursor
from engine.api.query import Query
from engine.api.statements import Statement, rows_statement
from engine.api.views import Column, sql
from engine.errors import StorageError
from engine.filters.parse import render
from engine.measures import QUERY, SlowQueries, SlowQuery

KEPT_ANSWERS = 256


class Questions(Protocol):
    """What answers SQL: `engine.store.reader.Reader`, or an offline database with the same two methods."""

    def cursor(self) -> Any:
        """A context manager that gives a DuckDB cursor."""
        ...

    def rows(self, sql: str, parameters: Any = None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """The state of the models that an answer was made from: the newest batch they cover, and when they did."""

    batch_id: int
    as_of: datetime | None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the order of `columns`, and what is said about them."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    total: int
    totals: Mapping[str, Any] | None
    next_cursor: str | None
    state: State
    event_count: int
    milliseconds: float
    cached: bool = False


@contextmanager
def transaction(cursor: Any) -> Iterator[None]:
    """All questions of the block see one state of the models, refreshes or not."""
    cursor.execute("begin transaction")
    try:
        yield
    finally:
        cursor.execute("rollback")


_BUILD = "wait for the first build, or run aa-engine models build"


class NotBuilt(StorageError):
    """The models do not exist yet: an engine that has just begun."""

    code = "not_ready"


@contextmanager
def ready() -> Iterator[None]:
    """Turns what the database says of missing models, or of itself, into our errors."""
    try:
        yield
    except duckdb.CatalogException as error:
        raise NotBuilt("the models are not built yet", hint=_BUILD) from error
    except (duckdb.FatalException, duckdb.IOException, duckdb.ConnectionException) as error:
        raise StorageError(str(error).splitlines()[0]) from error


def _version(rows: list[tuple[Any, ...]]) -> tuple[int, datetime]:
    if not rows:
        raise NotBuilt("the models are not built yet", hint=_BUILD)
    batch_id, built_at = rows[0]
    return batch_id, built_at


def current_state(reader: Questions) -> State:
    """The state of the models now; batch 0 before the first build."""
    try:
        with ready():
            return State(*_version(reader.rows(sql("version"))[1]))
    except NotBuilt:
        return State(0, None)


class Answers:
    """Answers queries, from the cache while nothing changed. Safe from any thread."""

    def __init__(
        self, reader: Questions, zone: ZoneInfo, slow: SlowQueries | None = None, slow_ms: float = float("inf")
    ) -> None:
        """`slow` takes what needed more than `slow_ms`."""
        self._reader = reader
        self._zone = zone
        self._slow = slow
        self._slow_ms = slow_ms
        self._kept: OrderedDict[tuple[object, ...], Page] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, query: Query, sight: Sight, now: datetime, revision: int) -> Page:
        """One page. Raises FilterError and Problem (422 for a foreign cursor, 503 before the models exist)."""
        began = time.perf_counter()
        # Whole seconds: the same question within one second is the same question.
        now = now.astimezone(UTC).replace(microsecond=0)
        page, total = rows_statement(query, sight, now, self._zone, resumable=True)
        key = _cache_key(query, page, total)
        with ready(), self._reader.cursor() as cursor, transaction(cursor):
            state = State(*_version(cursor.execute(sql("version")).fetchall()), revision)
            key = (state, *key)
            with self._lock:
                found = self._kept.get(key)
                if found is not None:
                    self._kept.move_to_end(key)
                    return _timed(found, began, cached=True)
            found = self._ask(cursor, query, page, total, state)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT_ANSWERS:
                self._kept.popitem(last=False)
        told = _timed(found, began, cached=False)
        QUERY.labels(query.view.name).observe(told.milliseconds / 1000)
        if self._slow is not None and told.milliseconds > self._slow_ms:
            self._slow.add(SlowQuery(now, query.view.name, question(query), told.milliseconds, len(told.rows)))
        return told

    def _ask(self, cursor: Any, query: Query, page: Statement, total: Statement, state: State) -> Page:
        rows = cursor.execute(page.sql, dict(page.parameters)).fetchall()
        events = sum(count for _, count in cursor.execute(sql("raw_counts")).fetchall())
        width = len(query.view.shown)
        more = query.limit is not None and len(rows) > query.limit
        kept = rows[: query.limit] if more else rows
        if more or query.cursor is not None:
            counted = cursor.execute(total.sql, dict(total.parameters)).fetchone()
        else:
            # The page is the whole: what stands in it need not be asked for again.
            counted = (len(kept), *_sums(query, kept))
        return Page(
            columns=query.view.shown,
            rows=tuple(row[:width] for row in kept),
            total=counted[0],
            totals=dict(zip(query.view.totals, counted[1:], strict=True)) if query.view.totals else None,
            next_cursor=write_cursor(query.fingerprint, kept[-1][width : width + len(query.order)]) if more else None,
            state=state,
            event_count=events,
            milliseconds=0.0,
        )


def question(query: Query) -> str:
    """What was asked, in the words of the API."""
    order = ",".join(f"{'-' if key.descending else ''}{key.column}" for key in query.order)
    said = {"by": query.by, "filter": render(query.filter), "sort": order, "limit": query.limit}
    return " ".join(f"{name}={value}" for name, value in said.items() if value not in (None, ""))


def _sums(query: Query, rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Totals as SQL has them: the unknown adds nothing, and nothing known gives None."""
    names = [*(column.name for column in query.view.shown), *("" for _ in query.order), *query.view.wholes.values()]
    totals: list[Any] = []
    for name in query.view.totals:
        place = names.index(query.view.wholes.get(name, name))
        known = [row[place] for row in rows if row[place] is not None]
        totals.append(None if not known else known[0] if name in query.view.wholes else sum(known))
    return totals


def _cache_key(query: Query, page: Statement, total: Statement) -> tuple[object, ...]:
    """What the answer depends on: the statements with their values; an unused clock is not among them."""
    return (
        query.fingerprint,
        page.sql,
        tuple(sorted((name, str(value)) for name, value in page.parameters.items())),
        tuple(sorted((name, str(value)) for name, value in total.parameters.items())),
    )


def _timed(page: Page, began: float, *, cached: bool) -> Page:
    return replace(page, milliseconds=round((time.perf_counter() - began) * 1000, 3), cached=cached)
