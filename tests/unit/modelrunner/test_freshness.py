"""Freshness: how old the rows of sources are, and what sources.json says of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from engine.modelrunner.choosing import Selection

from .conftest import Toy

LIMITS = {"warn_after": {"count": 1, "period": "day"}, "error_after": {"count": 3, "period": "day"}}


def ready(toy: Toy, days: int | None, **table: Any) -> Toy:
    rows = "where false" if days is None else ""
    toy.execute(
        f"create schema raw; create table raw.t as select now() - interval {days or 0} day as ts, 1 as k {rows}"
    )
    source = {"name": "raw", "loaded_at_field": "ts", "freshness": LIMITS, "tables": [{"name": "t", **table}]}
    return toy.write({"models/s.yml": yaml.safe_dump({"sources": [source]})})


def verdict(toy: Toy) -> tuple[int, dict[str, str]]:
    outcome = toy.runner().freshness()
    found = json.loads((toy.folder / "target/sources.json").read_text())
    return outcome.exit_code, {result["unique_id"]: result["status"] for result in found["results"]}


@pytest.mark.parametrize(("days", "status"), [(0, "pass"), (2, "warn"), (4, "error"), (None, "error")])
def test_a_source_is_as_fresh_as_its_newest_row(toy: Toy, days: int | None, status: str) -> None:
    assert verdict(ready(toy, days)) == (1 if status == "error" else 0, {"source.toy.raw.t": status})


@pytest.mark.parametrize(
    ("table", "status"),
    [
        ({"freshness": {"error_after": None}}, "warn"),
        ({"freshness": {"error_after": {"count": 9, "period": "day"}}}, "warn"),
        ({"config": {"freshness": {"warn_after": {"count": 9, "period": "day"}, "error_after": None}}}, "pass"),
        ({"freshness": {"filter": "k = 2"}}, "error"),
        ({"loaded_at_query": "select max(ts) + interval 3 day from {{ this }}"}, "warn"),
    ],
)
def test_a_table_says_it_otherwise_than_its_source(toy: Toy, table: dict[str, Any], status: str) -> None:
    assert verdict(ready(toy, 4, **table))[1] == {"source.toy.raw.t": status}


def test_a_table_can_be_left_out(toy: Toy) -> None:
    assert verdict(ready(toy, 4, freshness=None)) == (0, {})


def test_a_source_that_cannot_be_asked_is_an_error_and_in_no_artifact(toy: Toy) -> None:
    assert verdict(ready(toy, 0, loaded_at_field="nope")) == (1, {})
    assert toy.runner().freshness().results[0].status == "runtime error"


def test_only_selected_sources_are_asked(toy: Toy) -> None:
    assert ready(toy, 4).runner().freshness(Selection(("source:other",))).results == ()
