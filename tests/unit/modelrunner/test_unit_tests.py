"""Unit tests: rows in, rows out, and what a failing one stops."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.modelrunner.choosing import Selection
from engine.modelrunner.problems import ParseProblem

from .conftest import Toy

MODELS = {
    "seeds/sd.csv": "id,name\n1,a\n2,b\n",
    "models/base.sql": "select id, upper(name) as name, id * {{ var('rate', 2) }} as score from {{ ref('sd') }}",
    "models/child.sql": "select count(*) as n from {{ ref('base') }} left join {{ source('raw', 'x') }} using (id)",
    "models/s.yml": "sources: [{name: raw, tables: [{name: x}]}]",
}


def ready(toy: Toy, *tests: dict[str, Any], **files: str) -> Toy:
    named = [{"name": f"u{number}", **test} for number, test in enumerate(tests)]
    toy.write({**MODELS, "models/u.yml": yaml.safe_dump({"unit_tests": named}), **files})
    toy.execute("create schema if not exists raw; create table if not exists raw.x (id integer)")
    return toy


def of_base(rows: Any, expect: Any, **more: Any) -> dict[str, Any]:
    return {"model": "base", "given": [{"input": "ref('sd')", **rows}], "expect": expect, **more}


@pytest.mark.parametrize(
    "test",
    [
        of_base({"rows": [{"id": 3, "name": "x"}]}, {"rows": [{"id": 3, "name": "X", "score": 6}]}),
        of_base({"rows": [{"id": 1}, {"name": "q"}]}, {"rows": [{"id": None, "name": "Q"}, {"id": 1, "name": None}]}),
        of_base({"format": "csv", "rows": "id,name\n3,x\n4,\n"}, {"format": "csv", "rows": "name,id\nX,3\n,4\n"}),
        of_base({"format": "sql", "rows": "select 3 as id, 'x' as name"},
                {"format": "sql", "rows": "select 3 as id, 'X' as name, 6 as score"}),
        of_base({"format": "csv", "fixture": "three"}, {"rows": [{"id": 3}]}),
        of_base({}, {"rows": [{"name": "A"}, {"name": "B"}]}),
        of_base({"rows": []}, {"rows": []}),
        of_base({"rows": [{"id": 3}]}, {"rows": [{"score": 30}]}, overrides={"vars": {"rate": 10}}),
    ],
)  # fmt: skip
def test_rows_in_rows_out(toy: Toy, test: dict[str, Any]) -> None:
    ready(toy, test, **{"tests/fixtures/three.csv": "id\n3\n"})
    assert toy.statuses(toy.runner().build())["u0"] == "pass"


def test_macros_and_the_environment_can_be_overridden(toy: Toy) -> None:
    ready(toy, {"model": "m", "given": [], "expect": {"rows": [{"n": 5, "mode": "test"}]},
                "overrides": {"macros": {"number": 5}, "env_vars": {"MODE": "test"}}},
          **{"macros/m.sql": "{% macro number() %}1{% endmacro %}",
             "models/m.sql": "select {{ number() }} as n, '{{ env_var('MODE', 'none') }}' as mode"})  # fmt: skip
    assert toy.statuses(toy.runner().build())["u0"] == "pass"


def test_both_queries_of_an_incremental_model(toy: Toy) -> None:
    given = [{"input": "ref('base')", "rows": [{"id": 1}, {"id": 9}]}]
    later = {"model": "inc", "given": [*given, {"input": "this", "rows": [{"id": 4}]}],
             "expect": {"rows": [{"id": 9}]}, "overrides": {"macros": {"is_incremental": True}}}  # fmt: skip
    first = {"model": "inc", "given": given, "expect": {"rows": [{"id": 9}, {"id": 1}]},
             "overrides": {"macros": {"is_incremental": False}}}  # fmt: skip
    inc = ("{{ config(materialized='incremental') }} select id from {{ ref('base') }} {% if is_incremental() %} "
           "where id > (select max(id) from {{ this }}) {% endif %}")  # fmt: skip
    ready(toy, first, later, **{"models/inc.sql": inc})
    # The columns of `this` are unknown before the model was ever built, so its build stops there.
    before = toy.statuses(toy.runner().build())
    assert (before["u0"], before["u1"], before["inc"]) == ("pass", "error", "skipped")
    toy.runner().run()
    after = toy.statuses(toy.runner().build())
    assert (after["u0"], after["u1"], after["inc"]) == ("pass", "pass", "success")


def test_a_failing_unit_test_runs_before_its_model_and_skips_it(toy: Toy) -> None:
    ready(toy, of_base({"rows": [{"id": 1}]}, {"rows": [{"id": 2}]}))
    outcome = toy.runner().build()
    assert toy.statuses(outcome) == {"sd": "success", "u0": "fail", "base": "skipped", "child": "skipped"}
    failed = next(result for result in outcome.results if result.name == "u0")
    assert failed.failures == 1
    assert "--- | 2" in str(failed.message)


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (of_base({"rows": [{"nam": "x"}]}, {"rows": []}), "did you mean 'name'?"),
        (of_base({"rows": []}, {"rows": [{"scor": 1}]}), "did you mean 'score'?"),
        ({"model": "child", "given": [{"input": "ref('base')", "rows": []}], "expect": {"rows": []}}, "gives no rows"),
        ({"model": "base", "given": [{"input": "ref('nope')", "rows": []}], "expect": {"rows": []}}, "not found"),
    ],
)
def test_a_unit_test_that_makes_no_sense_is_an_error_of_its_own(toy: Toy, test: dict[str, Any], says: str) -> None:
    ready(toy)
    toy.runner().build()
    ready(toy, test)
    outcome = toy.runner().test()
    assert toy.statuses(outcome) == {"u0": "error"}
    assert says in str(outcome.results[0].message)


@pytest.mark.parametrize(
    "test",
    [
        {"model": "nope", "given": [], "expect": {"rows": []}},
        of_base({"rows": "a text"}, {"rows": []}),
        of_base({"format": "jso", "rows": []}, {"rows": []}),
        of_base({"format": "csv", "fixture": "missing"}, {"rows": []}),
    ],
)
def test_what_cannot_be_read_is_refused(toy: Toy, test: dict[str, Any]) -> None:
    with pytest.raises(ParseProblem, match=r"models/u.yml"):
        ready(toy, test).load()


def test_unit_tests_are_selected_and_listed(toy: Toy) -> None:
    ready(
        toy,
        of_base({}, {"rows": []}, config={"tags": ["quick"]}),
        {"model": "child", "given": [], "expect": {"rows": []}},
    )
    runner = toy.runner()
    assert runner.ls(Selection(("tag:quick",))) == ["unit_test.toy.base.u0"]
    assert runner.ls(Selection(("test_type:unit",))) == ["unit_test.toy.base.u0", "unit_test.toy.child.u1"]
    assert runner.build(Selection(("unit_test:u0",))).results == ()
    manifest = json.loads((toy.folder / "target/manifest.json").read_text())
    assert manifest["unit_tests"]["unit_test.toy.base.u0"]["depends_on"]["nodes"] == ["model.toy.base"]
