"""Rows as bytes: the payload of a journal record and of rows sent between processes.

Owns the frame around one Arrow IPC stream per raw table and its strict reading. Refuses types other than the
catalogue's, so that what was framed can be inserted.

    payload    one frame per table: u16 length of the name, name (UTF-8), u32 length of the stream, Arrow IPC stream
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from datetime import datetime

import pyarrow as pa

from engine.store.catalogue import Catalogue
from engine.store.rows import RawRows

_NAME = struct.Struct("<H")
_STREAM = struct.Struct("<I")
COMPRESSED_ROWS = 256
"""From here on compression takes less time than it saves (checksum, disk, reading), and four fifths of the bytes."""
_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")


def encode_rows(rows: RawRows, catalogue: Catalogue, received_at: datetime) -> bytes:
    """Frame rows; those without `received_at` get the given instant.

    Raises ValueError, naming table and column, for rows that the database could not take.
    """
    return encode_tables(catalogue.to_arrow(rows, received_at))


def encode_tables(tables: Mapping[str, pa.Table]) -> bytes:
    """Frame Arrow tables."""
    parts: list[bytes] = []
    for name, table in tables.items():
        sink = pa.BufferOutputStream()
        options = _COMPRESSED if table.num_rows >= COMPRESSED_ROWS else None
        with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
            writer.write_table(table)
        stream = sink.getvalue()
        text = name.encode()
        parts += (_NAME.pack(len(text)), text, _STREAM.pack(stream.size), stream)
    return b"".join(parts)


def decode_rows(payload: bytes, *, trusted: bool = False) -> dict[str, pa.Table]:
    """Arrow tables by raw table. Raises ValueError for bytes that are no frames.

    `trusted`: this program wrote them and a checksum says that they are whole, so that values need no second look.
    """
    tables: dict[str, pa.Table] = {}
    view = memoryview(payload)
    position = 0
    try:
        while position < len(view):
            (length,) = _NAME.unpack_from(view, position)
            position += _NAME.size
            name = bytes(view[position : position + length]).decode()
            position += length
            (size,) = _STREAM.unpack_from(view, position)
            position += _STREAM.size
            if name in tables or position + size > len(view):
                raise ValueError("frames of rows are cut off or doubled")
            # A copy, because Arrow wants aligned buffers and frames start anywhere.
            with pa.ipc.open_stream(pa.py_buffer(bytes(view[position : position + size]))) as reader:
                table = reader.read_all()
            table.validate(full=not trusted)
            tables[name] = table
            position += size
    except (struct.error, UnicodeDecodeError, pa.ArrowException, OSError) as error:
        raise ValueError("not rows in frames of Arrow IPC") from error
    return tables


def join_tables(groups: Iterable[Mapping[str, pa.Table]]) -> dict[str, pa.Table]:
    """All rows of several payloads, by table; a column that is missing in some is NULL there."""
    collected: dict[str, list[pa.Table]] = {}
    for group in groups:
        for name, table in group.items():
            collected.setdefault(name, []).append(table)
    return {
        # One chunk a column: DuckDB works chunk by chunk, and those of single payloads are small.
        name: tables[0] if len(tables) == 1 else pa.concat_tables(tables, promote_options="default").combine_chunks()
        for name, tables in collected.items()
    }
