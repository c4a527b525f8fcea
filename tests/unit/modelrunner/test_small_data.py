"""Small data are built without DuckDB's own threads, and whatever may be large with all of them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from engine.modelrunner import small_data
from engine.modelrunner.database import Connection
from tests.unit.modelrunner.conftest import PROFILE, Toy


@pytest.fixture
def connection() -> Iterator[Connection]:
    raw = duckdb.connect()
    raw.execute("set threads = 3; create table t as select 1 as x")
    yield Connection(raw)
    raw.close()


def threads(connection: Connection) -> int:
    row = connection.one("select current_setting('threads')")
    assert row is not None
    return int(row[0])


def inside(toy: Toy, connection: Connection) -> int:
    """DuckDB's threads while something runs."""
    with small_data.with_few_threads(toy.load(), connection):
        return threads(connection)


def test_where_tables_are_short_only_who_asks_works(toy: Toy, connection: Connection) -> None:
    toy.write({"models/a.sql": "select x, x is distinct from '1' as y from t", "seeds/s.csv": "id\n1\n"})
    assert inside(toy, connection) == 1
    assert threads(connection) == 3


def test_after_an_error_all_threads_are_back(toy: Toy, connection: Connection) -> None:
    with pytest.raises(ValueError), small_data.with_few_threads(toy.load(), connection):
        raise ValueError
    assert threads(connection) == 3


def test_a_number_that_a_hook_sets_stays(toy: Toy, connection: Connection) -> None:
    with small_data.with_few_threads(toy.load(), connection):
        connection.execute("set threads = 2")
    assert threads(connection) == 2


def test_a_long_table_is_read_by_all(toy: Toy, connection: Connection) -> None:
    connection.execute("create table long as select * from range(130000)")
    assert inside(toy, connection) == 3


def test_what_another_database_holds_is_not_known(toy: Toy, connection: Connection) -> None:
    connection.execute("attach ':memory:' as other")
    assert inside(toy, connection) == 3


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_parquet('x.parquet')",
        "select * from 'x.csv'",
        'select * from t join "folder/x.csv" using (x)',
        "select * from postgres_scan('', '', '')",
        "select * from sqlite_query('', '')",
    ],
)
def test_what_a_model_may_read_from_files_is_not_known(toy: Toy, connection: Connection, sql: str) -> None:
    toy.write({"models/a.sql": sql})
    assert inside(toy, connection) == 3


def test_nor_what_a_macro_or_a_source_reads(toy: Toy, connection: Connection) -> None:
    toy.write({"macros/m.sql": "{% macro rows() %} read_csv('x.csv') {% endmacro %}"})
    assert inside(toy, connection) == 3
    toy.write({"macros/m.sql": "{% macro rows() %} t {% endmacro %}"})
    assert inside(toy, connection) == 1
    toy.write({"models/s.yml": "sources: [{name: raw, tables: [{name: t, meta: {external_location: 'x.parquet'}}]}]"})
    assert inside(toy, connection) == 3


def test_a_number_that_the_profile_names_stays(toy: Toy, connection: Connection) -> None:
    toy.write({"profiles.yml": PROFILE.replace("threads: 2}", "threads: 2, settings: {threads: 3}}")})
    assert inside(toy, connection) == 3


def test_what_goes_on_for_long_gets_all_threads_back(
    toy: Toy, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(small_data, "LONG_SECONDS", 0.0)
    with small_data.with_few_threads(toy.load(), connection):
        while threads(connection) == 1:
            pass
        assert threads(connection) == 3
