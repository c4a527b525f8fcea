"""Where the columns of a project come from and where they go.

Owns the lineage of all columns: compiled SQL of every model and snapshot read once, in the order of the graph, so that
`select *` is known from what stands above. Refuses to run anything, and refuses to fail because of one query: a column
that cannot be followed says so. Reading SQL is lineage_sql.py's; how lineage looks is lineage_text.py's.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.modelrunner.catalog import Catalog, place_of
from engine.modelrunner.compile import CTE, Compiler
from engine.modelrunner.nodes import Node, Source
from engine.modelrunner.problems import NodeProblem, SelectionProblem, nearest
from engine.modelrunner.project import Project

if TYPE_CHECKING:
    from engine.modelrunner.database import Connection
    from engine.modelrunner.lineage_sql import Column
    from engine.modelrunner.lineage_trace import TableName

_Step = Callable[["ColumnName"], Iterable["ColumnName"]]
_WITH_COLUMNS = ("model", "snapshot", "seed", "source")
_SNAPSHOT_COLUMNS = {"dbt_scd_id", "dbt_updated_at", "dbt_valid_from", "dbt_valid_to", "dbt_is_deleted"}


@dataclass(frozen=True, slots=True, order=True)
class ColumnName:
    """A column of a node: its unique id (or `database.schema.name` of what is no part of the project) and its name."""

    node: str
    column: str


@dataclass(frozen=True, slots=True)
class ColumnLineage:
    """What one column is made of. `steps` are the expressions on the way, outermost first; empty when it is passed on
    as it is. `known` is false when a part could not be followed."""

    name: str
    sources: tuple[ColumnName, ...] = ()
    steps: tuple[str, ...] = ()
    known: bool = True

    @property
    def expression(self) -> str | None:
        """The outermost expression, or None for a column that is passed on."""
        return self.steps[0] if self.steps else None


@dataclass(frozen=True, slots=True)
class Lineage:
    """The columns of every node and source by unique id, in their order."""

    columns: Mapping[str, Mapping[str, ColumnLineage]]
    users: Mapping[ColumnName, tuple[ColumnName, ...]]

    def of(self, name: ColumnName) -> ColumnLineage | None:
        """What is known of a column; names are compared as DuckDB does, without regard to case."""
        return self.columns.get(name.node, {}).get(name.column.lower())

    def find(self, node: str, column: str) -> ColumnName:
        """A column of a node as it is written. SelectionProblem names the nearest."""
        known = self.columns.get(node, {})
        found = known.get(column.lower())
        if found is None:
            names = [each.name for each in known.values()]
            hint = nearest(column, names) or (
                f"it has {', '.join(names[:8])}" if names else "its columns are not known"
            )
            raise SelectionProblem(f"'{node.partition('.')[2]}' has no column '{column}'", hint=hint)
        return ColumnName(node, found.name)

    def upstream(self, start: ColumnName, depth: int | None = None) -> dict[ColumnName, int]:
        """Everything a column is made of with its distance, nearest first; `start` is 0."""
        return _reach(start, lambda name: found.sources if (found := self.of(name)) is not None else (), depth)

    def downstream(self, start: ColumnName, depth: int | None = None) -> dict[ColumnName, int]:
        """Everything made of a column with its distance, nearest first; `start` is 0."""
        return _reach(start, lambda name: self.users.get(name, ()), depth)


def _reach(start: ColumnName, next_of: _Step, depth: int | None) -> dict[ColumnName, int]:
    found = {start: 0}
    level = [start]
    while level and (depth is None or found[level[0]] < depth):
        below: list[ColumnName] = []
        for name in level:
            for other in next_of(name):
                if other not in found:
                    found[other] = found[name] + 1
                    below.append(other)
        level = below
    return found


def read(
    project: Project,
    connection: Connection | None = None,
    catalog: Catalog | None = None,
    only: Collection[str] | None = None,
) -> Lineage:
    """The lineage of a whole project, or of `only` these unique ids and everything above them.

    `connection` is for models that ask the database while they are rendered, `catalog` tells the columns of what is
    there; without them, what the files say has to do.
    """
    from engine.modelrunner import lineage_sql

    compiler = Compiler(project, connection)
    catalog = catalog or {}
    names = _Names(project)
    tables: dict[TableName, tuple[str, ...]] = {}
    columns: dict[str, dict[str, ColumnLineage]] = {}
    wanted = None if only is None else {*only, *project.graph.ancestors(only)}
    for uid in project.graph.order():
        if wanted is not None and uid not in wanted:
            continue
        member = project.member(uid)
        if not isinstance(member, (Node, Source)) or member.resource_type not in _WITH_COLUMNS:
            continue
        there = [column.name for column in catalog[uid].columns] if uid in catalog else []
        if isinstance(member, Source) or member.resource_type == "seed":
            found = [ColumnLineage(name) for name in there or _columns_of_files(member)]
            complete = bool(found)
        else:
            try:
                sql: str | None = compiler.compile(member).body
            except NodeProblem:
                sql = None
            known = {table: tables[table] for table in names.above(member) if table in tables}
            query = (
                lineage_sql.Query(tuple(lineage_sql.Column(name, known=False) for name in there), False)
                if sql is None
                else lineage_sql.read(sql, known, database=member.database, schema=member.schema, expected=there)
            )
            found = [_column(names, column, columns) for column in query.columns]
            complete = query.complete
            if member.resource_type == "snapshot":
                have = {each.name.lower() for each in found}
                added = [name for name in there if name.lower() in _SNAPSHOT_COLUMNS and name.lower() not in have]
                found = [each for each in found if each.name.lower() not in _SNAPSHOT_COLUMNS]
                found.extend(ColumnLineage(name, steps=("made by the snapshot",)) for name in added)
        if not complete:
            have = {each.name.lower() for each in found}
            found.extend(
                ColumnLineage(column.name, known=isinstance(member, Source))
                for column in member.columns
                if column.name.lower() not in have
            )
        columns[uid] = {each.name.lower(): each for each in found}
        if complete:
            tables[names.table(member)] = tuple(each.name for each in found)
    return Lineage(columns, _users(columns))


def _column(names: _Names, column: Column, columns: Mapping[str, Mapping[str, ColumnLineage]]) -> ColumnLineage:
    sources = tuple(dict.fromkeys(names.column(table, name, columns) for table, name in column.sources))
    name = column.name
    if len(sources) == 1 and not column.steps and sources[0].column.lower() == name:
        name = sources[0].column  # passed on by a star: DuckDB keeps how it is written
    return ColumnLineage(name, sources, column.steps, column.known)


class _Names:
    """Tables of queries and members of the project, either way."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.by_place: dict[TableName, str] = {}
        self.ephemeral: dict[str, str] = {}
        for source in project.sources.values():
            self.by_place[place_of(source)] = source.unique_id
        for node in project.nodes.values():
            if node.resource_type == "model" and node.config.materialized == "ephemeral":
                self.ephemeral[(CTE + node.name).lower()] = node.unique_id
            elif node.is_relational:
                self.by_place[place_of(node)] = node.unique_id

    def table(self, member: Node | Source) -> TableName:
        """What a query calls a member; an ephemeral model is a common table expression that is read as a table."""
        if member.unique_id in self.ephemeral.values():
            assert isinstance(member, Node)
            return member.database.lower(), member.schema.lower(), (CTE + member.name).lower()
        return place_of(member)

    def above(self, member: Node) -> Iterator[TableName]:
        """The tables a node may read."""
        for uid in member.depends_on:
            parent = self.project.member(uid)
            if isinstance(parent, (Node, Source)):
                place = self.table(parent)
                # Without database and schema, an ephemeral model is taken to be where the query is.
                yield (
                    (member.database.lower(), member.schema.lower(), place[2])
                    if parent.unique_id in (self.ephemeral.values())
                    else place
                )

    def column(self, table: TableName, name: str, columns: Mapping[str, Mapping[str, ColumnLineage]]) -> ColumnName:
        """A column of a table as the project calls both."""
        uid = self.ephemeral.get(table[2]) or self.by_place.get(table) or ".".join(table)
        known = columns.get(uid, {}).get(name)
        return ColumnName(uid, known.name if known is not None else name)


def _columns_of_files(member: Node | Source) -> list[str]:
    """The columns of a source or a seed that is not in the database: of the property file, of the CSV's head."""
    if isinstance(member, Source):
        return [column.name for column in member.columns]
    try:
        with (member.root / member.original_path).open(encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file, delimiter=str(member.config.get("delimiter") or ",")), [])
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _users(columns: Mapping[str, Mapping[str, ColumnLineage]]) -> dict[ColumnName, tuple[ColumnName, ...]]:
    found: dict[ColumnName, dict[ColumnName, None]] = {}
    for uid, of_node in columns.items():
        for column in of_node.values():
            for source in column.sources:
                found.setdefault(source, {})[ColumnName(uid, column.name)] = None
    return {name: tuple(users) for name, users in found.items()}
