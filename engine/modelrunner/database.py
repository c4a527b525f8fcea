"""One DuckDB connection as the runner uses it.

Owns execution with readable errors, transactions, the list of relations and their columns. Refuses to open files: a
connection comes in and belongs to the caller; and refuses to guess: what the catalogue says now is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from engine.modelrunner.nodes import quoted
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.relation import Column, Relation
from engine.modelrunner.result_table import ResultTable


class Connection:
    """A DuckDB connection with a catalogue; not for use by several threads at once."""

    def __init__(self, raw: duckdb.DuckDBPyConnection) -> None:
        self.raw = raw
        self._depth = 0
        row = raw.execute("select current_database(), current_schema()").fetchone()
        assert row is not None
        self.database: str = row[0]

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run SQL (one or several statements); NodeProblem with DuckDB's own words when it fails."""
        try:
            return self.raw.execute(sql, parameters) if parameters is not None else self.raw.execute(sql)
        except duckdb.Error as error:
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

    def columns_of_query(self, sql: str) -> list[Column]:
        """Columns with types that a query would give."""
        rows = self.execute(f"describe select * from (\n{sql}\n) as described").fetchall()
        return [Column(row[0], row[1]) for row in rows]

    def create_schema(self, database: str, schema: str) -> None:
        self.execute(f"create schema if not exists {quoted(database)}.{quoted(schema)}")

    def drop(self, relation: Relation) -> None:
        """Drop a table or view that exists."""
        self.execute(f"drop {relation.type or 'table'} if exists {relation.render()} cascade")
