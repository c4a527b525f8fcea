"""The one writer: rows that the journal holds become rows of the raw tables.

Owns the transaction that inserts a group of rows together with the journal offset, the numbering of batches and the
removal of what is there already (anti-join on `dedup_key`, also inside the batch). Refuses everything else: no other
code inserts into `raw`. SQL is put together from the catalogue's own names only.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from engine.measures import COMMIT, STORED
from engine.store.catalogue import Catalogue
from engine.store.database import Database

WINDOWED = frozenset({"otel_metrics", "otel_logs", "otel_spans", "events", "dropped_attributes", "dead_letters"})
"""High-volume tables: there a replay is looked for within the dedup window. The others stay unique for ever, since
prices, names, resources and histories are sent again at every start."""

TELEMETRY = ("otel_metrics", "otel_logs", "otel_spans")

STATES: Mapping[str, tuple[str, ...]] = {
    "repositories": ("project_id", "root_path"),
    "developer_identities": ("developer_id", "kind", "value"),
}
"""Tables whose rows say how something is now: a row is new unless it repeats the latest one about the same thing, so
that what was removed can be added again."""


@dataclass(frozen=True, slots=True)
class Applied:
    """One committed transaction: its number, the rows that were new by table, the journal offset it reached."""

    batch_id: int
    inserted: Mapping[str, int]
    journal_offset: int
    oldest_arrival: datetime | None = None
    newest_event: datetime | None = None
    """When the first of its rows arrived, and the latest time that a telemetry row itself names."""


class Writer:
    """Inserts groups of rows. One per process, used by one thread at a time."""

    def __init__(self, database: Database, *, dedup_window: timedelta = timedelta(hours=48)) -> None:
        self._database = database
        self._window = dedup_window
        self._cursor = database.cursor()
        self.catalogue = Catalogue.read(self._cursor)
        self.batch_id, self.journal_offset = self._position()

    def _position(self) -> tuple[int, int]:
        rows = self._cursor.execute(
            "select coalesce(max(batch_id), 0), coalesce(max(journal_offset), 0) from ops.batches"
        ).fetchall()
        return int(rows[0][0]), int(rows[0][1])

    def reopened(self) -> None:
        """Continue after `Database.reopen`: what was committed last is asked, not assumed."""
        self._cursor = self._database.cursor()
        self.batch_id, self.journal_offset = self._position()

    def write(self, tables: Mapping[str, pa.Table], journal_offset: int) -> Applied:
        """Insert what is new, in one transaction with `journal_offset` (first byte after the last record).

        Raises duckdb.Error; then nothing of the group is stored, except after a FatalException, whose commit may
        have succeeded: call `reopened` and look at `journal_offset`.
        """
        batch_id = self.batch_id + 1
        now = datetime.now(UTC)
        inserted: dict[str, int] = {}
        cursor = self._cursor
        began = time.perf_counter()
        cursor.execute("begin")
        try:
            for table, data in tables.items():
                if data.num_rows:
                    inserted[table] = self._insert(table, data, batch_id, now)
            cursor.execute(
                "insert into ops.batches (batch_id, committed_at, journal_offset, row_count) values (?, ?, ?, ?)",
                [batch_id, now, journal_offset, sum(inserted.values())],
            )
            cursor.execute("commit")
        except Exception:
            try:
                cursor.execute("rollback")
            except duckdb.Error:
                pass  # an invalidated instance cannot roll back; nothing was committed either way
            raise
        self.batch_id, self.journal_offset = batch_id, journal_offset
        COMMIT.observe(time.perf_counter() - began)
        for table, count in inserted.items():
            STORED.labels(table).inc(count)
        return Applied(batch_id, inserted, journal_offset, *_times(tables))

    def _insert(self, table: str, data: pa.Table, batch_id: int, now: datetime) -> int:
        columns = self.catalogue.tables[table]
        names = data.column_names
        source = ", ".join(
            f'cast(i."{name}" as {columns[name].sql_type})' if columns[name].needs_cast else f'i."{name}"'
            for name in names
        )
        parameters: dict[str, object] = {"batch_id": batch_id}
        known = self._known(table, data, now, parameters)
        cursor = self._cursor
        cursor.register("incoming_rows", _distinct(data))
        try:
            rows = cursor.execute(
                f'insert into raw."{table}" (batch_id, {", ".join(f"{chr(34)}{name}{chr(34)}" for name in names)})'
                f" select $batch_id, {source} from incoming_rows i where {known}",
                parameters,
            ).fetchall()
        finally:
            cursor.unregister("incoming_rows")
        return int(rows[0][0])

    def _known(self, table: str, data: pa.Table, now: datetime, parameters: dict[str, object]) -> str:
        """The condition that a row of `incoming_rows` is not in the table yet; adds what it needs to `parameters`."""
        if table in STATES:
            thing = ", ".join(STATES[table])
            return (
                "cast(i.dedup_key as uuid) not in"
                f' (select arg_max(e.dedup_key, e.batch_id) from raw."{table}" e group by {thing})'
            )
        conditions = ["e.dedup_key = cast(i.dedup_key as uuid)"]
        if table in WINDOWED:
            conditions.append("e.received_at >= $since")
            parameters["since"] = now - self._window
        if "timestamp" in self.catalogue.tables[table] and not _untimed(data):
            # Equal records have equal times, and rows lie roughly in the order of time: this lets DuckDB skip all row
            # groups but those of the batch's own time, instead of hashing 48 hours of keys for every batch.
            conditions.append("e.timestamp between $earliest and $latest")
            times = pc.min_max(data.column("timestamp"))
            parameters["earliest"], parameters["latest"] = times["min"].as_py(), times["max"].as_py()
        return f'not exists (select 1 from raw."{table}" e where {" and ".join(conditions)})'

    def close(self) -> None:
        """Give the cursor back."""
        self._cursor.close()


def _times(tables: Mapping[str, pa.Table]) -> tuple[datetime | None, datetime | None]:
    """The oldest arrival of all rows, and the newest event of telemetry; histories tell of long ago."""
    arrivals = [pc.min(table.column("received_at")).as_py() for table in tables.values() if table.num_rows]
    events = [pc.max(tables[name].column("timestamp")).as_py() for name in TELEMETRY if name in tables]
    oldest = min((moment for moment in arrivals if moment is not None), default=None)
    return _aware(oldest), _aware(max((moment for moment in events if moment is not None), default=None))


def _aware(moment: datetime | int | None) -> datetime | None:
    """An instant as the journal has it (microseconds, or a time with or without its zone), in UTC."""
    if isinstance(moment, int):
        return datetime.fromtimestamp(moment / 1e6, UTC)
    return moment if moment is None or moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _untimed(data: pa.Table) -> bool:
    """True when some record came without a time of its own: it is dated by its arrival, and so is no replay of it."""
    return bool(pc.any(pc.equal(data.column("timestamp"), data.column("received_at"))).as_py())


def _distinct(data: pa.Table) -> pa.Table:
    """The first row of each dedup key."""
    keys = data.column("dedup_key")
    if pc.count_distinct(keys).as_py() == data.num_rows:
        return data
    numbered = pa.table({"key": keys, "row": pa.array(range(data.num_rows), pa.int64())})
    first = numbered.group_by("key").aggregate([("row", "min")]).column("row_min")
    return data.take(first.combine_chunks().sort())
