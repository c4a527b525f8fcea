"""Contracts: the columns that a model promises, kept by the runner.

Owns the comparison of a query with the promised names and types, and the table definition with its constraints.
Refuses to create anything: materialize.py does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node, quoted
from engine.modelrunner.problems import NodeProblem, ParseProblem, nearest
from engine.modelrunner.relation import Column

# What an incremental model with a contract may do about other columns, as in dbt.
KEEPING = ("append_new_columns", "fail")
CONSTRAINTS = ("check", "not_null", "unique", "primary_key", "foreign_key", "custom")


def enforced(node: Node) -> bool:
    """Whether the model has a contract."""
    return node.resource_type == "model" and bool((node.config.get("contract") or {}).get("enforced"))


def check(node: Node) -> None:
    """ParseProblem when a contract cannot be kept because nothing is promised, or a constraint is none."""
    where = f"{node.patch_path or node.original_path}:{node.line}"
    if not node.columns:
        raise ParseProblem(
            f"model '{node.name}' has an enforced contract and no columns", where=where, hint="describe its columns"
        )
    if node.config.materialized == "incremental" and node.config.get("on_schema_change") not in KEEPING:
        raise ParseProblem(
            f"the incremental model '{node.name}' has an enforced contract and on_schema_change"
            f" '{node.config.get('on_schema_change', 'ignore')}'",
            where=where,
            hint=f"set on_schema_change to {' or '.join(KEEPING)}",
        )
    for constraint in constraints(node):
        kind = str(constraint.get("type"))
        if kind not in CONSTRAINTS:
            hint = nearest(kind, CONSTRAINTS) or f"use one of {', '.join(CONSTRAINTS)}"
            raise ParseProblem(f"model '{node.name}' has a constraint of type '{kind}'", where=where, hint=hint)
    keys = sum(1 for column in node.columns if any(item.get("type") == "primary_key" for item in column.constraints))
    keys += sum(1 for item in node.constraints if item.get("type") == "primary_key")
    if keys > 1:
        raise ParseProblem(
            f"model '{node.name}' has {keys} primary keys", where=where, hint="declare one over several columns"
        )


def constraints(node: Node) -> list[Mapping[str, Any]]:
    """Those of the columns, then those of the table."""
    return [*(item for column in node.columns for item in column.constraints), *node.constraints]


def verify(node: Node, sql: str, connection: Connection) -> list[str]:
    """Compare the query with the promise; the quoted column names in the promised order come back.

    NodeProblem lists what is missing, what is too much and what has another type.
    """
    untyped = [column.name for column in node.columns if not column.data_type]
    if untyped:
        raise NodeProblem(
            f"{node.original_path}: the contract of '{node.name}' gives no data_type for {', '.join(untyped)}",
            hint="add data_type to every column",
        )
    listed = ", ".join(f"cast(null as {column.data_type}) as {quoted(column.name)}" for column in node.columns)
    promised = connection.columns_of_query(f"select {listed}")
    made = connection.columns_of_query(sql)
    differences = _differences(promised, made)
    if differences:
        raise NodeProblem(
            f"{node.original_path}: '{node.name}' breaks its contract: {'; '.join(differences)}",
            hint="change the query, or the columns in the property file",
        )
    return [quoted(column.name) for column in node.columns]


def _differences(promised: Sequence[Column], made: Sequence[Column]) -> list[str]:
    wanted, found = ({column.name: column.dtype for column in columns} for columns in (promised, made))
    out = [f"{name} {kind} is missing" for name, kind in wanted.items() if name not in found]
    out += [f"{name} {kind} was not promised" for name, kind in found.items() if name not in wanted]
    for name, kind in wanted.items():
        if name in found and found[name] != kind:
            out.append(f"{name} is {found[name]}, not {kind}")
    return out


def definition(node: Node, resolve: Mapping[str, str]) -> str:
    """The columns and constraints of the table, in parentheses; `resolve` gives relations of foreign keys by text."""
    lines = []
    for column in node.columns:
        name = quoted(column.name) if column.quote else column.name
        parts = [f"{name} {column.data_type}"]
        parts += [text for item in column.constraints if (text := _of_column(item, resolve))]
        lines.append(" ".join(parts))
    lines += [text for item in node.constraints if (text := _of_table(item, resolve))]
    return "(\n    " + ",\n    ".join(lines) + "\n)"


def _of_column(item: Mapping[str, Any], resolve: Mapping[str, str]) -> str:
    expression = str(item.get("expression") or "")
    match item.get("type"):
        case "check":
            return f"check ({expression})" if expression else ""
        case "not_null":
            return f"not null {expression}".strip()
        case "unique":
            return f"unique {expression}".strip()
        case "primary_key":
            return f"primary key {expression}".strip()
        case "foreign_key":
            target = _target(item, resolve)
            return f"references {target}" if target else ""
        case _:
            return expression


def _of_table(item: Mapping[str, Any], resolve: Mapping[str, str]) -> str:
    expression = str(item.get("expression") or "")
    named = f"constraint {item['name']} " if item.get("name") else ""
    columns = ", ".join(str(name) for name in item.get("columns") or ())
    match item.get("type"):
        case "check":
            return f"{named}check ({expression})" if expression else ""
        case "not_null":
            return ""
        case "unique" | "primary_key" as kind:
            return f"{named}{kind.replace('_', ' ')} {expression} ({columns})"
        case "foreign_key":
            target = _target(item, resolve)
            return f"{named}foreign key ({columns}) references {target}" if target else ""
        case _:
            return f"{named}{expression}" if expression else ""


def _target(item: Mapping[str, Any], resolve: Mapping[str, str]) -> str:
    """The table (without its database, which DuckDB refuses here) and columns that a foreign key points to."""
    to, columns = item.get("to"), item.get("to_columns")
    if to and columns:
        table = re.sub(r'^"[^"]*"\.("[^"]*"\."[^"]*")$', r"\1", resolve.get(str(to), str(to)))
        return f"{table} ({', '.join(str(name) for name in columns)})"
    return str(item.get("expression") or "")
