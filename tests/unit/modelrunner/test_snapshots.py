"""Snapshots: what they remember of rows that change or go away."""

from __future__ import annotations

import pytest

from engine.modelrunner.problems import ParseProblem

from .conftest import Toy

SOURCE = "sources: [{name: raw, tables: [{name: u}]}]"
USERS = """
create schema raw;
create table raw.u as select * from (values (1, 'x', timestamp '2026-01-01'), (2, 'y', timestamp '2026-01-01'))
t(id, v, ts)
"""
CHANGE = "update raw.u set v = 'xx', ts = timestamp '2026-02-01' where id = 1; delete from raw.u where id = 2"
TIMESTAMP = "strategy='timestamp', unique_key='id', updated_at='ts'"
CHECK = "strategy='check', unique_key='id', check_cols='all'"


def snapshot(toy: Toy, config: str) -> None:
    toy.write({"models/s.yml": SOURCE, "snapshots/h.sql": "{% snapshot h %}{{ config(" + config + ") }}"
               "select * from {{ source('raw', 'u') }}{% endsnapshot %}"})  # fmt: skip


def take(toy: Toy) -> None:
    assert toy.runner().snapshot().exit_code == 0


@pytest.mark.parametrize("config", [TIMESTAMP, CHECK, "strategy='check', unique_key=['id'], check_cols=['v']"])
def test_a_changed_row_ends_and_begins_anew(toy: Toy, config: str) -> None:
    toy.execute(USERS)
    snapshot(toy, config)
    take(toy)
    toy.execute(CHANGE)
    take(toy)
    take(toy)
    rows = toy.rows("select id, v, dbt_valid_to is null from h order by id, dbt_valid_from")
    assert rows == [(1, "x", False), (1, "xx", True), (2, "y", True)]


def test_updated_at_is_when_a_row_begins_and_ends(toy: Toy) -> None:
    toy.execute(USERS)
    snapshot(toy, TIMESTAMP)
    take(toy)
    toy.execute(CHANGE)
    take(toy)
    assert toy.rows("select count(*) from h where id = 1 and dbt_valid_to = timestamp '2026-02-01'") == [(1,)]


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("invalidate_hard_deletes=true", [("y", False)]),
        ("hard_deletes='invalidate'", [("y", False)]),
        ("hard_deletes='ignore'", [("y", True)]),
    ],
)
def test_what_becomes_of_a_deleted_row(toy: Toy, setting: str, expected: list[tuple[str, bool]]) -> None:
    toy.execute(USERS)
    snapshot(toy, f"{TIMESTAMP}, {setting}")
    take(toy)
    toy.execute(CHANGE)
    take(toy)
    assert toy.rows("select v, dbt_valid_to is null from h where id = 2") == expected


def test_a_deleted_row_can_leave_a_record_and_come_back(toy: Toy) -> None:
    toy.execute(USERS)
    snapshot(toy, f"{CHECK}, hard_deletes='new_record'")
    take(toy)
    toy.execute("delete from raw.u where id = 2")
    take(toy)
    toy.execute("insert into raw.u values (2, 'y', timestamp '2026-03-01')")
    take(toy)
    rows = toy.rows("select dbt_is_deleted, dbt_valid_to is null from h where id = 2 order by dbt_valid_from")
    assert rows == [("False", False), ("True", False), ("False", True)]


def test_a_property_file_defines_a_snapshot(toy: Toy) -> None:
    toy.execute(USERS)
    toy.write({"models/s.yml": SOURCE, "snapshots/y.yml": "snapshots: [{name: h, relation: \"source('raw', 'u')\", "
               "config: {strategy: timestamp, unique_key: id, updated_at: ts, schema: hist, "
               "dbt_valid_to_current: \"timestamp '9999-12-31'\", snapshot_meta_column_names: {dbt_valid_to: until}}}]",
               "models/m.sql": "select * from {{ ref('h') }}"})  # fmt: skip
    assert toy.runner().build().exit_code == 0
    toy.execute(CHANGE)
    assert toy.runner().build().exit_code == 0
    rows = toy.rows("select id, v, year(until) from main_hist.h order by id, until")
    assert rows == [(1, "x", 2026), (1, "xx", 9999), (2, "y", 9999)]


def test_a_new_column_is_added_to_the_history(toy: Toy) -> None:
    toy.execute(USERS)
    snapshot(toy, CHECK)
    take(toy)
    toy.execute("alter table raw.u add column n integer; update raw.u set n = 7")
    take(toy)
    assert toy.rows("select n from h where id = 1 order by dbt_valid_from") == [(None,), (7,)]


def test_a_strategy_of_the_project(toy: Toy) -> None:
    toy.execute(USERS)
    toy.write({"macros/s.sql": "{% macro snapshot_always_strategy(node, old, new, settings, exists) %}{% do return({"
               "'unique_key': 'id', 'updated_at': snapshot_get_time(), 'row_changed': 'true', "
               "'scd_id': snapshot_hash_arguments(['id', snapshot_get_time()])}) %}{% endmacro %}"})  # fmt: skip
    snapshot(toy, "strategy='always', unique_key='id'")
    take(toy)
    take(toy)
    assert toy.rows("select count(*) from h") == [(4,)]


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("unique_key='id'", "has no strategy"),
        ("strategy='timestamp', unique_key='id'", "has no updated_at"),
        ("strategy='check', unique_key='id'", "has no check_cols"),
        (f"{TIMESTAMP}, hard_deletes='invalidat'", "did you mean 'invalidate'?"),
    ],
)
def test_an_incomplete_snapshot_is_refused_while_reading(toy: Toy, config: str, sentence: str) -> None:
    snapshot(toy, config)
    with pytest.raises(ParseProblem, match=r"snapshots/h.sql:1") as raised:
        toy.load()
    assert sentence in raised.value.line()


def test_a_table_that_is_no_snapshot_is_left_alone(toy: Toy) -> None:
    toy.execute(USERS)
    toy.execute("create table h as select 1 as id")
    snapshot(toy, TIMESTAMP)
    outcome = toy.runner().snapshot()
    assert outcome.exit_code == 1
    assert "no snapshot table" in str(outcome.results[0].message)
    assert toy.rows("from h") == [(1,)]
