"""One scan of one repository, from its refs to the recorded rows.

Owns the order of things: look, read what is new, record it, and only when it is durable remember it; so a scan that is
killed is repeated and nothing is lost. Refuses to raise for a repository that cannot be read: that is its state.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path

from engine.clock import Clock
from engine.repos.log import TornHistoryError
from engine.repos.plumbing import RepositoryError
from engine.repos.registry import Memory, Remembered
from engine.repos.repository import Repository, inspect
from engine.repos.scan import (
    MessageMode,
    Source,
    count_new,
    is_known,
    known_after,
    new_rows,
    project_row,
    repository_row,
    usable,
)
from engine.store.recorder import Recorder

IN_FLIGHT = 4
"""Batches that may wait to become durable: enough to keep git busy, and a bound for memory."""

Progress = Callable[[int, int], None]
"""Called with (commits read, commits to read)."""


@dataclass(frozen=True, slots=True)
class Scan:
    """The outcome: how the repository stands now and how many commits were new."""

    remembered: Remembered
    new_commits: int


class StoppedError(Exception):
    """The scan was asked to stop; what was not recorded is read again next time."""


class Scanner:
    """Scans repositories into a recorder. Safe for different repositories in different threads."""

    def __init__(self, recorder: Recorder, memory: Memory, messages: MessageMode, clock: Clock) -> None:
        self._recorder = recorder
        self._memory = memory
        self._messages = messages
        self._clock = clock

    def scan(
        self,
        path: Path,
        *,
        source: Source | None = None,
        again: bool = False,
        progress: Progress | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Scan:
        """Read what is new. `source` None: `backfill` the first time, then `watch`. `again`: as if nothing was known.

        A repository that cannot be read gives a Scan with its state. Raises StorageError when rows could not be taken.
        """
        before = self._memory.load(path)
        try:
            repository = inspect(path)
            after, count = self._read(repository, before, source, again, progress, stopped)
        except (RepositoryError, TornHistoryError) as error:
            state = error.state if isinstance(error, RepositoryError) else "failed"
            after, count = before.failed(state, error.sentence, error.hint), 0
        if after != before:
            self._memory.save(after)
        return Scan(after, count)

    def retire(self, remembered: Remembered) -> None:
        """A repository left the list: say so in the store, and forget what was read of it."""
        if remembered.project_id is not None:
            row = project_row(
                remembered.project_id,
                remembered.project_name or remembered.project_id,
                remembered.remote_url,
                remembered.root,
                remembered.default_branch,
                watched=False,
            )
            self._recorder.record(row).result()
        self._memory.forget(Path(remembered.path))

    def _read(
        self,
        repository: Repository,
        before: Remembered,
        source: Source | None,
        again: bool,
        progress: Progress | None,
        stopped: Callable[[], bool],
    ) -> tuple[Remembered, int]:
        known = None if again else before.known()
        announced = self._announce(repository, before)
        count = 0
        if not is_known(repository, known):
            total = count_new(repository, known) if progress is not None else 0
            waiting: deque[Future[None]] = deque()
            first = source or ("backfill" if known is None else "watch")
            for batch in new_rows(repository, known, source=first, messages=self._messages):
                if stopped():
                    raise StoppedError
                waiting.append(self._recorder.record(batch.rows))
                count += batch.commits
                while len(waiting) > IN_FLIGHT:
                    waiting.popleft().result()
                if progress is not None:
                    progress(count, max(total, count))
            for future in waiting:
                future.result()
        now_known = known_after(repository)
        started_over = usable(repository, known) is None
        changed = count or known != now_known or before.state not in ("ready", "empty")
        return replace(
            before,
            state="empty" if repository.is_empty else "ready",
            detail="no commit yet" if repository.is_empty else None,
            hint=None,
            project_id=repository.project.project_id,
            project_name=repository.project.name,
            remote_url=repository.project.remote_url,
            root=str(repository.project.root) if repository.project.root is not None else None,
            default_branch=repository.default_branch,
            commits=count if started_over else before.commits + count,
            scanned_at=self._clock.now().isoformat(timespec="seconds") if changed else before.scanned_at,
            tips=tuple(sorted(now_known.tips)),
            older=tuple(sorted(now_known.older)),
            shallow=tuple(sorted(now_known.shallow)),
            notes=now_known.notes,
            announced=announced,
        ), count

    def _announce(self, repository: Repository, before: Remembered) -> str:
        row = repository_row(repository, watched=True)
        key: str = row.tables["repositories"]["dedup_key"][0]
        if key != before.announced:
            self._recorder.record(row).result()
        return key
