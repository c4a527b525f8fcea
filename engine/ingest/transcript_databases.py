"""Histories that are SQLite databases (opencode's, Cursor's), read as lines like all others.

Owns opening another program's database without disturbing it, and handing out what changed since a given mark as JSON
objects. Refuses meaning (the agent's reader has it), and columns with text that no reader needs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

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

# A line of code is a row: what one request wrote is told as one group. The numbers of rows only grow, and finding those
# above one needs no look at the others.
_WRITTEN = """
select
    {conversation} as "conversationId", {request} as "requestId", min({time}) as "first", max({time}) as "last",
    max({file}) as "fileName", max(rowid) as mark
from ai_code_hashes
where rowid > ?
group by 1, 2
order by 6
"""
_SCORED = """
select commitHash, scoredAt, {columns}
from scored_commits
order by scoredAt
"""


def changed_since(agent_type: str, path: str, mark: int) -> Iterator[Piece]:
    """Rows new or changed since that mark, oldest first; each piece's offset is the mark that it reaches.

    Raises OSError when the file is no such database, or is locked for longer than 5 s.
    """
    try:
        uri = Path(path).absolute().as_uri() + "?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
            yield from _READERS[agent_type](connection, mark)
    except sqlite3.Error as error:
        raise OSError(0, f"not readable as a database of {agent_type}: {error}", path) from None


def _opencode(connection: sqlite3.Connection, since: int) -> Iterator[Piece]:
    """By the time of the last change, in milliseconds."""
    names = _columns(connection, "session")
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


def _cursor(connection: sqlite3.Connection, mark: int) -> Iterator[Piece]:
    """By the number of the row. Everything is fetched before any of it is handled: a reader that lingers would keep the
    program from writing where it uses no write-ahead log. A database that began again is read from its beginning."""
    lines: list[bytes] = []
    names = _columns(connection, "ai_code_hashes")
    if names:
        highest = connection.execute("select max(rowid) from ai_code_hashes").fetchone()[0] or 0
        query = _WRITTEN.format(
            conversation="conversationId" if "conversationId" in names else "null",
            request="requestId" if "requestId" in names else "null",
            time=_first_of(names, "timestamp", "createdAt"),
            file="fileName" if "fileName" in names else "null",
        )
        lines += _lines("written", connection.execute(query, (mark if mark <= highest else 0,)))
        mark = highest
    names = _columns(connection, "scored_commits")
    if {"commitHash", "scoredAt"} <= names:
        lines_of = [name for name in sorted(names) if "Lines" in name or name in ("linesAdded", "linesDeleted")]
        query = _SCORED.format(columns=", ".join(f'"{name}"' for name in lines_of) or "null")
        lines += _lines("scored", connection.execute(query))
    for start in range(0, len(lines), LINES_A_PIECE):
        yield Piece(lines[start : start + LINES_A_PIECE], mark, 0, False)


def _lines(table: str, cursor: sqlite3.Cursor) -> list[bytes]:
    columns = [column[0] for column in cursor.description]
    return [
        orjson.dumps({"table": table, "data": dict(zip(columns, row, strict=True))}, default=_not_text)
        for row in cursor.fetchall()
    ]


def _not_text(value: Any) -> None:
    """Whatever JSON cannot hold (bytes) says nothing to a reader."""


def _first_of(names: set[str], *wanted: str) -> str:
    found = [f'"{name}"' for name in wanted if name in names]
    return f"coalesce({', '.join(found)}, null)" if found else "null"


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"pragma table_info({table})")}


_READERS: Mapping[str, Callable[[sqlite3.Connection, int], Iterator[Piece]]] = {
    "opencode": _opencode,
    "cursor": _cursor,
}
