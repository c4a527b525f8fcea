"""CSV files as tables.

Owns loading a seed: anew, or into the table that exists, as dbt does. Refuses to guess types (seed_types.py does) and,
unless the seed says `fast: false`, to read values: DuckDB copies the file.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.modelrunner import seed_types
from engine.modelrunner.database import Connection
from engine.modelrunner.materialize import Materialized, persist_docs, refreshed, run_hooks, target_of, text_literal
from engine.modelrunner.nodes import Node, quoted
from engine.modelrunner.problems import NodeProblem

ROWS_AT_ONCE = 1000


def load(node: Node, connection: Connection, *, full_refresh: bool, render: Callable[[str], str]) -> Materialized:
    """Load the seed's file. NodeProblem when it cannot be read or does not fit the table that exists."""
    table, columns = _content(node)
    target = target_of(node)
    before, after = node.config.hooks("pre-hook"), node.config.hooks("post-hook")
    run_hooks(before, connection, render, inside=False)
    with connection.transaction():
        run_hooks(before, connection, render, inside=True)
        existing = connection.relation(node.database, node.schema, node.alias)
        if existing is not None and existing.is_view:
            raise NodeProblem(f"cannot seed to {target}: it is a view", hint="drop it or give the seed an alias")
        if existing is None or refreshed(node, full_refresh):
            listed = ", ".join(f"{_named(node, name)} {kind}" for name, kind in columns)
            statement = f"create or replace table {target} ({listed})"
        else:
            statement = f"truncate table {target}"
        connection.execute(statement)
        fill = _fill(node, table, connection) if table.rows else ""
        persist_docs(node, connection)
        run_hooks(after, connection, render, inside=True)
    run_hooks(after, connection, render, inside=False)
    return Materialized(table.rows, f"{statement};\n-- dbt seed --\n{fill};")


def column_types(node: Node) -> list[tuple[str, str]]:
    """(column, type) in the file's order; `column_types` of the configuration wins."""
    return _content(node)[1]


def _content(node: Node) -> tuple[seed_types.Table, list[tuple[str, str]]]:
    given = {str(key): str(value) for key, value in (node.config.get("column_types") or {}).items()}
    table = seed_types.read(node.root / node.original_path, node.original_path, _delimiter(node))
    return table, seed_types.types(table, given)


def _delimiter(node: Node) -> str:
    return str(node.config.get("delimiter") or ",")


def _named(node: Node, column: str) -> str:
    wanted = node.config.get("quote_columns")
    if wanted is not None and not isinstance(wanted, bool):
        raise NodeProblem(
            f"{node.original_path}: quote_columns is {wanted!r}", hint="write quote_columns: true or false"
        )
    return column if wanted is False else quoted(column)


def _fill(node: Node, table: seed_types.Table, connection: Connection) -> str:
    """Brings the rows in; what was run comes back as text."""
    target = target_of(node)
    if node.config.get("fast", True):
        path = text_literal(str(node.root / node.original_path))
        options = f"format csv, header true, delimiter {text_literal(_delimiter(node))}"
        copy = f"copy {target} from {path} ({options})"
        connection.execute(copy)
        return copy
    forced = node.config.get("column_types") or {}
    values = [
        seed_types.parsed(texts, "text" if name in forced else seed_types.inferred(texts))
        for name, texts in zip(table.names, table.columns, strict=True)
    ]
    rows = list(zip(*values, strict=True))
    listed = ", ".join(_named(node, name) for name in table.names)
    insert = f"insert into {target} ({listed}) values"
    marks = f"({', '.join('?' for _ in table.names)})"
    for start in range(0, len(rows), ROWS_AT_ONCE):
        chunk = rows[start : start + ROWS_AT_ONCE]
        connection.execute(f"{insert} {', '.join([marks] * len(chunk))}", [value for row in chunk for value in row])
    return insert
