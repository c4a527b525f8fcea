"""Tests of one relation are asked in one pass, and say what they say alone."""

from __future__ import annotations

from typing import Any

import pytest

from engine.modelrunner import tests_together
from engine.modelrunner.context import Flags
from tests.unit.modelrunner.conftest import Toy

MODELS = {
    "models/colours.sql": "select * from (values (1, 'red'), (2, null), (2, 'blue'), (7, 'green')) as c(id, colour)",
    "models/palette.sql": "select * from (values ('red'), ('blue'), (null)) as p(colour)",
}
MANY = """
models:
  - name: colours
    columns:
      - name: id
        data_tests:
          - not_null
          - unique
          - accepted_values: {arguments: {values: [1, 2], quote: false}}
      - name: colour
        data_tests:
          - not_null
          - not_null: {name: set_where_small, config: {where: "id < 2 or id > 2"}}
          - accepted_values: {name: few, arguments: {values: [red]}, config: {error_if: "> 2", warn_if: "> 1"}}
          - relationships: {name: known, arguments: {to: ref('palette'), field: colour}}
          - relationships:
              {name: known_small, arguments: {to: ref('palette'), field: colour}, config: {where: "id < 5"}}
"""


@pytest.fixture
def colours(toy: Toy) -> Toy:
    return toy.write({**MODELS, "models/schema.yml": MANY})


def told(outcome: Any) -> dict[str, tuple[str, int | None, str | None]]:
    return {
        result.name: (result.status, result.failures, result.message)
        for result in outcome.results
        if result.resource_type == "test"
    }


def test_together_they_find_what_each_finds_alone(colours: Toy) -> None:
    together = told(colours.runner().build())
    alone = told(colours.runner(flags=Flags(fail_fast=False, store_failures=True, which="test")).test())
    assert {name: result[:2] for name, result in together.items()} == {
        "not_null_colours_id": ("pass", 0),
        "unique_colours_id": ("fail", 1),
        "accepted_values_colours_id__False__1__2": ("fail", 1),
        "not_null_colours_colour": ("fail", 1),
        "set_where_small": ("pass", 0),
        "few": ("warn", 2),
        "known": ("fail", 1),
        "known_small": ("pass", 0),
    }
    assert together == alone


def test_a_test_that_is_wrong_fails_alone(colours: Toy) -> None:
    colours.write({
        "models/more.yml": "models: [{name: palette, columns: [{name: colour, data_tests: [not_null,"
        " {not_null: {name: wrong, config: {where: 'nothing = 1'}}}]}]}]"
    })  # fmt: skip
    outcome = told(colours.runner().build())
    assert outcome["not_null_palette_colour"][:2] == ("fail", 1)
    assert outcome["wrong"][0] == "error"


def test_a_test_of_another_form_is_asked_by_itself(colours: Toy) -> None:
    node = next(node for node in colours.load().nodes.values() if node.name == "not_null_colours_id")
    for sql in (
        "select id from colours where id is null limit 1",
        "select id from colours where id in (select id from other)",
        "select id from colours c where c.id is null",
        "select id from colours where id is null -- or not",
        "select id from colours where id = 'a' or (colour = ')')) or id is null",
        "select count(*) from colours where id is null",
        "select id, colour from colours where id is null",
        "select distinct id from colours where id is null",
        "select id from colours where row_number() over () = 1",
    ):
        assert tests_together.count_of(node, sql) is None, sql


def test_a_text_that_looks_like_a_clause_is_only_text(colours: Toy) -> None:
    node = next(node for node in colours.load().nodes.values() if node.name == "not_null_colours_id")
    found = tests_together.count_of(node, "\n select *\n from \"a\".\"b\" where not(colour = 'order by '' -- (')\n;")
    assert found is not None
    assert (found.source, found.text) == ('"a"."b"', "count(*) filter (where (not(colour = 'order by '' -- (')))")


def test_any_query_of_one_relation_counts_by_its_rows(colours: Toy) -> None:
    node = next(node for node in colours.load().nodes.values() if node.name == "not_null_colours_id")
    sql = 'select id, count(*) from "m"."a"."v" group by id having count(*) > 1 -- twice'
    found = tests_together.count_of(node, sql)
    assert found is not None
    assert (found.source, found.kind, found.text) == ('"m"."a"."v"', "rows", sql)


@pytest.mark.parametrize(
    "sql",
    [
        'select * from "m"."a"."v" join "m"."a"."w" using (id)',
        'with v as (select 1 as id) select * from "m"."a"."v", v',
        'with "v" as materialized (select 1 as id) select * from "m"."a"."v", "v"',
        """select name from "m"."a"."v" where name = '"m"."a"."v"' group by name""",
        'select 1; select * from "m"."a"."v"',
    ],
)
def test_a_query_whose_relation_is_not_plain_is_asked_by_itself(colours: Toy, sql: str) -> None:
    node = next(node for node in colours.load().nodes.values() if node.name == "not_null_colours_id")
    assert tests_together.count_of(node, sql) is None


def test_a_view_is_computed_once_for_all_its_tests(toy: Toy) -> None:
    toy.write({
        "macros/rows.sql": "{% test few(model, column_name) %} select {{ column_name }}, count(*) from {{ model }}"
        " group by 1 having count(*) > 1 {% endtest %}",
        "models/v.sql": "select nextval('computed') as id from range(2)",
        "models/s.yml": "models: [{name: v, columns: [{name: id, data_tests: [not_null, unique, few]}]}]",
    })  # fmt: skip
    toy.execute("create sequence computed")
    outcome = told(toy.runner().build())
    assert {result[0] for result in outcome.values()} == {"pass"}
    assert toy.rows("select nextval('computed')") == [(3,)]
