"""How far each local history was read.

Owns a small SQLite file in the data directory: per file of an agent its identity, the offset of the first unread byte
and the reader's state, so that after a restart only what is new is read. It belongs to one database file; beside
another one it starts empty. Refuses rows: a position is saved only after its rows are durable, by the caller.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engine.errors import StorageError

FILE_NAME = "transcripts.sqlite"
_SCHEMA = 1
_UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading of one file stands.

    `device` and `inode` and the hash of its first `head_bytes` bytes identify the file, also after it was moved;
    `size` and `modified_ns` are those at the last read: unchanged, the file need not be opened.
    """

    path: str
    agent_type: str
    device: int
    inode: int
    size: int
    modified_ns: int
    offset: int
    head_bytes: int
    head_hash: str
    reader_version: int
    reader_state: bytes
    is_inside_long_line: bool = False


class Known(NamedTuple):
    """What tells whether a file changed, without the reader's state."""

    path: str
    agent_type: str
    device: int
    inode: int
    size: int
    modified_ns: int
    reader_version: int


def known_files(file: Path, database: Path | None = None) -> dict[str, Known]:
    """All files as they were read, by name; none where nothing was kept for this database, or not to the end of an
    import. Makes and changes nothing, so that an import with nothing to do need not open the workspace."""
    if not file.exists():
        return {}
    try:
        with closing(sqlite3.connect(file.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0)) as connection:
            if dict(connection.execute("select name, value from about")) != _about(database):
                return {}
            return _known(connection)
    except sqlite3.Error:
        return {}


class KeptPositions:
    """Positions as they were left, read without opening the workspace: from any thread, one at a time."""

    def __init__(self, file: Path, database: Path | None = None) -> None:
        self._connection: sqlite3.Connection | None = None
        if not file.exists():
            return
        try:
            connection = sqlite3.connect(
                file.absolute().as_uri() + "?mode=ro", uri=True, timeout=5.0, check_same_thread=False
            )
            about = dict(connection.execute("select name, value from about"))
            about.pop(_UNFINISHED, None)
            if about == _about(database):
                self._connection = connection
            else:
                connection.close()
        except sqlite3.Error:
            pass

    def of(self, path: str, device: int, inode: int) -> Position | None:
        """Where a file stands, whatever name it had."""
        if self._connection is None:
            return None
        try:
            row = (
                self._connection.execute("select * from positions where path = ?", (path,)).fetchone()
                or self._connection.execute(
                    "select * from positions where device = ? and inode = ?", (device, inode)
                ).fetchone()
            )
        except sqlite3.Error:  # it will be read again
            return None
        return None if row is None else Position(*row)

    def known(self) -> dict[str, Known]:
        """All files as they were read, by name."""
        return {} if self._connection is None else _known(self._connection)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _known(connection: sqlite3.Connection) -> dict[str, Known]:
    rows = connection.execute(
        "select path, agent_type, device, inode, size, modified_ns, reader_version from positions"
    )
    return {row[0]: Known(*row) for row in rows}


class Positions:
    """All positions; usable from several threads."""

    def __init__(self, file: Path, database: Path | None = None) -> None:
        """Open or create. Raises StorageError when the file cannot be used."""
        self._lock = threading.Lock()
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            new = not file.exists()
            self._connection = sqlite3.connect(file, timeout=30.0, check_same_thread=False, isolation_level=None)
            if new:
                file.chmod(0o600)  # it holds the names of folders
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._prepare(_about(database))
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"{file}: {error}", hint="delete it to read all histories again") from None

    def _prepare(self, about: dict[str, str]) -> None:
        run = self._connection.execute
        run("create table if not exists about (name text primary key, value text)")
        known = dict(run("select name, value from about").fetchall())
        known.pop(_UNFINISHED, None)
        if known != about:
            run("begin immediate")
            run("drop table if exists positions")
            run("delete from about")
            self._connection.executemany("insert into about values (?, ?)", about.items())
            run(
                "create table positions (path text primary key, agent_type text, device integer, inode integer,"
                " size integer, modified_ns integer, offset integer, head_bytes integer, head_hash text,"
                " reader_version integer, reader_state blob, is_inside_long_line integer)"
            )
            run("commit")

    def of_path(self, path: str) -> Position | None:
        """The position of the file that had this name."""
        return self._one("select * from positions where path = ?", (path,))

    def of_file(self, device: int, inode: int) -> Position | None:
        """The position of this very file under whatever name it had."""
        return self._one("select * from positions where device = ? and inode = ?", (device, inode))

    def save(self, positions: Iterable[Position], gone: Iterable[str] = ()) -> None:
        """Keep positions and forget files, in one transaction."""
        with self._lock:
            try:
                self._connection.execute("begin immediate")
                self._connection.executemany("delete from positions where path = ?", [(path,) for path in gone])
                self._connection.executemany(
                    "insert or replace into positions values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        (
                            p.path,
                            p.agent_type,
                            p.device,
                            p.inode,
                            p.size,
                            p.modified_ns,
                            p.offset,
                            p.head_bytes,
                            p.head_hash,
                            p.reader_version,
                            p.reader_state,
                            p.is_inside_long_line,
                        )
                        for p in positions
                    ],
                )
                self._connection.execute("commit")
            except sqlite3.Error as error:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise StorageError(f"cannot keep how far histories were read: {error}") from None

    def known(self) -> dict[str, Known]:
        """All files as they were read, by name."""
        with self._lock:
            return _known(self._connection)

    def begin(self) -> None:
        """An import begins: until `finished`, `known_files` tells of none, so that the next import goes through with
        what this one may have left in the journal."""
        with self._lock:
            self._connection.execute("insert or replace into about values (?, '')", (_UNFINISHED,))

    def finished(self) -> None:
        """Everything that was recorded has arrived where it belongs."""
        with self._lock:
            self._connection.execute("delete from about where name = ?", (_UNFINISHED,))

    def paths(self) -> list[str]:
        """All names that are known."""
        with self._lock:
            return [str(row[0]) for row in self._connection.execute("select path from positions")]

    def close(self) -> None:
        with self._lock:
            self._connection.close()

    def _one(self, sql: str, parameters: tuple[object, ...]) -> Position | None:
        try:
            with self._lock:
                row = self._connection.execute(sql, parameters).fetchone()
        except sqlite3.Error as error:
            raise StorageError(f"cannot read how far histories were read: {error}") from None
        return None if row is None else Position(*row)


def _about(database: Path | None) -> dict[str, str]:
    return {"schema": str(_SCHEMA), "database": _identity(database)}


def _identity(database: Path | None) -> str:
    """What tells one database file from the next; a file that is not there yet is nobody's."""
    if database is None:
        return ""
    try:
        found = database.stat()
    except OSError:
        return "none"
    return f"{found.st_dev}:{found.st_ino}"
