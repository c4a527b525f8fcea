"""The recorder of a process that owns the journal.

Owns the group commit: rows that arrive while the disk is busy are merged, framed once and made durable by one
fdatasync, then all their senders are told; senders take turns, so that one that floods delays the others by one group
at most. Refuses to wait for the database: a slow or locked one never delays an acknowledgement.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass

from engine.clock import Clock, SystemClock
from engine.errors import StorageError
from engine.ingest.framing import encode_rows
from engine.ingest.journal import Tail
from engine.ingest.queues import FairQueue
from engine.store.catalogue import Catalogue
from engine.store.rows import RawRows

GROUP_SECONDS = 0.002
"""How long the first of a group waits for company: about what an fdatasync costs on a laptop."""
BUSY_GROUP_SECONDS, BUSY_REQUESTS = 0.010, 8
"""The same after a group of so many requests: a group costs two milliseconds of processor time whatever its size."""
GROUP_ROWS = 50_000
"""A group closes at this size, so that one record stays a few megabytes."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Rows on their way to the disk: still as columns, or framed already."""

    rows: RawRows | bytes
    count: int
    future: Future[None]


class JournalRecorder:
    """Takes rows from any thread; each future resolves when its rows are durable.

    `block_above`: a caller waits while more rows than this are on their way (importers); None never blocks (servers,
    which look at `waiting_rows` and refuse instead).
    """

    def __init__(
        self, journal: Tail, catalogue: Catalogue, *, clock: Clock | None = None, block_above: int | None = None
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._clock = clock or SystemClock()
        self._block_above = block_above
        self._queue: FairQueue[Waiting] = FairQueue()
        self._condition = threading.Condition()
        self._closing = False
        self._idle = True
        self.waiting_rows = 0
        self.waiting_requests = 0
        self.refused_requests = 0
        """Counted by those who refuse; told beside the figures of the journal."""
        self.trouble: str | None = None
        """Why the last group could not be made durable; None when it could."""
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def record(self, rows: RawRows, sender: str = "") -> Future[None]:
        """Resolves when durable. Fails with StorageError when the disk refuses, ValueError for rows that do not fit.

        The rows belong to the recorder from now on. `sender`: with whom these rows share their turns.
        """
        return self._enqueue(rows, rows.total(), sender)

    def record_framed(self, payload: bytes, count: int, sender: str = "") -> Future[None]:
        """The same for rows that `framing` has framed and the catalogue has checked."""
        return self._enqueue(payload, count, sender)

    def _enqueue(self, rows: RawRows | bytes, count: int, sender: str) -> Future[None]:
        future: Future[None] = Future()
        if count == 0:
            future.set_result(None)
            return future
        with self._condition:
            while self._block_above is not None and self.waiting_rows > self._block_above and not self._closing:
                self._condition.wait()
            if self._closing:
                future.set_exception(StorageError("the engine is stopping", hint="send it again in a moment"))
                return future
            self._queue.put(sender, Waiting(rows, count, future), count)
            self.waiting_rows += count
            self.waiting_requests += 1
            if self._idle:
                self._condition.notify_all()
        return future

    def flush(self) -> None:
        """Wait until nothing is on its way."""
        with self._condition:
            self._condition.wait_for(lambda: self.waiting_requests == 0)

    def close(self) -> None:
        """Make durable what waits, then stop; later rows are refused."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()

    def _run(self) -> None:
        group: list[Waiting] = []
        while True:
            with self._condition:
                self._idle = True
                while not self._queue and not self._closing:
                    self._condition.wait()
                if not self._queue:
                    return
                self._idle = False
            time.sleep(BUSY_GROUP_SECONDS if len(group) >= BUSY_REQUESTS else GROUP_SECONDS)
            with self._condition:
                group = self._queue.take(GROUP_ROWS)
            size = sum(waiting.count for waiting in group)
            self._commit(group, size)
            with self._condition:
                self.waiting_rows -= size
                self.waiting_requests -= len(group)
                self._condition.notify_all()
            self._journal.tell(self.waiting_rows, self.waiting_requests, self.refused_requests, self.trouble)

    def _commit(self, group: list[Waiting], size: int) -> None:
        try:
            payloads, durable = self._encode(group)
            if payloads:
                self._journal.write(payloads, size)
        except Exception as error:
            # Whatever it is, it belongs to the senders: this thread serves all others that come after them.
            self.trouble = error.line() if isinstance(error, StorageError) else type(error).__name__
            for waiting in group:
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        self.trouble = None
        for future in durable:
            future.set_result(None)

    def _encode(self, group: list[Waiting]) -> tuple[list[bytes], list[Future[None]]]:
        """One payload for all columns of the group; when some do not fit, one per sender, and those are told."""
        now = self._clock.now()
        payloads = [waiting.rows for waiting in group if isinstance(waiting.rows, bytes)]
        durable = [waiting.future for waiting in group if isinstance(waiting.rows, bytes)]
        columns = [(waiting.rows, waiting.future) for waiting in group if isinstance(waiting.rows, RawRows)]
        if not columns:
            return payloads, durable
        merged = columns[0][0] if len(columns) == 1 else RawRows()
        if len(columns) > 1:
            for rows, _ in columns:
                for table, values in rows.tables.items():
                    # The lists are copied: should the merged rows not fit, each sender's rows are still apart.
                    merged.extend(table, {name: list(column) for name, column in values.items()})
        try:
            payloads.append(encode_rows(merged, self._catalogue, now))
            durable += [future for _, future in columns]
        except ValueError:
            for rows, future in columns:
                try:
                    payloads.append(encode_rows(rows, self._catalogue, now))
                    durable.append(future)
                except ValueError as error:
                    future.set_exception(error)
        return payloads, durable
