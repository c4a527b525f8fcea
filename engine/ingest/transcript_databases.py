"""Histories that are SQLite databases (opencode's), read as lines like all others.

Owns opening another program's database without disturbing it, and handing out what changed since a given time as JSON
objects. Refuses meaning (the agent's reader has it), and columns with text that no reader needs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson

from engine.ingest.transcript_files import Piece

LINES_A_PIECE = 500
BUSY_SECONDS = 5.0

_QUERIES = (
    "select 'session' as \"table\", s.id, s.id as session_id, {parent} as parent_id, s.directory, s.version,"
    " s.time_created, s.time_updated, null as data from session as s where s.time_updated >= ?",
    "select 'message' as \"table\", m.id, m.session_id, {parent} as parent_id, s.directory, s.version,"
    " m.time_created, m.time_updated, m.data from message as m join session as s on s.id = m.session_id"
    " where m.time_updated >= ?",
    "select 'part' as \"table\", p.id, p.session_id, {parent} as parent_id, s.directory, s.version,"
    " p.time_created, p.time_updated, p.data from part as p join session as s on s.id = p.session_id"
    " where p.time_updated >= ? and json_extract(p.data, '$.type') = 'tool'",
)


def changed_since(path: str, milliseconds: int) -> Iterator[Piece]:
    """Rows changed at or after that time, oldest first; each piece's offset is the time it reaches.

    Raises OSError when the file is no such database, or is locked for longer than 5 s.
    """
    try:
        uri = Path(path).absolute().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
            yield from _pieces(connection, milliseconds)
    except sqlite3.Error as error:
        raise OSError(0, f"not readable as a database of opencode: {error}", path) from None


def _pieces(connection: sqlite3.Connection, since: int) -> Iterator[Piece]:
    names = {row[1] for row in connection.execute("pragma table_info(session)")}
    parent = "s.parent_id" if "parent_id" in names else "null"
    union = " union all ".join(query.format(parent=parent) for query in _QUERIES)
    cursor = connection.execute(f"{union} order by 8, 1 desc", (since,) * len(_QUERIES))
    columns = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(LINES_A_PIECE):
        lines = []
        for row in rows:
            entry = dict(zip(columns, row, strict=True))
            try:
                entry["data"] = orjson.loads(entry["data"]) if entry["data"] is not None else None
            except orjson.JSONDecodeError:
                entry["data"] = None
            lines.append(orjson.dumps(entry))
        yield Piece(lines, int(rows[-1][7] or since), 0, False)
