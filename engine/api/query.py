"""From a request for a view to a page of it.

Owns the reading of parameters (filter, since, until, sort, limit, cursor, by), the assembly of our own SQL from our own
pieces, and the cache of answers per state of the models. Refuses user text in SQL, and refuses to answer from a
cache across a refresh: the state of the models is part of every key.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import duckdb

from engine.access.problems import Problem
from engine.api.caller import Sight
from engine.api.order import Key, after, order_by, read_cursor, read_sort, write_cursor
from engine.api.views import VIEWS, Column, Scope, View, sql
from engine.errors import StorageError
from engine.filters.errors import FilterError, nearest
from engine.filters.parse import Filter, Term, Time, parse, render
from engine.filters.times import read_moment
from engine.filters.to_sql import Target, compile_filter, time_range

LIMIT = 100
LARGEST_LIMIT = 1_000
KEPT_ANSWERS = 256
PARAMETERS = ("filter", "since", "until", "sort", "limit", "cursor", "format", "by")
FORMATS = ("json", "csv", "arrow")

_NAMED = re.compile(r"\$([a-z_][a-z0-9_]*)")


class Questions(Protocol):
    """What answers SQL: `engine.store.reader.Reader`, or an offline database with the same two methods."""

    def cursor(self) -> Any:
        """A context manager that gives a DuckDB cursor."""
        ...

    def rows(self, sql: str, parameters: Any = None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows."""
        ...


@dataclass(frozen=True, slots=True)
class Query:
    """A request for a view, read and checked. `filter` holds the parameters since and until as well."""

    view: View
    filter: Filter
    order: tuple[Key, ...]
    limit: int | None
    cursor: str | None = None
    by: str | None = None
    format: str = "json"

    @property
    def fingerprint(self) -> str:
        """Equal for all pages of the same rows in the same order."""
        order = ",".join(f"{key.column}{'-' if key.descending else ''}" for key in self.order)
        said = "\n".join((self.view.name, self.by or "", render(self.filter), order))
        return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL of ours with the parameters that it names."""

    sql: str
    parameters: Mapping[str, Any]


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


def read_query(name: str, parameters: Sequence[tuple[str, str]]) -> Query:
    """The query that a request asks. Raises FilterError, and Problem 404 or 422."""
    view = VIEWS.get(name)
    if view is None:
        meant = nearest(name, list(VIEWS))
        hint = f"did you mean {meant}?" if meant else f"one of {', '.join(VIEWS)}"
        raise Problem(404, f"there is no view {name}; {hint}", "not_found")
    given: dict[str, str] = {}
    for key, value in parameters:
        if key not in PARAMETERS or (key == "by" and not view.groups):
            meant = nearest(key, list(PARAMETERS))
            hint = f"; did you mean {meant}?" if meant and meant != key else ""
            raise Problem(422, f"unknown parameter {key}{hint}", "parameter")
        if key in given:
            raise Problem(422, f"{key} is given twice", "parameter")
        given[key] = value
    filter = parse(given.get("filter", ""))
    terms = [*filter.terms, *(_moment(name, given[name]) for name in ("since", "until") if given.get(name))]
    by = given.get("by") or (view.groups[0] if view.groups else None)
    if by is not None and by not in view.groups:
        raise Problem(422, f"by: {by} is none of {', '.join(view.groups)}", "parameter")
    chosen = given.get("format") or "json"
    if chosen not in FORMATS:
        raise Problem(422, f"format: {chosen} is none of {', '.join(FORMATS)}", "parameter")
    sort = given.get("sort") or ("-key" if by == "day" else None)
    return Query(
        view=view,
        filter=Filter(tuple(terms), filter.text),
        order=read_sort(view, sort),
        limit=_limit(given.get("limit"), chosen),
        cursor=given.get("cursor") or None,
        by=by,
        format=chosen,
    )


def _moment(name: str, text: str) -> Term:
    moment = read_moment(text)
    if moment is None:
        raise Problem(422, f"{name}: {text} is no time; write 24h, 7d, today or 2026-11-01", "parameter")
    return Term(name, ":", (Time(moment),))


def _limit(text: str | None, format: str) -> int | None:
    if not text:
        return LIMIT if format == "json" else None
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise Problem(422, f"limit: {text} is no number from 1 to {LARGEST_LIMIT}", "parameter")
    return int(text)


def compile_query(query: Query, sight: Sight, now: datetime, zone: ZoneInfo) -> tuple[Statement, str]:
    """The view's SQL with all conditions on rows in their places, and the condition on finished rows.

    Raises FilterError for a field that the view lacks.
    """
    view = query.view
    _refuse_missing(query)
    measured = Filter(tuple(term for term in query.filter.terms if term.field in view.measures), query.filter.text)
    text = sql(view.name)
    parameters: dict[str, Any] = {"now": now, "by": query.by, **_previous(query.filter, now, zone)}
    narrowed = False
    for number, scope in enumerate(view.scopes):
        terms = tuple(term for term in query.filter.terms if term not in measured.terms and _answers(scope, term))
        condition = compile_filter(
            Filter(terms, query.filter.text),
            scope.targets,
            scope.words or _NO_WORDS,
            view=view.name,
            now=now,
            zone=zone,
            prefix=f"f{number}_",
        )
        parts = [condition.sql, *_restrictions(scope, sight)]
        narrowed = narrowed or (scope.narrows and bool(terms)) or _unheld(scope, sight)
        parameters.update(condition.parameters)
        text = text.replace(f"/*filter:{scope.name}*/ true", "(" + " and ".join(parts) + ")")
    parameters |= {"narrowed": narrowed, "own_developer": sight.developer, "own_projects": sight.projects}
    outer = compile_filter(measured, view.measures, _NO_WORDS, view=view.name, now=now, zone=zone, prefix="m")
    parameters.update(outer.parameters)
    return Statement(text, parameters), outer.sql


_NO_WORDS = Target(("null",))


def _answers(scope: Scope, term: Term) -> bool:
    return scope.words is not None if term.field is None else term.field in scope.targets


def _refuse_missing(query: Query) -> None:
    """A field that nothing of the view answers is an error, not an empty list."""
    for term in query.filter.terms:
        if term.field is not None and term.field not in query.view.fields:
            raise FilterError(
                f"{query.view.name} has no field {term.field}",
                query.filter.text,
                term.column,
                term.length,
                f"it has {', '.join(sorted(query.view.fields))}",
            )


def _restrictions(scope: Scope, sight: Sight) -> list[str]:
    parts: list[str] = []
    if sight.developer is not None and scope.developer is not None:
        parts.append(f"{scope.developer} = $own_developer")
    if sight.projects is not None and scope.project is not None:
        parts.append(f"list_contains(cast($own_projects as varchar[]), {scope.project})")
    return parts


def _unheld(scope: Scope, sight: Sight) -> bool:
    """True where a scope has no column to hold the caller by: the view's other facts must do it."""
    return (sight.developer is not None and scope.developer is None) or (
        sight.projects is not None and scope.project is None
    )


def _previous(filter: Filter, now: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """The same number of days just before the range; all None without a beginning."""
    span = time_range(filter, now, zone)
    if span.since is None:
        return {"previous_from": None, "previous_until": None, "previous_days": None}
    first = span.since.astimezone(zone).date()
    stop = min(span.until, now) if span.until is not None else now
    last = (stop - timedelta(microseconds=1)).astimezone(zone).date()
    days = max(1, (last - first).days + 1)
    return {
        "previous_from": first - timedelta(days=days),
        "previous_until": first,
        "previous_days": days,
    }


def bound(text: str, parameters: Mapping[str, Any]) -> Statement:
    """A statement with only the parameters that its text names: DuckDB refuses others."""
    named = set(_NAMED.findall(text))
    return Statement(text, {name: value for name, value in parameters.items() if name in named})


def rows_statement(
    query: Query, sight: Sight, now: datetime, zone: ZoneInfo, *, resumable: bool
) -> tuple[Statement, Statement]:
    """The SQL of the rows that `query` asks for, and the SQL that counts all rows of it.

    Resumable: one row more than the limit, to know whether there are more, and behind the shown columns the values of
    the order, of which the next cursor is made. Raises FilterError and Problem.
    """
    base, measured = compile_query(query, sight, now, zone)
    condition = "true"
    extra: Mapping[str, Any] = {}
    if query.cursor is not None:
        condition, extra = after(query.order, read_cursor(query.cursor, query.fingerprint, query.order))
    shown = ", ".join(f'"{column.name}"' for column in query.view.shown)
    places = "".join(f', "{key.column}" as "order_{number}"' for number, key in enumerate(query.order))
    hidden = places if resumable else ""
    order = order_by(query.order)
    limit = "" if query.limit is None else "limit $limit"
    finished = f"({sql(query.view.name + '_page')})" if query.view.has_page else "page"
    text = (
        f"with everything as not materialized (\n{base.sql}\n),\n"
        f"page as (select * from everything where {measured} and {condition} order by {order} {limit})\n"
        f"select {shown}{hidden} from {finished} order by {order}"
    )
    more = {} if query.limit is None else {"limit": query.limit + (1 if resumable else 0)}
    return bound(text, {**base.parameters, **extra, **more}), _total_statement(query, base, measured)


def _total_statement(query: Query, base: Statement, measured: str) -> Statement:
    """Counts all rows, and sums what the view totals."""
    sums = "".join(f', sum("{name}") as "{name}"' for name in query.view.totals)
    text = (
        f"with everything as not materialized (\n{base.sql}\n)\nselect count(*){sums} from everything where {measured}"
    )
    return bound(text, base.parameters)


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

    def __init__(self, reader: Questions, zone: ZoneInfo) -> None:
        self._reader = reader
        self._zone = zone
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
        return _timed(found, began, cached=False)

    def _ask(self, cursor: Any, query: Query, page: Statement, total: Statement, state: State) -> Page:
        rows = cursor.execute(page.sql, dict(page.parameters)).fetchall()
        counted = cursor.execute(total.sql, dict(total.parameters)).fetchone()
        events = sum(count for _, count in cursor.execute(sql("raw_counts")).fetchall())
        width = len(query.view.shown)
        more = query.limit is not None and len(rows) > query.limit
        kept = rows[: query.limit] if more else rows
        return Page(
            columns=query.view.shown,
            rows=tuple(row[:width] for row in kept),
            total=counted[0],
            totals=dict(zip(query.view.totals, counted[1:], strict=True)) if query.view.totals else None,
            next_cursor=write_cursor(query.fingerprint, kept[-1][width:]) if more else None,
            state=state,
            event_count=events,
            milliseconds=0.0,
        )


def _cache_key(query: Query, page: Statement, total: Statement) -> tuple[object, ...]:
    """What the answer depends on: the statements with their values; an unused clock is not among them."""
    return (
        query.fingerprint,
        page.sql,
        tuple(sorted((name, str(value)) for name, value in page.parameters.items())),
        tuple(sorted((name, str(value)) for name, value in total.parameters.items())),
    )


def _timed(page: Page, began: float, *, cached: bool) -> Page:
    return Page(
        page.columns,
        page.rows,
        page.total,
        page.totals,
        page.next_cursor,
        page.state,
        page.event_count,
        round((time.perf_counter() - began) * 1000, 3),
        cached,
    )
