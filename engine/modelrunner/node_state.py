"""Which nodes have to run: those whose own words changed, whose inputs changed, or that nobody knows anything about.

Owns the fingerprint of a node (the SQL it compiles to, what of its configuration shapes the relation, its hooks), the
mark of a source that does not count batches, and the set of dirty nodes with everything below them. Refuses to run
anything, and to guess: what cannot be told is dirty.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.modelrunner import contracts, custom
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.live_tables import Built
from engine.modelrunner.nodes import Node, Source
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project

_TELLS_ONLY = frozenset({"meta", "docs", "tags", "group", "access", "enabled", "persist_docs", "grants"})
"""Configuration that says something about a relation without changing it."""
KEPT = ("model", "seed", "snapshot")
"""What leaves a relation that others read."""


@dataclass(frozen=True, slots=True)
class Dirty:
    """The nodes to run, parents first, and for those that do not merely follow a parent, why."""

    nodes: tuple[str, ...]
    because: Mapping[str, str]


def building(project: Project) -> Project:
    """The project as a build of the whole sees it: what is compiled then is what fingerprints are taken of."""
    return project.with_flags(replace(project.flags, full_refresh=True, which="build"))


def relational(project: Project) -> list[Node]:
    """The nodes that leave a relation, parents first."""
    found = [project.nodes[uid] for uid in project.graph.order() if uid in project.nodes]
    return [node for node in found if node.is_relational and node.resource_type in KEPT]


def fingerprints(project: Project, connection: Connection, wanted: Iterable[Node]) -> dict[str, str]:
    """The fingerprint of each node as it would be compiled now; nodes that cannot be compiled now are left out."""
    compiler = Compiler(building(project), connection)
    found = {}
    for node in wanted:
        try:
            sql = "" if node.resource_type == "seed" else compiler.compile(node).sql
        except NodeProblem:
            continue
        found[node.unique_id] = fingerprint(project, node, sql)
    return found


def fingerprint(project: Project, node: Node, sql: str) -> str:
    """A hash of everything that decides what the relation of a node holds, given its inputs."""
    told: dict[str, Any] = {
        "kind": node.resource_type,
        "relation": [node.schema, node.alias],
        "sql": sql if node.resource_type != "seed" else node.checksum,
        "config": {key: value for key, value in node.config.items() if key not in _TELLS_ONLY and value is not None},
    }
    if contracts.enforced(node):
        told["promised"] = [node.columns, node.constraints]
    if node.config.get("persist_docs"):
        told["comments"] = [node.config.get("persist_docs"), node.description, node.columns]
    hooks = (*node.config.hooks("pre-hook"), *node.config.hooks("post-hook"))
    rendered_later = any("{" in hook.sql for hook in hooks) or "{" in str(node.config.get("sql_header") or "")
    if rendered_later or custom.materialization(node, project.macros) is not None:
        # What a hook or a materialization of the project's own renders to is known when it runs only; so anything that
        # it may call counts.
        told["macros"] = sorted((macro.unique_id, macro.text) for macro in project.macros.all())
        told["variables"] = project.variables.get(node.package, {})
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def marks(project: Project, connection: Connection, with_batches: bool) -> dict[str, str]:
    """What every source holds that models read and that does not count batches, as a number of rows and a hash.

    Sources with a column batch_id are followed by their batches instead; a source that is not there has no mark.
    """
    needed = project.graph.ancestors([node.unique_id for node in relational(project)])
    sources = [project.sources[uid] for uid in sorted(needed) if uid in project.sources]
    counted = _with_batches(connection) if with_batches else set()
    found = {}
    for source in sources:
        if (source.schema.lower(), source.identifier.lower()) not in counted:
            mark = _mark(source, connection)
            if mark is not None:
                found[source.unique_id] = mark
    return found


def _with_batches(connection: Connection) -> set[tuple[str, str]]:
    rows = connection.execute(
        "select lower(schema_name), lower(table_name) from duckdb_columns()"
        " where lower(column_name) = 'batch_id' and database_name = current_database()"
    ).fetchall()
    return {(schema, table) for schema, table in rows}


def _mark(source: Source, connection: Connection) -> str | None:
    # A sum, not an exclusive or: rows that come twice must not cancel each other out.
    try:
        row = connection.one(f"select count(*), sum(hash(told)::hugeint) from {source.relation_name} as told")
    except NodeProblem:
        return None
    return None if row is None else f"{row[0]}:{row[1]}"


def dirty(
    project: Project,
    *,
    current: Mapping[str, str] | None,
    known: Mapping[str, Built],
    there: Iterable[tuple[str, str]],
    changed_sources: Iterable[str] = (),
) -> Dirty:
    """What has to run. `current` are the fingerprints now (None: as they were), `there` the relations that exist."""
    existing, changed = set(there), set(changed_sources)
    because: dict[str, str] = {}
    nodes: list[str] = []
    chosen: set[str] = set()
    for node in relational(project):
        uid = node.unique_id
        parents = above(project, uid)
        reason = None
        built = known.get(uid)
        if (node.schema.lower(), node.alias.lower()) not in existing:
            reason = "it does not exist"
        elif built is None:
            reason = "nobody knows what it holds"
        elif current is not None and current.get(uid) != built.fingerprint:
            reason = "it changed"
        elif not changed.isdisjoint(parents):
            reason = "a source changed"
        elif any(parent in known and known[parent].sequence > built.sequence for parent in parents):
            reason = "a node above it was run alone"
        if reason is not None:
            because[uid] = reason
        if reason is not None or not chosen.isdisjoint(parents):
            chosen.add(uid)
            nodes.append(uid)
    return Dirty(tuple(nodes), because)


def above(project: Project, unique_id: str) -> set[str]:
    """The relations and sources that a node reads, looking through ephemeral models."""
    found: set[str] = set()
    waiting = list(project.graph.parents.get(unique_id, ()))
    while waiting:
        parent = waiting.pop()
        node = project.nodes.get(parent)
        if node is not None and not node.is_relational:
            waiting.extend(project.graph.parents.get(parent, ()))
        elif parent not in found:
            found.add(parent)
    return found
