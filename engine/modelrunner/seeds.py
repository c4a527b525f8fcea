"""CSV files as tables.

Owns the types of a seed's columns (dbt's inference: integer, float, date, timestamp, boolean, text) and loading it:
anew, or into the table that exists, as dbt does. Refuses to guess beyond the file: DuckDB reads the values, with
`column_types` deciding where they are given.
"""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from engine.modelrunner.database import Connection
from engine.modelrunner.materialize import Materialized, persist_docs, refreshed, run_hooks, target_of, text_literal
from engine.modelrunner.nodes import Node, quoted
from engine.modelrunner.problems import NodeProblem

_ISO = re.compile(r"^\d{4}-?\d{2}-?\d{2}T\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?$")


def load(node: Node, connection: Connection, *, full_refresh: bool, render: Callable[[str], str]) -> Materialized:
    """Load the seed's file. NodeProblem when it cannot be read or does not fit the table that exists."""
    path = node.root / node.original_path
    delimiter = str(node.config.get("delimiter") or ",")
    columns = column_types(node)
    target = target_of(node)
    before, after = node.config.hooks("pre-hook"), node.config.hooks("post-hook")
    run_hooks(before, connection, render, inside=False)
    with connection.transaction():
        run_hooks(before, connection, render, inside=True)
        existing = connection.relation(node.database, node.schema, node.alias)
        if existing is not None and existing.is_view:
            raise NodeProblem(f"cannot seed to {target}: it is a view", hint="drop it or give the seed an alias")
        if existing is None or refreshed(node, full_refresh):
            listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
            statement = f"create or replace table {target} ({listed})"
        else:
            statement = f"delete from {target}"
        connection.execute(statement)
        options = f"format csv, header true, delimiter {text_literal(delimiter)}"
        copy = f"copy {target} from {text_literal(str(path))} ({options})"
        row = connection.one(copy)
        persist_docs(node, connection)
        run_hooks(after, connection, render, inside=True)
    run_hooks(after, connection, render, inside=False)
    return Materialized(row[0] if row else None, f"{statement};\n{copy};")


def column_types(node: Node) -> list[tuple[str, str]]:
    """(column, type) in the file's order; `column_types` of the configuration wins."""
    path = node.root / node.original_path
    given = {str(key): str(value) for key, value in (node.config.get("column_types") or {}).items()}
    delimiter = str(node.config.get("delimiter") or ",")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter=delimiter)
            header = next(rows, None)
            if not header:
                raise NodeProblem(f"{node.original_path}: the file is empty", hint="its first line names the columns")
            columns: list[list[str]] = [[] for _ in header]
            for row in rows:
                for place, value in enumerate(row[: len(header)]):
                    columns[place].append(value)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NodeProblem(f"{node.original_path}: {error}") from None
    return [
        (name, given[name] if name in given else inferred(values)) for name, values in zip(header, columns, strict=True)
    ]


def inferred(values: list[str]) -> str:
    """The type that dbt gives a column of these texts; empty and `null` say nothing."""
    told = [value for value in values if value.strip().lower() not in ("", "null")]
    numbers = [_number(value) for value in told]
    if all(number is not None for number in numbers):
        whole = all(number is not None and number == number.to_integral_value() for number in numbers)
        return "integer" if whole else "float8"
    for kind, test in (
        ("date", _is_date),
        ("timestamp", _is_timestamp),
        ("timestamp", _is_iso),
        ("boolean", _is_boolean),
    ):
        if all(test(value) for value in told):
            return kind
    return "text"


def _number(value: str) -> Decimal | None:
    text = value.strip().replace(",", "")
    text = text.rstrip("%") if text.endswith("%") else text
    for symbol in "$¢£€¥":
        text = text.replace(symbol, "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _is_date(value: str) -> bool:
    try:
        datetime.date.fromisoformat(value.strip())
    except ValueError:
        return False
    return bool(re.fullmatch(r"\d{4}-\d{1,2}-\d{1,2}", value.strip()))


def _is_timestamp(value: str) -> bool:
    try:
        datetime.datetime.strptime(value.strip(), "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - a question of form only
    except ValueError:
        return False
    return True


def _is_iso(value: str) -> bool:
    return bool(_ISO.match(value.strip()))


def _is_boolean(value: str) -> bool:
    return value.strip().lower() in ("true", "false")
