"""How a compiled model becomes something in the database.

Owns views, tables and incremental models with their strategies, changes of their columns, and hooks around them.
Refuses to compile and to choose an order; one model is one transaction (or joins the caller's), so that a failing one
leaves what was there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.modelrunner import contracts
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Hook, Node, quoted
from engine.modelrunner.problems import NodeProblem, nearest
from engine.modelrunner.relation import Column, Relation

MATERIALIZATIONS = ("view", "table", "incremental", "ephemeral", "snapshot", "seed", "test")
STRATEGIES = ("append", "delete+insert", "merge")
SCHEMA_CHANGES = ("ignore", "append_new_columns", "sync_all_columns", "fail")
_REFUSED = {
    "materialized_view": "DuckDB has none; use table or incremental",
    "external": "use table, and COPY in a post-hook",
    "table_function": "use view",
}


@dataclass(frozen=True, slots=True)
class Materialized:
    """What was made: a row count where the database told one, and the SQL that made it."""

    rows: int | None
    sql: str


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
) -> Materialized:
    """Make the model. `render` renders its hooks. NodeProblem when anything fails; then nothing has changed."""
    check(node)
    before, after = node.config.hooks("pre-hook"), node.config.hooks("post-hook")
    run_hooks(before, connection, render, inside=False)
    with connection.transaction():
        run_hooks(before, connection, render, inside=True)
        if header := node.config.get("sql_header"):
            connection.execute(str(header))
        existing = connection.relation(node.database, node.schema, node.alias)
        promised = contracts.verify(node, sql, connection) if contracts.enforced(node) else None
        match node.config.materialized:
            case "view":
                done = _view(node, sql, connection, existing)
            case "incremental" if existing is not None and existing.is_table and not refreshed(node, full_refresh):
                done = _incremental(node, sql, connection)
            case _ if promised is not None:
                done = _promised_table(node, sql, connection, existing, promised, render)
            case _:
                done = _table(node, sql, connection, existing)
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


def _incremental(node: Node, sql: str, connection: Connection) -> Materialized:
    target = target_of(node)
    staged = Relation(None, None, node.alias + "__dbt_tmp")
    connection.execute(f"create or replace temporary table {staged} as (\n{sql}\n);")
    try:
        columns = _changed_columns(node, connection, staged, target)
        strategy = str(
            node.config.get("incremental_strategy") or ("delete+insert" if node.config.unique_key else "append")
        )
        statements = strategy_sql(node, strategy, target, staged, [column.quoted for column in columns])
        rows = None
        for statement in statements:
            row = connection.one(statement)
            rows = row[0] if row else None
    finally:
        try:
            connection.execute(f"drop table if exists temp.{staged}")
        except NodeProblem:
            pass
    return Materialized(rows, ";\n".join(statements) + ";")


def strategy_sql(node: Node, strategy: str, target: Relation, staged: Relation, columns: Sequence[str]) -> list[str]:
    """The statements that bring staged rows into the target. NodeProblem for an unknown strategy."""
    keys = node.config.unique_key
    listed = ", ".join(columns)
    extra = node.config.get("incremental_predicates") or node.config.get("predicates") or []
    predicates = [extra] if isinstance(extra, str) else list(extra)
    insert = f"insert into {target} ({listed}) select {listed} from {staged}"
    match strategy:
        case "append":
            return [insert]
        case "delete+insert" | "default":
            if not keys:
                return [insert]
            if len(keys) == 1 and isinstance(node.config.get("unique_key"), str):
                where = [f"({keys[0]}) in (select ({keys[0]}) from {staged})", *predicates]
                return [f"delete from {target} where {' and '.join(where)}", insert]
            matched = [f"{staged}.{key} = DBT_INCREMENTAL_TARGET.{key}" for key in keys] + predicates
            return [
                f"delete from {target} as DBT_INCREMENTAL_TARGET using {staged} where {' and '.join(matched)}",
                insert,
            ]
        case "merge":
            matched = [f"DBT_INTERNAL_SOURCE.{key} = DBT_INTERNAL_DEST.{key}" for key in keys] or ["false"]
            matched += predicates
            included = node.config.get("merge_update_columns")
            excluded = {str(name).lower() for name in node.config.get("merge_exclude_columns") or ()}
            if included or excluded:
                names = (
                    [quoted(name) for name in included]
                    if included
                    else [column for column in columns if column.strip('"').lower() not in excluded]
                )
                update = "update set " + ", ".join(f"{name} = DBT_INTERNAL_SOURCE.{name}" for name in names)
            else:
                update = "update by name"
            condition = node.config.get("merge_update_condition")
            when = f"when matched{f' and {condition}' if condition else ''} then {update}"
            only = node.config.get("merge_insert_condition")
            otherwise = f"when not matched{f' and {only}' if only else ''} then insert by name"
            return [
                f"merge into {target} as DBT_INTERNAL_DEST using {staged} as DBT_INTERNAL_SOURCE"
                f" on ({') and ('.join(matched)}) {when} {otherwise}"
            ]
    hint = nearest(strategy, STRATEGIES) or f"use one of {', '.join(STRATEGIES)}"
    raise NodeProblem(f"{node.original_path}: no incremental strategy '{strategy}' for duckdb", hint=hint)


def _changed_columns(node: Node, connection: Connection, staged: Relation, target: Relation) -> list[Column]:
    """The columns to write, after the target's columns were changed as `on_schema_change` says."""
    old = connection.columns(target)
    mode = str(node.config.get("on_schema_change") or "ignore")
    if mode == "ignore" or mode not in SCHEMA_CHANGES:
        return old
    new = connection.columns(Relation("temp", "main", staged.identifier))
    known = {column.name.lower(): column for column in old}
    wanted = {column.name.lower(): column for column in new}
    added = [column for column in new if column.name.lower() not in known]
    removed = [column for column in old if column.name.lower() not in wanted]
    retyped = [column for column in new if known.get(column.name.lower(), column).dtype != column.dtype]
    if not (added or removed or retyped):
        return new
    if mode == "fail":
        raise NodeProblem(
            f"{node.original_path}: the columns of the query and of {target} differ"
            f" (added {_names(added)}, removed {_names(removed)}, other type {_names(retyped)})",
            hint="run with --full-refresh, or set on_schema_change to append_new_columns or sync_all_columns",
        )
    for column in added:
        connection.execute(f"alter table {target} add column {column.quoted} {column.dtype}")
    if mode == "sync_all_columns":
        for column in removed:
            connection.execute(f"alter table {target} drop column {column.quoted}")
        for column in retyped:
            connection.execute(f"alter table {target} alter column {column.quoted} type {column.dtype}")
    return new


def _names(columns: Sequence[Column]) -> str:
    return ", ".join(column.name for column in columns) or "none"


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
