"""From a query to SQL.

Owns putting our own pieces of SQL together: the view's file, the conditions at its marks, what holds a caller to its
rows, order, limit and totals. Refuses user text: of a query only parameters get here, by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.api.caller import Sight
from engine.api.order import after, order_by, read_cursor
from engine.api.query import Query
from engine.api.views import Scope, sql
from engine.filters.errors import FilterError
from engine.filters.parse import Filter, Term
from engine.filters.to_sql import Target, compile_filter, time_range

_NAMED = re.compile(r"\$([a-z_][a-z0-9_]*)")


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL of ours with the parameters that it names."""

    sql: str
    parameters: Mapping[str, Any]


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
    wholes = "".join(f', "{column}"' for column in query.view.wholes.values())
    hidden = places + wholes if resumable else ""
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
    wholes = query.view.wholes
    sums = "".join(f', max("{wholes[name]}")' if name in wholes else f', sum("{name}")' for name in query.view.totals)
    text = (
        f"with everything as not materialized (\n{base.sql}\n)\nselect count(*){sums} from everything where {measured}"
    )
    return bound(text, base.parameters)
