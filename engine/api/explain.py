"""What stands behind a number: its definition, the SQL, the model calls that it is made of, their prices, its age.

Owns the answer of /api/v1/explain, and for each view the filter that finds the model calls of one row. Refuses numbers
that are no sum of model calls any further account than definition, SQL and age: it says so instead of guessing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from engine.access.problems import Problem
from engine.api.answers import Questions, ready, transaction
from engine.api.caller import Sight
from engine.api.encode import json_value
from engine.api.query import Query, read_query
from engine.api.statements import Statement, bound, compile_query
from engine.api.views import VIEWS, Column, View, sql
from engine.errors import StorageError
from engine.filters.errors import nearest
from engine.filters.parse import parse

SUMMED = frozenset(
    {
        "cost_usd",
        "cost_reported_usd",
        "cost_priced_usd",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "output_tokens",
        "total_tokens",
    }
)
"""Columns that are sums of the same column of model calls."""

ROWS_SHOWN = 20
"""Model calls that are shown: those that weigh most."""

PARAMETERS = ("view", "row", "column", "by", "filter", "since", "until")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained: a column of one row of a query."""

    query: Query
    row: str
    column: Column


@dataclass(frozen=True, slots=True)
class Account:
    """The model calls behind a number. `sum` is theirs; `adds_up`: it is the number, None when that is no question."""

    filter: str
    total: int
    sum: Any
    adds_up: bool | None
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one number. `prices` are rows of the price book, by column."""

    asked: Asked
    value: Any
    statement: Statement
    account: Account | None
    prices: tuple[Mapping[str, Any], ...]
    batch_id: int
    as_of: datetime


def read_asked(parameters: Sequence[tuple[str, str]]) -> Asked:
    """The number that a request names. Raises FilterError, and Problem 404 or 422."""
    given = dict(parameters)
    for name in given:
        if name not in PARAMETERS:
            meant = nearest(name, list(PARAMETERS))
            raise Problem(422, f"unknown parameter {name}{f'; did you mean {meant}?' if meant else ''}", "parameter")
    for name in ("view", "row", "column"):
        if not given.get(name):
            raise Problem(422, f"{name} is missing; explain takes view, row (the row's key) and column", "parameter")
    rest = [(name, given[name]) for name in ("by", "filter", "since", "until") if given.get(name)]
    query = read_query(given["view"], rest)
    column = query.view.column(given["column"])
    if column is None or not column.shown:
        meant = nearest(given["column"], [shown.name for shown in query.view.shown])
        raise Problem(
            404,
            f"{query.view.name} has no column {given['column']}{f'; did you mean {meant}?' if meant else ''}",
            "not_found",
        )
    return Asked(replace(query, limit=None), given["row"], column)


def explain(reader: Questions, asked: Asked, sight: Sight, now: datetime, zone: ZoneInfo) -> Explanation:
    """The account of one number, all of it from one state of the models.

    Raises FilterError, and Problem (404 when there is no such row, 503 before the models exist).
    """
    view = asked.query.view
    base, measured = compile_query(asked.query, sight, now, zone)
    key = " || ' ' || ".join(f"cast({name} as varchar)" for name in view.key)
    text = _shown(view, base, f"{measured} and coalesce({key}, '') = $explained_row")
    statement = bound(text, {**base.parameters, "explained_row": "" if asked.row == "unknown" else asked.row})
    with ready(), reader.cursor() as cursor, transaction(cursor):
        version = cursor.execute(sql("version")).fetchone()
        if version is None:
            raise StorageError("the models are not built yet")
        row = cursor.execute(statement.sql, dict(statement.parameters)).fetchone()
        if row is None:
            raise Problem(404, f"{view.name} has no row {asked.row} under this filter", "not_found")
        values = dict(zip((column.name for column in view.shown), row, strict=True))
        account = _account(cursor, asked, values, sight, now, zone)
        prices = _prices(cursor, account) if account is not None else ()
    return Explanation(asked, values[asked.column.name], statement, account, prices, version[0], version[1])


def _shown(view: View, base: Statement, condition: str) -> str:
    """SQL of a view's shown columns for the rows under a condition; what is added to a page needs the page."""
    shown = ", ".join(f'"{column.name}"' for column in view.shown)
    finished = f"({sql(view.name + '_page')})" if view.has_page else "page"
    return (
        f"with everything as not materialized (\n{base.sql}\n),\n"
        f"page as (select * from everything where {condition})\nselect {shown} from {finished}"
    )


def _quoted(value: Any) -> str:
    return '"' + str(value).replace('"', "") + '"'


def _by_key(field: str) -> Callable[[Mapping[str, Any]], str]:
    def text(values: Mapping[str, Any]) -> str:
        return f"{field}:{_quoted(values['key'])}"

    return text


_COSTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "developer": _by_key("dev"),
    "agent": _by_key("agent"),
    "model": _by_key("model"),
    "project": _by_key("project"),
    "branch": _by_key("branch"),
    "day": lambda values: f"since:{values['key']} until:{values['key']}",
}

_CALLS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "sessions": lambda values: f"session:{_quoted(values['session_id'])} agent:{values['agent_type']}",
    "developers": lambda values: f"dev:{_quoted(values['developer_id'])}",
    "agents": lambda values: f"agent:{values['agent_type']}",
    "projects": lambda values: f"project:{_quoted(values['project_id'])}",
    "models": lambda values: f"model:{_quoted(values['model'])}",
    "coverage": lambda values: (
        f"dev:{_quoted(values['developer_id'])} agent:{values['agent_type']}"
        f" since:{values['date']:%Y-%m-%d} until:{values['date']:%Y-%m-%d}"
    ),
}
"""By view, the filter that finds the model calls of a row."""


def _account(
    cursor: Any, asked: Asked, values: Mapping[str, Any], sight: Sight, now: datetime, zone: ZoneInfo
) -> Account | None:
    query = asked.query
    finder = _COSTS[query.by] if query.view.name == "costs" and query.by else _CALLS.get(query.view.name)
    if query.view.name == "requests":
        found = f"session:{_quoted(values['session_id'])}" if values["session_id"] is not None else ""
    elif finder is None or values.get("key", "") is None:
        return None
    else:
        found = finder(values)
    calls = VIEWS["requests"]
    # Conditions on the finished rows of a group are not conditions on its model calls.
    carried = tuple(
        term
        for term in query.filter.terms
        if term.field not in query.view.measures and (term.field is None or term.field in calls.fields)
    )
    filter = parse(found)
    asked_calls = replace(
        read_query("requests", [("filter", found)]), filter=replace(filter, terms=(*carried, *filter.terms))
    )
    base, measured = compile_query(asked_calls, sight, now, zone)
    key = " and request_key = $explained_row" if query.view.name == "requests" else ""
    column = asked.column.name if asked.column.name in SUMMED else "cost_usd"
    extra = {**base.parameters, "explained_row": asked.row}
    chosen = f"{measured}{key}"
    counted = bound(
        f"with everything as not materialized (\n{base.sql}\n)\n"
        f"select count(*), sum({column}) from everything where {chosen}",
        extra,
    )
    total, amount = cursor.execute(counted.sql, dict(counted.parameters)).fetchone()
    order = f"order by {column} desc nulls last, ts, request_key"
    heaviest = bound(f"{_shown(calls, base, f'{chosen} {order} limit {ROWS_SHOWN}')} {order}", extra)
    rows = cursor.execute(heaviest.sql, dict(heaviest.parameters)).fetchall()
    adds_up = None
    if asked.column.name in SUMMED:
        said = values[asked.column.name]
        adds_up = amount == said or (not amount and not said)
    return Account(found, total, amount if adds_up is not None else None, adds_up, calls.shown, tuple(rows))


def _prices(cursor: Any, account: Account) -> tuple[Mapping[str, Any], ...]:
    """Rows of the price book for the models of the shown calls."""
    place = [column.name for column in account.columns].index("request_key")
    found = cursor.execute(sql("explain_prices"), {"calls": [row[place] for row in account.rows]})
    columns = [column[0] for column in found.description]
    return tuple(dict(zip(columns, row, strict=True)) for row in found.fetchall())


def explanation_body(found: Explanation) -> bytes:
    """The JSON of the answer."""
    asked, account = found.asked, found.account
    told: dict[str, Any] = {
        "view": asked.query.view.name,
        "row": asked.row,
        "column": asked.column.name,
        "value": found.value,
        "definition": asked.column.help,
        "view_definition": asked.query.view.help,
        "sql": found.statement.sql,
        "parameters": dict(found.statement.parameters),
        "calls": None,
        "prices": list(found.prices),
        "as_of": found.as_of,
        "batch_id": found.batch_id,
    }
    if account is not None:
        told["calls"] = {
            "filter": account.filter,
            "total": account.total,
            "sum": account.sum,
            "adds_up": account.adds_up,
            "rows": [dict(zip((column.name for column in account.columns), row, strict=True)) for row in account.rows],
        }
    return orjson.dumps(told, default=_value, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _value(value: Any) -> Any:
    converted = json_value(value)
    return str(value) if converted is value else converted
