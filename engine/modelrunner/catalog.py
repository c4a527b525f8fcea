"""What is in the database of what a project describes: catalog.json.

Owns the question to DuckDB's catalogue, the match of relations with nodes and sources, and the artifact's shape (dbt's
catalog v1, with the types, the order and the comments that dbt-duckdb gives). Refuses to create or to compile anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from engine.modelrunner.artifacts import instant, metadata
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node, Source
from engine.modelrunner.project import Project

# One statement instead of a question per relation: tables and views of every attached database, with their columns.
_QUERY = """
with relations as (
    select database_name, schema_name, table_name as name, 'BASE TABLE' as kind, comment from duckdb_tables()
    where not internal
    union all
    select database_name, schema_name, view_name as name, 'VIEW' as kind, comment from duckdb_views()
    where not internal
)
select
    relations.database_name, relations.schema_name, relations.name, relations.kind, relations.comment,
    columns.column_name, columns.column_index, columns.data_type, columns.comment
from relations
join duckdb_columns() as columns
  on columns.database_name = relations.database_name
 and columns.schema_name = relations.schema_name
 and columns.table_name = relations.name
order by relations.database_name, relations.schema_name, relations.name, columns.column_index
"""
_STATS = {
    "has_stats": {
        "id": "has_stats",
        "label": "Has Stats?",
        "value": False,
        "include": False,
        "description": "Indicates whether there are statistics for this table",
    }
}


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column as it is in the database; `index` counts from 1, `type` is DuckDB's name."""

    name: str
    index: int
    type: str
    comment: str | None


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A table or view as it is in the database; `kind` is `BASE TABLE` or `VIEW`."""

    database: str
    schema: str
    name: str
    kind: str
    comment: str | None
    columns: tuple[CatalogColumn, ...]


Catalog = Mapping[str, CatalogTable]
"""What was found, by unique id of the node or source."""


def place_of(member: Node | Source) -> tuple[str, str, str]:
    """Where a node or source has its rows, in lower case, as names are compared."""
    identifier = member.identifier if isinstance(member, Source) else member.alias
    return member.database.lower(), member.schema.lower(), identifier.lower()


def read(project: Project, connection: Connection) -> dict[str, CatalogTable]:
    """Everything of the project that exists, kept failures of tests too. What is not built yet has no entry."""
    found: dict[tuple[str, str, str], CatalogTable] = {}
    for head, rows in itertools.groupby(connection.execute(_QUERY).fetchall(), key=lambda row: row[:5]):
        database, schema, name, kind, comment = head
        columns = tuple(CatalogColumn(column, int(index), of, said) for *_, column, index, of, said in rows)
        place = (database.lower(), schema.lower(), name.lower())
        found[place] = CatalogTable(database, schema, name, kind, comment, columns)
    members: list[Node | Source] = [*project.sources.values()]
    members.extend(node for node in project.nodes.values() if node.is_relational or node.resource_type == "test")
    places = {member.unique_id: place_of(member) for member in members}
    return {uid: found[place] for uid, place in places.items() if place in found}


def artifact(project: Project, catalog: Catalog, chosen: Collection[str] | None = None) -> dict[str, Any]:
    """catalog.json: what was found of `chosen` unique ids, of all when that is None."""
    records = {uid: _record(uid, table) for uid, table in catalog.items() if chosen is None or uid in chosen}
    return {
        "metadata": {
            **metadata(project, "catalog/v1"),
            "invocation_started_at": instant(project.general["run_started_at"]),
        },
        "nodes": {uid: record for uid, record in records.items() if uid in project.nodes},
        "sources": {uid: record for uid, record in records.items() if uid in project.sources},
        "errors": None,
    }


def _record(unique_id: str, table: CatalogTable) -> dict[str, Any]:
    return {
        "metadata": {
            "type": table.kind,
            "schema": table.schema,
            "name": table.name,
            "database": table.database,
            "comment": table.comment,
            "owner": None,
        },
        "columns": {
            column.name: {"type": column.type, "index": column.index, "name": column.name, "comment": column.comment}
            for column in table.columns
        },
        "stats": _STATS,
        "unique_id": unique_id,
    }
