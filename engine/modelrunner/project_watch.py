"""Hearing that files of a project changed.

Owns one thread that listens to a project's folders (watchfiles) and looks at them itself now and then, where the system
tells nothing or refuses to. Refuses to read any file: it says that something may have changed, and only that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.modelrunner.fingerprint import ENDINGS, MADE

LOOK_SECONDS = 10.0
"""How often the files are looked at although nothing was heard: network file systems tell nobody about changes."""
BLIND_LOOK_SECONDS = 1.0
"""The same while the system refuses to tell."""
STEP_MILLISECONDS = 50

Stamp = frozenset[tuple[str, int, int, int]]


class ProjectWatch:
    """Calls `changed()` from its thread after files below `folders` changed. `start` once, `stop` ends the thread."""

    def __init__(self, folders: Iterable[Path], changed: Callable[[], None]) -> None:
        self.folders = tuple(sorted({folder.resolve() for folder in folders}))
        self._changed = changed
        self._stamp: Stamp = frozenset()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="model-files", daemon=True)

    def start(self) -> None:
        """Begin to listen. What changed before that is the caller's to find."""
        self._stamp = self._look(None)
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._listen()
        except (OSError, RuntimeError):
            pass  # no notifications here: looking finds everything too, only later
        while not self._stop.wait(BLIND_LOOK_SECONDS):
            self._stamp = self._look(self._stamp)

    def _listen(self) -> None:
        import watchfiles

        # Only from the first answer on is every change heard of: what happened until then is looked for.
        waited = LOOK_SECONDS
        for changes in watchfiles.watch(
            *self.folders,
            watch_filter=None,
            debounce=2 * STEP_MILLISECONDS,
            step=STEP_MILLISECONDS,
            rust_timeout=4 * STEP_MILLISECONDS,
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            waited += 4 * STEP_MILLISECONDS / 1000
            if any(self._tells(path) for _, path in changes) or waited >= LOOK_SECONDS:
                waited = 0.0
                self._stamp = self._look(self._stamp)

    def _tells(self, path: str) -> bool:
        """Whether a changed path may be one of a project's files or of a folder that holds some."""
        for folder in self.folders:
            if path.startswith(str(folder) + os.sep):
                parts = Path(path[len(str(folder)) + 1 :]).parts
                return parts[0] not in MADE and not any(part.startswith(".") for part in parts)
        return True

    def _look(self, before: Stamp | None) -> Stamp:
        """What the files look like; `changed` is called when that is not what they looked like before."""
        found = set()
        for folder in self.folders:
            for base, folders, files in os.walk(folder):
                inside = Path(base) == folder
                folders[:] = [name for name in folders if not name.startswith(".") and not (inside and name in MADE)]
                for name in files:
                    if name.endswith(ENDINGS) and not name.startswith("."):
                        path = os.path.join(base, name)
                        try:
                            seen = os.stat(path)
                        except OSError:
                            continue
                        found.add((path, seen.st_mtime_ns, seen.st_size, seen.st_ino))
        stamp = frozenset(found)
        if before is not None and stamp != before:
            self._changed()
        return stamp
