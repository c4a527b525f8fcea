"""Asking the data tests of the models about a database file that no engine has open.

Owns a read-only look at a copy: the invariants are the project's own tests, nothing here repeats them. Refuses to
change the file, and unit tests, which tell of SQL and not of data.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import StorageError

if TYPE_CHECKING:
    import duckdb

    from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """What the tests found: numbers of tests, and the names of those that failed."""

    passed: int
    warned: int
    failed: tuple[str, ...]

    def counts(self) -> dict[str, int]:
        """As a manifest keeps it."""
        return {"passed": self.passed, "warned": self.warned, "failed": len(self.failed)}


def check(database: Path, settings: Settings) -> Checked | None:
    """Run every data test on the file; None when it holds no models built from this project. Raises StorageError."""
    import duckdb

    from engine.modelrunner.choosing import Selection
    from engine.modelrunner.fingerprint import stands
    from engine.modelrunner.project import Project
    from engine.modelrunner.runner import Runner
    from engine.workspace import model_variables, project_folder

    def connect() -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            str(database),
            read_only=True,
            config={"autoinstall_known_extensions": False, "autoload_known_extensions": False},
        )
        connection.execute("set TimeZone = 'UTC'")
        return connection

    try:
        with connect() as connection:
            if not stands(connection, project_folder(settings), model_variables(settings)):
                return None
        project = Project.load(
            project_folder(settings),
            variables=model_variables(settings),
            environment={**os.environ, "AA_DATABASE": str(database)},
            say=lambda _: None,
            warn=lambda _: None,
        )
        outcome = Runner(project, connect, write_artifacts=False).test(Selection(exclude=("test_type:unit",)))
    except duckdb.Error as error:
        raise StorageError(f"{database} cannot be read: {str(error).splitlines()[0]}") from error
    failed = tuple(result.name for result in outcome.results if result.failed or result.status == "skipped")
    return Checked(outcome.count("pass"), outcome.count("warn"), failed)
