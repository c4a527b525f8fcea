"""Snapshots: tables that remember what rows looked like before.

Owns the rules of a snapshot's configuration and the statements that start or continue its table; the SQL is rendered
by macros/snapshots.sql, so that a project's own strategies and overrides count. Refuses tables that are no snapshots.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.modelrunner.database import Connection
from engine.modelrunner.jinja import called_from
from engine.modelrunner.materialize import Materialized, persist_docs, run_hooks, target_of
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem, ParseProblem, nearest
from engine.modelrunner.relation import Relation

HARD_DELETES = ("ignore", "invalidate", "new_record")
STAGED = "__dbt_tmp"


def check(node: Node) -> None:
    """ParseProblem when a snapshot's configuration is incomplete or contradicts itself."""
    config, where = node.config, f"{node.original_path}:{node.line}"

    def refuse(sentence: str, hint: str) -> None:
        raise ParseProblem(f"snapshot '{node.name}' {sentence}", where=where, hint=hint)

    strategy, columns = config.get("strategy"), config.get("check_cols")
    if not strategy or not config.get("unique_key"):
        refuse("has no strategy or no unique_key", "set strategy: timestamp or check, and unique_key")
    if strategy == "check":
        if not columns:
            refuse("has no check_cols", "name the columns to compare, or all")
        if isinstance(columns, str) and columns != "all":
            refuse(f"has check_cols '{columns}'", "give a list of columns, or all")
    if strategy == "timestamp":
        if not config.get("updated_at"):
            refuse("has no updated_at", "name the column that says when a row was last changed")
        if columns:
            refuse("has check_cols although it goes by timestamp", "remove check_cols")
    if config.materialized != "snapshot":
        refuse(f"is materialized as '{config.materialized}'", "remove materialized")
    if config.get("hard_deletes") is not None and config.get("hard_deletes") not in HARD_DELETES:
        wrong = str(config.get("hard_deletes"))
        refuse(f"has hard_deletes '{wrong}'", nearest(wrong, HARD_DELETES) or f"use one of {', '.join(HARD_DELETES)}")


def hard_deletes(config: Mapping[str, Any]) -> str:
    """What becomes of rows that are gone: `ignore`, `invalidate` or `new_record`."""
    old, new = config.get("invalidate_hard_deletes"), config.get("hard_deletes")
    if old is not None and new is not None:
        raise NodeProblem("both invalidate_hard_deletes and hard_deletes are set", hint="keep hard_deletes")
    return "invalidate" if old else str(new or "ignore")


def snapshot(
    node: Node, sql: str, connection: Connection, context: Mapping[str, Any], *, render: Callable[[str], str]
) -> Materialized:
    """Take the snapshot; NodeProblem leaves the table as it was. `context` has `model.compiled_code`."""
    before, after = node.config.hooks("pre-hook"), node.config.hooks("post-hook")
    run_hooks(before, connection, render, inside=False)
    with connection.transaction():
        run_hooks(before, connection, render, inside=True)
        existing = connection.relation(node.database, node.schema, node.alias)
        strategy = _strategy(node, context, existing is not None)
        target = target_of(node)
        if existing is None:
            statement = f"create table {target} as (\n{_call(context, 'build_snapshot_table', strategy, sql)}\n);"
            row = connection.one(statement)
            done = Materialized(row[0] if row else None, statement)
        else:
            _must_be_snapshot(node, existing, connection, context)
            done = _continue(node, sql, strategy, target, connection, context)
        persist_docs(node, connection)
        run_hooks(after, connection, render, inside=True)
    run_hooks(after, connection, render, inside=False)
    return done


def _call(context: Mapping[str, Any], name: str, *arguments: Any) -> Any:
    macro = called_from(context, name)
    assert macro is not None, name
    return macro(*arguments)


def _strategy(node: Node, context: Mapping[str, Any], exists: bool) -> Mapping[str, Any]:
    name = str(node.config.get("strategy"))
    package, _, short = name.rpartition(".")
    macro = called_from(context, f"snapshot_{short}_strategy", package or None)
    if macro is None:
        raise NodeProblem(
            f"{node.original_path}: no snapshot strategy '{name}'",
            hint=nearest(name, ("timestamp", "check")) or f"write the macro snapshot_{short}_strategy",
        )
    found = macro(context["model"], "snapshotted_data", "source_data", node.config, exists)
    if not isinstance(found, Mapping):
        raise NodeProblem(f"{node.original_path}: strategy '{name}' returned no mapping")
    default = "invalidate" if found.get("invalidate_hard_deletes") else "ignore"
    return {"hard_deletes": default, **found}


def _must_be_snapshot(node: Node, existing: Relation, connection: Connection, context: Mapping[str, Any]) -> None:
    if not existing.is_table:
        raise NodeProblem(f"cannot snapshot into {existing}: it is a view", hint="drop it or choose another alias")
    names = _call(context, "get_snapshot_table_column_names")
    wanted = ["dbt_scd_id", "dbt_valid_from", "dbt_valid_to"]
    if hard_deletes(node.config) == "new_record":
        wanted.append("dbt_is_deleted")
    known = {column.name.lower() for column in connection.columns(existing)}
    missing = [names[name] for name in wanted if str(names[name]).lower() not in known]
    if missing:
        raise NodeProblem(
            f"{existing} is no snapshot table: it has no column {', '.join(missing)}",
            hint="choose another alias, or add the columns",
        )


def _continue(
    node: Node, sql: str, strategy: Mapping[str, Any], target: Relation, connection: Connection,
    context: Mapping[str, Any],
) -> Materialized:  # fmt: skip
    staged = Relation("temp", "main", node.alias + STAGED)
    staging = f"create or replace temporary table {staged.include(database=False, schema=False)} as (\n"
    staging += f"{_call(context, 'snapshot_staging_table', strategy, sql, target)}\n);"
    connection.execute(staging)
    try:
        known = {column.name.lower() for column in connection.columns(target)}
        columns = [
            column
            for column in connection.columns(staged)
            if column.name.lower() != "dbt_change_type" and not column.name.lower().startswith("dbt_unique_key")
        ]
        for column in columns:
            if column.name.lower() not in known:
                connection.execute(f"alter table {target} add column {column.quoted} {column.dtype}")
        close = str(_call(context, "snapshot_close_sql", target, staged)).strip()
        connection.execute(close)
        listed = ", ".join(column.quoted for column in columns)
        insert = f"insert into {target} ({listed}) select {listed} from {staged} where dbt_change_type = 'insert'"
        row = connection.one(insert)
    finally:
        try:
            connection.execute(f"drop table if exists {staged}")
        except NodeProblem:
            pass
    return Materialized(row[0] if row else None, f"{staging}\n{close};\n{insert};")
