"""A team of any size as raw rows: the benchmarks and the comparison with dbt work on the same kind of data.

Owns who worked when (Python) and what that left behind (SQL, since ten million rows must take a minute, not an hour).
Equal seeds give equal rows. Refuses to go through the writer: rows are put into the raw tables as the writer would
leave them, in the order of their arrival.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

SQL = Path(__file__).parent
TODAY = datetime(2026, 11, 20, tzinfo=UTC)
"""The day after the last day of a team's history."""
SESSIONS_A_DAY = 10
"""By each developer."""
SESSIONS_A_STEP = 10_000
"""So many are made by one set of statements: they keep the rows of raw tables in the order of their arrival."""


@dataclass(frozen=True, slots=True)
class Team:
    """`sessions` of 0.45 √sessions developers, ten a day each, up to `TODAY`; batches count from `first_batch`.

    A session makes `calls` model calls on average, with about six raw rows a call.
    """

    sessions: int
    calls: float = 8.0
    seed: int = 1
    first_batch: int = 2

    @property
    def developers(self) -> int:
        return max(5, round(0.45 * math.sqrt(self.sessions)))

    @property
    def first_day(self) -> datetime:
        return TODAY - timedelta(days=-(-self.sessions // (self.developers * SESSIONS_A_DAY)))

    def write_history(self, connection: duckdb.DuckDBPyConnection) -> None:
        """All sessions, each with what it told; a row of ops.batches per batch. Committed in steps."""
        self._prepare(connection, None)
        for begin in range(0, self.sessions, SESSIONS_A_STEP):
            connection.execute(
                (SQL / "history.sql").read_text(),
                {"begin": begin, "until": min(self.sessions, begin + SESSIONS_A_STEP),
                 "a_day": self.developers * SESSIONS_A_DAY, "first_day": self.first_day},
            )  # fmt: skip
            connection.execute((SQL / "work.sql").read_text() + (SQL / "rows.sql").read_text())
        connection.execute((SQL / "people.sql").read_text())
        connection.execute((SQL / "batches.sql").read_text())

    def write_traffic(self, connection: duckdb.DuckDBPyConnection, number: int, stretches: int, batch: int) -> int:
        """What arrives in one of eight parts of a day after the history: part `number` from 0, all in batch `batch`.

        Of its `stretches` 72 of a hundred are new sessions, 25 go on from the part before and 3 are resumed from long
        ago. Returns how many rows arrived; the row of ops.batches is there too.
        """
        self._prepare(connection, batch)
        connection.execute(
            (SQL / "traffic.sql").read_text(),
            {"number": number, "stretches": stretches, "sessions": self.sessions, "today": TODAY},
        )
        connection.execute((SQL / "work.sql").read_text() + (SQL / "rows.sql").read_text())
        connection.execute((SQL / "batches.sql").read_text())
        rows = connection.execute("select row_count from ops.batches where batch_id = ?", [batch]).fetchone()
        assert rows is not None
        return int(rows[0])

    def _prepare(self, connection: duckdb.DuckDBPyConnection, batch: int | None) -> None:
        connection.execute("set TimeZone = 'UTC'")
        for name, value in (
            ("team_seed", self.seed), ("team_calls", self.calls), ("team_developers", self.developers),
            ("team_batch", batch), ("team_first_batch", self.first_batch), ("team_first_day", self.first_day),
        ):  # fmt: skip
            connection.execute(f"set variable {name} = $value", {"value": value})
