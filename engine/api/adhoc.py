"""Questions in SQL that a person types on the engine's own machine.

Owns the refusal of everything but one reading statement, and runs it in a transaction that the database itself holds to
reading. Refuses callers from elsewhere: SQL can read files, so only the data directory's owner may send it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

import duckdb

from engine.access.principal import Principal
from engine.access.problems import Problem
from engine.api.answers import Questions
from engine.api.export import arrow_stream
from engine.errors import UsageError

LONGEST_SQL = 100_000
_READING = frozenset({"SELECT", "EXPLAIN"})


def check_statement(text: str) -> None:
    """Raises UsageError unless `text` is one statement that reads."""
    if len(text) > LONGEST_SQL:
        raise UsageError(f"the SQL has more than {LONGEST_SQL} characters")
    try:
        statements = duckdb.extract_statements(text)
    except duckdb.Error as error:
        raise UsageError(_said(error)) from error
    if len(statements) != 1:
        raise UsageError(f"one statement is expected, not {len(statements)}")
    kind = statements[0].type.name
    if kind not in _READING:
        raise UsageError(f"only reading is allowed, not {kind}", hint="write a SELECT")


def check_caller(principal: Principal) -> None:
    """Raises Problem 403 unless the caller owns the data directory."""
    if not (principal.is_admin and principal.local):
        raise Problem(403, "SQL is answered to the data directory's owner on this machine only", "forbidden")


def answer(reader: Questions, text: str, parameters: Mapping[str, Any]) -> Generator[bytes, None, None]:
    """The rows as an Arrow IPC stream. Raises UsageError for what the database does not understand."""
    check_statement(text)
    with reader.cursor() as cursor:
        cursor.execute("begin transaction read only")
        try:
            yield from arrow_stream(cursor.execute(text, dict(parameters) or None))
        except duckdb.Error as error:
            raise UsageError(_said(error)) from error
        finally:
            cursor.execute("rollback")


def _said(error: duckdb.Error) -> str:
    """The database's sentence, without the excerpt below it."""
    return " ".join(str(error).partition("\n\nLINE")[0].split())
