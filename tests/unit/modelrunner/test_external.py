"""Sources that are files: external_location under meta or config, in dbt-duckdb's notations."""

from __future__ import annotations

import pytest

from engine.modelrunner.problems import ParseProblem
from tests.unit.modelrunner.conftest import Toy

SOURCE = "sources: [{name: files, tables: [{name: a, %s}]}]\n"


def _file(toy: Toy) -> str:
    path = toy.folder / "a.csv"
    path.write_text("id\n1\n2\n")
    return str(path)


@pytest.mark.parametrize(
    "given",
    [
        "meta: {external_location: '%s'}",
        "config: {external_location: '%s'}",
        "meta: {external_location: \"read_csv('%s')\"}",
        "meta: {external_location: \"'%s'\"}",
    ],
)
def test_a_source_reads_a_file(toy: Toy, given: str) -> None:
    toy.write(
        {"models/s.yml": SOURCE % (given % _file(toy)), "models/m.sql": "select * from {{ source('files', 'a') }}"}
    )
    assert toy.statuses(toy.runner().run()) == {"m": "success"}
    assert toy.rows("select * from m") == [(1,), (2,)]


@pytest.mark.parametrize(
    ("formatter", "name"), [("newstyle", "{name}.csv"), ("oldstyle", "%(name)s.csv"), ("template", "${name}.csv")]
)
def test_the_location_names_the_table(toy: Toy, formatter: str, name: str) -> None:
    location = _file(toy).replace("a.csv", name)
    source = SOURCE % f"meta: {{external_location: '{location}', formatter: {formatter}}}"
    toy.write({"models/s.yml": source, "models/m.sql": "select count(*) as c from {{ source('files', 'a') }}"})
    assert toy.statuses(toy.runner().run()) == {"m": "success"}


def test_a_location_of_the_source_holds_for_its_tables(toy: Toy) -> None:
    location = _file(toy).replace("a.csv", "{identifier}.csv")
    source = (
        f"sources: [{{name: files, meta: {{external_location: '{location}'}}, tables: [{{name: x, identifier: a}}]}}]"
    )
    toy.write({"models/s.yml": source, "models/m.sql": "select * from {{ source('files', 'x') }}"})
    assert toy.statuses(toy.runner().run()) == {"m": "success"}


@pytest.mark.parametrize(
    "given",
    [
        "meta: {external_location: '{missing}.csv'}",
        "meta: {external_location: '{name.__class__}.csv'}",
        "meta: {external_location: 'a.csv', formatter: fancy}",
        "meta: {plugin: gsheet}",
    ],
)
def test_what_cannot_be_a_location_is_said_with_file_and_line(toy: Toy, given: str) -> None:
    toy.write({"models/s.yml": SOURCE % given, "models/m.sql": "select * from {{ source('files', 'a') }}"})
    with pytest.raises(ParseProblem, match=r"^models/s.yml:1: "):
        toy.load()
