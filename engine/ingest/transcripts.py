"""The agents' local histories become rows: whole histories at once, or followed as they grow.

Owns the one call that imports everything that is new (`import_histories`) and what it says about it (`Summary`,
`Progress`); `Follower` is the same, live. Refuses to know what a line means (`engine.agents.transcripts`) and to store:
rows go through the recorder that is handed in.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.agents.transcripts.reader import Workplace
from engine.errors import UsageError
from engine.ingest.transcript_files import FoundFile, Root, default_roots, find
from engine.ingest.transcript_follow import Follower, FollowerStatus
from engine.ingest.transcript_import import Importer, Tally
from engine.ingest.transcript_state import FILE_NAME, Positions
from engine.store.recorder import Recorder

if TYPE_CHECKING:
    from engine.settings import Settings

__all__ = [
    "Follower",
    "FollowerStatus",
    "Progress",
    "Summary",
    "find",
    "import_files",
    "import_histories",
    "nothing_found",
    "roots_of",
]


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
    progress: Callable[[Progress], None] = lambda progress: None,
) -> Summary:
    """Read what is new below these roots. `again`: from the beginning, whatever was read before (totals stay)."""
    started = time.monotonic()
    unreadable: dict[str, str] = {}
    files = find(roots, unreadable)
    positions = Positions(settings.data_dir / FILE_NAME, settings.database)
    try:
        importer = Importer(recorder, positions, developer_id, Workplace(hash_key), again=again)
        importer.tally.unreadable.update(unreadable)
        import_files(files, importer, progress)
    finally:
        positions.close()
    return summarise(importer.tally, importer.projects, roots, len(files), time.monotonic() - started)


def import_files(files: Sequence[FoundFile], importer: Importer, progress: Callable[[Progress], None]) -> None:
    """Read these files in this order; returns when everything is durable. Raises what the recorder raises."""
    total = sum(file.size for file in files)
    done = 0

    for number, file in enumerate(files):
        floor = done

        def moved(read: int, number: int = number) -> None:
            nonlocal done
            done += read
            progress(Progress(number, len(files), min(done, total), total))

        importer.read(file, on_bytes=moved)
        done = floor + file.size
        progress(Progress(number + 1, len(files), done, total))
    importer.flush()


def nothing_found(roots: Sequence[Root]) -> Summary:
    """The summary of an import that had nothing to read."""
    return summarise(Tally(), 0, roots, 0, 0.0)


def summarise(tally: Tally, projects: int, roots: Sequence[Root], files_found: int, seconds: float) -> Summary:
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
        projects=projects,
        requests_by_agent=dict(tally.requests_by_agent),
        files_by_agent=dict(tally.files_by_agent),
        seconds=seconds,
    )
