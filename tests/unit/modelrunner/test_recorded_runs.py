"""Whole projects, step by step, with the tables that dbt left behind after each.

tests/fixtures/recorded_runs holds a project, what is done to its sources before each step, and dbt's statuses and
tables: every incremental strategy with its settings, every kind of snapshot.
"""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.modelrunner.context import Flags
from tests.unit.modelrunner.conftest import Toy

FOLDER = Path(__file__).parents[2] / "fixtures/recorded_runs"


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, datetime.date | datetime.datetime | Decimal) else value


def _table(toy: Toy, name: str, masked: frozenset[str]) -> dict[str, Any]:
    schema, table = name.split(".")
    columns = toy.rows(
        f"select column_name, data_type from duckdb_columns() where schema_name = '{schema}'"
        f" and table_name = '{table}' order by column_index"
    )
    rows = [
        [
            (None if value is None else "set") if column in masked else _plain(value)
            for value, (column, _) in zip(row, columns, strict=True)
        ]
        for row in toy.rows(f'select * from "{schema}"."{table}"')
    ]
    return {
        "columns": [f"{column} {kind}" for column, kind in columns],
        "rows": sorted(rows, key=lambda row: json.dumps(row)),
    }


@pytest.mark.parametrize("name", ["incremental", "snapshots"])
def test_every_step_leaves_what_dbt_leaves(toy: Toy, name: str) -> None:
    recorded = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    masked = frozenset(recorded["masked"])
    toy.write(recorded["files"])
    for number, step in enumerate(recorded["steps"]):
        if step["sql"]:
            toy.execute(step["sql"])
        runner = toy.runner(flags=Flags(full_refresh=step["full_refresh"], empty=step["empty"], which=step["verb"]))
        statuses = toy.statuses(getattr(runner, step["verb"])())
        assert statuses == step["statuses"], f"step {number}"
        for table, content in step["tables"].items():
            assert _table(toy, table, masked) == content, f"step {number}: {table}"
