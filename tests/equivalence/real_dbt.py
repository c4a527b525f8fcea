"""Real dbt, kept running beside the tests.

Owns the process and what every command to it says: project, variables, database. Refuses to start without dbt: its
path comes from AA_DBT (default .venv-dbt/bin/dbt, made by `make equivalence`).
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.models.workbench import FILE_NAME, PROJECT_FOLDER

DBT = Path(os.environ.get("AA_DBT", ".venv-dbt/bin/dbt")).absolute()


class RealDbt:
    """`invoke(database, …)` runs one command on a database file, which is closed before and after."""

    def __init__(self, scratch: Path, variables: Mapping[str, Any]) -> None:
        self._variables = json.dumps(dict(variables))
        self._scratch = scratch
        # dbt parses anew when the path in the profile changes: it is always the same link.
        self._link = scratch / "database"
        python = DBT.with_name("python")
        assert python.exists(), f"no dbt at {DBT}: `make equivalence` installs it, or name one with AA_DBT"
        self._process = subprocess.Popen(
            [str(python), str(Path(__file__).with_name("dbt_process.py"))],
            env={**os.environ, "AA_DATABASE": str(self._link / FILE_NAME), "DO_NOT_TRACK": "1", "NO_COLOR": "1"},
            cwd=scratch,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def invoke(self, database: Path, *words: str) -> None:
        """A command of real dbt on the packaged project; it must succeed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert database.name == FILE_NAME
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(database.parent)
        places = ["--project-dir", str(PROJECT_FOLDER), "--profiles-dir", str(PROJECT_FOLDER)]
        places += ["--target-path", str(self._scratch / "target"), "--log-path", str(self._scratch / "logs")]
        self._process.stdin.write(json.dumps([*words, *places, "--vars", self._variables]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"dbt ended with {self._process.wait()}"
        answer = json.loads(line)
        assert answer["success"], str(answer["said"])[-4000:]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
