"""Tables that a foreign key points to.

Owns letting such a table be replaced: DuckDB refuses while another table points to it, so those others lose their
keys, and keep their rows, until this run makes them again. Refuses when the run will not.
"""

from __future__ import annotations

from collections.abc import Set

from engine.modelrunner import contracts
from engine.modelrunner.database import Connection
from engine.modelrunner.materialize import refreshed
from engine.modelrunner.nodes import Node, quoted
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project
from engine.modelrunner.relation import Relation

_POINTING = """
with recursive
keys as (
    select distinct table_name, referenced_table
    from duckdb_constraints()
    where constraint_type = 'FOREIGN KEY'
        and lower(database_name) = lower($database)
        and lower(schema_name) = lower($schema)
        and lower(table_name) <> lower(referenced_table)
),
pointing(table_name, depth) as (
    select table_name, 1 from keys where lower(referenced_table) = lower($name)
    union
    select keys.table_name, pointing.depth + 1
    from keys join pointing on lower(keys.referenced_table) = lower(pointing.table_name)
)
select table_name from pointing group by table_name order by max(depth) desc, table_name
"""


def declared(project: Project) -> bool:
    """Whether any model of the project promises a foreign key."""
    return any(
        item.get("type") == "foreign_key"
        for node in project.nodes.values()
        if contracts.enforced(node)
        for item in contracts.constraints(node)
    )


def pointing_to(node: Node, connection: Connection) -> list[str]:
    """Names of the tables that point to the node's table, over others too; the farthest first."""
    # dbt looks at one schema only, because DuckDB's foreign keys cannot leave it.
    place = {"database": node.database, "schema": node.schema, "name": node.alias}
    return [row[0] for row in connection.raw.execute(_POINTING, place).fetchall()]


def release(node: Node, tables: list[str], project: Project, selected: Set[str], connection: Connection) -> None:
    """Take the keys off those tables. NodeProblem when one of them is not made again in this run, below this node."""
    below = project.graph.descendants([node.unique_id])
    made = {
        other.alias.lower()
        for other in project.nodes.values()
        if other.unique_id in selected & below
        and (other.database.lower(), other.schema.lower()) == (node.database.lower(), node.schema.lower())
        and _is_made_anew(other, project.flags.full_refresh)
    }
    kept = [name for name in tables if name.lower() not in made]
    if kept:
        raise NodeProblem(
            f"{node.original_path}: cannot replace {node.relation_name}, because a foreign key of {', '.join(kept)}"
            " points to it",
            hint=f"run them too: --select {node.name}+, with --full-refresh if they are incremental",
        )
    for name in tables:
        table = Relation(node.database, node.schema, name)
        rows = Relation(node.database, node.schema, f"{name}__dbt_fk_backup")
        connection.execute(f"create or replace table {rows} as select * from {table}")
        connection.execute(f"drop table {table}")
        connection.execute(f"alter table {rows} rename to {quoted(name)}")


def _is_made_anew(node: Node, full_refresh: bool) -> bool:
    kind = node.config.materialized
    return kind == "table" or (kind == "incremental" and refreshed(node, full_refresh))
