"""What templates find: Jinja's own functions, result tables, relations, columns, hooks."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

import pytest

from engine.modelrunner.context import Flags
from engine.modelrunner.nodes import Hook
from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.relation import Column, Relation
from engine.modelrunner.result_table import ResultTable, told
from tests.unit.modelrunner.conftest import Toy


def _made(toy: Toy, model: str, macros: str = "") -> list[tuple[object, ...]]:
    toy.write({"models/m.sql": model, "macros/m.sql": macros})
    outcome = toy.runner().run()
    assert outcome.results[-1].message is None or outcome.exit_code == 0, outcome.results[-1].message
    return toy.rows("select * from m")


def test_macros_find_jinjas_own_functions(toy: Toy) -> None:
    macros = "{% macro sum_to(n) %}{% set ns = namespace(s=0) %}{% for i in range(n + 1) %}{% set ns.s = ns.s + i %}"
    macros += "{% endfor %}{{ return(ns.s) }}{% endmacro %}"
    assert _made(toy, "select {{ sum_to(4) }} as s", macros) == [(10,)]


def test_filters_of_yaml_leave_sql_alone(toy: Toy) -> None:
    assert _made(toy, "select '{{ 'true' | as_bool }}{{ 5 | as_text }}' as v") == [("true5",)]


def test_a_result_is_read_by_column_row_and_name(toy: Toy) -> None:
    model = (
        "{% if execute %}{% set t = run_query(\"select 1 as a, 'x' as b union all select 2, 'y' order by 1\") %}"
        "select '{{ t.columns['b'].values() | join('') }}' as c, {{ t.rows[1]['a'] }} as r, "
        "'{{ t.column_names | join(',') }}' as n, {{ t | length }} as l, "
        "'{{ t.columns.get('b').values() | join }}' as g{% else %}select 1 as a{% endif %}"
    )
    assert _made(toy, model) == [("xy", 2, "a,b", 2, "xy")]


def test_a_statement_keeps_its_result_by_name(toy: Toy) -> None:
    model = (
        "{% call statement('s', fetch_result=true) %}select 5 as a{% endcall %}"
        "{% set s = load_result('s') %}select {{ s['data'][0][0] if execute else 0 }} as d, "
        "{{ s.table.rows | length if execute else 0 }} as r"
    )
    assert _made(toy, model) == [(5, 1)]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.5, Decimal("1.5")),
        ([1, 2], "[1, 2]"),
        ({"a": None}, '{"a": null}'),
        (datetime.time(10, 30), "10:30:00"),
        (datetime.date(2024, 1, 1), datetime.date(2024, 1, 1)),
        (True, True),
        (None, None),
    ],
)
def test_values_are_those_of_dbts_tables(value: object, expected: object) -> None:
    assert told(value) == expected


def test_result_tables_select_sort_and_rename() -> None:
    table = ResultTable(("a", "b"), [(2, "x"), (1, "y"), (None, "z")])
    assert [row["b"] for row in table.order_by("a")] == ["y", "x", "z"]
    assert [row["b"] for row in table.order_by("a", reverse=True)] == ["z", "x", "y"]
    assert table.select(["b"]).column_names == ("b",)
    assert table.exclude("b").column_names == ("a",)
    assert table.rename({"a": "c"}).column_names == ("c", "b")
    assert len(table.where(lambda row: row["a"] is not None).limit(1)) == 1
    assert table.columns["a"].values_sorted() == [1, 2, None]


def test_a_relation_renders_as_much_of_its_name_as_is_wanted() -> None:
    relation = Relation.create("d", "s", "i", type="view")
    assert str(relation) == '"d"."s"."i"'
    assert str(relation.include(database=False)) == '"s"."i"'
    assert relation.include(database=False).database == "d"
    assert str(relation.quote(identifier=False)) == '"d"."s".i'
    assert str(relation.incorporate(path={"identifier": "z"}, type="table")) == '"d"."s"."z"'
    assert str(relation.without_identifier()) == '"d"."s"'
    assert str(relation.information_schema("tables")) == '"d".information_schema.tables'
    assert relation.get("metadata") == {"type": "DuckDBRelation"}


def test_an_empty_run_reads_no_rows_under_any_alias(toy: Toy) -> None:
    toy.write(
        {
            "models/a.sql": "{{ config(materialized='table') }} select 1 as id",
            "models/e.sql": "{{ config(materialized='ephemeral') }} select id from {{ ref('a') }}",
            "models/m.sql": "{{ config(materialized='table') }}"
            "select x.id from {{ ref('a') }} x join {{ ref('e') }} as y using (id)",
        }
    )
    assert toy.statuses(toy.runner(flags=Flags(empty=True)).run()) == {"a": "success", "m": "success"}
    assert toy.rows("select * from m") == []


def test_columns_answer_as_dbt_duckdbs() -> None:
    assert Column("a", "VARCHAR").data_type == "character varying(256)"
    assert Column("a", "DECIMAL(10,2)").is_numeric() is False
    assert Column("a", "HUGEINT").is_number()
    assert Column.translate_type("string") == "TEXT"
    nested = Column("s", "STRUCT(a INTEGER, b STRUCT(c VARCHAR, d DECIMAL(4,2)))")
    assert [leaf.name for leaf in nested.flatten()] == ["s.a", "s.b.c", "s.b.d"]


def test_hooks_say_on_which_side_of_the_transaction_they_are(toy: Toy) -> None:
    assert Hook.read('{"sql": "select 1", "transaction": false}') == Hook("select 1", False)
    assert Hook.read("{'a': 1}") == Hook("{'a': 1}")
    model = (
        "{{ config(materialized='table', pre_hook=before_begin('create table if not exists log(a varchar)'),"
        " post_hook=[after_commit(\"insert into log values ('after')\")]) }} select 1 as a"
    )
    _made(toy, model)
    assert toy.rows("select * from log") == [("after",)]


def test_a_header_of_sql_comes_before_the_statement(toy: Toy) -> None:
    model = (
        "{{ config(materialized='table') }}{% call set_sql_header(config) %}create temp macro plus(a, b) as a + b;"
        "{% endcall %}select plus(1, 2) as s"
    )
    assert _made(toy, model) == [(3,)]


def test_compiled_ephemeral_models_are_written_too(toy: Toy) -> None:
    toy.write({"models/e.sql": "{{ config(materialized='ephemeral') }}select 1 as id"})
    _made(toy, "/* no with */ (select id from {{ ref('e') }})")
    assert (toy.folder / "target/compiled/toy/models/e.sql").read_text() == "select 1 as id"
    text = (toy.folder / "target/compiled/toy/models/m.sql").read_text()
    assert (
        " ".join(text.split())
        == "with __dbt__cte__e as ( select 1 as id ) /* no with */ (select id from __dbt__cte__e)"
    )


@pytest.mark.parametrize(
    "escape", ["''.__class__.__mro__", "ref.__globals__", "run_query.__init__.__globals__", "modules.re.__loader__"]
)
def test_the_sandbox_has_no_way_out(toy: Toy, escape: str) -> None:
    toy.write({"models/m.sql": "{% if execute %}{{ " + escape + ".x }}{% endif %}select 1 as a"})
    assert toy.statuses(toy.runner().run()) == {"m": "error"}


def test_wrong_jinja_in_yaml_is_said_with_its_file(toy: Toy) -> None:
    toy.write({"models/m.sql": "select 1 as a", "models/p.yml": 'models: [{name: m, config: {alias: "{{ a b }}"}}]'})
    with pytest.raises(ParseProblem, match=r"^models/p.yml:1: expected token"):
        toy.load()


def test_an_operation_keeps_what_it_did_before_it_failed_and_is_a_result(toy: Toy) -> None:
    macros = "{% macro op(n) %}{% do run_query('create table made as select ' ~ n ~ ' as a') %}"
    macros += "{{ exceptions.raise_compiler_error('told') }}{% endmacro %}"
    toy.write({"macros/m.sql": macros})
    outcome = toy.runner().run_operation("op", {"n": 5})
    assert outcome.exit_code == 1
    assert toy.rows("select * from made") == [(5,)]
    results = json.loads((toy.folder / "target/run_results.json").read_text())["results"]
    assert [(item["unique_id"], item["status"], item["failures"]) for item in results] == [("macro.toy.op", "error", 1)]
