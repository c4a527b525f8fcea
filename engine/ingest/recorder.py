"""The recorder of a process that owns the journal.

Owns the group commit: rows that arrive while the disk is busy are merged, framed once and made durable by one
fdatasync, then all their senders are told. Refuses to wait for the database: a slow or locked one never delays an
acknowledgement.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future

from engine.clock import Clock, SystemClock
from engine.errors import StorageError
from engine.ingest.framing import encode_rows, encode_tables
from engine.ingest.journal import Journal
from engine.store.catalogue import Catalogue
from engine.store.rows import RawRows

GROUP_SECONDS = 0.002
"""How long the first of a group waits for company: about what an fdatasync costs on a laptop."""
GROUP_ROWS = 50_000
"""A group closes at this size, so that one record stays a few megabytes."""


class JournalRecorder:
    """Takes rows from any thread; each future resolves when its rows are durable.

    `block_above`: a caller waits while more rows than this are on their way (importers); None never blocks (servers,
    which look at `waiting_rows` and refuse instead).
    """

    def __init__(
        self, journal: Journal, catalogue: Catalogue, *, clock: Clock | None = None, block_above: int | None = None
    ) -> None:
        self._journal = journal
        self._catalogue = catalogue
        self._clock = clock or SystemClock()
        self._block_above = block_above
        self._queue: list[tuple[RawRows, int, Future[None]]] = []
        self._condition = threading.Condition()
        self._closing = False
        self.waiting_rows = 0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def record(self, rows: RawRows) -> Future[None]:
        """Resolves when durable. Fails with StorageError when the disk refuses, ValueError for rows that do not fit.

        The rows belong to the recorder from now on.
        """
        future: Future[None] = Future()
        count = rows.total()
        if count == 0:
            future.set_result(None)
            return future
        with self._condition:
            while self._block_above is not None and self.waiting_rows > self._block_above and not self._closing:
                self._condition.wait()
            if self._closing:
                future.set_exception(StorageError("the engine is stopping", hint="send it again in a moment"))
                return future
            self._queue.append((rows, count, future))
            self.waiting_rows += count
            self._condition.notify_all()
        return future

    def close(self) -> None:
        """Make durable what waits, then stop; later rows are refused."""
        with self._condition:
            self._closing = True
            self._condition.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._closing:
                    self._condition.wait()
                if not self._queue:
                    return
            time.sleep(GROUP_SECONDS)
            with self._condition:
                group: list[tuple[RawRows, int, Future[None]]] = []
                size = 0
                while self._queue and (not group or size + self._queue[0][1] <= GROUP_ROWS):
                    group.append(self._queue.pop(0))
                    size += group[-1][1]
            self._commit(group)
            with self._condition:
                self.waiting_rows -= size
                self._condition.notify_all()

    def _commit(self, group: list[tuple[RawRows, int, Future[None]]]) -> None:
        futures = [future for _, _, future in group]
        try:
            payloads, durable, wrong = self._encode(group)
            for future, error in wrong:
                future.set_exception(error)
            if payloads:
                self._journal.write(payloads)
        except Exception as error:
            # Whatever it is, it belongs to the senders: this thread serves all others that come after them.
            for future in futures:
                if not future.done():
                    future.set_exception(error)
            return
        for future in durable:
            future.set_result(None)

    def _encode(
        self, group: list[tuple[RawRows, int, Future[None]]]
    ) -> tuple[list[bytes], list[Future[None]], list[tuple[Future[None], ValueError]]]:
        """One payload for the whole group; when some rows do not fit, one per sender, without those."""
        now = self._clock.now()
        merged = RawRows()
        if len(group) == 1:
            merged = group[0][0]
        else:
            for rows, _, _ in group:
                for table, columns in rows.tables.items():
                    # The lists are copied: should the merged rows not fit, each sender's rows are still apart.
                    merged.extend(table, {name: list(values) for name, values in columns.items()})
        try:
            return [encode_tables(self._catalogue.to_arrow(merged, now))], [future for _, _, future in group], []
        except ValueError:
            payloads: list[bytes] = []
            durable: list[Future[None]] = []
            wrong: list[tuple[Future[None], ValueError]] = []
            for rows, _, future in group:
                try:
                    payloads.append(encode_rows(rows, self._catalogue, now))
                    durable.append(future)
                except ValueError as error:
                    wrong.append((future, error))
            return payloads, durable, wrong
