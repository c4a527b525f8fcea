"""Which tables and views there are, as the connections of one invocation remember it.

Owns one picture of the catalogue that several connections fill: what is committed, and how often that has changed.
Refuses to ask the database and to hold what is not committed yet: database.py does both.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

Key = tuple[str, str, str]
"""Database, schema and name in lower case."""
Kind = tuple[str, str]
"""The name as it is written, and `table` or `view`."""


class KnownRelations:
    """The committed relations of all databases that a connection sees; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Key, Kind] | None = None
        self._changes = 0

    @property
    def changes(self) -> int:
        """How often it has changed; to be read before the catalogue is, or before the transaction that reads it."""
        return self._changes

    def find(self, key: Key) -> tuple[bool, Kind | None]:
        """Whether the catalogue is known, and the relation of this key."""
        with self._lock:
            return (False, None) if self._known is None else (True, self._known.get(key))

    def fill(self, read: Mapping[Key, Kind], changes: int) -> None:
        """What was read at `changes`; without effect when something was committed meanwhile."""
        with self._lock:
            if changes == self._changes:
                self._known = dict(read)

    def add(self, made: Mapping[Key, Kind]) -> None:
        """What a connection made, and has committed."""
        with self._lock:
            self._changes += 1
            if self._known is not None:
                self._known.update(made)

    def forget(self) -> None:
        """Something was committed that is not understood."""
        with self._lock:
            self._changes += 1
            self._known = None
