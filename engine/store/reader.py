"""Questions to the store.

Owns a pool of cursors so that any thread can ask without waiting for another, and drops those that a reopened
database has made invalid. Refuses writing and text in place of parameters: SQL comes from our files, values are bound.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from engine.errors import StorageError
from engine.store.database import Database

KEPT_CURSORS = 8
"""More may be in use at once; more are not kept, since each holds memory of its own."""

Parameters = Sequence[Any] | Mapping[str, Any] | None


class Reader:
    """Pooled read access. Safe from any thread; every call is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[tuple[int, duckdb.DuckDBPyConnection]] = []
        self._lock = threading.Lock()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for the duration of the block, for several questions or for Arrow results."""
        generation = self._database.generation
        found: duckdb.DuckDBPyConnection | None = None
        with self._lock:
            while self._idle:
                born, candidate = self._idle.pop()
                if born == generation:
                    found = candidate
                    break
                candidate.close()
        cursor = found if found is not None else self._database.cursor()
        try:
            yield cursor
        except BaseException:
            cursor.close()
            raise
        with self._lock:
            if len(self._idle) < KEPT_CURSORS and generation == self._database.generation:
                self._idle.append((generation, cursor))
                return
        cursor.close()

    def rows(self, sql: str, parameters: Parameters = None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        """Column names and all rows. Raises StorageError when the database itself is the problem."""
        try:
            with self.cursor() as cursor:
                cursor.execute(sql, parameters)
                columns = tuple(column[0] for column in cursor.description or ())
                return columns, cursor.fetchall()
        except (duckdb.FatalException, duckdb.IOException, duckdb.ConnectionException) as error:
            raise StorageError(f"{self._database.path}: {str(error).splitlines()[0]}") from error

    def close(self) -> None:
        """Close the idle cursors."""
        with self._lock:
            for _, cursor in self._idle:
                cursor.close()
            self._idle.clear()
