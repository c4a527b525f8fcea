"""Hearing that prices.yaml or plans.yaml was edited.

Owns one thread that looks at the files now and then. It looks instead of listening: the files lie beside the database,
whose every write would wake a listener. Refuses to read them: it says that they changed, and only that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_SECONDS = 1.0

Stamp = tuple[tuple[int, int, int] | None, ...]


class FileWatch:
    """Calls `changed()` from its thread after one of the files appeared, changed or went. `start` once, then `stop`."""

    def __init__(self, files: Sequence[Path], changed: Callable[[], None], look_seconds: float = LOOK_SECONDS) -> None:
        self._files = tuple(files)
        self._changed = changed
        self._look_seconds = look_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="price-files", daemon=True)
        self._seen: Stamp = ()

    def start(self) -> None:
        """Begin to look. What changed before that is the caller's to find."""
        self._seen = self._look()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._look_seconds):
            seen = self._look()
            if seen != self._seen:
                self._seen = seen
                self._changed()

    def _look(self) -> Stamp:
        return tuple(_stamp(file) for file in self._files)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
