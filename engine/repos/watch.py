"""Following repositories: what was committed appears without anybody asking.

Owns the threads that listen to the refs of every watched repository (watchfiles), read each history once in the
background and then every new commit, and follow the list itself. Refuses to let one repository hold up another: a
first reading and new commits go through lanes of their own, and a repository that cannot be read is tried again.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.clock import Clock, SystemClock
from engine.errors import ConfigurationError, EngineError
from engine.projects import GitFolders, find_git
from engine.repos.registry import Memory, Remembered, list_file, watched
from engine.repos.scan import message_mode
from engine.repos.scanner import Scanner, StoppedError
from engine.settings import Settings
from engine.store.recorder import Recorder

LIST_SECONDS = 0.25
"""How often the list's file is looked at. Listening to the data directory would wake us for every database write."""
TICK_SECONDS = 2.0
"""How often repositories that are missing, unreadable or replaced are looked for."""
LONGEST_RETRY_SECONDS = 60.0
CHECK_SECONDS = 300.0
"""How often refs are compared without a reason: network file systems tell nobody about changes."""
BLIND_CHECK_SECONDS = 5.0
"""The same while the system refuses to tell us about changes."""
STEP_MILLISECONDS = 50
STOP_SECONDS = 10.0

NAMES_OF_REFS = frozenset({"HEAD", "packed-refs", "shallow", "config"})


@dataclass(frozen=True, slots=True)
class Armed:
    """A repository that is listened to; `inode` tells whether the folder was replaced since."""

    folders: GitFolders
    inode: tuple[int, int]


class Watcher:
    """Follows the repositories of `repositories.json` and of the setting `repositories` into a recorder."""

    def __init__(self, recorder: Recorder, settings: Settings, *, clock: Clock | None = None) -> None:
        self._settings = settings
        self._memory = Memory(settings)
        self._scanner = Scanner(
            recorder, self._memory, message_mode(settings["git.commit_messages"]), clock or SystemClock()
        )
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._changed: queue.SimpleQueue[tuple[str, ...] | None] = queue.SimpleQueue()
        self._work = threading.Condition()
        self._dirty: dict[Path, None] = {}
        self._busy: set[Path] = set()
        self._retry: dict[Path, float] = {}
        self._failures: dict[Path, int] = {}
        self._entries: tuple[Path, ...] = ()
        self._list_stamp: tuple[int, int] | None = None
        self._armed: dict[Path, Armed] = {}
        self._rearm = False
        self._listening: threading.Event | None = None
        self._listeners: list[threading.Thread] = []
        self._list_problem: str | None = None
        self._store_problem: str | None = None
        self._blind: str | None = None

    @property
    def problem(self) -> str | None:
        """What keeps repositories from being followed (a broken list, a store that refuses, no more inotify watches),
        in one line; None when all is well. What is wrong with one repository is in its state."""
        return self._list_problem or self._store_problem or self._blind

    def start(self) -> None:
        """Begin in the background. Returns at once."""
        self._read_list()
        gone = [Path(found.path) for found in self._memory.all() if Path(found.path) not in self._entries]
        self._mark([*self._entries, *gone])
        for name, work in (("events", self._follow), ("live", self._live), ("backfill", self._backfill)):
            thread = threading.Thread(target=work, name=f"repositories-{name}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End all threads; a reading that is cut short is taken up again at the next start."""
        self._stop.set()
        self._changed.put(None)
        with self._work:
            self._work.notify_all()
        for thread in (*self._threads, *self._listeners):
            thread.join(STOP_SECONDS)
        self._threads.clear()

    def states(self) -> tuple[Remembered, ...]:
        """How every repository on the list stands, in the list's order."""
        return tuple(self._memory.load(path) for path in self._entries)

    def check(self, path: Path) -> None:
        """Look at a repository now, whatever the file system told."""
        self._mark([path])

    # --- events ---------------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        self._arm()
        next_tick = time.monotonic() + TICK_SECONDS
        next_check = time.monotonic() + CHECK_SECONDS
        while not self._stop.is_set():
            try:
                changes = self._changed.get(timeout=LIST_SECONDS)
                if changes is not None:
                    self._mark(self._concerned(changes))
            except queue.Empty:
                pass
            now = time.monotonic()
            if self._list_stamp != _stamp(list_file(self._settings)):
                before = set(self._entries)
                self._read_list()
                self._mark(before ^ set(self._entries))
                self._rearm = True
            if now >= next_tick:
                next_tick = now + TICK_SECONDS
                self._rearm = self._rearm or self._ground_moved()
                with self._work:
                    due = [path for path, moment in self._retry.items() if moment <= now]
                    for path in due:
                        del self._retry[path]
                self._mark(due)
            if self._rearm:
                self._rearm = False
                self._arm()
            if now >= next_check:
                next_check = now + (BLIND_CHECK_SECONDS if self._blind is not None else CHECK_SECONDS)
                self._mark(self._entries)
        if self._listening is not None:
            self._listening.set()

    def _read_list(self) -> None:
        self._list_stamp = _stamp(list_file(self._settings))
        try:
            self._entries = tuple(entry.path for entry in watched(self._settings))
            self._list_problem = None
        except ConfigurationError as error:
            self._list_problem = error.line()  # the list as it was stays in force

    def _arm(self) -> None:
        """Listen to the repositories as they lie now, instead of as they lay before."""
        if self._listening is not None:
            self._listening.set()
        self._armed = {}
        for path in self._entries:
            folders = find_git(path)
            if folders is not None and (inode := _stamp(folders.common)) is not None:
                self._armed[path] = Armed(folders, inode)
        flat = {armed.folders.common for armed in self._armed.values()}
        deep = {folder / name for folder in flat for name in ("refs", "worktrees", "reftable")}
        self._listening = threading.Event()
        self._blind = None
        self._listeners = [thread for thread in self._listeners if thread.is_alive()]
        for folders_to_watch, recursive in ((flat, False), ({path for path in deep if path.is_dir()}, True)):
            if folders_to_watch:
                thread = threading.Thread(
                    target=self._listen,
                    args=(sorted(folders_to_watch), recursive, self._listening),
                    name="repositories-listener",
                    daemon=True,
                )
                self._listeners.append(thread)
                thread.start()

    def _listen(self, folders: list[Path], recursive: bool, stop: threading.Event) -> None:
        import watchfiles

        first = True
        try:
            for changes in watchfiles.watch(
                *folders,
                watch_filter=None,
                debounce=4 * STEP_MILLISECONDS,
                step=STEP_MILLISECONDS,
                rust_timeout=4 * STEP_MILLISECONDS,
                yield_on_timeout=True,
                stop_event=stop,
                recursive=recursive,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                paths = tuple(path for _, path in changes if _tells(path, recursive))
                if first:  # only now is every change seen: what happened before is found by looking once
                    first = False
                    self._mark(self._entries)
                if paths:
                    self._changed.put(paths)
        except (OSError, RuntimeError) as error:
            if not stop.is_set():
                self._blind = (
                    f"changes of repositories are only looked for every {BLIND_CHECK_SECONDS:g} s: {error}; "
                    "on Linux raise fs.inotify.max_user_watches"
                )

    def _concerned(self, changes: Iterable[str]) -> list[Path]:
        found = []
        for path, armed in self._armed.items():
            common = str(armed.folders.common)
            for change in changes:
                if change == common or change.startswith(common + os.sep):
                    found.append(path)
                    if change[len(common) + 1 :] in ("worktrees", "refs", "reftable", ""):
                        self._rearm = True
                    break
        return found

    def _ground_moved(self) -> bool:
        """Whether a repository appeared, went away or was replaced since we began to listen."""
        for path in self._entries:
            armed = self._armed.get(path)
            if armed is None:
                if find_git(path) is not None:
                    self._mark([path])
                    return True
            elif _stamp(armed.folders.common) != armed.inode:
                self._mark([path])
                return True
        return False

    # --- lanes ----------------------------------------------------------------------------------------------------

    def _mark(self, paths: Iterable[Path]) -> None:
        with self._work:
            for path in paths:
                self._dirty[path] = None
            self._work.notify_all()

    def _live(self) -> None:
        self._lane(first_reading=False)

    def _backfill(self) -> None:
        self._lane(first_reading=True)

    def _lane(self, *, first_reading: bool) -> None:
        while True:
            with self._work:
                path = self._next(first_reading)
                while path is None and not self._stop.is_set():
                    self._work.wait()
                    path = self._next(first_reading)
                if path is None or self._stop.is_set():
                    return
                del self._dirty[path]
                self._busy.add(path)
            again = True
            try:
                again = self._scan(path)
            except StoppedError:
                return
            finally:
                with self._work:
                    self._busy.discard(path)
                    failures = self._failures.pop(path, 0)
                    if again:
                        self._failures[path] = failures + 1
                        self._retry[path] = time.monotonic() + min(2.0**failures, LONGEST_RETRY_SECONDS)
                    self._work.notify_all()

    def _next(self, first_reading: bool) -> Path | None:
        for path in self._dirty:
            if path not in self._busy and (self._memory.load(path).known() is None) == first_reading:
                return path
        return None

    def _scan(self, path: Path) -> bool:
        """Read what is new; True when it has to be tried again."""
        remembered = self._memory.load(path)
        try:
            if path not in self._entries:
                self._scanner.retire(remembered)
                return False
            if remembered.known() is None and remembered.state == "waiting":
                self._memory.save(replace(remembered, state="scanning"))
            scan = self._scanner.scan(path, stopped=self._stop.is_set)
        except EngineError as error:  # the rows could not be taken: the store's trouble, not the repository's
            self._store_problem = error.line()
            return True
        except (OSError, ValueError, KeyError) as error:
            self._memory.save(remembered.failed("failed", f"{path}: cannot be read: {error!r}", None))
            return True
        self._store_problem = None
        return scan.remembered.state not in ("ready", "empty")


def _tells(path: str, recursive: bool) -> bool:
    """Whether a changed file may mean that a ref moved."""
    name = os.path.basename(path)
    if name.endswith(".lock"):
        return False
    if recursive:
        return f"{os.sep}worktrees{os.sep}" not in path or name == "HEAD"
    return name in NAMES_OF_REFS or name in ("worktrees", "refs", "reftable", ".git") or name.endswith(".git")


def _stamp(path: Path) -> tuple[int, int] | None:
    """What changes when a file is written anew or a folder is replaced."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, 0 if path.is_dir() else found.st_mtime_ns
