"""The journal: what was acknowledged and is perhaps not in the database yet.

Owns an append-only row of segment files, one fdatasync per group of payloads, reading from any offset, and what happens
to a torn or damaged tail. Refuses to know what a payload is: it stores bytes and hands out offsets. An offset counts
bytes since the first segment, so it only ever grows.

Segment file `<offset of its first byte, 20 digits>.journal`:
    header   8 bytes magic, u32 version, u64 offset of the file's first byte
    record   4 bytes marker, u32 payload length, u32 CRC-32 of (offset, payload), u64 offset of the record, payload
All integers are little-endian. Marker and offset in each record let a reader find its way again behind damaged bytes.
"""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from engine.errors import StorageError

MAGIC = b"AAJOURN\n"
VERSION = 1
HEADER = struct.Struct("<8sIQ")
MARKER = b"\xaaREC"
RECORD = struct.Struct("<4sIIQ")
OFFSET = struct.Struct("<Q")
MAXIMUM_PAYLOAD = 1 << 30


@dataclass(frozen=True, slots=True)
class Record:
    """One payload with the offset of its first byte and of the first byte after it."""

    offset: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes between two offsets that cannot be read; what lies behind them can."""

    offset: int
    end: int


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, ages in seconds. Applied segments are kept until one of the last two is reached."""

    segment_bytes: int = 64 * 1024 * 1024
    segment_seconds: float = 24 * 3600
    kept_bytes: int = 1024 * 1024 * 1024
    kept_seconds: float = 7 * 24 * 3600


class Journal:
    """An open journal. One process appends; any thread may write and read."""

    def __init__(self, folder: Path, limits: Limits, position: int, descriptor: int, segment: int) -> None:
        self.folder = folder
        self._limits = limits
        self._position = position
        # An empty segment's header is nothing to read: up to its first record, the journal ends where it begins.
        self._end = segment if position == segment + HEADER.size else position
        self._descriptor = descriptor
        self._segment = segment
        self._segment_opened = time.time()
        self._durable = threading.Condition()

    @classmethod
    def open(cls, folder: Path, *, at_least: int = 0, limits: Limits | None = None) -> Journal:
        """Open or create; cut off a torn tail.

        `at_least` is the offset the database has reached: should the journal end before it (its files were lost), a
        new segment starts there, since offsets that were applied must never be given out again.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            segments = _segments(folder)
            while segments:
                start, path = segments[-1]
                end = _valid_end(path, start)
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
        return cls(folder, limits or Limits(), end, descriptor, start)

    @property
    def end(self) -> int:
        """First byte after the last durable record (of an empty segment: where it begins)."""
        return self._end

    def write(self, payloads: Sequence[bytes]) -> list[int]:
        """Append several payloads with one fdatasync; returns the offset after each. Blocks until they are durable.

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
                os.fdatasync(self._descriptor)
            except OSError as error:
                self._undo()
                raise _refusal(self.folder, error) from error
            self._end = self._position = offset
            self._durable.notify_all()
        return ends

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

    def remove_applied(self, applied: int, now: float | None = None) -> int:
        """Remove old segments that lie wholly before `applied`, oldest first; returns how many.

        Applied segments stay as long as they are within the limits' size and age: with a backup they rebuild the
        database. What is not applied is never removed.
        """
        moment = time.time() if now is None else now
        segments = _segments(self.folder)
        removable = [(path, path.stat()) for (_, path), (following, _) in pairwise(segments) if following <= applied]
        total = sum(stat.st_size for _, stat in removable)
        removed = 0
        for path, stat in removable:
            if total <= self._limits.kept_bytes and moment - stat.st_mtime <= self._limits.kept_seconds:
                break
            path.unlink()
            total -= stat.st_size
            removed += 1
        return removed

    def close(self) -> None:
        """Close the file; what was written is durable already."""
        with self._durable:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
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


def read_folder(folder: Path, offset: int = 0, limit: int | None = None) -> Iterator[Record | Damage]:
    """Read a journal's files from `offset` to `limit` (None: to the last whole record)."""
    segments = _segments(folder)
    for index, (start, path) in enumerate(segments):
        following = segments[index + 1][0] if index + 1 < len(segments) else None
        if following is not None and following <= offset:
            continue
        if limit is not None and start >= limit:
            return
        yield from _read_segment(path, start, offset, limit, following)


def _read_segment(
    path: Path, start: int, offset: int, limit: int | None, following: int | None
) -> Iterator[Record | Damage]:
    with path.open("rb") as file:
        end = start + os.fstat(file.fileno()).st_size
        for bound in (limit, following):
            end = end if bound is None else min(end, bound)
        position = max(offset, start + HEADER.size)
        while position < end:
            record = _read_record(file, start, position, end)
            if record is None:
                found = _resynchronise(file, start, position + 1, end)
                if found is None:
                    break
                yield Damage(position, found)
                position = found
                continue
            yield record
            position = record.end
        # The end of the last segment may be torn, which costs nothing that was acknowledged; a hole before another may.
        if following is not None and position < following and (limit is None or position < limit):
            yield Damage(position, following)


def _read_record(file: BinaryIO, start: int, position: int, end: int) -> Record | None:
    """The record at `position`, or None when the bytes there are not a whole, sound record."""
    if position + RECORD.size > end:
        return None
    file.seek(position - start)
    marker, length, checksum, written = RECORD.unpack(file.read(RECORD.size))
    if marker != MARKER or written != position or position + RECORD.size + length > end:
        return None
    payload = file.read(length)
    if zlib.crc32(payload, zlib.crc32(OFFSET.pack(position))) != checksum:
        return None
    return Record(position, position + RECORD.size + length, payload)


def _resynchronise(file: BinaryIO, start: int, position: int, end: int) -> int | None:
    """The offset of the next sound record at or behind `position`, or None."""
    file.seek(position - start)
    data = file.read(end - position)
    index = data.find(MARKER)
    while index >= 0:
        if _read_record(file, start, position + index, end) is not None:
            return position + index
        index = data.find(MARKER, index + 1)
    return None


def _valid_end(path: Path, start: int) -> int | None:
    """Where the last sound record of a segment ends; None when the file has no header."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    magic, version, written = HEADER.unpack(head)
    if magic != MAGIC or written != start:
        raise StorageError(f"{path} is not a journal segment", hint="move it away; it may hold rows not yet applied")
    if version > VERSION:
        raise StorageError(f"{path} was written by a newer version", hint="update agent-analytics")
    end = start + HEADER.size
    for found in _read_segment(path, start, end, start + size, None):
        end = found.end
    return end


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


def _segments(folder: Path) -> list[tuple[int, Path]]:
    """Segments by the offset of their first byte."""
    return sorted((int(path.stem), path) for path in folder.glob("*.journal") if path.stem.isdigit())


def _refusal(folder: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot write {folder}: {error.strerror or error}", hint="free some space on that disk")
