"""A database to try the SQL models on: the real migrations, the real writer, the real runner, on a file of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from engine.modelrunner.choosing import Selection
from engine.modelrunner.project import Project
from engine.modelrunner.runner import Runner
from engine.prices import export
from engine.store.catalogue import Catalogue
from engine.store.database import Database
from engine.store.migrations import migrate
from engine.store.rows import RawRows
from engine.store.writer import Writer

ARRIVAL = datetime(2026, 11, 20, 18, tzinfo=UTC)
FILE_NAME = "models.duckdb"
COLUMN_TESTS = tuple(
    f"test_name:{name}" for name in ("not_null", "accepted_values", "relationships", "expression_is_true")
)
"""Tests of single columns: most of the time of a build, and little of what it proves."""
PROJECT_FOLDER = Path(__file__).parents[2] / "sql_models"


@cache
def project(variables: str) -> Project:
    """The packaged project for files called FILE_NAME (DuckDB names databases by their file); `variables` is JSON."""
    return Project.load(
        PROJECT_FOLDER, variables=json.loads(variables), environment={"AA_DATABASE": FILE_NAME}, say=_quiet
    )


def _quiet(line: str) -> None:
    """Notices of the parser are of no interest here."""


class Workbench:
    """`take` stores rows as one batch each, `build` makes the models (a failing data test fails it), `rows` asks."""

    def __init__(self, folder: Path, **variables: Any) -> None:
        self.path = path = folder / FILE_NAME
        self.database = Database.open(path)
        migrate(self.database)
        self.catalogue = Catalogue.read(self.database.cursor())
        self.writer = Writer(self.database)
        self.variables = variables

    def take(self, *groups: RawRows) -> int:
        """Store groups of rows; returns how many were new."""
        taken = 0
        for rows in groups:
            applied = self.writer.write(self.catalogue.to_arrow(rows, ARRIVAL), self.writer.journal_offset)
            taken += sum(applied.inserted.values())
        return taken

    def take_names(self) -> None:
        """What the engine does after each batch: resolve the names of models seen for the first time."""
        names = export.new_model_names(self.database.cursor())
        if names:
            self.take(export.model_name_rows(names))

    def build(self, *, every_test: bool = False) -> None:
        """Make everything; the invariants and grains must hold, with `every_test` all data tests."""
        self.take_names()
        runner = Runner(project(json.dumps(self.variables)), self.database.cursor, write_artifacts=False)
        selection = Selection() if every_test else Selection(exclude=COLUMN_TESTS)
        outcome = runner.build(selection, publish="all")
        failures = [result for result in outcome.results if result.status not in ("success", "pass", "warn")]
        assert outcome.exit_code == 0, "\n".join(f"{result.status} {result!r}"[:600] for result in failures)

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        return self.database.cursor().execute(sql, parameters).fetchall()

    def row(self, sql: str, *parameters: Any) -> tuple[Any, ...]:
        """The only row of a query."""
        rows = self.rows(sql, *parameters)
        assert len(rows) == 1, rows
        return rows[0]

    def snapshot(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every relation of the models, sorted, without arrival facts: to compare two databases."""
        found = {}
        for schema, name in self.rows(
            "select table_schema, table_name from information_schema.tables"
            " where table_schema in ('staging', 'intermediate', 'mart') order by all"
        ):
            found[f"{schema}.{name}"] = self.rows(f'select * from {schema}."{name}" order by all')
        return found

    def close(self) -> None:
        self.writer.close()
        self.database.close()


def merged(groups: Iterable[RawRows]) -> RawRows:
    """All rows of several groups as one."""
    together = RawRows()
    for rows in groups:
        together.merge(rows)
    return together
