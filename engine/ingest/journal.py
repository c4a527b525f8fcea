"""The journal: what was acknowledged and is perhaps not in the database yet.

Owns an append-only row of segment files, one fdatasync per group of payloads, reading from any offset, and what happens
to a torn or damaged tail. Refuses to know what a payload is: it stores bytes and hands out offsets. An offset counts
bytes since the first segment, so it only ever grows.

The files are those of `journal_files`; how far they are durable is told in `journal_state` as well, for readers
in other processes and so that a tail that was acknowledged is never taken for one that was not.
"""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from engine.errors import StorageError
from engine.ingest.journal_files import (
    HEADER,
    MAGIC,
    MARKER,
    OFFSET,
    RECORD,
    VERSION,
    Damage,
    Record,
    read_folder,
    remove_segments,
    segments_of,
    valid_end,
)
from engine.ingest.journal_state import Figures, JournalState

__all__ = ["HEADER", "Damage", "Journal", "Limits", "Record", "Tail", "read_folder"]

MAXIMUM_PAYLOAD = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, ages in seconds. Applied segments are kept until one of the last two is reached."""

    segment_bytes: int = 64 * 1024 * 1024
    segment_seconds: float = 24 * 3600
    kept_bytes: int = 1024 * 1024 * 1024
    kept_seconds: float = 7 * 24 * 3600


class Tail(Protocol):
    """A journal as those see it who record rows or apply them, in the process that appends or in another."""

    @property
    def end(self) -> int: ...
    @property
    def state(self) -> JournalState: ...
    def write(self, payloads: Sequence[bytes], rows: int = 0) -> object: ...
    def wait_beyond(self, offset: int, timeout: float) -> bool: ...
    def wake(self) -> None: ...
    def read(self, offset: int = 0) -> Iterator[Record | Damage]: ...
    def remove_applied(self, applied: int, now: float | None = None, *, make_room: bool = False) -> int: ...
    def give_up(self) -> None: ...
    def tell(self, waiting_rows: int, waiting_requests: int, refused_requests: int, trouble: str | None) -> None: ...
    def close(self) -> None: ...


class Journal:
    """An open journal. One process appends; any thread may write and read.

    `on_durable` is called after each group, in the thread that wrote it.
    """

    def __init__(
        self, folder: Path, limits: Limits, position: int, descriptor: int, segment: int, state: JournalState
    ) -> None:
        self.folder = folder
        self.state = state
        self.on_durable: Callable[[], None] | None = None
        self._figures = Figures(process=os.getpid())
        self._limits = limits
        self._position = position
        # An empty segment's header is nothing to read: up to its first record, the journal ends where it begins.
        self._end = segment if position == segment + HEADER.size else position
        self._descriptor = descriptor
        self._segment = segment
        self._segment_opened = time.time()
        self._durable = threading.Condition()
        state.end = self._end
        state.trouble = None
        state.tell(self._figures)

    @classmethod
    def open(cls, folder: Path, *, at_least: int = 0, limits: Limits | None = None) -> Journal:
        """Open or create; cut off a torn tail.

        `at_least` is the offset the database has reached: should the journal end before it (its files were lost), a
        new segment starts there, since offsets that were applied must never be given out again. The same holds for
        what the state file knows to have been durable: then the missing bytes are damage, not a torn tail.
        """
        state = JournalState.open(folder)
        at_least = max(at_least, state.end)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            segments = segments_of(folder)
            while segments:
                start, path = segments[-1]
                end = valid_end(path, start)
                if end is not None:
                    break
                # Not even its header was written: nothing in it was ever acknowledged.
                path.unlink()
                segments.pop()
            if not segments or end is None or end < at_least:
                start, end = at_least, at_least + HEADER.size
                descriptor = _create(folder, start)
            else:
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
                if os.fstat(descriptor).st_size > end - start:
                    os.ftruncate(descriptor, end - start)
                    os.fsync(descriptor)
        except OSError as error:
            raise _refusal(folder, error) from error
        return cls(folder, limits or Limits(), end, descriptor, start, state)

    @property
    def end(self) -> int:
        """First byte after the last durable record (of an empty segment: where it begins)."""
        return self._end

    def write(self, payloads: Sequence[bytes], rows: int = 0) -> list[int]:
        """Append several payloads with one fdatasync; returns the offset after each. Blocks until they are durable.

        `rows` is what they hold together, for the figures.
        Raises StorageError; then nothing of the group is in the journal and the senders may send it again.
        """
        with self._durable:
            if self._descriptor < 0:
                raise StorageError(f"{self.folder} is closed")
            try:
                if self._position - self._segment >= self._limits.segment_bytes or (
                    self._position > self._segment + HEADER.size
                    and time.time() - self._segment_opened > self._limits.segment_seconds
                ):
                    self._rotate()
                ends: list[int] = []
                parts: list[bytes] = []
                offset = self._position
                for payload in payloads:
                    if len(payload) > MAXIMUM_PAYLOAD:
                        raise StorageError(f"a record of {len(payload)} bytes is too large for the journal")
                    checksum = zlib.crc32(payload, zlib.crc32(OFFSET.pack(offset)))
                    parts += (RECORD.pack(MARKER, len(payload), checksum, offset), payload)
                    offset += RECORD.size + len(payload)
                    ends.append(offset)
                self._write_all(b"".join(parts))
                began = time.perf_counter_ns()
                os.fdatasync(self._descriptor)
                took = time.perf_counter_ns() - began
            except OSError as error:
                self._undo()
                raise _refusal(self.folder, error) from error
            before = self._figures
            self._figures = replace(
                before,
                groups=before.groups + 1,
                rows=before.rows + rows,
                bytes=before.bytes + offset - self._position,
                sync_ns=before.sync_ns + took,
                longest_sync_ns=max(before.longest_sync_ns, took),
            )
            self._end = self._position = offset
            self.state.end = offset
            self._durable.notify_all()
        if self.on_durable is not None:
            self.on_durable()
        return ends

    def tell(self, waiting_rows: int, waiting_requests: int, refused_requests: int, trouble: str | None) -> None:
        """Put the recorder's figures beside the journal's own, for readers in other processes."""
        self.state.tell(
            replace(
                self._figures,
                waiting_rows=waiting_rows,
                waiting_requests=waiting_requests,
                refused_requests=refused_requests,
            )
        )
        if self.state.trouble != trouble:
            self.state.trouble = trouble

    def wait_beyond(self, offset: int, timeout: float) -> bool:
        """Wait until something durable lies behind `offset`. False after `timeout` seconds or a `wake`."""
        with self._durable:
            if self._end <= offset:
                self._durable.wait(timeout)
            return self._end > offset

    def wake(self) -> None:
        """Let everybody who waits look up (used at the end of a process)."""
        with self._durable:
            self._durable.notify_all()

    def read(self, offset: int = 0) -> Iterator[Record | Damage]:
        """Everything durable from `offset` on; stops at the end or at a torn tail.

        Unreadable bytes in front of readable records are reported once, as Damage.
        """
        yield from read_folder(self.folder, offset, self._position)

    def remove_applied(self, applied: int, now: float | None = None, *, make_room: bool = False) -> int:
        """Remove old segments that lie wholly before `applied`, oldest first; returns how many.

        Applied segments stay as long as they are within the limits' size and age: with a backup they rebuild the
        database. `make_room` removes them all, because the disk is nearly full. What is not applied is never removed.
        """
        return remove_old(self.folder, self._limits, applied, now, make_room)

    def give_up(self) -> None:
        """There is nobody to wait for: this process writes."""

    def close(self) -> None:
        """Close the file; what was written is durable already."""
        with self._durable:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
                self.state.close()
            self._durable.notify_all()

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def _undo(self) -> None:
        """After a failed write the file must end where the last acknowledged record ends."""
        try:
            os.ftruncate(self._descriptor, self._position - self._segment)
        except OSError:
            # Then the next write goes to a new file, and readers see a torn tail here.
            try:
                self._rotate()
            except OSError:
                pass  # nothing can be written at all: every append fails until the disk is back

    def _rotate(self) -> None:
        descriptor = _create(self.folder, self._position)
        os.close(self._descriptor)
        self._descriptor, self._segment, self._segment_opened = descriptor, self._position, time.time()
        self._position += HEADER.size


def remove_old(folder: Path, limits: Limits, applied: int, now: float | None, make_room: bool) -> int:
    """`Journal.remove_applied`, for any process."""
    moment = time.time() if now is None else now
    kept = (0, 0.0) if make_room else (limits.kept_bytes, limits.kept_seconds)
    return remove_segments(folder, applied, *kept, moment)


def _create(folder: Path, start: int) -> int:
    """A new segment with its header, durable together with its name."""
    descriptor = os.open(folder / f"{start:020d}.journal", os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, HEADER.pack(MAGIC, VERSION, start))
        os.fsync(descriptor)
        directory = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refusal(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {folder}: {error.strerror or error}", hint="free some space on that disk")
