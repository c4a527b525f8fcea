"""Real dbt as a process that stays, in the environment of its own: run by that environment's Python, not by the tests'.

Owns one loop: a line of JSON with the words of a command comes in, a line with its outcome goes out. Each start of dbt
would cost six seconds. Refuses to keep the database open between two commands, since others work on the file then.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
from typing import Any


def main() -> None:
    """Answer until standard input ends."""
    answers = sys.stdout
    dbt: Any = importlib.import_module("dbt.cli.main")
    connections: Any = importlib.import_module("dbt.adapters.duckdb.connections").DuckDBConnectionManager
    for line in sys.stdin:
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            outcome = dbt.dbtRunner().invoke(json.loads(line))
        if connections._ENV is not None:
            connections._ENV.close()
            connections._ENV = None
        problem = "" if outcome.exception is None else repr(outcome.exception)
        print(json.dumps({"success": outcome.success, "said": said.getvalue() + problem}), file=answers, flush=True)


if __name__ == "__main__":
    main()
