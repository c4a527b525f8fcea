"""Running: materializations, order, gating, tests, seeds, transactions, artifacts."""

from __future__ import annotations

import json

import pytest

from engine.modelrunner.choosing import Selection
from engine.modelrunner.context import Flags
from engine.modelrunner.problems import SelectionProblem
from engine.modelrunner.seed_types import inferred

from .conftest import Toy

EVENTS = "create schema raw; create table raw.ev as select * from (values (1, 'a', 10), (2, 'b', 20)) t(id, k, v)"
SOURCES = "sources: [{name: raw, tables: [{name: ev}]}]"


def kinds(toy: Toy) -> dict[str, str]:
    found = toy.rows("select table_name, table_type from information_schema.tables order by 1")
    return dict(found)


# Materializations -----------------------------------------------------------------------------------------------


def test_views_tables_and_ephemeral_models(toy: Toy) -> None:
    toy.write({"models/v.sql": "select 1 as id", "models/e.sql": "{{ config(materialized='ephemeral') }} "
               "select id + 1 as id from {{ ref('v') }}", "models/t.sql": "{{ config(materialized='table') }} "
               "with q as (select * from {{ ref('e') }}) select * from q"})  # fmt: skip
    assert toy.runner().run().exit_code == 0
    assert kinds(toy) == {"v": "VIEW", "t": "BASE TABLE"}
    assert toy.rows("select id from t") == [(2,)]


def test_a_view_becomes_a_table_and_back(toy: Toy) -> None:
    for kind, expected in (("view", "VIEW"), ("table", "BASE TABLE"), ("view", "VIEW")):
        toy.write({"models/a.sql": f"{{{{ config(materialized='{kind}') }}}} select 1 as id"})
        assert toy.runner().run().exit_code == 0
        assert kinds(toy) == {"a": expected}


def test_a_model_that_fails_leaves_what_was_there(toy: Toy) -> None:
    toy.write({"models/a.sql": "{{ config(materialized='table') }} select 1 as id"})
    toy.runner().run()
    toy.write({"models/a.sql": "{{ config(materialized='table') }} select cast('x' as integer) as id"})
    assert toy.runner().run().exit_code == 1
    assert toy.rows("select id from a") == [(1,)]


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("append", [(1, 10), (2, 20), (2, 21)]), ("delete+insert", [(1, 10), (2, 21)]), ("merge", [(1, 10), (2, 21)])],
)
def test_incremental_strategies(toy: Toy, strategy: str, expected: list[tuple[int, int]]) -> None:
    toy.execute(EVENTS)
    toy.write({"models/s.yml": SOURCES, "models/a.sql": "{{ config(materialized='incremental', unique_key='id', "
               f"incremental_strategy='{strategy}') }}}} select id, v from {{{{ source('raw', 'ev') }}}}"
               "{% if is_incremental() %} where v > (select max(v) from {{ this }}) {% endif %}"})  # fmt: skip
    toy.runner().run()
    toy.execute("insert into raw.ev values (2, 'b', 21)")
    assert toy.runner().run().exit_code == 0
    assert toy.rows("select id, v from a order by all") == expected
    toy.execute("delete from raw.ev where id = 1")
    toy.runner(flags=Flags(full_refresh=True)).run()
    assert toy.rows("select id, v from a order by all") == [(2, 20), (2, 21)]


def test_a_list_of_keys_is_one_key(toy: Toy) -> None:
    toy.execute(EVENTS)
    toy.write({"models/s.yml": SOURCES, "models/a.sql": "{{ config(materialized='incremental', "
               "unique_key=['id', 'k']) }} select id, k, v from {{ source('raw', 'ev') }}"})  # fmt: skip
    toy.runner().run()
    toy.execute("update raw.ev set v = 11 where id = 1; insert into raw.ev values (1, 'z', 5)")
    toy.runner().run()
    assert toy.rows("select * from a order by all") == [(1, "a", 11), (1, "z", 5), (2, "b", 20)]


@pytest.mark.parametrize(
    ("mode", "columns"), [("ignore", ["id"]), ("append_new_columns", ["id", "v"]), ("sync_all_columns", ["id", "v"])]
)
def test_new_columns_of_an_incremental_model(toy: Toy, mode: str, columns: list[str]) -> None:
    head = f"{{{{ config(materialized='incremental', unique_key='id', on_schema_change='{mode}') }}}} "
    toy.write({"models/a.sql": head + "select 1 as id"}).runner().run()
    toy.write({"models/a.sql": head + "select 1 as id, 2 as v"})
    assert toy.runner().run().exit_code == 0
    assert [row[0] for row in toy.rows("select column_name from duckdb_columns() where table_name = 'a'")] == columns


def test_new_columns_can_be_forbidden(toy: Toy) -> None:
    head = "{{ config(materialized='incremental', on_schema_change='fail') }} "
    toy.write({"models/a.sql": head + "select 1 as id"}).runner().run()
    toy.write({"models/a.sql": head + "select 1 as id, 2 as v"})
    (result,) = toy.runner().run().results
    assert result.status == "error"
    assert "--full-refresh" in str(result.message)


@pytest.mark.parametrize("wrong", ["materialized_view", "tabel"])
def test_an_unknown_materialization_says_what_to_use(toy: Toy, wrong: str) -> None:
    toy.write({"models/a.sql": f"{{{{ config(materialized='{wrong}') }}}} select 1"})
    (result,) = toy.runner().run().results
    assert result.status == "error"
    assert "models/a.sql: no materialization" in str(result.message)
    assert ";" in str(result.message)


def test_hooks_run_around_a_model_and_around_the_run(toy: Toy) -> None:
    toy.execute("create table log(what varchar)")
    toy.write({"dbt_project.yml": "name: toy\nprofile: toy\non-run-start: \"insert into log values ('start')\"\n"
               "on-run-end: \"insert into log values ('end {{ results | length }}')\"\n",
               "models/a.sql": "{{ config(pre_hook=\"insert into log values ('before {{ this.name }}')\", "
               "post_hook=[\"insert into log values ('after')\"]) }} select 1"})  # fmt: skip
    outcome = toy.runner().run()
    assert outcome.exit_code == 0
    assert [row[0] for row in toy.rows("select what from log")] == ["start", "before a", "after", "end 1"]


def test_a_failing_hook_undoes_its_model(toy: Toy) -> None:
    toy.write({"models/a.sql": "{{ config(materialized='table', post_hook='select nope') }} select 1"})
    assert toy.runner().run().exit_code == 1
    assert kinds(toy) == {}


def test_empty_builds_without_rows(toy: Toy) -> None:
    toy.execute(EVENTS)
    toy.write({"models/s.yml": SOURCES, "models/a.sql": "{{ config(materialized='table') }} "
               "select * from {{ source('raw', 'ev') }}"})  # fmt: skip
    toy.runner(flags=Flags(empty=True)).run()
    assert toy.rows("select count(*) from a") == [(0,)]


def test_another_target_is_another_schema(toy: Toy) -> None:
    toy.write({"models/a.sql": "select '{{ target.name }}' as t"})
    toy.runner(target="prod").run()
    assert toy.rows("select t from prod.a") == [("prod",)]


# Order and gating -----------------------------------------------------------------------------------------------


def test_what_stands_on_a_failed_model_is_skipped(toy: Toy) -> None:
    toy.write({"models/a.sql": "select * from nowhere", "models/b.sql": "select * from {{ ref('a') }}",
               "models/c.sql": "select * from {{ ref('b') }}", "models/d.sql": "select 1"})  # fmt: skip
    outcome = toy.runner().run()
    assert toy.statuses(outcome) == {"a": "error", "b": "skipped", "c": "skipped", "d": "success"}
    assert outcome.exit_code == 1


GATED = {
    "models/a.sql": "{{ config(materialized='table') }} select 1 as id union all select 1",
    "models/b.sql": "select * from {{ ref('a') }}",
    "models/x.sql": "select 1 as id",
    "models/both.sql": "select * from {{ ref('b') }}, {{ ref('x') }}",
}


def test_in_build_a_failing_test_stops_what_stands_on_its_model(toy: Toy) -> None:
    toy.write({**GATED, "models/s.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique]}]}]"})
    outcome = toy.runner().build()
    assert toy.statuses(outcome) == {
        "a": "success", "unique_a_id": "fail", "b": "skipped", "x": "success", "both": "skipped",
    }  # fmt: skip


def test_a_warning_stops_nothing(toy: Toy) -> None:
    test = "{unique: {config: {severity: warn}}}"
    toy.write({**GATED, "models/s.yml": f"models: [{{name: a, columns: [{{name: id, data_tests: [{test}]}}]}}]"})
    outcome = toy.runner().build()
    assert outcome.exit_code == 0
    assert toy.statuses(outcome)["b"] == "success"
    assert toy.statuses(outcome)["unique_a_id"] == "warn"


def test_a_test_of_two_models_stops_only_what_stands_on_both(toy: Toy) -> None:
    toy.write({**GATED, "tests/t.sql": "select * from {{ ref('a') }}, {{ ref('x') }}"})
    statuses = toy.statuses(toy.runner().build())
    assert statuses["t"] == "fail"
    assert statuses["b"] == "success"
    assert statuses["both"] == "skipped"


def test_tests_run_before_what_stands_on_the_same(toy: Toy) -> None:
    toy.write({**GATED, "models/s.yml": "models: [{name: x, columns: [{name: id, data_tests: [unique]}]}]"})
    names = [result.name for result in toy.runner().build().results]
    assert names.index("x") < names.index("unique_x_id") < names.index("both")


def test_fail_fast_stops_after_the_first_failure(toy: Toy) -> None:
    toy.write({"models/a.sql": "select * from nowhere", "models/b.sql": "select 1"})
    outcome = toy.runner(flags=Flags(fail_fast=True), threads=1).run()
    assert toy.statuses(outcome) == {"a": "error", "b": "skipped"}


def test_publishing_all_at_once_leaves_nothing_after_a_failure(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id", "models/b.sql": "select nope from {{ ref('a') }}"})
    assert toy.runner().build(publish="all").exit_code == 1
    assert kinds(toy) == {}


def test_publishing_all_at_once_makes_everything(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id", "models/b.sql": "select id from {{ ref('a') }}"})
    assert toy.runner().build(publish="all").exit_code == 0
    assert kinds(toy) == {"a": "VIEW", "b": "VIEW"}


def test_retry_runs_what_failed_and_what_was_skipped(toy: Toy) -> None:
    toy.write({"models/a.sql": "select * from nowhere", "models/b.sql": "select * from {{ ref('a') }}",
               "models/c.sql": "select 1"})  # fmt: skip
    toy.runner().run()
    toy.write({"models/a.sql": "select 1"})
    verb, outcome = toy.runner().retry()
    assert verb == "run"
    assert toy.statuses(outcome) == {"a": "success", "b": "success"}


# Tests ----------------------------------------------------------------------------------------------------------

DATA = "select * from (values (1, 'a', 10), (2, 'b', 20), (2, 'c', null), (null, 'x', -5)) t(id, k, v)"


@pytest.mark.parametrize(
    ("test", "status", "failures"),
    [
        ("unique", "fail", 1),
        ("not_null", "fail", 1),
        ("{unique: {config: {where: \"k <> 'c'\"}}}", "pass", 0),
        ("{not_null: {config: {severity: warn}}}", "warn", 1),
        ("{not_null: {config: {warn_if: '>0', error_if: '>5'}}}", "warn", 1),
        ("{not_null: {config: {error_if: '>1', warn_if: '>1'}}}", "pass", 0),
        ("{accepted_values: {arguments: {values: [1], quote: false}}}", "fail", 1),
        ("{accepted_values: {values: [1, 2], quote: false}}", "pass", 0),
        ("{relationships: {arguments: {to: ref('a'), field: v}}}", "fail", 3),
        ("{not_null: {config: {fail_calc: 'sum(10)'}}}", "fail", 10),
        ("{big: {arguments: {floor: 1}}}", "fail", 2),
        ("{big: {arguments: {floor: 1}, config: {limit: 1}}}", "fail", 1),
    ],
)
def test_generic_tests_and_their_configuration(toy: Toy, test: str, status: str, failures: int) -> None:
    toy.write({"models/a.sql": DATA,
               "models/s.yml": f"models: [{{name: a, columns: [{{name: id, data_tests: [{test}]}}]}}]",
               "macros/big.sql": "{% test big(model, column_name, floor) %}select * from {{ model }} "
               "where {{ column_name }} > {{ floor }}{% endtest %}"})  # fmt: skip
    toy.runner().run()
    (result,) = toy.runner().test().results
    assert (result.status, result.failures) == (status, failures)


def test_a_singular_test_whose_sql_is_wrong_is_an_error(toy: Toy) -> None:
    toy.write({"models/a.sql": DATA, "tests/t.sql": "select nope from {{ ref('a') }}"})
    toy.runner().run()
    outcome = toy.runner().test()
    assert toy.statuses(outcome) == {"t": "error"}
    assert outcome.exit_code == 1


def test_failing_rows_are_kept_on_request(toy: Toy) -> None:
    toy.write({"models/a.sql": DATA, "tests/t.sql": "select id from {{ ref('a') }} where id = 2"})
    toy.runner().run()
    toy.runner(flags=Flags(store_failures=True)).test()
    assert toy.rows("select count(*) from main_dbt_test__audit.t") == [(2,)]


# Seeds ----------------------------------------------------------------------------------------------------------


def test_seeds_are_typed_as_dbt_types_them(toy: Toy) -> None:
    toy.write({"seeds/s.csv": "i,f,d,t,b,s,n\n1,1.5,2026-01-31,2026-01-31 10:00:00,true,x,\n2,2,2026-02-01,"
               "2026-02-01 11:00:00,false,\"y, z\",\n"})  # fmt: skip
    assert toy.runner().seed().exit_code == 0
    types = dict(toy.rows("select column_name, data_type from duckdb_columns() where table_name = 's'"))
    assert types == {"i": "INTEGER", "f": "DOUBLE", "d": "DATE", "t": "TIMESTAMP", "b": "BOOLEAN", "s": "VARCHAR",
                     "n": "INTEGER"}  # fmt: skip
    assert toy.rows("select s from s order by i") == [("x",), ("y, z",)]


def test_given_column_types_win(toy: Toy) -> None:
    toy.write({"dbt_project.yml": "name: toy\nprofile: toy\nseeds: {toy: {s: {+column_types: {i: 'decimal(5,4)'}}}}\n",
               "seeds/s.csv": "i\n1\n"})  # fmt: skip
    toy.runner().seed()
    assert toy.rows("select data_type from duckdb_columns() where table_name = 's'") == [("DECIMAL(5,4)",)]


def test_a_seed_that_gains_a_column_needs_a_full_refresh(toy: Toy) -> None:
    toy.write({"seeds/s.csv": "i\n1\n"}).runner().seed()
    toy.write({"seeds/s.csv": "i,j\n1,2\n"})
    assert toy.runner().seed().exit_code == 1
    assert toy.rows("select * from s") == [(1,)]
    assert toy.runner(flags=Flags(full_refresh=True)).seed().exit_code == 0
    assert toy.rows("select * from s") == [(1, 2)]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "integer"),
        (["", "null"], "integer"),
        (["1", "x"], "text"),
        (["1,000"], "integer"),
        (["2026-01-01T10:00:00Z"], "timestamp"),
    ],
)
def test_inference(values: list[str], expected: str) -> None:
    assert inferred(values) == expected


# Artifacts ------------------------------------------------------------------------------------------------------


def test_artifacts_are_written(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id", "models/b.sql": "select * from {{ ref('a') }}"})
    toy.runner().run(Selection(("b", "+b")))
    target = toy.folder / "target"
    results = json.loads((target / "run_results.json").read_text())
    manifest = json.loads((target / "manifest.json").read_text())
    assert [(item["unique_id"], item["status"]) for item in results["results"]] == [
        ("model.toy.a", "success"), ("model.toy.b", "success"),
    ]  # fmt: skip
    assert manifest["parent_map"]["model.toy.b"] == ["model.toy.a"]
    assert manifest["nodes"]["model.toy.b"]["relation_name"] == '"toy"."main"."b"'
    assert (target / "compiled/toy/models/b.sql").read_text() == 'select * from "toy"."main"."a"'


# What is called by name, and what is refused -----------------------------------------------------------------------


def test_an_operation_runs_a_macro_with_its_arguments(toy: Toy) -> None:
    toy.write({"macros/m.sql": "{% macro make(n) %}{% do run_query('create table made as select ' ~ n ~ ' as n') %}"
               "{% do log('made', info=True) %}{% endmacro %}"})  # fmt: skip
    assert toy.runner().run_operation("make", {"n": 5}).exit_code == 0
    assert toy.rows("select n from made") == [(5,)]
    assert toy.said == ["made"]


def test_a_failing_operation_keeps_what_it_did_before(toy: Toy) -> None:
    toy.write({"macros/m.sql": "{% macro make() %}{% do run_query('create table made as select 1 as n') %}"
               "{{ exceptions.raise_compiler_error('no') }}{% endmacro %}"})  # fmt: skip
    assert toy.runner().run_operation("make", {}).exit_code == 1
    assert toy.rows("select n from made") == [(1,)]


def test_an_unknown_operation_names_the_nearest(toy: Toy) -> None:
    toy.write({"macros/m.sql": "{% macro make_it() %}{% endmacro %}"})
    with pytest.raises(SelectionProblem) as caught:
        toy.runner().run_operation("make_itt", {})
    assert caught.value.hint == "did you mean 'make_it'?"
