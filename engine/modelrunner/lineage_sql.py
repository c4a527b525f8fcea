"""Where the columns of one query come from.

Owns reading DuckDB SQL (sqlglot) and following each column of a query through its common table expressions, joins,
unions and subqueries to the tables it reads. Refuses to guess: a column that cannot be followed is given back as not
known, and SQL that cannot be read gives no columns. Knows no project: lineage.py joins queries to one.

With lineage_trace.py the only module that imports sqlglot, which costs a third of a second: import it where needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlglot
import sqlglot.errors
from sqlglot import exp
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.scope import Scope, build_scope

from engine.modelrunner.lineage_trace import DIALECT, Found, TableName, Tracer

# sqlglot's optimizer is not proof against every text; what it cannot read is unknown, not an error.
_ERRORS = (
    sqlglot.errors.SqlglotError, RecursionError, ValueError, KeyError, AttributeError, TypeError, IndexError,
)  # fmt: skip
_STEPS = 12
"""Expressions kept of one column; deeper ones say little."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a query: the columns of tables it is made of, and the expressions on the way, outermost first.

    `known` is false when a part of it could not be followed; a constant is known and has no sources.
    """

    name: str
    sources: tuple[tuple[TableName, str], ...] = ()
    steps: tuple[str, ...] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Query:
    """The columns of a query in order; `complete` is false when there may be others (`select *` of the unknown)."""

    columns: tuple[Column, ...]
    complete: bool


def read(
    sql: str,
    tables: Mapping[TableName, Sequence[str]],
    *,
    database: str,
    schema: str,
    expected: Sequence[str] = (),
) -> Query:
    """Follows the columns of `sql`. `tables` are the columns of what it may read, as far as they are known; names
    without database and schema are those given; `expected` are the columns it is known to have (in the database)."""
    try:
        scope = _scope(sql, tables, database.lower(), schema.lower())
        if scope is not None:
            return _followed(scope, tables, expected)
    except _ERRORS:
        pass
    return Query(tuple(Column(name, known=False) for name in expected), False)


def _followed(scope: Scope, tables: Mapping[TableName, Sequence[str]], expected: Sequence[str]) -> Query:
    tracer = Tracer(tables, scope)
    outputs = tracer.outputs(scope)
    if any(output.name is None for output in outputs):
        if expected:
            return Query(tuple(_column(name, tracer.named(scope, name)) for name in expected), True)
        known_outputs = [output for output in outputs if output.name is not None]
        return Query(tuple(_column(str(output.name), tracer.output(scope, output)) for output in known_outputs), False)
    as_written = {name.lower(): name for name in expected}
    done = []
    for place, output in enumerate(outputs):
        name = as_written.get(str(output.name), str(output.name))
        if not output.named and len(expected) == len(outputs):
            name = expected[place]  # the database knows how DuckDB calls what has no alias
        done.append(_column(name, tracer.output(scope, output)))
    return Query(tuple(done), True)


def _scope(sql: str, tables: Mapping[TableName, Sequence[str]], database: str, schema: str) -> Scope | None:
    """The scopes of a query with every name qualified as far as can be, or None when it cannot be read."""
    known: dict[str, Any] = {}
    for (of, within, name), columns in tables.items():
        known.setdefault(of, {}).setdefault(within, {})[name] = {column.lower(): "unknown" for column in columns}
    tree = sqlglot.parse_one(sql, dialect=DIALECT)
    if not isinstance(tree, exp.Query):
        return None
    try:
        qualified = qualify(
            tree.copy(), dialect=DIALECT, schema=known, catalog=database, db=schema, allow_partial_qualification=True,
            validate_qualify_columns=False, quote_identifiers=False, identify=False,
        )  # fmt: skip
    except _ERRORS:
        # The columns of a table are not known, or sqlglot stumbles: the tables at least have their full names.
        tree = normalize_identifiers(tree, dialect=DIALECT)
        qualified = qualify_tables(tree, db=schema, catalog=database, dialect=DIALECT)
    return build_scope(qualified)


def _column(name: str, found: Found) -> Column:
    # A constant is worth a word only where nothing else is: `cast(null as …)` of one arm of a union says little.
    steps = [text for text, varies in found.steps.items() if varies] or list(found.steps)
    return Column(name, tuple(found.sources), tuple(steps[:_STEPS]), found.known)
