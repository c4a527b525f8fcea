"""One DuckDB connection as the runner uses it.

Owns execution with readable errors, transactions, the list of relations and their columns. Refuses to open files: a
connection comes in and belongs to the caller; and refuses to guess: what the catalogue says now is what counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from engine.modelrunner.nodes import quoted
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.relation import Column, Relation
from engine.modelrunner.result_table import ResultTable

_QUOTED = r'(?:"(?:[^"]|"")+")'
_MADE = re.compile(rf"create or replace (table|view) ({_QUOTED})\.({_QUOTED})\.({_QUOTED}) as \(", re.IGNORECASE)
_TEMPORARY = re.compile(r"create or replace temporary table \"(?:[^\"]|\"\")+\" as \(", re.IGNORECASE)
_WITHOUT_EFFECT = re.compile(
    r"\s*(?:drop table if exists temp\.|(?:select|with|from|insert|delete|update|describe|begin|commit)\b)",
    re.IGNORECASE,
)


class Connection:
    """A DuckDB connection with a catalogue; not for use by several threads at once.

    `alone` promises that nothing else changes the catalogue while this connection works: then it is read once, and
    what this connection makes is remembered.
    """

    def __init__(self, raw: duckdb.DuckDBPyConnection, *, alone: bool = False) -> None:
        self.raw = raw
        self._alone = alone
        self._known: dict[tuple[str, str, str], tuple[str, str]] | None = None
        self._depth = 0
        row = raw.execute("select current_database(), current_schema()").fetchone()
        assert row is not None
        self.database: str = row[0]

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run SQL (one or several statements); NodeProblem with DuckDB's own words when it fails."""
        if self._known is not None:
            self._remember(sql)
        try:
            return self.raw.execute(sql, parameters) if parameters is not None else self.raw.execute(sql)
        except duckdb.Error as error:
            self._known = None
            raise NodeProblem(str(error).strip(), statement=sql) from error

    def query(self, sql: str, parameters: Sequence[Any] | None = None) -> ResultTable:
        """Run SQL and fetch everything."""
        cursor = self.execute(sql, parameters)
        description = cursor.description or []
        try:
            rows = cursor.fetchall() if description else []
        except duckdb.Error as error:
            raise NodeProblem(str(error).strip(), statement=sql) from error
        return ResultTable([column[0] for column in description], rows)

    def one(self, sql: str, parameters: Sequence[Any] | None = None) -> tuple[Any, ...] | None:
        """The first row, or None."""
        row: tuple[Any, ...] | None = self.execute(sql, parameters).fetchone()
        return row

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another transaction it joins that one."""
        if self._depth:
            yield
            return
        self.execute("begin transaction")
        self._depth += 1
        try:
            yield
        except BaseException:
            self._depth -= 1
            self._known = None
            # A failed statement may have ended the transaction already.
            try:
                self.raw.execute("rollback")
            except duckdb.Error:
                pass
            raise
        self._depth -= 1
        self.execute("commit")

    def relation(self, database: str, schema: str, identifier: str) -> Relation | None:
        """The relation as it exists now with its type, or None."""
        if self._alone:
            known = self._catalogue().get((database.lower(), schema.lower(), identifier.lower()))
            return None if known is None else Relation(database, schema, *known)
        row = self.one(
            """
            select table_name, 'table' from duckdb_tables()
             where lower(database_name) = lower(?) and lower(schema_name) = lower(?) and lower(table_name) = lower(?)
            union all
            select view_name, 'view' from duckdb_views()
             where lower(database_name) = lower(?) and lower(schema_name) = lower(?) and lower(view_name) = lower(?)
            """,
            [database, schema, identifier] * 2,
        )
        return None if row is None else Relation(database, schema, row[0], row[1])

    def _catalogue(self) -> dict[tuple[str, str, str], tuple[str, str]]:
        """(database, schema, name) in lower case → name and type, of everything."""
        if self._known is None:
            rows = self.execute(
                """
                select lower(database_name), lower(schema_name), lower(table_name), table_name, 'table'
                  from duckdb_tables()
                union all
                select lower(database_name), lower(schema_name), lower(view_name), view_name, 'view'
                  from duckdb_views() where not internal
                """
            ).fetchall()
            self._known = {(database, schema, key): (name, kind) for database, schema, key, name, kind in rows}
        return self._known

    def _remember(self, sql: str) -> None:
        """What a statement does to the catalogue; one that is not understood makes it be read again."""
        made = _MADE.match(sql)
        if made and self._known is not None:
            database, schema, name = (part[1:-1].replace('""', '"') for part in made.groups()[1:])
            self._known[database.lower(), schema.lower(), name.lower()] = (name, made[1].lower())
        elif not _TEMPORARY.match(sql) and (not _WITHOUT_EFFECT.match(sql) or ";" in sql.rstrip().removesuffix(";")):
            self._known = None

    def relations(self, database: str) -> dict[tuple[str, str], str]:
        """(schema, name) in lower case → `table` or `view`, for the whole database."""
        rows = self.execute(
            """
            select lower(schema_name), lower(table_name), 'table' from duckdb_tables()
             where lower(database_name) = lower(?)
            union all
            select lower(schema_name), lower(view_name), 'view' from duckdb_views()
             where lower(database_name) = lower(?) and not internal
            """,
            [database, database],
        ).fetchall()
        return {(schema, name): kind for schema, name, kind in rows}

    def columns(self, relation: Relation) -> list[Column]:
        """Columns with types, in order; empty when the relation does not exist."""
        rows = self.execute(
            """
            select column_name, data_type from duckdb_columns()
             where lower(database_name) = lower(coalesce(?, current_database()))
               and lower(schema_name) = lower(coalesce(?, current_schema())) and lower(table_name) = lower(?)
             order by column_index
            """,
            [relation.database, relation.schema, relation.identifier],
        ).fetchall()
        return [Column(name, kind) for name, kind in rows]

    def columns_of(self, relation: Relation) -> list[Column]:
        """The same of a relation that exists: without a walk through the catalogue, which costs ten times that."""
        return [Column(row[0], row[1]) for row in self.execute(f"describe {relation.render()}").fetchall()]

    def columns_of_query(self, sql: str) -> list[Column]:
        """Columns with types that a query would give."""
        rows = self.execute(f"describe select * from (\n{sql}\n) as described").fetchall()
        return [Column(row[0], row[1]) for row in rows]

    def create_schema(self, database: str, schema: str) -> None:
        self.execute(f"create schema if not exists {quoted(database)}.{quoted(schema)}")

    def drop(self, relation: Relation) -> None:
        """Drop a table or view that exists."""
        self.execute(f"drop {relation.type or 'table'} if exists {relation.render()} cascade")
