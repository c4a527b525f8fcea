"""Unit tests: a model's SQL on rows that a property file gives, compared with the rows it should make.

Owns rendering the model with those rows and with the overrides of variables, macros and environment, and the
comparison. Refuses to read files (unit_parse.py does) and to make relations: everything is one query.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.modelrunner.compile import CTE, Compiler, with_ctes
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Fixture, Node, Source, quoted
from engine.modelrunner.problems import NodeProblem, nearest
from engine.modelrunner.relation import Column, Relation
from engine.modelrunner.tests import Verdict
from engine.modelrunner.unit_parse import REF, SOURCE

_SHOWN = 10


def compile(node: Node, compiler: Compiler, connection: Connection) -> str:
    """The tested model's SQL on the given rows. NodeProblem for an input that is not given or has no known columns."""
    unit = node.unit
    assert unit is not None
    tested = compiler.project.nodes[node.depends_on[0]]
    inputs = {_input(node, fixture, tested, compiler): fixture for fixture in unit.given}
    context, ctes = compiler.context(tested)

    def stand_in(unique_id: str, name: str) -> Relation:
        if unique_id not in inputs:
            raise NodeProblem(
                f"unit test '{node.name}' gives no rows for '{name}', which '{tested.name}' reads",
                hint="add it under given:, with rows: [] for none",
            )
        cte = CTE + name
        if cte not in ctes:
            ctes[cte] = f" {quoted(cte)} as (\n{_rows_sql(inputs[unique_id], unique_id, compiler, connection)}\n)"
        return Relation(identifier=cte, type="cte")

    def ref(*arguments: Any, **_: Any) -> Relation:
        package, name = (None, arguments[0]) if len(arguments) == 1 else (arguments[0], arguments[1])
        target = compiler.project.names.ref(name, package, tested.package)
        return stand_in(target.unique_id if target else "", str(name))

    def source(source_name: str, table: str) -> Relation:
        found = compiler.project.names.source(source_name, table, tested.package)
        return stand_in(found.unique_id if found else "", f"{source_name}__{table}")

    environment, variables = context["env_var"], context["var"]
    context.update(ref=ref, source=source, builtins={**context["builtins"], "ref": ref, "source": source})
    context["this"] = stand_in(tested.unique_id, tested.name) if tested.unique_id in inputs else None
    context["is_incremental"] = lambda: False
    context["var"] = type(variables)({**variables.values, **unit.variables}, tested.name, parsing=False)
    context["env_var"] = lambda name, default=None: (
        str(unit.environment[name]) if name in unit.environment else environment(name, default)
    )
    for macro, value in unit.macros.items():
        package, _, name = macro.rpartition(".")
        holder = context
        if package:
            holder = context[package] = dict(context.get(package) or {})
        holder[name] = lambda *_, _value=value, **__: _value
    body = compiler.render(tested, tested.raw_code, context)
    return with_ctes(body, ctes)


def _input(node: Node, fixture: Fixture, tested: Node, compiler: Compiler) -> str:
    names = compiler.project.names
    found: Node | Source | None = None
    if fixture.source == "this":
        found = tested
    elif match := REF.match(fixture.source):
        first, second = match.groups()
        found = names.ref(second or first, first if second else None, node.package)
    elif match := SOURCE.match(fixture.source):
        found = names.source(match.group(1), match.group(2), node.package)
    if found is None:
        raise NodeProblem(
            f"{node.original_path}:{node.line}: unit test '{node.name}' has the input {fixture.source},"
            " which was not found",
            hint="write ref('…'), source('…', '…') or this",
        )
    return found.unique_id


def _rows_sql(fixture: Fixture, unique_id: str, compiler: Compiler, connection: Connection) -> str:
    if fixture.sql is not None:
        return fixture.sql
    relation = replace(compiler.relation(unique_id), limit=None)
    columns = connection.columns(relation)
    if not columns:
        raise NodeProblem(
            f"the columns of {fixture.source} are unknown because {relation} does not exist",
            hint="build it first (run --empty is enough), or give the rows with format: sql",
        )
    known = {column.name.lower(): column for column in columns}
    rows = [_lowered(row, known, fixture.source) for row in fixture.rows]
    listed = [_select(row, columns) for row in rows]
    return "\nunion all\n".join(listed) if listed else _select({}, columns) + "\nlimit 0"


def _lowered(row: Mapping[str, Any], known: Mapping[str, Column], source: str) -> dict[str, Any]:
    found = {key.lower(): value for key, value in row.items()}
    for name in found:
        if name not in known:
            raise NodeProblem(
                f"the rows of {source} have a column '{name}' that is not there",
                hint=nearest(name, known) or f"it has {', '.join(known)}",
            )
    return found


def _select(row: Mapping[str, Any], columns: Sequence[Column]) -> str:
    """One row with the type of every column; a column that the row does not have is NULL."""
    values = [
        f"cast({_literal(row.get(column.name.lower()))} as {column.dtype}) as {column.quoted}" for column in columns
    ]
    return "select " + ", ".join(values)


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | dict):
        return "'" + json.dumps(value, default=str).replace("'", "''") + "'"
    return "'" + str(value).replace("'", "''") + "'"


def run(node: Node, sql: str, connection: Connection) -> Verdict:
    """Compare what the model makes with what is expected, whatever the order. NodeProblem when the SQL is wrong."""
    unit = node.unit
    assert unit is not None
    known = {column.name.lower(): column for column in connection.columns_of_query(sql)}
    columns = list(known.values())
    if unit.expect.sql is not None:
        wanted = unit.expect.sql
    else:
        rows = [_lowered(row, known, "the expectation") for row in unit.expect.rows]
        if rows:
            columns = [known[name] for name in rows[0]]
        if any(set(row) != set(rows[0]) for row in rows):
            raise NodeProblem(
                f"{node.original_path}:{node.line}: the expected rows of '{node.name}' do not have the same columns"
            )
        listed = [_select(row, columns) for row in rows]
        wanted = "\nunion all\n".join(listed) if listed else _select({}, columns) + "\nlimit 0"
    names = ", ".join(column.quoted for column in columns)
    actual, expected = (f"select {names} from (\n{text}\n) as rows_of_test" for text in (sql, wanted))
    asked = (
        f"with actual as (\n{actual}\n), expected as (\n{expected}\n)\n"
        "select '+++' as difference, * from (from actual except all from expected)\nunion all\n"
        "select '---' as difference, * from (from expected except all from actual)"
    )
    found = connection.query(asked)
    if not found.rows:
        return Verdict("pass", 0, None, asked)
    lines = [" | ".join("NULL" if value is None else str(value) for value in row) for row in found.rows[:_SHOWN]]
    more = [f"and {len(found.rows) - _SHOWN} more"] if len(found.rows) > _SHOWN else []
    head = " | ".join(("+++ made, --- expected", *(column.name for column in columns)))
    return Verdict("fail", 1, "\n".join(["actual differs from expected:", head, *lines, *more]), asked)
