"""What stops a project before anything runs: file, line, and what would be right. As dbt, exit 2."""

from __future__ import annotations

import pytest

from engine.modelrunner.context import Flags
from engine.modelrunner.problems import ParseProblem, SelectionProblem
from engine.modelrunner.runner import Selection

from .conftest import PROFILE, PROJECT, Toy

A = {"models/a.sql": "select 1 as id"}


def column(tests: str) -> str:
    return f"models:\n  - name: a\n    columns:\n      - name: id\n        data_tests: [{tests}]\n"


def refusal(toy: Toy, files: dict[str, str]) -> str:
    """The line that the project gives."""
    toy.write({**A, **files})
    with pytest.raises(ParseProblem) as caught:
        toy.load()
    assert caught.value.exit_code == 2
    return caught.value.line()


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("enabled: maybe", "'enabled' of model 'a' is 'maybe'; give true or false"),
        ("meta: [1]", "'meta' of model 'a' is [1]; give a mapping"),
        ("tags: [3]", "'tags' of model 'a' is [3]; give text or a list of texts"),
        ("materialized: 3", "'materialized' of model 'a' is 3; give text"),
        ("schema: 3", "'schema' of model 'a' is 3"),
        ("pre-hook: 3", "'pre-hook' of model 'a' is [3]"),
        ("unique_key: 3", "'unique_key' of model 'a' is 3"),
        ("contract: 3", "'contract' of model 'a' is 3"),
        ("access: publik", "has the access 'publik'; did you mean 'public'?"),
        ("{access: public, materialized: ephemeral}", "the ephemeral model 'a' is public"),
        ("group: finanze", "of the group 'finanze', which there is not"),
    ],
)
def test_configurations_of_another_type_are_named(toy: Toy, config: str, said: str) -> None:
    text = config if config.startswith("{") else f"{{{config}}}"
    line = refusal(toy, {"models/s.yml": f"models:\n  - name: a\n    config: {text}\n"})
    assert line.startswith("models/")
    assert said in line


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("config('table')", "config() takes keys and values, or one mapping"),
        ("config({'tags': ['x']}, alias='b')", "config() takes keys and values, or one mapping"),
        ("config(pre_hook='a', **{'pre-hook': 'b'})", "both 'pre_hook' and 'pre-hook'"),
        ("config(enabled='false')", "'enabled' of model 'a' is 'false'"),
    ],
)
def test_calls_of_config_that_mean_nothing(toy: Toy, call: str, said: str) -> None:
    assert said in refusal(toy, {"models/a.sql": f"{{{{ {call} }}}} select 1 as id"})


@pytest.mark.parametrize(
    ("added", "said"),
    [
        ("model-pathz: [x]", "unknown key 'model-pathz'; did you mean 'model-paths'?"),
        ("zork: 1", "unknown key 'zork'; remove it"),
        ("model-paths: models", "'model-paths' must be a list"),
        ("models: 3", "'models' must be a mapping"),
    ],
)
def test_keys_of_dbt_project(toy: Toy, added: str, said: str) -> None:
    assert said in refusal(toy, {"dbt_project.yml": f"{PROJECT}{added}\n"})


def test_the_version_of_the_configuration(toy: Toy) -> None:
    line = refusal(toy, {"dbt_project.yml": PROJECT.replace("config-version: 2", "config-version: 1")})
    assert "'config-version' is 1; write config-version: 2" in line


def test_threads_must_be_a_number(toy: Toy) -> None:
    assert "'threads' is 'many'" in refusal(toy, {"profiles.yml": PROFILE.replace("threads: 2", "threads: many")})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (column("{unique: {severity: warn, config: {severity: error}}}"), "has 'severity' twice"),
        (
            column("{unique: {config: {severity: loud}}}"),
            "'severity' of test 'unique_a_id' is 'loud'; give warn or error",
        ),
        (column("{unique: {config: {limit: few}}}"), "'limit' of test 'unique_a_id' is 'few'; give a whole number"),
        ("models:\n", "models/s.yml:1: 'models' must be a list"),
        ("groups: [{name: g}]", "models/s.yml:1: group 'g' has no owner"),
        ("groups: [{name: g, owner: {email: x}}, {name: g, owner: {email: x}}]", "group 'g' is already described"),
        ("exposures: [{name: e, type: page, owner: {email: x}}]", "exposure 'e' has the type 'page'"),
        ("exposures: [{name: e, type: dashboard}]", "exposure 'e' has no owner"),
        (
            "exposures: [{name: e, type: ml, owner: {email: x}}, {name: e, type: ml, owner: {email: x}}]",
            "two exposures are called 'e'",
        ),
        ("unit_tests: [{name: u, model: a, expect: {rows: []}}]", "unit test 'u' is given nothing"),
        (
            "sources: [{name: s, tables: [{name: t, freshness: {warn_after: {count: 1, period: week}}}]}]",
            "the period of 'warn_after' is 'week'; use minute, hour, day",
        ),
        (
            "sources: [{name: s, tables: [{name: t, freshness: {warn_after: {count: x, period: day}}}]}]",
            "the count of 'warn_after' is 'x'",
        ),
        ("models: [{name: a, config: {alias: \"{{ var('gone') }}\"}}]", "required var 'gone' not found"),
        (
            "models: [{name: a, config: {materialized: incremental, contract: {enforced: true}},"
            " columns: [{name: id, data_type: integer}]}]",
            "on_schema_change 'ignore'; set on_schema_change to append_new_columns or fail",
        ),
    ],
)
def test_property_files(toy: Toy, text: str, said: str) -> None:
    assert said in refusal(toy, {"models/s.yml": text})


def test_a_name_with_a_space(toy: Toy) -> None:
    assert "models/b c.sql:1: the name of the model 'b c' has a space; rename it to 'b_c'" in refusal(
        toy, {"models/b c.sql": "select 1"}
    )


def test_a_private_model_without_a_group_is_nobodys(toy: Toy) -> None:
    said = refusal(
        toy, {"models/b.sql": "select * from {{ ref('a') }}", "models/s.yml": "models: [{name: a, access: private}]"}
    )
    assert "model 'b' refers to 'a', which is private" in said


def test_what_a_macro_calls_must_exist_although_what_a_model_calls_may_come_later(toy: Toy) -> None:
    toy.write({"models/b.sql": "select {{ gone() }} as id"}).load()
    files = {
        "macros/m.sql": "{% macro here() %}{{ gone() }}{% endmacro %}",
        "models/b.sql": "select {{ here() }} as id",
    }
    assert "'gone' is undefined" in refusal(toy, files)


def test_a_place_that_cannot_be_made_stops_everything_before_it_starts(toy: Toy) -> None:
    toy.write({**A, "models/b.sql": "{{ config(database='elsewhere') }} select 1"})
    with pytest.raises(ParseProblem, match="elsewhere"):
        toy.runner().run()
    assert not (toy.folder / "target/run_results.json").exists()


def test_compile_stops_at_the_first_node_that_cannot_be_compiled(toy: Toy) -> None:
    toy.write({**A, "models/b.sql": "select {{ gone() }}"})
    with pytest.raises(ParseProblem, match=r"models/b.sql:1: 'gone' is undefined"):
        toy.runner().compile()
    assert not (toy.folder / "target/run_results.json").exists()


# What is only said ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model: [{name: a}]", "models/s.yml:1: unknown key 'model'; did you mean 'models'?"),
        (
            "models: [{name: aa}]",
            "models/s.yml:1: there is nothing of the name 'aa' among the models; did you mean 'a'?",
        ),
        (
            "seeds: [{name: a}]",
            "models/s.yml:1: there is nothing of the name 'a' among the seeds; put 'a' below models:",
        ),
        ("macros: [{name: gone}]", "models/s.yml:1: no macro 'gone'"),
        (
            column("{relationships: {arguments: {to: \"ref('gone')\", field: id}}}"),
            "depends on a node named 'gone' which was not found",
        ),
        (
            "exposures: [{name: e, type: ml, owner: {email: x}, depends_on: [gone]}]",
            "models/s.yml:1: cannot read dependency 'gone'",
        ),
    ],
)
def test_what_is_told_and_no_reason_to_stop(toy: Toy, text: str, said: str) -> None:
    toy.write({**A, "models/s.yml": text}).load()
    assert len(toy.said) == 1
    assert said in toy.said[0]


def test_configuration_that_applies_to_nothing_is_told(toy: Toy) -> None:
    section = "models: {+tags: x, toy: {a: {+alias: z}, gone: {+materialized: table}}, other: {deep: {enabled: true}}}"
    toy.write({**A, "dbt_project.yml": f"{PROJECT}{section}\nseeds: {{toy: {{+tags: x}}}}\n"}).load()
    assert toy.said == [
        f"Warning: dbt_project.yml: the configuration {path} applies to nothing"
        for path in ("models.toy.gone", "models.other.deep", "seeds.toy")
    ]


def test_a_selection_of_nothing_is_an_error_when_warnings_are(toy: Toy) -> None:
    toy.write(A)
    with pytest.raises(SelectionProblem, match="matches no node"):
        toy.runner(flags=Flags(warn_error=True)).test()
    assert not (toy.folder / "target/run_results.json").exists()


def test_a_chain_of_models_longer_than_the_stack_is_read_and_selected(toy: Toy) -> None:
    toy.write({"models/m0.sql": "select 1 as id"})
    toy.write({f"models/m{n}.sql": f"select * from {{{{ ref('m{n - 1}') }}}}" for n in range(1, 1200)})
    assert len(toy.runner().ls(Selection(select=("+m1199",)))) == 1200


# Identities -----------------------------------------------------------------------------------------------------


def test_generic_tests_have_the_ids_that_dbt_gives_them(toy: Toy) -> None:
    """Recorded from dbt 1.11."""
    tests = "unique, {accepted_values: {values: [2]}}, zork, dbt_utils.zork"
    toy.write({**A, "models/s.yml": column(tests).replace("name: id", "name: a")})
    assert {uid for uid in toy.load().nodes if uid.startswith("test.")} == {
        "test.toy.unique_a_a.dd97e468dc",
        "test.toy.accepted_values_a_a__2.91c6f3f9a0",
        "test.toy.zork_a_a.895b3b793b",
        "test.toy.dbt_utils_zork_a_a.da6877aa31",
    }
