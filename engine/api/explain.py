"""What stands behind a number: its definition, the SQL, the rows that it is made of, their prices, its age.

Owns the answer of /api/v1/explain. What each figure is made of stands in explain_accounts.py. Refuses to guess: a
number that is no sum of rows gets definition, SQL, age, and the reason why there is no sum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from engine.access.problems import Problem
from engine.api import explain_accounts as accounts
from engine.api.answers import Questions, ready, transaction
from engine.api.caller import Sight
from engine.api.encode import json_value
from engine.api.query import Query, read_query
from engine.api.statements import Statement, bound, compile_query
from engine.api.views import Column, View, sql
from engine.errors import StorageError
from engine.filters.errors import nearest
from engine.filters.parse import Filter

ROWS_SHOWN = 20
"""Rows that are shown: those that weigh most."""

PARAMETERS = ("view", "row", "column", "by", "filter", "since", "until")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be explained: a column of one row of a query."""

    query: Query
    row: str
    column: Column


@dataclass(frozen=True, slots=True)
class Account:
    """The rows behind a number. `sum`: what they add up to; `adds_up`: that is the number, None where no sum is meant.

    `statement` finds the sum, with the parameters that it names.
    """

    declared: accounts.Account
    statement: Statement
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
        prices = _prices(cursor, account) if account is not None and account.declared.priced else ()
    return Explanation(asked, values[asked.column.name], statement, account, prices, version[0], version[1])


def _shown(view: View, base: Statement, condition: str) -> str:
    """SQL of a view's shown columns for the rows under a condition; what is added to a page needs the page."""
    shown = ", ".join(f'"{column.name}"' for column in view.shown)
    finished = f"({sql(view.name + '_page')})" if view.has_page else "page"
    return (
        f"with everything as not materialized (\n{base.sql}\n),\n"
        f"page as (select * from everything where {condition})\nselect {shown} from {finished}"
    )


def _account(
    cursor: Any, asked: Asked, values: Mapping[str, Any], sight: Sight, now: datetime, zone: ZoneInfo
) -> Account | None:
    view, column = asked.query.view, asked.column.name
    declared = accounts.account_of(view.name, asked.query.by, column, values.get("source"))
    is_sum = declared is not None
    declared = declared or accounts.PARTS.get((view.name, column))
    if declared is None:
        return None
    source, terms = _narrowed(declared, asked.query)
    inner = Query(source, Filter(terms, asked.query.filter.text), (), None)
    base, _ = compile_query(inner, sight, now, zone)
    extra = {**base.parameters, **{f"row_{name}": value for name, value in values.items()}}
    counted = bound(
        f"with everything as not materialized (\n{base.sql}\n)\n"
        f"select count(*), {declared.measure} from everything where {declared.rows}",
        extra,
    )
    total, amount = cursor.execute(counted.sql, dict(counted.parameters)).fetchone()
    order = f"order by {declared.weight} desc nulls last, {', '.join(source.key)}"
    heaviest = bound(f"{_shown(source, base, f'{declared.rows} {order} limit {ROWS_SHOWN}')}", extra)
    rows = cursor.execute(heaviest.sql, dict(heaviest.parameters)).fetchall()
    adds_up = None
    if is_sum:
        said = values[column]
        adds_up = amount == said or (not amount and not said)
    return Account(declared, counted, total, amount if is_sum else None, adds_up, source.shown, tuple(rows))


def _narrowed(declared: accounts.Account, query: Query) -> tuple[View, tuple[Any, ...]]:
    """The source with the conditions of the explained view's own scope, and the terms that these answer.

    Conditions on finished rows of a group are none on what it is made of.
    """
    if declared.scope is None:
        return declared.source, ()
    scope = next(scope for scope in query.view.scopes if scope.name == declared.scope)
    terms = tuple(
        term
        for term in query.filter.terms
        if term.field not in query.view.measures
        and (scope.words is not None if term.field is None else term.field in scope.targets)
    )
    return replace(declared.source, scopes=(replace(scope, name="rows"),)), terms


def _prices(cursor: Any, account: Account) -> tuple[Mapping[str, Any], ...]:
    """Rows of the price book for the models of the shown calls."""
    place = [column.name for column in account.columns].index("request_key")
    found = cursor.execute(sql("explain_prices"), {"calls": [row[place] for row in account.rows]})
    columns = [column[0] for column in found.description]
    return tuple(dict(zip(columns, row, strict=True)) for row in found.fetchall())


_PLAIN: Mapping[str, str] = {
    "text": "a name, not a figure",
    "texts": "names, not a figure",
    "instant": "an instant, not a figure",
    "day": "a day, not a figure",
    "boolean": "yes or no, not a figure",
    "links": "links, not a figure",
}


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
        "account": None,
        "reason": accounts.reason_of(asked.query.view.name, asked.column.name),
        "prices": list(found.prices),
        "as_of": found.as_of,
        "batch_id": found.batch_id,
    }
    if account is not None:
        told["account"] = {
            "of": accounts.NAMES[account.declared.source.name],
            "total": account.total,
            "measure": account.declared.measure,
            "sum": account.sum,
            "adds_up": account.adds_up,
            "sql": account.statement.sql,
            "parameters": dict(account.statement.parameters),
            "rows": [dict(zip((column.name for column in account.columns), row, strict=True)) for row in account.rows],
        }
    elif told["reason"] is None:
        told["reason"] = _PLAIN.get(asked.column.kind, "no account is kept of this figure: its SQL is all there is")
    return orjson.dumps(told, default=_value, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _value(value: Any) -> Any:
    converted = json_value(value)
    return str(value) if converted is value else converted
