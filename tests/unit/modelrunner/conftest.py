"""Small real dbt projects over real DuckDB files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from engine.modelrunner.context import Flags
from engine.modelrunner.project import Project
from engine.modelrunner.runner import Runner

PROJECT = """
name: toy
version: '1.0'
config-version: 2
profile: toy
"""
PROFILE = """
toy:
  target: dev
  outputs:
    dev: {type: duckdb, path: "{{ env_var('TOY_DB') }}", schema: main, threads: 2}
    prod: {type: duckdb, path: "{{ env_var('TOY_DB') }}", schema: prod}
"""


class Toy:
    """A project in a folder with its database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "toy"
        self.database = folder / "toy.duckdb"
        self.said: list[str] = []
        self.write({"dbt_project.yml": PROJECT, "profiles.yml": PROFILE})

    def write(self, files: Mapping[str, str]) -> Toy:
        """Write files below the project."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return self

    def load(self, *, flags: Flags | None = None, **options: Any) -> Project:
        """The project, read anew."""
        return Project.load(
            self.folder, environment={"TOY_DB": str(self.database)}, flags=flags, say=self.said.append, **options
        )

    def runner(self, *, flags: Flags | None = None, **options: Any) -> Runner:
        """A runner of the project, read anew."""
        return Runner(self.load(flags=flags, **options), self.connect)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The database."""
        return duckdb.connect(str(self.database))

    def execute(self, sql: str) -> None:
        """Change the database."""
        with self.connect() as connection:
            connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with self.connect() as connection:
            return connection.execute(sql).fetchall()

    def statuses(self, outcome: Any) -> dict[str, str]:
        """Node name → status."""
        return {result.name: result.status for result in outcome.results}


@pytest.fixture
def toy(tmp_path: Path) -> Toy:
    return Toy(tmp_path)


MakeToy = Callable[[Mapping[str, str]], Toy]
