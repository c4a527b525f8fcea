"""Real dbt and our runner make the same relations of the same raw rows, row for row.

The path of dbt comes from AA_DBT (default .venv-dbt/bin/dbt): dbt lives in an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.modelrunner.live import LiveLoop
from engine.prices import export
from tests.models.test_captures import SCENARIOS, telemetry, transcripts
from tests.models.test_live import a_teams_day
from tests.models.workbench import ARRIVAL, FILE_NAME, PROJECT_FOLDER, Workbench, project

DBT = Path(os.environ.get("AA_DBT", ".venv-dbt/bin/dbt")).absolute()
VARIABLES: dict[str, Any] = {
    "report_timezone": "America/New_York",
    "internal_domains": ["acme.dev"],
    "correlation_window": 120,
}


@pytest.fixture(scope="module")
def raw_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything the tests of the models know: real captures and a team's day."""
    bench = Workbench(tmp_path_factory.mktemp("raw"))
    bench.take(export.price_rows(ARRIVAL), *a_teams_day())
    bench.take(*(group for scenario in SCENARIOS for group in telemetry(scenario) + transcripts(scenario)))
    bench.take_names()
    bench.close()
    return bench.path


def dbt(database: Path, verb: str, *flags: str) -> None:
    """Run a verb of real dbt on the packaged project; it must succeed."""
    scratch = database.parent
    done = subprocess.run(
        [
            str(DBT),
            verb,
            *("--project-dir", str(PROJECT_FOLDER), "--profiles-dir", str(PROJECT_FOLDER)),
            *("--target-path", str(scratch / "target"), "--log-path", str(scratch / "logs")),
            *("--vars", json.dumps(VARIABLES)),
            *flags,
        ],
        env={**os.environ, "AA_DATABASE": str(database), "DO_NOT_TRACK": "1", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def relations(database: Path) -> dict[str, tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]]:
    """Columns with types, and sorted rows, of every relation of the models."""
    connection = duckdb.connect(str(database), read_only=True)
    try:
        connection.execute("set TimeZone = 'UTC'")
        found = {}
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('staging', 'intermediate', 'mart') order by all"
        ).fetchall():
            columns = connection.execute(
                "select column_name, data_type from information_schema.columns"
                " where table_schema = ? and table_name = ? order by ordinal_position",
                [schema, name],
            ).fetchall()
            rows = connection.execute(f'select * from {schema}."{name}" order by all').fetchall()
            found[f"{schema}.{name}"] = (columns, rows)
        return found
    finally:
        connection.close()


def ours(raw_file: Path, folder: Path) -> Path:
    """A copy of the raw rows with the models that our runner makes, in one transaction."""
    folder.mkdir()
    shutil.copyfile(raw_file, folder / FILE_NAME)
    bench = Workbench(folder)
    loop = LiveLoop(project(json.dumps(VARIABLES)), bench.database.cursor)
    loop.rebuild()
    loop.close()
    bench.close()
    return bench.path


def theirs(raw_file: Path, folder: Path) -> Path:
    """The same with real dbt, all data tests included."""
    folder.mkdir()
    shutil.copyfile(raw_file, folder / FILE_NAME)
    dbt(folder / FILE_NAME, "build")
    return folder / FILE_NAME


def assert_equal(first: Path, second: Path) -> None:
    left, right = relations(first), relations(second)
    assert list(left) == list(right)
    for name, (columns, rows) in left.items():
        assert columns == right[name][0], name
        assert rows == right[name][1], name


def test_dbt_and_the_runner_make_the_same_relations(raw_file: Path, tmp_path: Path) -> None:
    assert_equal(theirs(raw_file, tmp_path / "dbt"), ours(raw_file, tmp_path / "runner"))


def test_dbts_incremental_runs_end_as_a_full_build(raw_file: Path, tmp_path: Path) -> None:
    """Run over tables that are there, dbt deletes and inserts by key: nothing doubles, nothing is lost."""
    made = theirs(raw_file, tmp_path / "dbt")
    before = relations(made)
    dbt(made, "run")
    assert relations(made) == before


def test_dbt_can_take_over_what_the_runner_made(raw_file: Path, tmp_path: Path) -> None:
    made = ours(raw_file, tmp_path / "runner")
    before = relations(made)
    dbt(made, "build")
    assert relations(made) == before
