"""Jinja as dbt uses it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.modelrunner.compile import with_ctes
from engine.modelrunner.jinja import BLOCKS, blocks, macros_in, render_value
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.runner import Runner

from .conftest import Toy


def compiled(toy: Toy, **macros_and_model: str) -> str:
    """The SQL of model `a`; other keywords are macro files."""
    model = macros_and_model.pop("model")
    toy.write({"models/a.sql": model, **{f"macros/{name}.sql": text for name, text in macros_and_model.items()}})
    runner: Runner = toy.runner()
    (result,) = runner.compile().results
    if result.status == "error":
        raise NodeProblem(str(result.message))
    return (result.sql or "").strip()


def test_a_macro_returns_a_value_of_any_type(toy: Toy) -> None:
    macro = "{% macro days() %}{% do return(['mon', 'tue']) %}{% endmacro %}"
    assert compiled(toy, m=macro, model="{% for d in days() %}{{ d }} {% endfor %}") == "mon tue"


def test_return_ends_a_macro_that_calls_another_of_its_file(toy: Toy) -> None:
    macro = "{% macro one() %}{{ return(1) }}{% endmacro %}{% macro two() %}{{ return(one() + 1) }}{% endmacro %}"
    assert compiled(toy, m=macro, model="select {{ two() + 1 }}") == "select 3"


def test_dispatch_finds_the_adapters_macro_before_the_default(toy: Toy) -> None:
    macro = (
        "{% macro f() %}{{ return(adapter.dispatch('f')()) }}{% endmacro %}"
        "{% macro default__f() %}default{% endmacro %}{% macro duckdb__f() %}duckdb{% endmacro %}"
    )
    assert compiled(toy, m=macro, model="{{ f() }}") == "duckdb"


def test_dispatch_without_a_macro_says_what_it_looked_for(toy: Toy) -> None:
    with pytest.raises((ParseProblem, NodeProblem), match="duckdb__gone"):
        compiled(toy, model="{{ adapter.dispatch('gone')() }}")


def test_an_undefined_macro_fails_its_node_with_file_line_and_the_nearest(toy: Toy) -> None:
    with pytest.raises(ParseProblem) as caught:
        compiled(toy, m="{% macro cents() %}1{% endmacro %}", model="select 1,\n{{ cnts() }}")
    assert "models/a.sql:2" in caught.value.line()
    assert "did you mean 'cents'?" in caught.value.line()


def test_a_missing_variable_fails_its_node_only(toy: Toy) -> None:
    with pytest.raises(ParseProblem, match="required var 'day' not found"):
        compiled(toy, model="select '{{ var('day') }}'")


def test_run_query_gives_rows_while_running_and_nothing_while_reading(toy: Toy) -> None:
    model = "{% set found = run_query('select 1 as a union all select 2 order by a') %}{% if execute %}" \
            "{{ found.columns[0].values() | join(',') }} {{ found.rows | length }}{% endif %}"  # fmt: skip
    assert compiled(toy, model=model) == "1,2 2"


def test_a_statement_keeps_its_result(toy: Toy) -> None:
    model = "{% call statement('n', fetch_result=true) %}select 7 as n{% endcall %}" \
            "{% if execute %}{{ load_result('n')['data'][0][0] }}{% endif %}"  # fmt: skip
    assert compiled(toy, model=model) == "7"


def test_cross_database_macros_are_there(toy: Toy) -> None:
    model = "select {{ dbt.date_trunc('month', 'd') }}, cast(x as {{ dbt.type_string() }})"
    assert compiled(toy, model=model) == "select date_trunc('month', d), cast(x as TEXT)"


def test_raise_compiler_error_fails_with_its_message(toy: Toy) -> None:
    with pytest.raises(ParseProblem, match="not on a Sunday"):
        compiled(toy, model="{{ exceptions.raise_compiler_error('not on a Sunday') }}")


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ ref.__globals__ }}",
        "{{ run_query.__call__.__globals__ }}",
        "{{ modules.re.compile.__globals__ }}",
    ],
)
def test_templates_cannot_leave_the_sandbox(toy: Toy, attack: str) -> None:
    try:
        said = compiled(toy, model=attack)
    except (ParseProblem, NodeProblem) as problem:
        said = "" if "unsafe" in str(problem) else str(problem)
    assert said == ""


def test_a_lone_expression_in_yaml_keeps_its_type() -> None:
    context = {"x": [1], "five": "5", "yes": "true"}
    assert render_value("{{ x }}", context, "f.yml") == [1]
    assert render_value("n{{ five }}", context, "f.yml") == "n5"
    assert render_value("{{ five | as_number }}", context, "f.yml") == 5
    assert render_value("{{ yes | as_bool }}", context, "f.yml") is True


def test_blocks_ignore_comments_raw_and_strings() -> None:
    text = (
        "{# {% macro no() %} #}{% raw %}{% macro no() %}{% endraw %}"
        "{% macro yes(a='%}{% endmacro %}') %}x{% endmacro %}"
    )
    assert [(block.kind, block.name, block.body) for block in blocks(text, "m.sql")] == [("macro", "yes", "x")]


def test_tests_become_macros_of_their_own_name() -> None:
    (macro,) = macros_in("\n{% test even(model, column_name) %}x{% endtest %}", "toy", "m.sql")
    assert (macro.name, macro.line, macro.arguments) == ("test_even", 2, ("model", "column_name"))


@given(st.lists(st.tuples(st.sampled_from(BLOCKS), st.from_regex(r"[a-z]{1,8}", fullmatch=True)), max_size=5))
def test_every_block_is_found_once_in_order(wanted: list[tuple[str, str]]) -> None:
    text = "\n".join(f"{{%- {kind} {name} -%}}body{{%- end{kind} -%}}" for kind, name in wanted)
    found = blocks(text, "m.sql")
    assert [(block.kind, block.name) for block in found] == wanted
    assert [block.line for block in found] == list(range(1, len(wanted) + 1))


@given(st.text(alphabet="{}%#'\" abmcrodne\n", max_size=60))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        found = blocks(text, "m.sql")
    except ParseProblem:
        return
    assert all(block.text in text for block in found)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1", "with c as (x) select 1"),
        ("\n-- with\nselect 1", "with c as (x) \n-- with\nselect 1"),
        ("with q as (select 1) select * from q", "with c as (x),  q as (select 1) select * from q"),
        ("/* a */ with recursive q as (select 1) select 1",
         "/* a */ with recursive c as (x),  q as (select 1) select 1"),
        ("withdrawals", "with c as (x) withdrawals"),
    ],
)  # fmt: skip
def test_ephemeral_models_join_the_tables_a_query_has(sql: str, expected: str) -> None:
    assert with_ctes(sql, {"c": " c as (x)"}) == expected
