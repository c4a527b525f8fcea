"""Whether the disk has room for a build.

Owns the estimate (what is rebuilt exists twice until the old tables go) and the reserve that is never touched. Refuses
to free anything.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.relation import Relation

RESERVE_BYTES = 64 * 1024 * 1024
"""Free space that a build never uses up: a full disk invalidates a DuckDB instance, even for readers."""


def check(connection: Connection, nodes: Iterable[Node]) -> None:
    """NodeProblem when the disk has no room for the relations of these nodes once more."""
    row = connection.one("select path from duckdb_databases() where database_name = current_database()")
    if row is None or row[0] is None:
        return
    needed = size(connection, nodes) + RESERVE_BYTES
    free = shutil.disk_usage(Path(row[0]).parent).free
    if free < needed:
        raise NodeProblem(
            f"the disk has no room to build the models: about {needed >> 20} MB are needed, {free >> 20} MB are free",
            hint="free some space; until then the models are as they were before",
        )


def size(connection: Connection, nodes: Iterable[Node]) -> int:
    """About how many bytes the tables of these nodes take in the file now."""
    wanted = list(nodes)
    if not wanted:
        return 0
    block = connection.one("select block_size from pragma_database_size() where database_name = current_database()")
    there = connection.relations(connection.database)
    blocks = 0
    for node in wanted:
        if there.get((node.schema.lower(), node.alias.lower())) == "table":
            row = connection.one(
                "select count(distinct block_id) from pragma_storage_info(?) where block_id >= 0",
                [str(Relation(node.database, node.schema, node.alias))],
            )
            blocks += int(row[0]) if row else 0
    return blocks * int(block[0] if block else 0)
