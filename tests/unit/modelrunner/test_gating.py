"""What runs when, what a failure takes with it, and what a retry takes up; all as dbt with one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from engine.modelrunner.context import Flags
from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.runner import Selection

from .conftest import PROJECT, Toy

CHAIN = {"models/a.sql": "select 1 as id", "models/b.sql": "select * from {{ ref('a') }}",
         "models/c.sql": "select * from {{ ref('b') }}"}  # fmt: skip
TWICE = "select 1 as id union all select 1"


def unique(model: str) -> str:
    return f"models: [{{name: {model}, columns: [{{name: id, data_tests: [unique]}}]}}]"


def unit(model: str, given: str, made: int) -> str:
    rows = f"[{{input: ref('{given}'), rows: [{{id: 3}}]}}]"
    return f"unit_tests: [{{name: u, model: {model}, given: {rows}, expect: {{rows: [{{id: {made}}}]}}}}]"


def written(toy: Toy) -> dict[str, dict[str, Any]]:
    """The results that stand in run_results.json, by name."""
    content = json.loads((toy.folder / "target/run_results.json").read_text())
    return {result["unique_id"].split(".")[2]: result for result in content["results"]}


# Order ----------------------------------------------------------------------------------------------------------


def test_a_test_of_a_source_that_is_a_seed_of_the_project_comes_after_the_seed(toy: Toy) -> None:
    toy.write({"seeds/raw.csv": "id\n1\n", "models/s.yml": "sources: [{name: main, tables: [{name: raw, "
               "columns: [{name: id, data_tests: [unique]}]}]}]"})  # fmt: skip
    assert [result.status for result in toy.runner().build().results] == ["success", "pass"]


def test_a_test_of_something_unselected_comes_before_what_stands_on_it(toy: Toy) -> None:
    toy.write({**CHAIN, "models/a.sql": TWICE, "models/s.yml": unique("a")})
    toy.runner().run(Selection(select=("a",)))
    outcome = toy.runner().build(Selection(select=("b+", "unique_a_id")))
    assert toy.statuses(outcome) == {"unique_a_id": "fail", "b": "skipped", "c": "skipped"}


# Failing --------------------------------------------------------------------------------------------------------


def test_after_the_first_failure_nothing_more_starts(toy: Toy) -> None:
    toy.write({**CHAIN, "models/b.sql": "select gone from {{ ref('a') }}", "models/z.sql": "select 1"})
    outcome = toy.runner(flags=Flags(fail_fast=True)).build()
    assert toy.statuses(outcome) == {"a": "success", "z": "success", "b": "error", "c": "skipped"}
    assert written(toy)["c"]["message"] == "Skipping due to fail_fast"


def test_what_was_skipped_tells_no_reason_in_the_file_and_fails_the_run(toy: Toy) -> None:
    toy.write({**CHAIN, "models/a.sql": "select gone"})
    outcome = toy.runner().run()
    assert outcome.exit_code == 1
    skipped = written(toy)["b"]
    assert (skipped["message"], skipped["timing"], skipped["adapter_response"]) == (None, [], {})
    assert "'a' failed" in str(outcome.results[1].message)


def test_a_broken_ephemeral_model_skips_what_stands_on_it_and_is_not_told_of_itself(toy: Toy) -> None:
    toy.write({**CHAIN, "models/a.sql": "{{ config(materialized='ephemeral') }} select {{ gone() }} as id"})
    outcome = toy.runner().build()
    assert outcome.exit_code == 1
    assert toy.statuses(outcome) == {"b": "skipped", "c": "skipped"}
    assert "the ephemeral model 'a' cannot be compiled: models/a.sql:1: 'gone' is undefined" in str(
        outcome.results[0].message
    )


def test_an_ephemeral_model_leaves_its_compiled_sql(toy: Toy) -> None:
    toy.write({**CHAIN, "models/a.sql": "{{ config(materialized='ephemeral') }} select 1 as id"})
    toy.runner().run()
    assert (toy.folder / "target/compiled/toy/models/a.sql").is_file()


def test_sql_that_the_database_refuses_is_left_to_be_read(toy: Toy) -> None:
    toy.write({"models/a.sql": "selec 1"}).runner().run()
    assert "selec 1" in (toy.folder / "target/run/toy/models/a.sql").read_text()


def test_what_did_not_compile_was_never_executed(toy: Toy) -> None:
    toy.write({"models/a.sql": "select {{ gone() }}", "models/b.sql": "select gone"}).runner().run()
    results = written(toy)
    assert [span["name"] for span in results["a"]["timing"]] == ["compile"]
    assert [span["name"] for span in results["b"]["timing"]] == ["compile", "execute"]
    assert (results["a"]["compiled"], results["b"]["compiled"]) == (False, True)


def test_an_exposure_waits_for_the_nodes_it_stands_on_and_not_for_their_tests(toy: Toy) -> None:
    exposures = "".join(
        f"  - {{name: of_{name}, type: dashboard, owner: {{name: x}}, depends_on: [ref('{name}')]}}\n" for name in "ab"
    )
    toy.write({**CHAIN, "models/a.sql": TWICE, "models/s.yml": f"{unique('a')}\nexposures:\n{exposures}"})
    found = toy.statuses(toy.runner().build())
    assert (found["unique_a_id"], found["of_a"], found["b"], found["of_b"]) == ("fail", "no-op", "skipped", "skipped")


# Retrying -------------------------------------------------------------------------------------------------------


def test_a_retry_is_gated_by_the_same_test_until_it_passes(toy: Toy) -> None:
    toy.write({**CHAIN, "models/a.sql": TWICE, "models/s.yml": unique("a")})
    expected = {"unique_a_id": "fail", "b": "skipped", "c": "skipped"}
    assert toy.statuses(toy.runner().build()) == {"a": "success", **expected}
    assert toy.statuses(toy.runner().retry()[1]) == expected
    toy.write({"models/a.sql": "select 1 as id"}).runner().run(Selection(select=("a",)))


def test_a_retry_runs_a_unit_test_without_its_gate(toy: Toy) -> None:
    toy.write({**CHAIN, "models/s.yml": unit("b", "a", 4)})
    assert toy.statuses(toy.runner().build()) == {"a": "success", "u": "fail", "b": "skipped", "c": "skipped"}
    assert toy.statuses(toy.runner().retry()[1]) == {"b": "success", "u": "fail", "c": "success"}
    toy.write({"models/s.yml": unit("b", "a", 3)})
    assert toy.statuses(toy.runner().retry()[1]) == {"u": "pass"}


def test_a_retry_takes_exposures_along(toy: Toy) -> None:
    exposure = "exposures: [{name: page, type: dashboard, owner: {email: x}, depends_on: [ref('a')]}]"
    toy.write({"models/a.sql": "select gone", "models/s.yml": exposure})
    assert toy.statuses(toy.runner().build()) == {"a": "error", "page": "skipped"}
    assert toy.statuses(toy.runner().retry()[1]) == {"a": "error", "page": "skipped"}
    toy.write({"models/a.sql": "select 1 as id"})
    assert toy.statuses(toy.runner().retry()[1]) == {"a": "success", "page": "no-op"}
    assert written(toy)["page"]["message"] == "NO-OP"


# Hooks of the project -------------------------------------------------------------------------------------------


def hooked(toy: Toy, start: str, end: str, more: str = "") -> Toy:
    return toy.write({"dbt_project.yml": f"{PROJECT}on-run-start: {start}\non-run-end: {end}\n{more}",
                      "models/a.sql": "select 1 as id"})  # fmt: skip


def test_a_compile_that_names_nodes_tells_of_no_hooks(toy: Toy) -> None:
    hooked(toy, "select 1", "select 2")
    toy.runner(flags=Flags(which="compile", extra={"select": ["a"]})).compile()
    assert set(written(toy)) == {"a"}
    toy.runner(flags=Flags(which="compile")).compile()
    assert set(written(toy)) == {"a", "toy-on-run-start-0", "toy-on-run-end-0"}


def test_a_failing_hook_skips_the_hooks_after_it_and_not_the_nodes(toy: Toy) -> None:
    outcome = hooked(toy, "['selec', 'create table never(i int)']", "'create table log(i int)'").runner().run()
    assert outcome.exit_code == 1
    assert toy.statuses(outcome) == {
        "toy-on-run-start-0": "error", "toy-on-run-start-1": "skipped", "a": "success", "toy-on-run-end-0": "success",
    }  # fmt: skip
    assert toy.rows("select table_name from duckdb_tables()") == [("log",)]
    results = written(toy)
    assert str(results["toy-on-run-start-0"]["message"]).startswith("toy.on-run-start.0 failed, error: Parser Error")
    assert results["toy-on-run-start-1"]["message"] == "toy.on-run-start.1 skipped"
    assert (toy.folder / "target/compiled/toy/dbt_project.yml/hooks/toy-on-run-start-0.sql").read_text() == "selec"


def test_a_flag_of_the_project_lets_a_failing_hook_skip_the_nodes(toy: Toy) -> None:
    flags = "flags: {skip_nodes_if_on_run_start_fails: true}\n"
    outcome = hooked(toy, "'selec'", "'create table log(i int)'", flags).runner().run()
    assert toy.statuses(outcome) == {"toy-on-run-start-0": "error", "a": "skipped", "toy-on-run-end-0": "success"}


def test_a_hook_that_cannot_be_rendered_stops_everything(toy: Toy) -> None:
    with pytest.raises(ParseProblem, match=r"toy-on-run-start-0: .*'gone' is undefined"):
        hooked(toy, '"{{ gone() }}"', "[]").runner().run()


def test_a_selection_of_nothing_runs_no_hook(toy: Toy) -> None:
    hooked(toy, "'create table log(i int)'", "[]").runner().test()
    assert toy.rows("select * from duckdb_tables()") == []


def test_hooks_run_around_source_freshness_unless_a_flag_says_no(toy: Toy) -> None:
    toy.execute("create schema raw; create table raw.t as select now() as ts; create table log(n int)")
    hooked(toy, "[]", "'insert into log values ({{ results | length }})'")
    toy.write({"models/s.yml": "sources: [{name: raw, tables: [{name: t, loaded_at_field: ts, "
               "freshness: {warn_after: {count: 1, period: day}}}]}]"})  # fmt: skip
    assert toy.runner().freshness().exit_code == 0
    assert toy.rows("select n from log") == [(1,)]
    hooked(toy, "[]", "'insert into log values (5)'", "flags: {source_freshness_run_project_hooks: false}\n")
    toy.runner().freshness()
    assert toy.rows("select n from log") == [(1,)]


# Half a table ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "head",
    [
        "materialized='table'",
        "materialized='incremental', unique_key='id'",
        "materialized='incremental', unique_key='id', incremental_strategy='merge'",
        "materialized='incremental', incremental_strategy='append', post_hook='selec'",
        "materialized='table', post_hook=\"delete from {{ this }}; selec\"",
    ],
)
def test_a_failing_model_leaves_the_table_of_before_and_nothing_beside_it(toy: Toy, head: str) -> None:
    toy.execute("create table raw as select '1' as v")
    good = head.partition(", post_hook")[0]
    toy.write({"models/a.sql": f"{{{{ config({good}) }}}} select cast(v as integer) as id from raw"}).runner().run()
    toy.execute("insert into raw select '2'")
    if "post_hook" not in head:
        toy.execute("insert into raw select 'x'")
    toy.write({"models/a.sql": f"{{{{ config({head}) }}}} select cast(v as integer) as id from raw"})
    assert toy.runner().run().exit_code == 1
    assert toy.rows("select * from a") == [(1,)]
    assert toy.rows("select table_name from duckdb_tables() order by all") == [("a",), ("raw",)]


@pytest.mark.parametrize("head", ["materialized='table'", "materialized='incremental', unique_key='id'"])
def test_a_run_that_is_killed_leaves_the_table_of_before_and_the_next_run_goes_through(toy: Toy, head: str) -> None:
    model = "{{{{ config({head}) }}}} select {rows} as id"
    toy.write({"models/a.sql": model.format(head=head, rows=1)}).runner().run()
    told = toy.folder / "told"
    os.mkfifo(told)
    # The hook inside the transaction returns once somebody reads the pipe; the query after it takes for ever.
    waits = f"{head}, pre_hook=\"copy (select 1) to '{told}' (format csv, use_tmp_file false)\""
    toy.write({"models/a.sql": model.format(head=waits, rows="(select sum(hash(range)) from range(1000000000000))")})
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "models", "run", "--project-dir", str(toy.folder)],
        env={**os.environ, "TOY_DB": str(toy.database), "DBT_PROFILES_DIR": str(toy.folder)},
        stdout=subprocess.DEVNULL,
    )
    try:
        assert told.read_text().startswith("1")
    finally:
        process.kill()
        process.wait()
    assert toy.rows("select * from a") == [(1,)]
    toy.write({"models/a.sql": model.format(head=head, rows=3)})
    assert toy.runner().run().exit_code == 0
    assert (3,) in toy.rows("select * from a")
    assert toy.rows("select table_name from duckdb_tables()") == [("a",)]


# Kept failures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "kind", "columns"),
    [
        ("store_failures: true", "BASE TABLE", ["id", "k"]),
        ("store_failures_as: view", "VIEW", ["id", "k"]),
        ("{store_failures_as: ephemeral, store_failures: true}", None, []),
    ],
)
def test_failing_rows_are_kept_whole(toy: Toy, config: str, kind: str | None, columns: list[str]) -> None:
    text = config if config.startswith("{") else f"{{{config}}}"
    toy.write({"models/a.sql": "select null::int as id, 'x' as k", "models/s.yml": "models: [{name: a, columns: "
               f"[{{name: id, data_tests: [{{not_null: {{config: {text}}}}}]}}]}}]"})  # fmt: skip
    toy.runner().build()
    kept = "table_schema = 'main_dbt_test__audit'"
    found = toy.rows(f"select table_type from information_schema.tables where {kept}")
    assert found == ([] if kind is None else [(kind,)])
    assert [row[0] for row in toy.rows(f"select column_name from information_schema.columns where {kept}")] == columns
    assert written(toy)["not_null_a_id"]["relation_name"] == (
        None if kind is None else '"toy"."main_dbt_test__audit"."not_null_a_id"'
    )
