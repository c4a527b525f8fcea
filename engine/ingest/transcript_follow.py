"""Following the local histories while agents write them.

Owns two threads: one hears of changed files (watchfiles), one reads and looks through all folders now and then. At the
start everything that is new since the last time is read, newest files first; a file that changes in the meantime goes
before the rest. Waiting work is a set of names: however often a file changes, it waits once. Refuses to lose what it
heard of while the store is away: it tells the error in `status` and reads again.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.agents.transcripts.reader import Workplace
from engine.errors import EngineError
from engine.ingest.transcript_files import FoundFile, Root, belongs, default_roots, find, look, written_to
from engine.ingest.transcript_import import Importer
from engine.ingest.transcript_reading import Tally
from engine.ingest.transcript_state import FILE_NAME, Positions
from engine.store.recorder import Recorder

if TYPE_CHECKING:
    from watchfiles.main import FileChange

    from engine.settings import Settings

LOOK_THROUGH_SECONDS = 30.0
"""How often all folders are looked through: what the system's notifications missed is found then."""
ROOT_SECONDS = 1.0
"""How often a folder that does not exist yet is looked for."""
RETRY_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """`is_caught_up`: everything that was there at the start has been read. `error`: why nothing is taken in now."""

    is_caught_up: bool
    files_waiting: int
    requests: int
    lines_skipped: int
    unreadable: int
    error: str | None


class Follower:
    """Follows all histories on this machine for the local developer.

    `hash_key` keys the hashes of folders and tool arguments; `environment` and `home` say where agents keep their
    files. `start` raises StorageError when positions cannot be kept; `stop` returns when both threads have ended and
    what was read is durable.
    """

    def __init__(
        self,
        recorder: Recorder,
        settings: Settings,
        local_developer: str | None,
        *,
        hash_key: bytes = b"",
        environment: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        self._recorder = recorder
        self._settings = settings
        self._developer_id = local_developer
        self._workplace = Workplace(hash_key)
        self._roots = default_roots(
            os.environ if environment is None else environment, home or Path.home(), settings["transcripts.paths"]
        )
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._live: dict[str, None] = {}
        self._backlog: list[FoundFile] = []
        self._look_through = True
        self._is_caught_up = False
        self._error: str | None = None
        self._threads: list[threading.Thread] = []
        self._tally = Tally()

    def start(self) -> None:
        """Begin to read and to follow, in the background."""
        self._positions = Positions(self._settings.data_dir / FILE_NAME, self._settings.database)
        self._importer = Importer(self._recorder, self._positions, self._developer_id, self._workplace)
        self._tally = self._importer.tally
        for name, work in (("transcripts-watch", self._watch), ("transcripts-read", self._read)):
            thread = threading.Thread(target=work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End both threads; safe to call twice."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        if self._threads:
            self._threads.clear()
            self._positions.close()

    def status(self) -> FollowerStatus:
        """How it stands, also before `start`; from any thread."""
        tally = self._tally
        with self._changed:
            waiting = len(self._live) + len(self._backlog)
        return FollowerStatus(
            self._is_caught_up, waiting, tally.requests, tally.lines_skipped, len(tally.unreadable), self._error
        )

    # -- hearing of changes ------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        from watchfiles import watch

        is_polling = False
        while not self._stop.is_set():
            present = [root for root in self._roots if root.path.is_dir()]
            if not present:
                self._stop.wait(ROOT_SECONDS)
                continue
            try:
                is_new = True
                for changes in watch(
                    *(root.path for root in present),
                    watch_filter=None,
                    debounce=200,
                    step=20,
                    stop_event=self._stop,
                    rust_timeout=int(ROOT_SECONDS * 1000),
                    yield_on_timeout=True,
                    force_polling=is_polling,
                    ignore_permission_denied=True,
                ):
                    self._heard_of(changes, present)
                    if is_new:  # what changed between the last look and the beginning of the watch was not heard
                        is_new = False
                        self._look_again()
                    if [root for root in self._roots if root.path.is_dir()] != present:
                        break
            except FileNotFoundError:
                continue  # a folder went away between looking and watching
            except (OSError, RuntimeError):
                is_polling = True  # the system has no more watches to give
                self._stop.wait(ROOT_SECONDS)

    def _heard_of(self, changes: set[FileChange], roots: list[Root]) -> None:
        paths: list[str] = []
        for _, changed in changes:
            path = written_to(changed)
            if belongs(path, roots) is not None:
                paths.append(path)
            elif os.path.isdir(path):  # files made right after their folder are not told of
                paths.extend(file.path for file in find([Root(Path(path), None)]) if belongs(file.path, roots))
        if paths:
            with self._changed:
                self._live.update(dict.fromkeys(paths))
                self._changed.notify_all()

    def _look_again(self) -> None:
        with self._changed:
            self._look_through = True
            self._changed.notify_all()

    # -- reading -----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                self._read_what_waits()
                self._error = None
            except EngineError as error:
                self._error = error.line()
                self._importer.abandon()
                self._stop.wait(RETRY_SECONDS)
                self._look_through = True
            except Exception as error:
                self._error = f"{type(error).__name__}: {error}"
                raise
        try:
            self._importer.flush()
        except EngineError as error:
            self._error = error.line()

    def _read_what_waits(self) -> None:
        """Read until nothing waits, make it durable, then wait for more."""
        while not self._stop.is_set():
            with self._changed:
                live, self._live = list(self._live), {}
                look_through, self._look_through = self._look_through, False
            for path in live:
                root = belongs(path, self._roots)
                file = look(path, root.source if root is not None else None)
                if file is not None:
                    self._importer.read(file)
            if live:
                self._importer.flush()
            elif look_through:
                self._workplace.forget_projects()
                self._backlog = find(self._roots)[::-1]
            elif self._backlog:
                file = self._backlog.pop()
                if not self._importer.read(file, pause=self._is_wanted_elsewhere):
                    self._backlog.append(file)
                if not self._backlog:
                    self._importer.flush()
                    self._forget_gone()
            else:
                self._is_caught_up = True
                break
        with self._changed:
            heard = self._changed.wait_for(
                lambda: bool(self._live) or self._look_through or self._stop.is_set(), LOOK_THROUGH_SECONDS
            )
            self._look_through = self._look_through or not heard

    def _is_wanted_elsewhere(self) -> bool:
        return bool(self._live) or self._stop.is_set()

    def _forget_gone(self) -> None:
        self._positions.save((), [path for path in self._positions.paths() if not os.path.exists(path)])
