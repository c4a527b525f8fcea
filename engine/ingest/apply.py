"""From the journal into the database, exactly once.

Owns the applier thread: it tails the journal, writes what came within a fifth of a second as one transaction that also
holds the journal offset, and tells who follows. Refuses to lose or to double: after any failure it continues from the
offset that the database itself names. A record that the database cannot take is set aside as a dead letter; damage in
the journal becomes one too.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

from engine.errors import EngineError, StorageError
from engine.ingest.framing import decode_rows, encode_rows, join_tables
from engine.ingest.journal import Damage, Record, Tail
from engine.store.database import Database
from engine.store.rows import RawRows
from engine.store.writer import Applied, Writer

INTERVAL_SECONDS = 0.2
"""Shortest time between two transactions under load; a commit costs 2-3 ms whatever its size."""
GROUP_BYTES = 16 * 1024 * 1024
"""Most journal bytes in one transaction: bounds memory while catching up."""
RESERVE_BYTES = 64 * 1024 * 1024
"""Free space that is never used up: a full disk invalidates a DuckDB instance, even for readers."""
RETRY_SECONDS = 1.0
CHECKPOINT_BYTES = 64 * 1024 * 1024
HOUSEKEEPING_SECONDS = 60.0

PASSING = (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.TransactionException, duckdb.ConnectionException)
"""What a full disk, little memory or a concurrent transaction causes: the same group is tried again later."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the applier is: offsets in the journal, the last batch, and what keeps it from going on (or None)."""

    applied_offset: int
    journal_end: int
    batch_id: int
    trouble: str | None

    @property
    def lag_bytes(self) -> int:
        return max(0, self.journal_end - self.applied_offset)


class Applier:
    """Runs in a thread of its own between `start` and `stop`.

    `on_batch(applied)` is called in that thread after each commit, also of one that inserted nothing.
    """

    def __init__(
        self,
        journal: Tail,
        database: Database,
        writer: Writer,
        on_batch: Callable[[Applied], None] | None = None,
        *,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self._journal = journal
        self._database = database
        self._writer = writer
        self._on_batch = on_batch
        self._reserve = reserve_bytes
        self._stopping = threading.Event()
        self._writing = threading.Lock()
        self._draining = False
        self._trouble: str | None = None
        self._invalid = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="applier", daemon=True)

    def start(self) -> None:
        """Begin to apply."""
        self._thread.start()

    def progress(self) -> Progress:
        """Where it is now; safe from any thread."""
        trouble = str(self._failure) if self._failure is not None else self._trouble
        return Progress(self._writer.journal_offset, self._journal.end, self._writer.batch_id, trouble)

    def wait_applied(self, offset: int, timeout: float) -> bool:
        """Wait until everything before `offset` is in the database. False after `timeout` seconds or a failure."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._writer.journal_offset < offset and self._failure is None:
                left = deadline - time.monotonic()
                if left <= 0 or not self._thread.is_alive():
                    return self._writer.journal_offset >= offset
                self._changed.wait(min(left, 0.5))
        return self._failure is None

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Write nothing to the database for the duration of the block; what arrives stays in the journal meanwhile."""
        with self._writing:
            yield

    def stop(self, *, drain: bool = True) -> None:
        """Apply what the journal still holds (unless told otherwise, or the disk refuses), then end the thread."""
        self._draining = drain
        self._stopping.set()
        self._journal.wake()
        if self._thread.ident is not None:
            self._thread.join()
        if self._failure is not None and drain:
            raise StorageError(f"the journal was not applied to the end: {self._failure}") from self._failure

    def _run(self) -> None:
        last = last_housekeeping = 0.0
        try:
            while True:
                behind = self._journal.wait_beyond(self._writer.journal_offset, 0.5)
                if self._stopping.is_set():
                    if not self._draining or not behind:
                        return
                elif behind:
                    self._stopping.wait(max(0.0, last + INTERVAL_SECONDS - time.monotonic()))
                last = time.monotonic()
                with self._writing:
                    done = not behind or self._apply_some()
                if not done:
                    if self._stopping.is_set():
                        return
                    self._stopping.wait(RETRY_SECONDS)
                if last - last_housekeeping > HOUSEKEEPING_SECONDS and not self._stopping.is_set():
                    last_housekeeping = last
                    with self._writing:
                        self._housekeeping()
        except BaseException as error:
            self._failure = error
        finally:
            with self._changed:
                self._changed.notify_all()

    def _apply_some(self) -> bool:
        """Apply one group. False when the disk or the database refuses for now."""
        try:
            if self._full():
                # First goes what is in the database already; then applying stops, while the journal goes on.
                self._journal.remove_applied(self._writer.journal_offset, make_room=True)
            if self._full():
                self._trouble = "the disk is full: rows are kept in the journal only"
                return False
            if self._invalid and not self._recover():
                return False
            found = list(self._next_group())
            if not found:
                return False
            applied = self._write(found)
        except duckdb.FatalException as error:
            self._trouble = f"the database failed: {str(error).splitlines()[0]}"
            self._invalid = True
            return False
        except (*PASSING, StorageError) as error:
            self._trouble = f"the database refuses: {str(error).splitlines()[0]}"
            return False
        except Exception as error:
            # Nobody foresaw it, so nobody knows whether these rows are to blame: they stay in the journal, the status
            # tells, and what passes by itself (or with the next version) costs nothing.
            self._trouble = f"an error of this program: {type(error).__name__}: {error}"
            if self._stopping.is_set():
                raise
            return False
        self._trouble = None
        self._announce(applied)
        return True

    def _full(self) -> bool:
        return shutil.disk_usage(self._database.path.parent).free < self._reserve

    def _recover(self) -> bool:
        """Reopen after DuckDB gave its instance up. Whether the last commit succeeded, the database knows."""
        try:
            self._database.reopen()
            self._writer.reopened()
        except (EngineError, duckdb.Error) as error:
            self._trouble = f"the database cannot be opened again: {str(error).splitlines()[0]}"
            return False
        self._invalid = False
        return True

    def _next_group(self) -> Iterator[Record | Damage]:
        size = 0
        for item in self._journal.read(self._writer.journal_offset):
            yield item
            size += item.end - item.offset
            if size >= GROUP_BYTES:
                return

    def _write(self, items: list[Record | Damage]) -> Applied:
        end = items[-1].end
        try:
            return self._writer.write(join_tables(self._tables(item) for item in items), end)
        except (duckdb.FatalException, *PASSING):
            raise
        except (duckdb.Error, ValueError) as error:
            if len(items) > 1:
                middle = len(items) // 2
                self._announce(self._write(items[:middle]))
                return self._write(items[middle:])
            # One record that the database will never take must not hold up all others behind it.
            reason = f"a journal record could not be applied: {type(error).__name__}"
            return self._writer.write(self._dead_letter(items[0], reason), end)

    def _tables(self, item: Record | Damage) -> dict[str, pa.Table]:
        if isinstance(item, Damage):
            return self._dead_letter(item, "unreadable bytes in the journal")
        return decode_rows(item.payload, trusted=True)

    def _dead_letter(self, item: Record | Damage, reason: str) -> dict[str, pa.Table]:
        rows = RawRows()
        rows.append(
            "dead_letters",
            {
                "dedup_key": uuid.uuid4().hex,
                "signal": "journal",
                "reason": f"{reason} (offset {item.offset})",
                "body_bytes": item.end - item.offset,
            },
        )
        return decode_rows(encode_rows(rows, self._writer.catalogue, datetime.now(UTC)))

    def _announce(self, applied: Applied) -> None:
        with self._changed:
            self._changed.notify_all()
        if self._on_batch is not None:
            self._on_batch(applied)

    def _housekeeping(self) -> None:
        """Old segments go; a large write-ahead log goes into the file while nobody waits for it."""
        self._journal.remove_applied(self._writer.journal_offset)
        if self._database.wal_bytes() > CHECKPOINT_BYTES:
            self._database.checkpoint()
