"""How far the journal is, for everybody on this machine: one small file that is mapped into memory.

Owns `state` in the journal's folder: the end of what is durable, and the figures of the process that appends. That
process alone writes it, after each fdatasync; others read it without asking anybody. Refuses to be durable itself: it
is never ahead of the journal, and a missing or damaged one is made anew.

Layout, little-endian: 8 bytes magic, u64 end, u64 end with all bits flipped (equal to the first or the pair is not
whole), then u64 each: waiting rows, waiting requests, groups, rows, bytes, nanoseconds in fdatasync, longest fdatasync,
refused requests, process; u16 length and UTF-8 text of the trouble (empty: none).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from engine.errors import StorageError

SIZE = 1024
_MAGIC = b"AAJSTAT1"
_END = struct.Struct("<QQ")
_FIGURES = struct.Struct("<9Q")
_LENGTH = struct.Struct("<H")
_END_AT = len(_MAGIC)
_FIGURES_AT = _END_AT + _END.size
_TROUBLE_AT = _FIGURES_AT + _FIGURES.size
_LONGEST_TROUBLE = SIZE - _TROUBLE_AT - _LENGTH.size
_ALL = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Figures:
    """What the appending process has done since it started. Times in nanoseconds."""

    waiting_rows: int = 0
    waiting_requests: int = 0
    groups: int = 0
    rows: int = 0
    bytes: int = 0
    sync_ns: int = 0
    longest_sync_ns: int = 0
    refused_requests: int = 0
    process: int = 0


class JournalState:
    """The mapped file. One writer, any readers, in any processes."""

    def __init__(self, mapped: mmap.mmap) -> None:
        self._mapped = mapped

    @classmethod
    def open(cls, folder: Path) -> JournalState:
        """Open or create. Raises StorageError."""
        path = folder / "state"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(descriptor).st_size < SIZE:
                    # Written, not stretched: on a full disk a hole would end this process when it is filled.
                    os.pwrite(descriptor, _fresh(), 0)
                mapped = mmap.mmap(descriptor, SIZE)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StorageError(
                f"cannot write {path}: {error.strerror or error}", hint="free some space on that disk"
            ) from error
        if mapped[: len(_MAGIC)] != _MAGIC:
            mapped[:SIZE] = _fresh()
        return cls(mapped)

    @property
    def end(self) -> int:
        """First byte after the last durable record; 0 when the file does not know."""
        for _ in range(1000):
            end, flipped = _END.unpack_from(self._mapped, _END_AT)
            if end == flipped ^ _ALL:
                return int(end)
        return 0  # whoever wrote it died between two bytes: the journal itself is asked

    @end.setter
    def end(self, end: int) -> None:
        _END.pack_into(self._mapped, _END_AT, end, end ^ _ALL)

    @property
    def figures(self) -> Figures:
        """The appending process's figures."""
        return Figures(*_FIGURES.unpack_from(self._mapped, _FIGURES_AT))

    def tell(self, figures: Figures) -> None:
        """Replace the figures."""
        _FIGURES.pack_into(
            self._mapped,
            _FIGURES_AT,
            figures.waiting_rows,
            figures.waiting_requests,
            figures.groups,
            figures.rows,
            figures.bytes,
            figures.sync_ns,
            figures.longest_sync_ns,
            figures.refused_requests,
            figures.process,
        )

    @property
    def trouble(self) -> str | None:
        """Why the last group could not be made durable; None when it could."""
        (length,) = _LENGTH.unpack_from(self._mapped, _TROUBLE_AT)
        start = _TROUBLE_AT + _LENGTH.size
        return self._mapped[start : start + min(length, _LONGEST_TROUBLE)].decode("utf-8", "replace") or None

    @trouble.setter
    def trouble(self, sentence: str | None) -> None:
        text = (sentence or "").encode()[:_LONGEST_TROUBLE]
        start = _TROUBLE_AT + _LENGTH.size
        self._mapped[start : start + len(text)] = text
        _LENGTH.pack_into(self._mapped, _TROUBLE_AT, len(text))

    def close(self) -> None:
        """Let go of the file."""
        with contextlib.suppress(BufferError):
            self._mapped.close()


def _fresh() -> bytes:
    return (_MAGIC + _END.pack(0, _ALL)).ljust(SIZE, b"\x00")
