"""Reading a project: what it finds, and how it says what is wrong."""

from __future__ import annotations

import duckdb
import pytest

from engine.modelrunner.fingerprint import stands
from engine.modelrunner.problems import ParseProblem

from .conftest import Toy

SOURCE = "version: 2\nsources:\n  - name: raw\n    tables: [{name: orders}]\n"


def problem(toy: Toy) -> str:
    """The line that a broken project gives."""
    with pytest.raises(ParseProblem) as caught:
        toy.load()
    assert caught.value.exit_code == 2
    return caught.value.line()


def test_references_become_edges(toy: Toy) -> None:
    toy.write({"models/s.yml": SOURCE, "models/a.sql": "select * from {{ source('raw', 'orders') }}",
               "models/b.sql": "select * from {{ ref('a') }}"})  # fmt: skip
    project = toy.load()
    assert project.nodes["model.toy.b"].depends_on == ("model.toy.a",)
    assert project.nodes["model.toy.a"].depends_on == ("source.toy.raw.orders",)


def test_a_missing_reference_names_file_line_and_the_nearest_model(toy: Toy) -> None:
    toy.write({"models/orders.sql": "select 1", "models/b.sql": "select * from {{ ref('ordes') }}"})
    said = problem(toy)
    assert "models/b.sql:1" in said
    assert "did you mean 'orders'?" in said


def test_a_missing_source_is_named(toy: Toy) -> None:
    toy.write({"models/s.yml": SOURCE, "models/a.sql": "select * from {{ source('raw', 'order') }}"})
    assert "did you mean 'raw.orders'?" in problem(toy)


def test_a_reference_to_a_disabled_model_says_so(toy: Toy) -> None:
    toy.write({"models/a.sql": "{{ config(enabled=false) }} select 1", "models/b.sql": "select * from {{ ref('a') }}"})
    assert "is disabled" in problem(toy)


def test_a_cycle_is_shown_in_order(toy: Toy) -> None:
    toy.write({"models/a.sql": "select * from {{ ref('b') }}", "models/b.sql": "select * from {{ ref('a') }}"})
    said = problem(toy)
    assert "found a cycle" in said
    assert "model.toy.a → model.toy.b → model.toy.a" in said


def test_two_models_of_one_name_are_refused(toy: Toy) -> None:
    toy.write({"models/x/a.sql": "select 1", "models/y/a.sql": "select 2"})
    said = problem(toy)
    assert "models/x/a.sql" in said
    assert "models/y/a.sql" in said


def test_two_models_of_one_relation_are_refused(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1", "models/b.sql": "{{ config(alias='a') }} select 2"})
    assert "both make the relation" in problem(toy)


def test_broken_yaml_names_its_line(toy: Toy) -> None:
    toy.write({"models/s.yml": "version: 2\nmodels:\n  - name: a\n   columns: []\n"})
    assert "models/s.yml:4: not valid YAML" in problem(toy)


def test_broken_jinja_names_its_line(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1\n{% if true %}\n"})
    assert "models/a.sql:2" in problem(toy)


def test_a_macro_that_does_not_end_names_its_line(toy: Toy) -> None:
    toy.write({"macros/m.sql": "\n{% macro half() %} 1"})
    assert "macros/m.sql:2: the macro block does not end" in problem(toy)


def test_an_unknown_test_fails_when_it_is_run_and_names_the_nearest(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id",
               "models/s.yml": "models: [{name: a, columns: [{name: id, data_tests: [uniqe]}]}]"})  # fmt: skip
    toy.runner().run()
    (result,) = toy.runner().test().results
    assert result.status == "error"
    assert "models/s.yml:1" in str(result.message)
    assert "did you mean 'test_unique'?" in str(result.message)


def test_an_unknown_key_of_a_property_file_names_the_nearest(toy: Toy) -> None:
    toy.write({"models/s.yml": "version: 2\nmodel:\n  - name: a\n"})
    toy.load()
    assert toy.said == ["Warning: models/s.yml:1: unknown key 'model'; did you mean 'models'?"]


def test_a_missing_environment_variable_is_named(toy: Toy) -> None:
    toy.write({"models/a.sql": "select '{{ env_var('NOT_THERE') }}'"})
    assert "environment variable 'NOT_THERE' is required but not set" in problem(toy)


def test_an_unknown_target_lists_what_there_is(toy: Toy) -> None:
    with pytest.raises(ParseProblem, match="no target 'prd'") as caught:
        toy.load(target="prd")
    assert caught.value.hint == "did you mean 'prod'?"


def test_an_unknown_profile_names_the_file(toy: Toy) -> None:
    toy.write({"dbt_project.yml": "name: toy\nprofile: tyo\n"})
    assert "did you mean 'toy'?" in problem(toy)


def test_other_databases_than_duckdb_are_refused(toy: Toy) -> None:
    toy.write({"profiles.yml": "toy: {target: dev, outputs: {dev: {type: postgres}}}"})
    assert "only duckdb is supported" in problem(toy)


def test_python_models_are_refused(toy: Toy) -> None:
    toy.write({"models/a.py": "def model(dbt, session): ..."})
    assert "write the model in SQL" in problem(toy)


def test_metrics_are_refused(toy: Toy) -> None:
    toy.write({"models/s.yml": "metrics: [{name: m}]"})
    assert "metrics are not supported" in problem(toy)


def test_a_private_model_of_another_group_is_refused(toy: Toy) -> None:
    toy.write({"models/s.yml": "groups: [{name: g, owner: {name: x}}]",
               "models/a.sql": "{{ config(group='g', access='private') }} select 1",
               "models/b.sql": "select * from {{ ref('a') }}"})  # fmt: skip
    assert "private to group 'g'" in problem(toy)


def test_a_test_of_something_that_is_not_there_is_left_out(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id", "tests/t.sql": "select * from {{ ref('gone') }}"})
    project = toy.load()
    assert "test.toy.t" not in project.nodes
    assert "test.toy.t" in project.disabled


def test_configuration_comes_from_project_then_properties_then_file(toy: Toy) -> None:
    toy.write({"dbt_project.yml": "name: toy\nprofile: toy\nmodels: {toy: {+materialized: table, +tags: [p], sub: "
               "{+materialized: ephemeral}}}",
               "models/a.sql": "select 1", "models/sub/b.sql": "select 1",
               "models/c.sql": "{{ config(tags=['f']) }} select 1",
               "models/s.yml": "models: [{name: c, config: {materialized: view, tags: [y]}}]"})  # fmt: skip
    nodes = toy.load().nodes
    assert nodes["model.toy.a"].config.materialized == "table"
    assert nodes["model.toy.b"].config.materialized == "ephemeral"
    assert nodes["model.toy.c"].config.materialized == "view"
    assert nodes["model.toy.c"].tags == ("p", "y", "f")


def test_a_custom_schema_is_appended_to_the_target_unless_overridden(toy: Toy) -> None:
    toy.write({"models/a.sql": "{{ config(schema='extra') }} select 1"})
    assert toy.load().nodes["model.toy.a"].schema == "main_extra"
    toy.write(
        {"macros/n.sql": "{% macro generate_schema_name(custom, node) %}{{ custom or target.schema }}{% endmacro %}"}
    )
    assert toy.load().nodes["model.toy.a"].schema == "extra"


def test_generic_tests_are_named_as_dbt_names_them(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id", "models/s.yml":
               "models: [{name: a, columns: [{name: id, data_tests: [unique, {accepted_values: {arguments: "
               "{values: [1, 2], quote: false}}}, {not_null: {name: mine}}]}]}]"})  # fmt: skip
    names = {node.name for node in toy.load().nodes.values() if node.resource_type == "test"}
    assert names == {"unique_a_id", "accepted_values_a_id__False__1__2", "mine"}


def test_a_long_test_name_is_shortened_in_its_alias_only(toy: Toy) -> None:
    column = "a_very_long_column_name_that_fills_the_whole_name_of_the_test_and_more"
    properties = f"models: [{{name: a, columns: [{{name: {column}, data_tests: [unique]}}]}}]"
    toy.write({"models/a.sql": f"select 1 as {column}", "models/s.yml": properties})
    (node,) = (node for node in toy.load().nodes.values() if node.resource_type == "test")
    assert node.name == f"unique_a_{column}"
    assert len(node.alias) < 64


def test_variables_of_the_command_line_win(toy: Toy) -> None:
    toy.write({"dbt_project.yml": "name: toy\nprofile: toy\nvars: {day: monday}\n",
               "models/a.sql": "{{ config(tags=[var('day')]) }} select 1"})  # fmt: skip
    assert toy.load().nodes["model.toy.a"].tags == ("monday",)
    assert toy.load(variables={"day": "friday"}).nodes["model.toy.a"].tags == ("friday",)


def test_a_local_package_brings_its_models_and_macros(toy: Toy) -> None:
    toy.write({"packages.yml": "packages: [{local: lib}]", "lib/dbt_project.yml": "name: lib\nprofile: toy\n",
               "lib/models/l.sql": "select 1 as id", "lib/macros/m.sql": "{% macro seven() %}7{% endmacro %}",
               "models/a.sql": "select {{ lib.seven() }} as n from {{ ref('lib', 'l') }}"})  # fmt: skip
    project = toy.load()
    assert project.nodes["model.toy.a"].depends_on == ("model.lib.l",)


def test_a_package_that_is_not_there_is_refused(toy: Toy) -> None:
    toy.write({"packages.yml": "packages: [{package: dbt-labs/dbt_utils, version: 1.0.0}]"})
    assert "is not installed" in problem(toy)


def test_the_fingerprint_follows_every_file(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1", "seeds/s.csv": "id\n1\n"})
    first = toy.load().fingerprint
    assert toy.load().fingerprint == first
    toy.write({"seeds/s.csv": "id\n2\n"})
    assert toy.load().fingerprint != first


def test_references_in_hooks_are_dependencies(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id",
               "models/b.sql": "{{ config(post_hook=\"select * from {{ ref('a') }}\") }} select 1 as id"})  # fmt: skip
    assert toy.load().nodes["model.toy.b"].depends_on == ("model.toy.a",)


def test_whether_models_stand_is_told_without_loading_the_project(toy: Toy) -> None:
    toy.write({"models/a.sql": "select 1 as id"})
    cursor = duckdb.connect()
    assert not stands(cursor, toy.folder, {"zone": "UTC"})
    cursor.execute("create schema ops")
    cursor.execute("create table ops.model_watermark (fingerprint varchar)")
    cursor.execute("insert into ops.model_watermark values (?)", [toy.load(variables={"zone": "UTC"}).fingerprint])
    assert stands(cursor, toy.folder, {"zone": "UTC"})
    assert not stands(cursor, toy.folder, {"zone": "Europe/Berlin"})
    toy.write({"models/a.sql": "select 2 as id"})
    assert not stands(cursor, toy.folder, {"zone": "UTC"})
