"""How commands write rows: CSV, JSON, Arrow, Parquet, or a table for people.

Owns the formats and where they go (standard output, or a file that appears only when it is whole). Refuses binary
formats on a terminal, and formulas in CSV: text that a spreadsheet would calculate is made plain text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from engine.errors import StorageError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.api.views import Column, Kind

BINARY = frozenset({"parquet", "arrow"})
WIDEST_CELL = 60


@contextmanager
def destination(path: Path | None, format: str) -> Iterator[BinaryIO]:
    """Where bytes go. A file is written beside its place and moved there at the end."""
    if path is None:
        if format in BINARY and sys.stdout.isatty():
            raise UsageError(f"{format} is nothing for a terminal", hint="add --output FILE")
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
        os.replace(partial, path)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def write_batches(batches: pa.RecordBatchReader, format: str, file: BinaryIO) -> int:
    """Write all batches; gives the number of rows."""
    match format:
        case "parquet":
            return _parquet(batches, file)
        case "arrow":
            return _arrow(batches, file)
        case "csv":
            return _csv(batches, file)
        case _:
            return _json(batches, file)


def _parquet(batches: pa.RecordBatchReader, file: BinaryIO) -> int:
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetWriter(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _arrow(batches: pa.RecordBatchReader, file: BinaryIO) -> int:
    import pyarrow as pa

    count = 0
    with pa.ipc.new_stream(file, batches.schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def _csv(batches: pa.RecordBatchReader, file: BinaryIO) -> int:
    from engine.api.encode import csv_header, csv_rows

    columns = columns_of(batches.schema)
    file.write(csv_header(columns))
    count = 0
    for batch in batches:
        file.write(csv_rows(columns, rows_of(batch)))
        count += batch.num_rows
    return count


def _json(batches: pa.RecordBatchReader, file: BinaryIO) -> int:
    from engine.api.encode import json_rows

    columns = columns_of(batches.schema)
    file.write(b"[")
    count = 0
    for batch in batches:
        told = json_rows(columns, rows_of(batch))[1:-1]
        if told:
            file.write((b",\n" if count else b"\n") + told)
        count += batch.num_rows
    file.write(b"\n]\n")
    return count


def columns_of(schema: pa.Schema) -> list[Column]:
    """The columns of an Arrow schema in the kinds of our views, so that both are written alike."""
    from engine.api.views import Column

    return [Column(field.name, _kind(field.type), "") for field in schema]


def _kind(type: pa.DataType) -> Kind:
    import pyarrow as pa

    if pa.types.is_decimal(type):
        return "money" if type.scale else "integer"
    if pa.types.is_timestamp(type):
        return "instant" if type.tz else "text"
    if pa.types.is_date(type):
        return "day"
    if pa.types.is_boolean(type):
        return "boolean"
    if pa.types.is_integer(type):
        return "integer"
    if pa.types.is_floating(type):
        return "number"
    if pa.types.is_list(type):
        inner = type.value_type
        return "texts" if pa.types.is_string(inner) else "integers" if pa.types.is_integer(inner) else "links"
    return "links" if pa.types.is_nested(type) else "text"


def rows_of(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Rows of a batch as Python values that our formats know."""
    return zip(*(_values(column) for column in batch.columns), strict=True)


def _values(column: pa.Array) -> list[Any]:
    import pyarrow as pa

    values: list[Any] = column.to_pylist()
    if pa.types.is_decimal(column.type) and not column.type.scale:
        return [None if value is None else int(value) for value in values]
    if _kind(column.type) == "text":
        return [None if value is None else str(value) for value in values]
    return values


def print_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Aligned columns; numbers to the right, long cells cut, unknown as n/a."""
    right = [bool(rows) and all(_is_number(row[index]) for row in rows) for index in range(len(names))]
    cells = [[name.upper() for name in names], *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[index]) for row in cells) for index in range(len(names))]
    for row in cells:
        aligned = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        print("  ".join(aligned).rstrip())


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, (int, float, Decimal)) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    from engine.api.encode import instant_text, money_text

    match value:
        case None:
            return "n/a"
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return money_text(value)
        case datetime():
            return instant_text(value) if value.tzinfo else value.isoformat(" ")
        case date():
            return value.isoformat()
        case list():
            text = ", ".join(_cell(item) for item in value)
        case _:
            text = str(value)
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"
