"""What the models of a database file are, to be compared with those of another file.

Owns a copy of every relation as a table (views too: they name their own database) and the comparison of two copies by
DuckDB itself, since half a million rows are too many for Python. Refuses any order: relations are bags of rows.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

SCHEMAS = ("staging", "intermediate", "mart")


def copied(database: Path) -> Path:
    """A file beside `database` with every relation of the models as a table called like it, schema and all."""
    place = database.with_suffix(".relations")
    place.unlink(missing_ok=True)
    connection = duckdb.connect(str(database))
    try:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{place}' as copied")
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_catalog = current_database() and table_schema in $schemas order by all",
            {"schemas": list(SCHEMAS)},
        ).fetchall():
            connection.execute(f'create table copied."{schema}.{name}" as select * from {schema}."{name}"')
    finally:
        connection.close()
    return place


def assert_same(first: Path, second: Path) -> None:
    """Two copies hold the same relations: names, columns with their types, and rows as often as they stand there."""
    connection = duckdb.connect(str(first), read_only=True)
    try:
        connection.execute(f"attach '{second}' as other (read_only)")
        mine, others = (_columns(connection, name) for name in (first.stem, "other"))
        assert list(mine) == list(others)
        assert mine, "no relations at all"
        for name, columns in mine.items():
            assert columns == others[name], name
            counts = [
                connection.execute(f'select count(*) from {where}."{name}"').fetchall()[0][0]
                for where in ("main", "other")
            ]
            # Bags of equal size are equal when nothing of the one is missing in the other.
            surplus = connection.execute(
                f'select * from main."{name}" except all select * from other."{name}" limit 3'
            ).fetchall()
            assert not surplus, f"{name}: rows that the other has not, such as {surplus}"
            assert counts[0] == counts[1], f"{name}: {counts[0]} rows, the other has {counts[1]}"
    finally:
        connection.close()


def _columns(connection: duckdb.DuckDBPyConnection, database: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() where database_name = ?"
        " order by table_name, column_index",
        [database],
    ).fetchall():
        found.setdefault(table, []).append((column, kind))
    return found
