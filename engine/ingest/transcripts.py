"""The agents' local histories become rows: whole histories at once, or followed as they grow.

Owns the one call that imports everything that is new (`import_histories`) and what it says about it (`Summary`,
`Progress`); `Follower` is the same, live. Refuses to know what a line means (`engine.agents.transcripts`) and to store:
rows go through the recorder that is handed in.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from engine.agents.transcripts.reader import Workplace
from engine.errors import UsageError
from engine.ingest.transcript_crew import Crew, Setup
from engine.ingest.transcript_files import FoundFile, Root, default_roots, find
from engine.ingest.transcript_follow import Follower, FollowerStatus
from engine.ingest.transcript_import import Importer, Keeper, is_unchanged
from engine.ingest.transcript_reading import Tally
from engine.ingest.transcript_state import FILE_NAME, KeptPositions, Known, Positions, known_files
from engine.store.recorder import Recorder

if TYPE_CHECKING:
    from engine.settings import Settings

__all__ = [
    "Follower",
    "FollowerStatus",
    "Progress",
    "Summary",
    "find",
    "finish",
    "import_histories",
    "is_up_to_date",
    "nothing_found",
    "nothing_new",
    "reading_ahead",
    "roots_of",
]

READERS = min(4, os.cpu_count() or 1)
"""Processes that read a large import."""
CREW_BYTES = 32 << 20
"""From here on more than one process is worth its start."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. Files that did not change count as done, their bytes too."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What an import read. `unreadable`: (path, reason); `unknown`: files of no known agent."""

    looked_in: tuple[str, ...]
    files_found: int
    files_read: int
    files_unchanged: int
    files_unfinished: int
    unreadable: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    bytes_read: int
    lines_read: int
    lines_skipped: int
    rows: int
    requests: int
    sessions: int
    tool_calls: int
    prompts: int
    commits: int
    projects: int
    requests_by_agent: Mapping[str, int]
    files_by_agent: Mapping[str, int]
    seconds: float


def roots_of(
    settings: Settings,
    paths: Sequence[Path] = (),
    *,
    environment: Mapping[str, str] | None = None,
    home: Path | None = None,
) -> list[Root]:
    """Where to look: the paths that are named, else the agents' own folders and `transcripts.paths`.

    Raises UsageError for a named path that does not exist.
    """
    if not paths:
        env = os.environ if environment is None else environment
        return default_roots(env, home or Path.home(), settings["transcripts.paths"])
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist", hint="name a transcript file or a folder that holds some")
    return [Root(Path(os.path.abspath(path)), None) for path in paths]


def import_histories(
    settings: Settings,
    recorder: Recorder,
    developer_id: str | None,
    roots: Sequence[Root],
    *,
    hash_key: bytes = b"",
    again: bool = False,
    files: Sequence[FoundFile] | None = None,
    unreadable: Mapping[str, str] = MappingProxyType({}),
    crew: Crew | None = None,
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Summary:
    """Read what is new below these roots. `again`: from the beginning, whatever was read before (totals stay).

    `files` and `unreadable`: what lies below the roots, where the caller has looked already. Returns when everything is
    durable; raises what the recorder raises, and then whatever is not saved counts as unread. `crew`: the readers that
    are at work on these files already (`reading_ahead`); without, this process reads.
    """
    started = time.monotonic()
    refused = dict(unreadable)
    found = find(roots, refused) if files is None else files
    positions = Positions(settings.data_dir / FILE_NAME, settings.database)
    try:
        tally = Tally(unreadable=refused)
        new = list(found) if again else what_changed(found, positions.known())
        tally.files_unchanged = len(found) - len(new)
        report = Reporter(found, new, progress)
        if new:
            positions.begin()
        if crew is not None:
            keeper = Keeper(positions)
            for batch in crew.batches():
                tally.merge(batch.tally)
                if batch.tables or batch.positions:
                    rows = batch.rows()
                    keeper.keep(recorder.record(rows) if rows else None, batch.positions)
                report.moved(batch.bytes_done, batch.files_done)
            keeper.flush()
        else:
            importer = Importer(recorder, positions, developer_id, Workplace(hash_key), again=again)
            for file in new:
                importer.read(file, on_bytes=report.moved)
                report.done(file)
            importer.flush()
            tally.merge(importer.tally)
    finally:
        positions.close()
    return summarise(tally, roots, len(found), time.monotonic() - started)


@contextmanager
def reading_ahead(
    settings: Settings,
    developer_id: str | None,
    files: Sequence[FoundFile],
    *,
    hash_key: bytes = b"",
    again: bool = False,
    readers: int = READERS,
) -> Iterator[Crew | None]:
    """Processes that begin to read at once, while the store is being opened; None when there is little to read."""
    kept = KeptPositions(settings.data_dir / FILE_NAME, settings.database)
    try:
        new = files if again else what_changed(files, kept.known())
        if readers < 2 or sum(file.size for file in new) < CREW_BYTES:
            yield None
            return
        with Crew(readers, Setup(developer_id, hash_key)) as crew:
            crew.start((file, None if again else kept.of(file.path, file.device, file.inode)) for file in new)
            yield crew
    finally:
        kept.close()


def finish(settings: Settings) -> None:
    """What an import recorded has arrived in the database, models and all: the next one may look at changed files
    alone."""
    positions = Positions(settings.data_dir / FILE_NAME, settings.database)
    try:
        positions.finished()
    finally:
        positions.close()


def what_changed(files: Sequence[FoundFile], known: Mapping[str, Known]) -> list[FoundFile]:
    """The files that were not read to their end as they are now, in their order."""
    new = []
    for file in files:
        before = known.get(file.path)
        if before is None or not is_unchanged(before, file):
            new.append(file)
    return new


def is_up_to_date(settings: Settings, files: Sequence[FoundFile]) -> bool:
    """Whether all of these were read already, told without opening the workspace."""
    return not what_changed(files, known_files(settings.data_dir / FILE_NAME, settings.database))


class Reporter:
    """Tells how far an import is."""

    def __init__(self, found: Sequence[FoundFile], new: Sequence[FoundFile], tell: Callable[[Progress], None]) -> None:
        self._tell = tell
        self._files, self._bytes = len(found), sum(file.size for file in found)
        self._files_done = len(found) - len(new)
        self._bytes_done = self._floor = self._bytes - sum(file.size for file in new)

    def moved(self, read: int, files: int = 0) -> None:
        """So many more bytes were read, and files ended."""
        self._bytes_done += read
        self._files_done += files
        self._tell(Progress(self._files_done, self._files, min(self._bytes_done, self._bytes), self._bytes))

    def done(self, file: FoundFile) -> None:
        """A file was read to its end, be it from its middle."""
        self._floor += file.size
        self.moved(self._floor - self._bytes_done, 1)


def nothing_found(roots: Sequence[Root]) -> Summary:
    """The summary of an import that had nothing to read."""
    return summarise(Tally(), roots, 0, 0.0)


def nothing_new(roots: Sequence[Root], files: Sequence[FoundFile], unreadable: Mapping[str, str]) -> Summary:
    """The summary of an import all of whose files were read before."""
    return summarise(Tally(files_unchanged=len(files), unreadable=dict(unreadable)), roots, len(files), 0.0)


def summarise(tally: Tally, roots: Sequence[Root], files_found: int, seconds: float) -> Summary:
    """The tally as a value."""
    return Summary(
        looked_in=tuple(str(root.path) for root in roots),
        files_found=files_found,
        files_read=tally.files_read,
        files_unchanged=tally.files_unchanged,
        files_unfinished=tally.files_unfinished,
        unreadable=tuple(sorted(tally.unreadable.items())),
        unknown=tuple(tally.unknown),
        bytes_read=tally.bytes_read,
        lines_read=tally.lines_read,
        lines_skipped=tally.lines_skipped,
        rows=tally.rows,
        requests=tally.requests,
        sessions=len(tally.sessions),
        tool_calls=tally.tool_calls,
        prompts=tally.prompts,
        commits=tally.commits,
        projects=len(tally.projects),
        requests_by_agent=dict(tally.requests_by_agent),
        files_by_agent=dict(tally.files_by_agent),
        seconds=seconds,
    )
