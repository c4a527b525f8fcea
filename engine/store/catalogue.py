"""The types of the raw tables, as the database itself tells them.

Owns the map from a raw table's columns to Arrow types and casts, read from `information_schema`, and turns RawRows
into Arrow tables with exactly these types. Refuses rows that could not be inserted later (unknown table or column,
NULL in a required column, a key that is no UUID): the journal must never hold what the database cannot take.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from engine.store.rows import RawRows

if TYPE_CHECKING:
    import duckdb

_DECIMAL = re.compile(r"^DECIMAL\((\d+),(\d+)\)$")
_SIMPLE: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "JSON": pa.string(),
    "UUID": pa.string(),
    "BIGINT": pa.int64(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP WITH TIME ZONE": pa.timestamp("us", tz="UTC"),
}
_CAST = frozenset({"UUID", "JSON"})
_UUID = r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its SQL type, the Arrow type it travels in, whether it must be there."""

    name: str
    sql_type: str
    arrow_type: pa.DataType
    required: bool

    @property
    def needs_cast(self) -> bool:
        """True where the type has no Arrow type of its own and travels as text."""
        return self.sql_type in _CAST


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Columns of every raw table, by table and name. `batch_id` is not among them: the writer adds it."""

    tables: Mapping[str, Mapping[str, Column]]

    @classmethod
    def read(cls, cursor: duckdb.DuckDBPyConnection) -> Catalogue:
        """Read the raw tables' columns from a migrated database."""
        tables: dict[str, dict[str, Column]] = {}
        rows = cursor.execute(
            "select table_name, column_name, data_type, is_nullable from information_schema.columns"
            " where table_schema = 'raw' order by table_name, ordinal_position"
        ).fetchall()
        for table, name, sql_type, nullable in rows:
            columns = tables.setdefault(table, {})
            if name != "batch_id":
                columns[name] = Column(name, sql_type, _arrow_type(sql_type), nullable == "NO")
        return cls(tables)

    def to_json(self) -> str:
        """As text, for a process that does without a database."""
        tables = {
            table: [[column.name, column.sql_type, column.required] for column in columns.values()]
            for table, columns in self.tables.items()
        }
        return json.dumps(tables)

    @classmethod
    def from_json(cls, text: str) -> Catalogue:
        """What `to_json` wrote. Raises ValueError for anything else."""
        try:
            return cls(
                {
                    table: {name: Column(name, kind, _arrow_type(kind), required) for name, kind, required in columns}
                    for table, columns in json.loads(text).items()
                }
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a catalogue") from error

    def to_arrow(self, rows: RawRows, received_at: datetime) -> dict[str, pa.Table]:
        """Arrow tables by raw table, columns in the table's order, only those that are present.

        Rows without `received_at` get the given instant. Raises ValueError for what the database would refuse.
        """
        return {table: self._table(table, columns, received_at) for table, columns in rows.tables.items() if columns}

    def _table(self, table: str, values: Mapping[str, list[Any]], received_at: datetime) -> pa.Table:
        known = self.tables.get(table)
        if known is None:
            raise ValueError(f"there is no table raw.{table}")
        unknown = [name for name in values if name not in known]
        if unknown:
            raise ValueError(f"raw.{table} has no column {', '.join(unknown)}")
        length = len(next(iter(values.values())))
        arrays: list[pa.Array] = []
        names: list[str] = []
        for name, column in known.items():
            given = values.get(name)
            if name == "received_at" and (given is None or None in given):
                given = [received_at if value is None else value for value in (given or [None] * length)]
            if given is None or (not column.required and given.count(None) == length):
                # A column of nothing is left out: it is NULL all the same, and costs as much as one of something.
                if column.required:
                    raise ValueError(f"raw.{table}.{name} is required")
                continue
            arrays.append(_array(table, column, given))
            names.append(name)
        return pa.table(arrays, names=names)

    def check(self, table: str, data: pa.Table) -> None:
        """The same refusals for an Arrow table that came from another process. Raises ValueError."""
        known = self.tables.get(table)
        if known is None:
            raise ValueError(f"there is no table raw.{table}")
        for name in data.column_names:
            if name not in known:
                raise ValueError(f"raw.{table} has no column {name}")
            if data.schema.field(name).type != known[name].arrow_type:
                raise ValueError(f"raw.{table}.{name} has type {data.schema.field(name).type}")
            _require(table, known[name], data.column(name))
        missing = [name for name, column in known.items() if column.required and name not in data.column_names]
        if missing:
            raise ValueError(f"raw.{table}.{', '.join(missing)} is required")


def _array(table: str, column: Column, values: list[Any]) -> pa.Array:
    try:
        array = pa.array(values, column.arrow_type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"raw.{table}.{column.name} ({column.sql_type}): {type(error).__name__}") from error
    _require(table, column, array)
    return array


def _require(table: str, column: Column, array: pa.Array | pa.ChunkedArray) -> None:
    if column.required and array.null_count:
        raise ValueError(f"raw.{table}.{column.name} is required")
    if column.sql_type == "UUID" and not pc.all(pc.match_substring_regex(array, _UUID), min_count=0).as_py():
        raise ValueError(f"raw.{table}.{column.name} is not a UUID")


def _arrow_type(sql_type: str) -> pa.DataType:
    decimal = _DECIMAL.match(sql_type)
    if decimal is not None:
        return pa.decimal128(int(decimal.group(1)), int(decimal.group(2)))
    return _SIMPLE[sql_type]


@cache
def current() -> Catalogue:
    """The catalogue of this version, without any file: for processes that send rows to an engine."""
    import duckdb

    from engine.store import migrations

    connection = duckdb.connect(":memory:")
    try:
        for step in migrations.packaged():
            connection.execute(step.sql)
        return Catalogue.read(connection)
    finally:
        connection.close()


def without_database(folder: Path) -> Catalogue:
    """`current`, in a process that must not load DuckDB (40 MB): from a file in `folder`, made once per schema."""
    path = folder / f"catalogue-{_schema_hash()}.json"
    try:
        return Catalogue.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        pass
    made = subprocess.run(
        [sys.executable, "-c", "from engine.store.catalogue import current; print(current().to_json())"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    try:
        partial = path.with_suffix(f".{os.getpid()}")
        partial.write_text(made, encoding="utf-8")
        os.replace(partial, path)
        for old in folder.glob("catalogue-*.json"):
            if old != path:
                old.unlink(missing_ok=True)
    except OSError:
        pass  # a full disk: it is made again next time
    return Catalogue.from_json(made)


def _schema_hash() -> str:
    """Of the packaged migrations: another schema is another file."""
    digest = hashlib.blake2b(digest_size=8)
    for entry in sorted((resources.files("engine.store") / "migrations").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sql"):
            digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()
