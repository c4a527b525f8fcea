"""Contracts: a model that does not keep its promise is not made."""

from __future__ import annotations

import pytest
import yaml

from engine.modelrunner.context import Flags
from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.runner import Selection

from .conftest import Toy

COLUMNS = [{"name": "name", "data_type": "varchar"}, {"name": "id", "data_type": "int"}]


def promise(toy: Toy, sql: str, columns: object = None, kind: str = "table", **more: object) -> Toy:
    model = {"name": "m", "config": {"contract": {"enforced": True}, "materialized": kind, "on_schema_change": "fail"},
             "columns": COLUMNS if columns is None else columns, **more}  # fmt: skip
    return toy.write({"models/m.sql": sql, "models/m.yml": yaml.safe_dump({"models": [model]})})


@pytest.mark.parametrize("kind", ["table", "incremental", "view"])
def test_a_kept_promise(toy: Toy, kind: str) -> None:
    promise(toy, "select 1 as id, 'a' as name", kind=kind)
    assert toy.runner().run().exit_code == 0
    assert toy.runner().run().exit_code == 0
    assert toy.rows("select id, name from m limit 1") == [(1, "a")]


def test_a_table_has_the_promised_order_of_columns(toy: Toy) -> None:
    promise(toy, "select 1 as id, 'a' as name")
    toy.runner().run()
    assert toy.rows("from m") == [("a", 1)]


@pytest.mark.parametrize("kind", ["table", "incremental", "view"])
@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select 1 as id", "name VARCHAR is missing"),
        ("select 1 as id, 'a' as name, 2 as x", "x INTEGER was not promised"),
        ("select 1::bigint as id, 'a' as name", "id is BIGINT, not INTEGER"),
    ],
)
def test_a_broken_promise(toy: Toy, sql: str, says: str, kind: str) -> None:
    outcome = promise(toy, sql, kind=kind).runner().run()
    assert outcome.exit_code == 1
    assert says in str(outcome.results[0].message)


@pytest.mark.parametrize(
    "constraint",
    [{"type": "not_null"}, {"type": "unique"}, {"type": "primary_key"}, {"type": "check", "expression": "id < 2"}],
)
def test_a_row_against_a_constraint_leaves_the_table_as_it_was(toy: Toy, constraint: dict[str, str]) -> None:
    columns = [{**COLUMNS[1], "constraints": [constraint]}]
    promise(toy, "select 1 as id", columns).runner().run()
    wrong = {"not_null": "select null::int as id", "check": "select 2 as id"}
    bad = wrong.get(constraint["type"], "select 1 as id union all select 1")
    assert promise(toy, bad, columns).runner().run().exit_code == 1
    assert toy.rows("from m") == [(1,)]


def test_constraints_of_the_whole_table_and_a_foreign_key(toy: Toy) -> None:
    keys = [
        {"type": "primary_key", "columns": ["id", "name"]},
        {"type": "check", "expression": "id > 0", "name": "pos"},
    ]
    promise(toy, "select 1 as id, 'a' as name", constraints=keys)
    child = {"name": "c", "config": {"contract": {"enforced": True}, "materialized": "table"}, "columns": COLUMNS,
             "constraints": [{"type": "foreign_key", "columns": ["id", "name"], "to": "ref('m')",
                              "to_columns": ["id", "name"]}]}  # fmt: skip
    toy.write({"models/c.sql": "select 1 as id, 'a' as name", "models/c.yml": yaml.safe_dump({"models": [child]})})
    assert toy.load().nodes["model.toy.c"].depends_on == ("model.toy.m",)
    assert toy.runner().run().exit_code == 0
    assert toy.rows("select count(*) from duckdb_constraints() where constraint_type = 'FOREIGN KEY'") == [(1,)]


def test_an_incremental_model_keeps_its_promise_later_too(toy: Toy) -> None:
    promise(toy, "select 1 as id, 'a' as name", kind="incremental").runner().run()
    promise(toy, "select 1 as id, 'a' as name, 2 as x", kind="incremental")
    assert toy.runner().run().exit_code == 1
    assert toy.runner(flags=Flags(full_refresh=True)).run().exit_code == 1


@pytest.mark.parametrize(
    ("columns", "says"),
    [([], "no columns"), ([{**COLUMNS[1], "constraints": [{"type": "uniqe"}]}], "did you mean 'unique'?")],
)
def test_a_contract_that_promises_nothing_is_refused(toy: Toy, columns: object, says: str) -> None:
    with pytest.raises(ParseProblem, match=r"models/m.yml") as raised:
        promise(toy, "select 1 as id", columns).load()
    assert says in raised.value.line()


def test_a_column_without_type_fails_its_model(toy: Toy) -> None:
    outcome = promise(toy, "select 1 as id", [{"name": "id"}]).runner().run()
    assert "gives no data_type for id" in str(outcome.results[0].message)


def keyed(toy: Toy) -> Toy:
    """`child` points to `parent` by a foreign key."""
    key = {"type": "foreign_key", "to": "ref('parent')", "to_columns": ["id"]}
    models = [
        {"name": name, "config": {"contract": {"enforced": True}, "materialized": "table"},
         "columns": [{"name": "id", "data_type": "integer", "constraints": [constraint]}]}
        for name, constraint in (("parent", {"type": "primary_key"}), ("child", key))
    ]  # fmt: skip
    return toy.write({"models/parent.sql": "select 1 as id", "models/child.sql": "select 1 as id",
                      "models/m.yml": yaml.safe_dump({"models": models})})  # fmt: skip


def test_a_table_that_a_foreign_key_points_to_is_replaced_along_with_the_one_that_points(toy: Toy) -> None:
    keyed(toy)
    for _ in range(2):
        assert toy.runner().run().exit_code == 0
    kinds = toy.rows("select table_name, constraint_type from duckdb_constraints() where constraint_type like '% KEY'")
    assert sorted(kinds) == [("child", "FOREIGN KEY"), ("parent", "PRIMARY KEY")]


def test_a_table_that_a_foreign_key_points_to_is_not_replaced_alone(toy: Toy) -> None:
    keyed(toy).runner().run()
    outcome = toy.runner().run(Selection(select=("parent",)))
    assert outcome.exit_code == 1
    assert "a foreign key of child points to it" in str(outcome.results[0].message)
    assert toy.rows("select count(*) from parent, child") == [(1,)]
