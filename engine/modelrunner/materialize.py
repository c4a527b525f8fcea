"""How a compiled model becomes something in the database.

Owns views, tables and incremental models with their strategies, changes of their columns, and hooks around them.
Refuses to compile and to choose an order; one model is one transaction (or joins the caller's), so that a failing one
leaves what was there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.modelrunner import contracts, incremental
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Hook, Node, quoted
from engine.modelrunner.problems import NodeProblem, ParseProblem, nearest
from engine.modelrunner.relation import Relation

MATERIALIZATIONS = ("view", "table", "incremental", "ephemeral", "snapshot", "seed", "test")
_REFUSED = {
    "materialized_view": "DuckDB has none; use table or incremental",
    "external": "use table, and COPY in a post-hook",
    "table_function": "use view",
}


FindMacro = Callable[[str], Callable[..., Any] | None]


@dataclass(frozen=True, slots=True)
class Materialized:
    """What was made: a row count where the database told one, and the SQL that made it."""

    rows: int | None
    sql: str


def refuse(node: Node) -> None:
    """ParseProblem for what this runner will not do, before anything runs."""
    kind, where = node.config.materialized, f"{node.original_path}:{node.line}"
    if kind in ("external", "table_function"):
        raise ParseProblem(f"the materialization '{kind}' is not supported", where=where, hint=_REFUSED[kind])
    if kind == "incremental" and node.config.get("incremental_strategy") == "microbatch":
        raise ParseProblem(
            "the incremental strategy 'microbatch' is not supported",
            where=where,
            hint="use delete+insert with a unique_key, or incremental_predicates on the event time",
        )


def check(node: Node) -> None:
    """NodeProblem when the node wants a materialization that there is not."""
    kind = node.config.materialized
    if kind in MATERIALIZATIONS:
        return
    hint = _REFUSED.get(kind) or nearest(kind, MATERIALIZATIONS) or f"use one of {', '.join(MATERIALIZATIONS[:4])}"
    raise NodeProblem(f"{node.original_path}: no materialization '{kind}' for duckdb", hint=hint)


def target_of(node: Node) -> Relation:
    """The relation of a node."""
    return Relation(node.database, node.schema, node.alias)


def is_incremental(node: Node, connection: Connection, full_refresh: bool) -> bool:
    """dbt's rule: an incremental model whose table exists, not in a full refresh."""
    if node.resource_type != "model" or node.config.materialized != "incremental" or refreshed(node, full_refresh):
        return False
    existing = connection.relation(node.database, node.schema, node.alias)
    return existing is not None and existing.is_table


def refreshed(node: Node, full_refresh: bool) -> bool:
    """Whether the node is rebuilt; its own `full_refresh` wins over the command line."""
    own = node.config.get("full_refresh")
    return full_refresh if own is None else bool(own)


def model(
    node: Node,
    sql: str,
    connection: Connection,
    *,
    full_refresh: bool,
    render: Callable[[str], str],
    macro: FindMacro = lambda _: None,
) -> Materialized:
    """Make the model. NodeProblem when anything fails; then nothing has changed.

    `render` renders its hooks; `macro` finds what the project itself brings, such as an incremental strategy.
    """
    check(node)
    before, after = node.config.hooks("pre-hook"), node.config.hooks("post-hook")
    run_hooks(before, connection, render, inside=False)
    with connection.transaction():
        run_hooks(before, connection, render, inside=True)
        if header := node.config.get("sql_header"):
            connection.execute(str(header))
        existing = connection.relation(node.database, node.schema, node.alias)
        continues = existing is not None and existing.is_table and not refreshed(node, full_refresh)
        continues = continues and node.config.materialized == "incremental"
        promised = contracts.verify(node, sql, connection) if contracts.enforced(node) else None
        match node.config.materialized:
            case "view":
                done = _view(node, sql, connection, existing)
            case "incremental" if continues:
                done = _incremental(node, sql, connection, macro)
            case _ if promised is not None:
                done = _promised_table(node, sql, connection, existing, promised, render)
            case _:
                done = _table(node, sql, connection, existing)
        if not (continues or node.config.materialized == "view"):
            _indexes(node, connection)
        persist_docs(node, connection)
        run_hooks(after, connection, render, inside=True)
    run_hooks(after, connection, render, inside=False)
    return done


def run_hooks(hooks: Sequence[Hook], connection: Connection, render: Callable[[str], str], *, inside: bool) -> None:
    """Run those hooks that belong inside (or outside) the transaction."""
    for hook in hooks:
        if hook.transaction is inside and (sql := render(hook.sql).strip()):
            connection.execute(sql)


def _view(node: Node, sql: str, connection: Connection, existing: Relation | None) -> Materialized:
    target = target_of(node)
    if existing is not None and not existing.is_view:
        connection.drop(existing)
    statement = f"create or replace view {target} as (\n{sql}\n);"
    connection.execute(statement)
    return Materialized(None, statement)


def _table(node: Node, sql: str, connection: Connection, existing: Relation | None) -> Materialized:
    target = target_of(node)
    if existing is None or existing.is_table:
        # The query may read the table that it replaces, and DuckDB sees to it that it reads the old one.
        statement = f"create or replace table {target} as (\n{sql}\n);"
        row = connection.one(statement)
    else:
        # A view may be read by the query that replaces it, so the table is made first under another name.
        partial = Relation(node.database, node.schema, node.alias + "__dbt_tmp")
        statement = f"create or replace table {partial} as (\n{sql}\n);"
        row = connection.one(statement)
        connection.drop(existing)
        connection.execute(f"alter table {partial} rename to {quoted(node.alias)}")
    return Materialized(row[0] if row else None, statement)


def _promised_table(
    node: Node,
    sql: str,
    connection: Connection,
    existing: Relation | None,
    columns: Sequence[str],
    render: Callable[[str], str],
) -> Materialized:
    """A table with the types and constraints of its contract. The query may read the table that it replaces."""
    target, listed = target_of(node), ", ".join(columns)
    staged = quoted(node.alias + "__dbt_tmp")
    connection.execute(f"create or replace temporary table {staged} as (\n{sql}\n);")
    if existing is not None and not existing.is_table:
        connection.drop(existing)
    keys = [str(item["to"]) for item in contracts.constraints(node) if item.get("to")]
    definition = contracts.definition(node, {key: render(f"{{{{ {key} }}}}") for key in keys})
    statement = f"create or replace table {target} {definition}"
    insert = f"insert into {target} ({listed}) select {listed} from (\n{sql}\n) as model_subq"
    connection.execute(statement)
    row = connection.one(f"insert into {target} ({listed}) select {listed} from temp.{staged}")
    connection.execute(f"drop table temp.{staged}")
    return Materialized(row[0] if row else None, f"{statement};\n{insert};")


def _incremental(node: Node, sql: str, connection: Connection, macro: FindMacro) -> Materialized:
    target = target_of(node)
    staged = Relation(None, None, node.alias + incremental.STAGED)
    connection.execute(f"create or replace temporary table {staged} as (\n{sql}\n);")
    try:
        columns = incremental.changed_columns(node, connection, staged, target)
        strategy = str(node.config.get("incremental_strategy") or "default")
        extra = node.config.get("predicates") or node.config.get("incremental_predicates")
        own = macro(f"get_incremental_{strategy.replace('+', '_')}_sql")
        if own is not None:
            arguments = {
                "target_relation": replace(target, type="table"), "temp_relation": staged,
                "unique_key": node.config.get("unique_key"), "dest_columns": columns, "incremental_predicates": extra,
            }  # fmt: skip
            statements = [str(own(arguments))]
        else:
            keys = node.config.get("unique_key")
            what = incremental.Upsert(
                str(target), str(staged), tuple(columns), keys, incremental.predicates_of(extra), node.config,
                node.original_path,
            )  # fmt: skip
            statements = incremental.statements(strategy, what)
        rows = None
        for statement in statements:
            row = connection.one(statement)
            rows = row[0] if row and isinstance(row[0], int) else None
    finally:
        try:
            connection.execute(f"drop table if exists temp.{staged}")
        except NodeProblem:
            pass
    return Materialized(rows, ";\n".join(statements) + ";")


def _indexes(node: Node, connection: Connection) -> None:
    """The indexes that the configuration names; a table made anew has none yet."""
    for given in node.config.get("indexes") or ():
        if not isinstance(given, Mapping) or not isinstance(given.get("columns"), list | tuple):
            raise NodeProblem(f"{node.original_path}: an index needs 'columns'", hint="indexes: [{columns: [a]}]")
        connection.execute(index_sql(target_of(node), given))


def index_sql(target: Relation, given: Mapping[str, Any]) -> str:
    """The statement that makes an index; its name is a hash, as in dbt."""
    told = "_".join([*map(str, given["columns"]), target.render(), str(bool(given.get("unique")))])
    name = hashlib.md5(told.encode(), usedforsecurity=False).hexdigest()
    unique = "unique " if given.get("unique") else ""
    return f"create {unique}index {quoted(name)} on {target} ({', '.join(map(str, given['columns']))})"


def persist_docs(node: Node, connection: Connection) -> None:
    """Descriptions as comments, where `persist_docs` asks for it."""
    wanted: Any = node.config.get("persist_docs") or {}
    kind = "view" if node.config.materialized == "view" else "table"
    if wanted.get("relation") and node.description:
        connection.execute(f"comment on {kind} {target_of(node)} is {text_literal(node.description)}")
    if wanted.get("columns"):
        # As in dbt-duckdb: names count as they are written, and a column without words gets an empty comment.
        there = {column.name for column in connection.columns(target_of(node))}
        for column in node.columns:
            if column.name in there:
                connection.execute(
                    f"comment on column {target_of(node)}.{quoted(column.name)} is {text_literal(column.description)}"
                )


def text_literal(value: str) -> str:
    """An SQL string."""
    return "'" + value.replace("'", "''") + "'"
