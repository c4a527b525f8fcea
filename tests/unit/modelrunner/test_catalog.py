"""catalog.json: what of a project is in the database, in dbt's shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.modelrunner import artifacts, catalog
from engine.modelrunner.database import Connection

from .conftest import PROFILE, Toy

STATS = {
    "has_stats": {
        "id": "has_stats", "label": "Has Stats?", "value": False, "include": False,
        "description": "Indicates whether there are statistics for this table",
    }
}  # fmt: skip


@pytest.fixture
def built(toy: Toy) -> Toy:
    toy.write({
        "models/v.sql": "select 1 as id, 'x' as name",
        "models/t.sql": "{{ config(materialized='table', alias='Tall', schema='extra') }}"
                        " select id, 1.5::decimal(10, 2) as amount, [1] as list, {'a': 1} as thing from {{ ref('v') }}",
        "models/e.sql": "{{ config(materialized='ephemeral') }} select 1 as id",
        "models/later.sql": "select 1 as id",
        "seeds/s.csv": "id\n1\n",
        "models/s.yml": "sources: [{name: raw, tables: [{name: t, description: d}, {name: gone}]}]",
    })  # fmt: skip
    toy.execute("create schema raw; create table raw.t(seen timestamptz); comment on table raw.t is 'theirs';"
                "create table main.unrelated(a int)")  # fmt: skip
    assert toy.runner().build(_only("v", "t", "s")).exit_code == 0
    return toy


def _only(*names: str) -> Any:
    from engine.modelrunner.runner import Selection

    return Selection(names)


def _read(toy: Toy, chosen: set[str] | None = None) -> dict[str, Any]:
    project = toy.load()
    with toy.connect() as raw:
        return catalog.artifact(project, catalog.read(project, Connection(raw)), chosen)


def test_what_exists_is_there_and_nothing_else(built: Toy) -> None:
    found = _read(built)
    assert set(found["nodes"]) == {"model.toy.v", "model.toy.t", "seed.toy.s"}
    assert set(found["sources"]) == {"source.toy.raw.t"}
    assert found["errors"] is None


def test_a_record_has_dbts_shape(built: Toy) -> None:
    assert _read(built)["nodes"]["model.toy.t"] == {
        "metadata": {"type": "BASE TABLE", "schema": "main_extra", "name": "Tall", "database": "toy", "comment": None,
                     "owner": None},
        "columns": {
            "id": {"type": "INTEGER", "index": 1, "name": "id", "comment": None},
            "amount": {"type": "DECIMAL(10,2)", "index": 2, "name": "amount", "comment": None},
            "list": {"type": "INTEGER[]", "index": 3, "name": "list", "comment": None},
            "thing": {"type": "STRUCT(a INTEGER)", "index": 4, "name": "thing", "comment": None},
        },
        "stats": STATS,
        "unique_id": "model.toy.t",
    }  # fmt: skip


def test_a_view_says_so_and_comments_of_others_are_kept(built: Toy) -> None:
    found = _read(built)
    assert found["nodes"]["model.toy.v"]["metadata"]["type"] == "VIEW"
    assert found["sources"]["source.toy.raw.t"]["metadata"]["comment"] == "theirs"
    assert found["sources"]["source.toy.raw.t"]["columns"]["seen"]["type"] == "TIMESTAMP WITH TIME ZONE"


def test_names_are_compared_as_duckdb_does(built: Toy) -> None:
    built.write({"models/s.yml": "sources: [{name: RAW, tables: [{name: T}]}]"})
    assert "source.toy.RAW.T" in _read(built)["sources"]


def test_kept_failures_of_a_test_are_relations_too(built: Toy) -> None:
    built.write({"tests/kept.sql": "{{ config(store_failures=true) }} select * from {{ ref('v') }}",
                 "tests/lost.sql": "select * from {{ ref('v') }}"})  # fmt: skip
    assert built.runner().test(_only("kept", "lost")).exit_code == 1
    found = _read(built)["nodes"]
    assert found["test.toy.kept"]["metadata"]["schema"] == "main_dbt_test__audit"
    assert "test.toy.lost" not in found
    records = artifacts.manifest(built.load())["nodes"]
    assert records["test.toy.kept"]["relation_name"] == '"toy"."main_dbt_test__audit"."kept"'
    assert records["test.toy.lost"]["relation_name"] is None


def test_a_selection_narrows_it(built: Toy) -> None:
    found = _read(built, {"model.toy.v", "source.toy.raw.t"})
    assert (set(found["nodes"]), set(found["sources"])) == ({"model.toy.v"}, {"source.toy.raw.t"})


def test_the_head_names_schema_and_invocation(built: Toy) -> None:
    head = _read(built)["metadata"]
    assert head["dbt_schema_version"] == "https://schemas.getdbt.com/dbt/catalog/v1.json"
    assert set(head) >= {"dbt_version", "generated_at", "invocation_id", "invocation_started_at", "env"}


def test_attached_databases_are_asked_too(built: Toy, tmp_path: Path) -> None:
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("create table far(x int)")
    built.write({"models/s.yml": "sources: [{name: o, database: other, schema: main, tables: [{name: far}]}]",
                 "profiles.yml": PROFILE})  # fmt: skip
    project = built.load()
    with built.connect() as raw:
        raw.execute(f"attach '{other}'")
        found = catalog.read(project, Connection(raw))
    assert [column.name for column in found["source.toy.o.far"].columns] == ["x"]
