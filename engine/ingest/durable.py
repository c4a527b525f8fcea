"""The durable path of one data directory: recorder, journal, applier, database, joined in the right order.

Owns opening and closing them together, so that the engine and an offline import have the same guarantees. Refuses
to decide who may open a directory: that is the lock's business.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from engine.errors import StorageError
from engine.ingest.apply import Applier, Progress
from engine.ingest.journal import Journal, Tail
from engine.ingest.journal_follow import FollowedJournal
from engine.ingest.recorder import JournalRecorder
from engine.store.database import Database
from engine.store.migrations import Migrated, migrate
from engine.store.writer import Applied, Writer

GIVE_UP_SECONDS = 5.0


class DurablePath:
    """Everything between a sender's rows and the raw tables, open and running."""

    def __init__(
        self,
        database: Database,
        migrated: Migrated,
        journal: Tail,
        recorder: JournalRecorder,
        applier: Applier,
        writer: Writer,
    ) -> None:
        self.database = database
        self.migrated = migrated
        self.journal = journal
        self.recorder = recorder
        self.applier = applier
        self.catalogue = writer.catalogue
        self._followed = isinstance(journal, FollowedJournal)
        self._giving_up = threading.Timer(GIVE_UP_SECONDS, journal.give_up)
        self._giving_up.daemon = True
        self._writer = writer

    @classmethod
    def open(
        cls,
        database_file: Path,
        journal_folder: Path,
        *,
        dedup_window: timedelta = timedelta(hours=48),
        on_batch: Callable[[Applied], None] | None = None,
        block_above: int | None = None,
        follow: Callable[[Path], Tail] | None = None,
    ) -> DurablePath:
        """Open, migrate, and begin to apply what an earlier process left in the journal.

        `follow` opens the journal of another process, the receiver, instead of appending here.
        """
        database = Database.open(database_file)
        try:
            migrated = migrate(database)
            writer = Writer(database, dedup_window=dedup_window)
            journal: Tail = (
                Journal.open(journal_folder, at_least=writer.journal_offset)
                if follow is None
                else follow(journal_folder)
            )
        except BaseException:
            database.close()
            raise
        recorder = JournalRecorder(journal, writer.catalogue, block_above=block_above)
        applier = Applier(journal, database, writer, on_batch)
        applier.start()
        return cls(database, migrated, journal, recorder, applier, writer)

    def progress(self) -> Progress:
        """How far the applier is."""
        return self.applier.progress()

    @property
    def waiting_rows(self) -> int:
        """Rows on their way to the disk, in this process and in the one that appends."""
        return self.recorder.waiting_rows + self.journal.state.figures.waiting_rows * self._followed

    @property
    def journal_trouble(self) -> str | None:
        """Why rows could not be made durable lately."""
        return self.recorder.trouble or self.journal.state.trouble

    def flush(self, timeout: float) -> None:
        """Wait until everything recorded so far is in the database. Raises StorageError after `timeout` seconds."""
        if not self.applier.wait_applied(self.journal.end, timeout):
            trouble = self.progress().trouble or f"not done after {timeout:g} s"
            raise StorageError(f"the journal is not applied yet: {trouble}")

    def stopping(self) -> None:
        """The end begins: a receiver that is gone for good must not keep this process from it."""
        if self._giving_up.ident is None:
            self._giving_up.start()

    def drain(self) -> None:
        """Refuse new rows, make durable what waits, apply everything. The database stays open for the models."""
        self.stopping()
        self.recorder.close()
        self.applier.stop()
        self._giving_up.cancel()

    def close(self) -> None:
        """Checkpoint and close; call `drain` first."""
        self.recorder.close()
        self.applier.stop(drain=False)
        self.journal.close()
        self._writer.close()
        try:
            self.database.checkpoint()
        finally:
            self.database.close()
