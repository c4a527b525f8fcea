"""Seeds: what dbt makes of a CSV file, and what becomes of its table when the file changes.

tests/fixtures/seeds/recorded.json holds files with the columns and rows that dbt made of them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.modelrunner.context import Flags
from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.seed_types import inferred, unlike
from tests.unit.modelrunner.conftest import Toy

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "fixtures/seeds/recorded.json").read_text(encoding="utf-8")
)
NAMES = "name: toy\nprofile: toy\nseeds: {toy: {s: {%s}}}\n"


def _columns(toy: Toy, name: str = "s") -> list[str]:
    return [
        f"{column} {kind}"
        for column, kind in toy.rows(
            f"select column_name, data_type from duckdb_columns() where table_name = '{name}' order by column_index"
        )
    ]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Toy, dict[str, str]]:
    """All recorded files, loaded by one command."""
    toy = Toy(tmp_path_factory.mktemp("seeds"))
    folder = toy.folder / "seeds"
    folder.mkdir()
    for name, case in RECORDED.items():
        (folder / f"{name}.csv").write_bytes(case["text"].encode())
    return toy, toy.statuses(toy.runner().seed())


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_file_becomes_the_table_that_dbt_makes_of_it(loaded: tuple[Toy, dict[str, str]], name: str) -> None:
    toy, statuses = loaded
    case = RECORDED[name]
    if case.get("fails"):
        assert statuses[name] == "error"
        return
    assert statuses[name] == "success"
    assert _columns(toy, name) == case["columns"]
    rows = [[None if value is None else str(value) for value in row] for row in toy.rows(f'select * from "{name}"')]
    assert sorted(rows, key=str) == sorted(case["rows"], key=str)


def test_columns_without_a_name_or_with_the_same_are_told_apart() -> None:
    assert unlike(["id", "id", "", "", "id_2", "b"]) == ("id", "id_2", "c", "d", "id_2_2", "b")


def test_a_hundred_thousand_numbers_are_still_whole() -> None:
    assert inferred([str(number) for number in range(100_000)]) == "integer"
    assert inferred([*map(str, range(1000)), "0.5"]) == "float8"


def test_column_types_may_name_some_columns_only(toy: Toy) -> None:
    toy.write({"dbt_project.yml": NAMES % "+column_types: {code: varchar}", "seeds/s.csv": "id,code\n1,007\n"})
    toy.runner().seed()
    assert _columns(toy) == ["id INTEGER", "code VARCHAR"]
    assert toy.rows("select * from s") == [(1, "007")]


def test_a_delimiter_is_configuration(toy: Toy) -> None:
    toy.write({"dbt_project.yml": NAMES % '+delimiter: ";"', "seeds/s.csv": 'id;name\n1;"a;b"\n'}).runner().seed()
    assert toy.rows("select * from s") == [(1, "a;b")]


def test_names_stay_unquoted_where_the_project_says_so(toy: Toy) -> None:
    toy.write({"dbt_project.yml": NAMES % "+quote_columns: false", "seeds/s.csv": "id,two words\n1,2\n"})
    assert toy.statuses(toy.runner().seed()) == {"s": "error"}


def test_a_slow_seed_holds_values_as_they_were_read(toy: Toy) -> None:
    text = 'n,p,b,t\n"1,000",5%,TRUE,null\n$7,7.5%,,x\n'
    toy.write({"dbt_project.yml": NAMES % "+fast: false", "seeds/s.csv": text}).runner().seed()
    assert _columns(toy) == ["n INTEGER", "p DOUBLE", "b BOOLEAN", "t VARCHAR"]
    assert toy.rows("select * from s") == [(1000, 5.0, True, None), (7, 7.5, None, "x")]


def test_a_changed_file_needs_a_full_refresh_and_a_failed_load_keeps_the_old_rows(toy: Toy) -> None:
    toy.write({"seeds/s.csv": "id,v\n1,a\n"}).runner().seed()
    for changed in ("id,v,w\n1,a,2\n", "v,id\na,1\n", "id\n1\n", "id,v\nx,a\n"):
        toy.write({"seeds/s.csv": changed})
        if changed != "id\n1\n":
            assert toy.statuses(toy.runner().seed()) == {"s": "error"}
            assert toy.rows("select * from s") == [(1, "a")]
    toy.write({"seeds/s.csv": "v,id\nb,2\n"})
    assert toy.statuses(toy.runner(flags=Flags(full_refresh=True)).seed()) == {"s": "success"}
    assert toy.rows("select * from s") == [("b", 2)]


def test_a_file_that_is_no_text_is_refused_before_anything_runs(toy: Toy) -> None:
    toy.write({"seeds/s.csv": "id\n1\n"})
    (toy.folder / "seeds/t.csv").write_bytes("id\nä\n".encode("latin-1"))
    with pytest.raises(ParseProblem, match=r"seeds/t.csv: not UTF-8 text"):
        toy.load()
