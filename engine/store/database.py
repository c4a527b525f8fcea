"""The one DuckDB file of a workspace.

Owns opening, closing and reopening the file, its session settings (time zone UTC, no automatic extension downloads)
and the message for a file that another process holds. Refuses SQL beyond that: what is written is `writer.py`'s, what
is asked is `reader.py`'s and the models'. There is one Database per process and one cursor per thread or task.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import Any, cast

import duckdb

from engine.errors import InUseError, StorageError


class _WithoutPandas:
    """Says at once that there is no pandas, before the whole path is searched for it.

    DuckDB asks for it at every single Python value that goes into a statement: 0.1 ms a value, 15 ms for a list of
    200 keys. Nothing here uses pandas, and where it is installed, importing it stalls the first answer by seconds.
    """

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is kept out of this process", name=name)


if "pandas" not in sys.modules:
    sys.meta_path.insert(0, cast(Any, _WithoutPandas))

CHECKPOINT_THRESHOLD = "256MB"
"""The default of 16 MB stalls the committing thread for up to 0.8 s; we checkpoint from another cursor instead."""

_HOLDER = re.compile(r"\(PID (\d+)\)")


class Database:
    """An open DuckDB file. Cursors come from here; after `reopen` the cursors handed out before are dead."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self.generation = 0
        """Grows with every reopening: who keeps cursors drops those of an older generation."""
        self._connection: duckdb.DuckDBPyConnection | None = connection
        self._lock = threading.Lock()

    @classmethod
    def open(cls, path: Path) -> Database:
        """Open or create the file.

        Raises InUseError when another process holds it (naming its pid) and StorageError when it cannot be opened.
        """
        return cls(path, _connect(path))

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A new cursor with a transaction of its own. Use it in one thread at a time and close it."""
        with self._lock:
            if self._connection is None:
                raise StorageError(f"{self.path} is closed")
            try:
                return self._connection.cursor()
            except duckdb.Error as error:
                raise StorageError(f"{self.path}: {_first_line(error)}") from error

    def checkpoint(self) -> bool:
        """Move the write-ahead log into the file, from a cursor of its own. False when a transaction is in the way."""
        cursor = self.cursor()
        try:
            cursor.execute("checkpoint")
        except duckdb.TransactionException:
            return False
        except duckdb.Error as error:
            raise StorageError(f"{self.path}: checkpoint failed: {_first_line(error)}") from error
        finally:
            cursor.close()
        return True

    def wal_bytes(self) -> int:
        """Size of the write-ahead log."""
        try:
            return os.stat(f"{self.path}.wal").st_size
        except FileNotFoundError:
            return 0

    def reopen(self) -> None:
        """Close and open again: the way out after DuckDB declared its instance invalid (disk full, failed sync)."""
        with self._lock:
            if self._connection is not None:
                # An invalidated instance refuses even to close properly; what counts is that the handle goes away.
                try:
                    self._connection.close()
                except duckdb.Error:
                    pass
                self._connection = None
            self._connection = _connect(self.path)
            self.generation += 1

    def close(self) -> None:
        """Close the file; without effect when it is closed already."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    """A configured connection to the file at `path`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(
            str(path),
            config={
                "checkpoint_threshold": CHECKPOINT_THRESHOLD,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        connection.execute("set global TimeZone = 'UTC'")
        # A data directory is private, whatever the umask says: it holds names, e-mails and commit messages.
        os.chmod(path, 0o600)
    except OSError as error:
        raise StorageError(f"cannot open {path}: {error.strerror or error}") from error
    except duckdb.Error as error:
        text = _first_line(error)
        holder = _HOLDER.search(str(error))
        if "lock" in text.lower() and holder is not None:
            raise InUseError(
                f"{path} is in use by process {holder.group(1)}",
                hint="stop that engine first, or give --data-dir another directory",
            ) from error
        hint = f"`aa-engine backup restore latest --data-dir {path.parent}` puts the newest backup in its place"
        if "WAL file" in text:
            hint = f"move {path}.wal away and start again: the journal holds what was in it"
        raise StorageError(f"cannot open {path}: {text}", hint=hint) from error
    return connection


def _first_line(error: Exception) -> str:
    """DuckDB's messages have hints and stack lines below the sentence that counts."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
