"""One DuckDB connection as the runner uses it.

Owns execution with readable errors, transactions, the list of relations and their columns, and further connections
like a given one. Refuses to open files: a connection comes in and belongs to the caller; and refuses to guess: what
the catalogue says now is what counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from engine.modelrunner.known_relations import Key, Kind, KnownRelations
from engine.modelrunner.nodes import quoted
from engine.modelrunner.problems import NodeProblem, ParseProblem
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

    `known` promises that nothing but the connections that share it changes the catalogue while they work: then it is
    read once, and what they make is remembered.
    """

    def __init__(self, raw: duckdb.DuckDBPyConnection, *, known: KnownRelations | None = None) -> None:
        self.raw = raw
        self._shared = known
        # Of the transaction that is open: what it made, whether it did what is not understood, when it began.
        self._made: dict[Key, Kind] = {}
        self._unclear = False
        self._since = 0
        self._depth = 0
        row = raw.execute("select current_database(), current_schema()").fetchone()
        assert row is not None
        self.database: str = row[0]

    def execute(self, sql: str, parameters: Sequence[Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run SQL (one or several statements); NodeProblem with DuckDB's own words when it fails."""
        if self._shared is not None:
            self._remember(sql)
        try:
            done = self.raw.execute(sql, parameters) if parameters is not None else self.raw.execute(sql)
        except duckdb.Error as error:
            self._unclear = True
            if not self._depth:
                self._tell()
            raise NodeProblem(
                str(error).strip(), statement=sql, conflict=isinstance(error, duckdb.TransactionException)
            ) from error
        if not self._depth and (self._made or self._unclear):
            self._tell()
        return done

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
        self._since = 0 if self._shared is None else self._shared.changes
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
            self._made, self._unclear = {}, True
            self._tell()
            raise
        self._depth -= 1
        self.execute("commit")

    def relation(self, database: str, schema: str, identifier: str) -> Relation | None:
        """The relation as it exists now with its type, or None."""
        if self._shared is not None and not self._unclear:
            found = self._remembered((database.lower(), schema.lower(), identifier.lower()))
            return None if found is None else Relation(database, schema, *found)
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

    def _remembered(self, key: Key) -> Kind | None:
        """The relation, asked of the catalogue only when that is not known."""
        assert self._shared is not None
        if key in self._made:
            return self._made[key]
        is_known, found = self._shared.find(key)
        if is_known:
            return found
        changes = self._since if self._depth else self._shared.changes
        rows = self.execute(
            """
            select lower(database_name), lower(schema_name), lower(table_name), table_name, 'table'
              from duckdb_tables()
            union all
            select lower(database_name), lower(schema_name), lower(view_name), view_name, 'view'
              from duckdb_views() where not internal
            """
        ).fetchall()
        read = {(database, schema, name): (written, kind) for database, schema, name, written, kind in rows}
        if not self._made:
            # Else some of it is not committed, and others must not take it for real.
            self._shared.fill(read, changes)
        return read.get(key)

    def _remember(self, sql: str) -> None:
        """What a statement does to the catalogue; one that is not understood makes it be read again."""
        made = _MADE.match(sql)
        if made:
            database, schema, name = (part[1:-1].replace('""', '"') for part in made.groups()[1:])
            self._made[database.lower(), schema.lower(), name.lower()] = (name, made[1].lower())
        elif not _TEMPORARY.match(sql) and (not _WITHOUT_EFFECT.match(sql) or ";" in sql.rstrip().removesuffix(";")):
            self._unclear = True

    def _tell(self) -> None:
        """What is committed now counts for all connections that share the picture."""
        if self._shared is not None:
            if self._unclear:
                self._shared.forget()
            elif self._made:
                self._shared.add(self._made)
        self._made, self._unclear = {}, False

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


def beside(raw: duckdb.DuckDBPyConnection, count: int) -> list[duckdb.DuckDBPyConnection]:
    """Further connections to the same databases, with the settings that the session of this one has.

    What is temporary stays the first one's, as it does between the threads of dbt. ParseProblem for a setting that
    cannot be passed on.
    """
    cursors = [raw.cursor() for _ in range(count)]
    asked = "select name, value from duckdb_settings() where scope = 'LOCAL'"
    usual = dict(cursors[0].execute(asked).fetchall())
    for name, value in raw.execute(asked).fetchall():
        if name != "schema" and usual.get(name) != value:  # the schema is part of the search path
            text = f"reset {name}" if value is None else f"set {name} = {_literal(value)}"
            for cursor in cursors:
                try:
                    cursor.execute(text)
                except duckdb.Error as error:
                    raise ParseProblem(
                        f"the setting {name} cannot be passed on to a second thread: {str(error).splitlines()[0]}",
                        hint="run with --threads 1",
                    ) from None
    return cursors


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
