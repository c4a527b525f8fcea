"""The one door through which rows enter the store.

Owns the promise of that door: once the future resolves, the rows survive a crash. Refuses to say how (journal, socket,
offline database): implementations live where they belong and callers only see this protocol.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Protocol

from engine.store.rows import RawRows


class Recorder(Protocol):
    """Takes rows in, durably, exactly once."""

    def record(self, rows: RawRows) -> Future[None]:
        """Resolves when the rows are durable; fails with StorageError when they could not be taken.

        Rows without `received_at` get the current instant.
        """
        ...
