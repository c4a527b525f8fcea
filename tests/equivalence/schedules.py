"""The same raw rows, arriving in another order.

Owns random schedules: which batch each raw row of a file comes with. A share of the rows strays, so that late rows,
early rows and halves of sessions come about; the rest comes by time of arrival, the first half at once. Refuses to
change the rows: only `batch_id` differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

AT_ONCE = ("model_prices",)
"""Tables that come first and whole: half a price book is no price book."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`batches` batches of the raw rows in the file `source`; of them `strays` (0 to 1) come at any time."""

    source: Path
    seed: int
    strays: float
    batches: int = 5

    def bring(self, connection: duckdb.DuckDBPyConnection, number: int) -> int:
        """Add batch `number` (from 1) to the raw tables of another file; how many rows that were."""
        connection.execute(f"attach if not exists '{self.source}' as origin (read_only)")
        rows = 0
        for (table,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'origin' and schema_name = 'raw' order by all"
        ).fetchall():
            rows += connection.execute(
                f'insert into raw."{table}" select * replace ($number as batch_id) from origin.raw."{table}"'
                f" where {'1' if table in AT_ONCE else self._batch(connection, table)} = $number",
                {"number": number},
            ).fetchall()[0][0]
        connection.execute("insert into ops.batches values (?, now(), 0, ?)", [number, rows])
        connection.execute("detach origin")
        return rows

    def _batch(self, connection: duckdb.DuckDBPyConnection, table: str) -> str:
        """SQL that gives the batch of a row."""
        low, high = connection.execute(
            f'select min(epoch_us(received_at)), max(epoch_us(received_at)) from origin.raw."{table}"'
        ).fetchall()[0]
        draws = [f"hash(dedup_key, {self.seed}, {n}) % 1000000 / 1000000" for n in range(2)]
        by_time = f"(epoch_us(received_at) - {low}) / {high - low}" if low is not None and high > low else draws[1]
        place = f"case when {draws[0]} < {self.strays} then {draws[1]} else {by_time} end"
        # The first half of it all is batch 1; what is left comes in equal parts.
        return f"cast(1 + greatest(0, ceil(({place} - 0.5) * 2 * {self.batches - 1})) as bigint)"
