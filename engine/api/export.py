"""Whole views as a stream of bytes.

Owns CSV and Arrow of a view without a limit, a piece at a time, from one statement and so from one state of the models.
Refuses to hold a whole view in memory, and JSON: that is paged.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from typing import Any

from engine.api.answers import Questions, ready
from engine.api.encode import csv_header, csv_rows
from engine.api.statements import Statement
from engine.api.views import View

ROWS_AT_A_TIME = 5_000

CONTENT_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "arrow": "application/vnd.apache.arrow.stream",
}


def csv_pieces(reader: Questions, view: View, asked: Statement) -> Iterator[bytes]:
    """CSV with a header line."""
    with ready(), reader.cursor() as cursor:
        cursor.execute(asked.sql, dict(asked.parameters))
        yield csv_header(view.shown)
        while rows := cursor.fetchmany(ROWS_AT_A_TIME):
            yield csv_rows(view.shown, rows)


def arrow_pieces(reader: Questions, asked: Statement) -> Generator[bytes, None, None]:
    """An Arrow IPC stream; money is decimal128, instants are microseconds in UTC."""
    with ready(), reader.cursor() as cursor:
        yield from arrow_stream(cursor.execute(asked.sql, dict(asked.parameters)))


def arrow_stream(result: Any) -> Iterator[bytes]:
    """What a cursor has executed as an Arrow IPC stream: first the schema, then batch by batch."""
    import pyarrow as pa

    sink = _Sink()
    batches = result.to_arrow_reader(ROWS_AT_A_TIME)
    writer = pa.ipc.new_stream(sink, batches.schema)
    yield sink.take()
    for batch in batches:
        writer.write_batch(batch)
        yield sink.take()
    writer.close()
    yield sink.take()


class _Sink(io.RawIOBase):
    """A file that is emptied as it is written."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        pieces = b"".join(self._pieces)
        self._pieces.clear()
        return pieces
