"""Materializations and incremental strategies that a project brings."""

from __future__ import annotations

import pytest

from engine.modelrunner.problems import ParseProblem
from tests.unit.modelrunner.conftest import Toy

OWN = """{% materialization mine, default %}
  {% set old = load_cached_relation(this) %}
  {{ run_hooks(pre_hooks) }}
  {% set made = make_intermediate_relation(this.incorporate(type='table')) %}
  {% call statement('main') %}{{ create_table_as(False, made, sql) }}{% endcall %}
  {% if old is not none %}{% do adapter.drop_relation(old) %}{% endif %}
  {% do adapter.rename_relation(made, this.incorporate(type='table')) %}
  {{ run_hooks(post_hooks) }}
  {% do adapter.commit() %}
  {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}"""


def test_a_materialization_of_the_project_is_used(toy: Toy) -> None:
    toy.write(
        {
            "macros/m.sql": OWN,
            "models/m.sql": "{{ config(materialized='mine', post_hook='insert into {{ this }} values (9)') }}"
            " select 1 as a",
            "models/n.sql": "select sum(a) as s from {{ ref('m') }}",
        }
    )
    for _ in range(2):
        assert toy.statuses(toy.runner().run()) == {"m": "success", "n": "success"}
        assert toy.rows("select * from n") == [(10,)]


def test_a_failing_materialization_leaves_what_was_there(toy: Toy) -> None:
    toy.write({"macros/m.sql": OWN, "models/m.sql": "{{ config(materialized='mine') }} select 1 as a"}).runner().run()
    toy.write({"models/m.sql": "{{ config(materialized='mine', post_hook='select nonsense') }} select 2 as a"})
    assert toy.statuses(toy.runner().run()) == {"m": "error"}
    assert toy.rows("select * from m") == [(1,)]


def test_a_materialization_must_say_what_it_made(toy: Toy) -> None:
    text = (
        "{% materialization mine, default %}{% call statement('main') %}select 1{% endcall %}{% endmaterialization %}"
    )
    toy.write({"macros/m.sql": text, "models/m.sql": "{{ config(materialized='mine') }} select 1 as a"})
    outcome = toy.runner().run()
    assert "does not say what it made" in str(outcome.results[0].message)


def test_a_default_view_replaces_the_usual_one_and_a_default_table_does_not(toy: Toy) -> None:
    text = (
        "{%% materialization %s, default %%}{%% call statement('main') %%}create or replace view {{ this }} as"
        " select 'own' as a{%% endcall %%}{{ return({'relations': [this]}) }}{%% endmaterialization %%}"
    )
    toy.write(
        {
            "macros/m.sql": text % "view" + text % "table",
            "models/v.sql": "select 'usual' as a",
            "models/t.sql": "{{ config(materialized='table') }} select 'usual' as a",
        }
    ).runner().run()
    assert toy.rows("select v.a, t.a from v, t") == [("own", "usual")]


def test_a_strategy_of_the_project_writes_the_rows(toy: Toy) -> None:
    macro = (
        "{% macro get_incremental_first_sql(arg_dict) %}insert into {{ arg_dict.target_relation }}"
        " ({{ arg_dict.dest_columns | map(attribute='quoted') | join(', ') }})"
        " select {{ arg_dict.dest_columns | map(attribute='name') | join(', ') }} from {{ arg_dict.temp_relation }}"
        " where {{ arg_dict.unique_key }} not in (select {{ arg_dict.unique_key }} from {{ arg_dict.target_relation }})"
        "{% endmacro %}"
    )
    config = "{{ config(materialized='incremental', incremental_strategy='first', unique_key='a') }}"
    toy.write({"macros/m.sql": macro, "models/m.sql": f"{config} select 1 as a, 'old' as b"}).runner().run()
    toy.write({"models/m.sql": f"{config} select unnest([1, 2]) as a, 'new' as b"})
    assert toy.statuses(toy.runner().run()) == {"m": "success"}
    assert toy.rows("select * from m order by a") == [(1, "old"), (2, "new")]


def test_a_project_may_build_on_the_usual_strategy(toy: Toy) -> None:
    macro = (
        "{% macro get_incremental_logged_sql(arg_dict) %}{{ get_incremental_merge_sql(arg_dict) }};"
        " insert into log values ('merged');{% endmacro %}"
    )
    config = "{{ config(materialized='incremental', incremental_strategy='logged', unique_key='a') }}"
    toy.execute("create table log(a varchar)")
    toy.write({"macros/m.sql": macro, "models/m.sql": f"{config} select 1 as a, 'old' as b"}).runner().run()
    toy.write({"models/m.sql": f"{config} select 1 as a, 'new' as b"}).runner().run()
    assert toy.rows("select m.a, m.b, log.a from m, log") == [(1, "new", "merged")]


@pytest.mark.parametrize(
    ("config", "hint"),
    [
        ("materialized='external'", "COPY"),
        ("materialized='table_function'", "view"),
        ("materialized='incremental', incremental_strategy='microbatch', event_time='a'", "delete\\+insert"),
    ],
)
def test_what_there_is_not_is_refused_before_anything_runs(toy: Toy, config: str, hint: str) -> None:
    toy.write({"models/m.sql": f"{{{{ config({config}) }}}} select 1 as a"})
    with pytest.raises(ParseProblem, match=r"models/m.sql:1: .* is not supported") as caught:
        toy.load()
    assert caught.value.hint is not None
    assert hint.replace("\\", "") in caught.value.hint


def test_macros_are_values_that_can_be_handed_on(toy: Toy) -> None:
    macros = "{% macro one() %}{{ return(1) }}{% endmacro %}{% macro call_it(f) %}{{ return(f() + 1) }}{% endmacro %}"
    model = "select {{ call_it(one) }} as a, {{ context['one']() }} as b, {{ try_or_compiler_error('no', one) }} as c"
    toy.write({"macros/m.sql": macros, "models/m.sql": model}).runner().run()
    assert toy.rows("select * from m") == [(2, 1, 1)]
