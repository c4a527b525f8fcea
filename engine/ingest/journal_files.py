"""The files of the journal: their format, and reading them.

Owns the layout of segments and records and the search for the next sound record behind damaged bytes, for the process
that appends and for others that follow. Refuses to write. docs/journal.md is this format in words.

Segment file `<offset of its first byte, 20 digits>.journal`:
    header   8 bytes magic, u32 version, u64 offset of the file's first byte
    record   4 bytes marker, u32 payload length, u32 CRC-32 of (offset, payload), u64 offset of the record, payload
All integers are little-endian. Marker and offset in each record let a reader find its way again behind damaged bytes.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
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


def read_folder(folder: Path, offset: int = 0, limit: int | None = None) -> Iterator[Record | Damage]:
    """Read a journal's files from `offset` to `limit` (None: to the last whole record)."""
    segments = segments_of(folder)
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


def valid_end(path: Path, start: int) -> int | None:
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


def segments_of(folder: Path) -> list[tuple[int, Path]]:
    """Segments by the offset of their first byte."""
    return sorted((int(path.stem), path) for path in folder.glob("*.journal") if path.stem.isdigit())


def remove_segments(folder: Path, applied: int, kept_bytes: float, kept_seconds: float, moment: float) -> int:
    """Remove segments that lie wholly before `applied`, oldest first, until the others are within size and age.

    What is not applied is never removed. Returns how many went.
    """
    segments = segments_of(folder)
    removable = [(path, path.stat()) for (_, path), (following, _) in pairwise(segments) if following <= applied]
    total = sum(stat.st_size for _, stat in removable)
    removed = 0
    for path, stat in removable:
        if total <= kept_bytes and moment - stat.st_mtime <= kept_seconds:
            break
        path.unlink()
        total -= stat.st_size
        removed += 1
    return removed
