"""dbt's cross-database macros: the SQL they write and what it gives, compared with what dbt recorded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.modelrunner.conftest import Toy

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "fixtures/cross_database/recorded.json").read_text(encoding="utf-8")
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """All recorded models, made by one command."""
    toy = Toy(tmp_path_factory.mktemp("cross"))
    toy.write({f"models/{name}.sql": case["model"] for name, case in RECORDED.items()})
    outcome = toy.runner().run()
    assert [result.message for result in outcome.results if result.status != "success"] == []
    return toy


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_macro_writes_what_dbt_writes(built: Toy, name: str) -> None:
    compiled = (built.folder / f"target/compiled/toy/models/{name}.sql").read_text(encoding="utf-8")
    assert " ".join(compiled.split()) == RECORDED[name]["compiled"]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_macro_gives_what_dbt_gives(built: Toy, name: str) -> None:
    rows = [[None if value is None else str(value) for value in row] for row in built.rows(f'select * from "{name}"')]
    assert sorted(rows, key=str) == sorted(RECORDED[name]["rows"], key=str)


def test_a_project_brings_its_own_by_dispatch(toy: Toy) -> None:
    toy.write(
        {
            "macros/m.sql": "{% macro default__hash(field) %}'mine'{% endmacro %}"
            "{% macro duckdb__length(expression) %}7{% endmacro %}",
            "models/m.sql": "select {{ dbt.hash('a') }} as h, {{ dbt.length('a') }} as l",
        }
    ).runner().run()
    assert toy.rows("select * from m") == [("mine", 7)]


def test_ranges_of_dates_are_lists(toy: Toy) -> None:
    text = "select '{{ dbt.partition_range('20240130, 20240201') | join(',') }}' as days"
    toy.write({"models/m.sql": text}).runner().run()
    assert toy.rows("select * from m") == [("20240130,20240131,20240201",)]


def test_a_range_that_ends_before_it_starts_fails_its_node(toy: Toy) -> None:
    text = "{% if execute %}{{ dbt.partition_range('20240131,20240130') }}{% endif %} select 1 as a"
    outcome = toy.write({"models/m.sql": text}).runner().run()
    assert "after the end date" in str(outcome.results[0].message)
