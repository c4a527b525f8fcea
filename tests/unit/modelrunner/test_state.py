"""Selecting by what changed since an earlier manifest, and by what became of it."""

from __future__ import annotations

import shutil

import pytest

from engine.modelrunner import state
from engine.modelrunner.choosing import Selection
from engine.modelrunner.problems import SelectionProblem
from engine.modelrunner.runner import Runner

from .conftest import Toy

MODELS = {"models/a.sql": "select 1 as id", "models/b.sql": "select {{ two() }} as n, id from {{ ref('a') }}",
          "models/c.sql": "select * from {{ ref('b') }}", "seeds/s.csv": "id\n1\n",
          "macros/m.sql": "{% macro two() %}{{ inner_two() }}{% endmacro %}{% macro inner_two() %}2{% endmacro %}",
          "models/p.yml": "models:\n  - {name: c, columns: [{name: id, data_tests: [unique]}]}"}  # fmt: skip


def names(toy: Toy, *select: str) -> list[str]:
    runner = Runner(toy.load(), toy.connect, previous=state.read(toy.folder / "state"))
    return sorted({uid.split(".")[2] for uid in runner.ls(Selection(select, resource_types=("model", "seed", "test")))})


@pytest.fixture
def built(toy: Toy) -> Toy:
    toy.write(MODELS).runner().build()
    shutil.copytree(toy.folder / "target", toy.folder / "state")
    return toy


def test_nothing_changed(built: Toy) -> None:
    assert names(built, "state:modified") == names(built, "state:new") == []
    assert names(built, "state:unmodified") == names(built, "state:old") == ["a", "b", "c", "s", "unique_c_id"]


@pytest.mark.parametrize(
    ("file", "text", "select", "expected"),
    [
        ("models/a.sql", "select 3 as id", "state:modified", ["a"]),
        ("models/a.sql", "select 3 as id", "state:modified.body+", ["a", "b", "c", "unique_c_id"]),
        ("models/a.sql", "select 3 as id", "state:modified.configs", []),
        ("models/p.yml", "models: [{name: a, config: {meta: {x: 1}}}]", "state:modified.configs", ["a"]),
        ("models/p.yml", MODELS["models/p.yml"] + "\n  - {name: a, config: {tags: [x]}}", "state:modified", []),
        ("models/p.yml", "models: [{name: a, config: {alias: x}}]", "state:modified.relation", ["a"]),
        ("macros/m.sql", MODELS["macros/m.sql"].replace("2{%", "3{%"), "state:modified.macros", ["b"]),
        ("seeds/s.csv", "id\n2\n", "state:modified", ["s"]),
        ("models/d.sql", "select 1 as x", "state:modified", ["d"]),
        ("models/d.sql", "select 1 as x", "state:new", ["d"]),
    ],
)
def test_what_changed(built: Toy, file: str, text: str, select: str, expected: list[str]) -> None:
    built.write({file: text})
    assert names(built, select) == expected


def test_what_became_of_it(toy: Toy) -> None:
    toy.write({**MODELS, "models/b.sql": "select nope from {{ ref('a') }}"}).runner().build()
    shutil.copytree(toy.folder / "target", toy.folder / "state")
    assert names(toy, "result:error") == ["b"]
    assert names(toy, "result:skipped") == ["c", "unique_c_id"]


def test_a_state_that_is_not_there(toy: Toy) -> None:
    toy.write(MODELS)
    with pytest.raises(SelectionProblem, match="earlier manifest"):
        names(toy, "state:modified")


@pytest.mark.parametrize("word", ["state:modifed", "state:modified.bdy"])
def test_a_state_that_means_nothing(built: Toy, word: str) -> None:
    with pytest.raises(SelectionProblem, match="unknown state"):
        names(built, word)


SOURCES = {
    "models/s.yml": "sources: [{name: raw, schema: main, tables: [{name: old, loaded_at_field: loaded, freshness:"
    " {warn_after: {count: 1, period: day}}}, {name: fresh, loaded_at_field: loaded, freshness:"
    " {warn_after: {count: 1, period: day}}}]}]",
    "models/a.sql": "select * from {{ source('raw', 'old') }}",
    "models/b.sql": "select * from {{ source('raw', 'fresh') }}",
}


def test_sources_that_have_newer_rows(toy: Toy) -> None:
    toy.write(SOURCES).execute(
        "create table old as select timestamptz '2026-01-01 00:00:00+00' as loaded;"
        " create table fresh as select timestamptz '2026-01-01 00:00:00+00' as loaded"
    )
    toy.runner().freshness()
    shutil.copytree(toy.folder / "target", toy.folder / "state")
    toy.execute("insert into fresh values (timestamptz '2026-01-02 00:00:00+00')")
    toy.runner().freshness()
    earlier = state.read(toy.folder / "state", toy.folder / "target")
    runner = Runner(toy.load(), toy.connect, previous=earlier)
    assert runner.ls(Selection(("source_status:fresher+",))) == ["model.toy.b", "source.toy.raw.fresh"]


def test_newer_rows_need_both_files(toy: Toy) -> None:
    toy.write(SOURCES)
    with pytest.raises(SelectionProblem, match=r"sources\.json"):
        names(toy, "source_status:fresher")


def test_what_became_of_tests(toy: Toy) -> None:
    files = {
        "models/a.sql": "select 1 as id union all select 1 as id",
        "models/p.yml": "models: [{name: a, columns: [{name: id, data_tests: [unique, not_null,"
        " {accepted_values: {arguments: {values: [2]}, config: {severity: warn}}}]}]}]",
    }
    toy.write(files).runner().build()
    shutil.copytree(toy.folder / "target", toy.folder / "state")
    assert names(toy, "result:fail") == ["unique_a_id"]
    assert names(toy, "result:warn") == ["accepted_values_a_id__2"]
    assert names(toy, "result:pass") == ["not_null_a_id"]
    assert names(toy, "1+result:fail") == ["a", "accepted_values_a_id__2", "not_null_a_id", "unique_a_id"]
