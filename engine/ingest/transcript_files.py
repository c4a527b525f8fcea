"""Finding the files of local histories, and their lines.

Owns where agents keep their histories on this machine (with the folders of the setting `transcripts.paths`), which
agent an unknown file belongs to, and reading a file's complete lines from an offset with flat memory. Refuses meaning:
what a line says is its reader's business.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from engine.agents.transcripts.registry import SOURCES, TranscriptSource, recognise

CHUNK_BYTES = 1 << 20
LONGEST_LINE = 64 << 20
"""A longer line is skipped: no agent writes one, and it must not fill the memory."""
HEAD_BYTES = 1024
SNIFFED_BYTES = 256 << 10
DATABASE_MAGIC = b"SQLite format 3\x00"
ANYONES = ("*.jsonl", *(pattern for source in SOURCES if source.is_database for pattern in source.patterns))
"""Names of histories in a folder that is no certain agent's."""
WRITE_AHEAD = "-wal"
"""What SQLite adds to a database's name for the log that it writes first."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder to look in. `source`: the agent whose folder it is; None: any agent's files may lie there."""

    path: Path
    source: TranscriptSource | None


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may hold a history."""

    path: str
    source: TranscriptSource | None
    size: int
    modified_ns: int
    device: int
    inode: int


def default_roots(environment: Mapping[str, str], home: Path, more: Sequence[str] = ()) -> list[Root]:
    """Every agent's own folders and `more`, each once, whether they exist or not."""
    roots = [Root(path, source) for source in SOURCES for path in source.roots(environment, home)]
    roots += [Root(Path(path).expanduser(), None) for path in more]
    unique: dict[str, Root] = {}
    for root in roots:
        unique.setdefault(os.path.realpath(root.path), root)
    return [Root(Path(real), root.source) for real, root in unique.items()]


def find(roots: Sequence[Root], unreadable: dict[str, str] | None = None) -> list[FoundFile]:
    """All history files below these roots (or the files that the roots are), newest first, each file once.

    Folders that cannot be listed are put into `unreadable` with the reason.
    """
    found: dict[tuple[int, int], FoundFile] = {}
    refused = unreadable if unreadable is not None else {}
    for root in roots:
        for path in _files(root, refused):
            file = look(path, root.source)
            if file is not None:
                found.setdefault((file.device, file.inode), file)
    return sorted(found.values(), key=lambda file: file.modified_ns, reverse=True)


def look(path: str, source: TranscriptSource | None) -> FoundFile | None:
    """The file as it is now; None when it is gone or no regular file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    size, modified = status.st_size, status.st_mtime_ns
    if source is not None and source.is_database:
        try:
            log = os.stat(path + WRITE_AHEAD)
            size, modified = size + log.st_size, max(modified, log.st_mtime_ns)
        except OSError:
            pass
    return FoundFile(path, source, size, modified, status.st_dev, status.st_ino)


def written_to(path: str) -> str:
    """The file that a change belongs to: of a database the log in front of it changes first."""
    return path.removesuffix(WRITE_AHEAD)


def belongs(path: str, roots: Sequence[Root]) -> Root | None:
    """The root under whose rules this path is a history file."""
    for root in roots:
        inside = path == str(root.path) or path.startswith(str(root.path).rstrip(os.sep) + os.sep)
        if inside and _is_history(os.path.basename(path), root.source):
            return root
    return None


def sniff(path: str) -> TranscriptSource | None:
    """The agent whose lines stand in the head of the file. Raises OSError."""
    with open(path, "rb") as stream:
        head = stream.read(SNIFFED_BYTES)
    if head.startswith(DATABASE_MAGIC):
        name = os.path.basename(path)
        return next((source for source in SOURCES if source.is_database and _is_history(name, source)), None)
    name = os.path.basename(path)
    documents = (source for source in SOURCES if is_document(name, source) and b'"sessionId"' in head)
    return recognise(line for line in head.split(b"\n") if line) or next(documents, None)


def head_of(stream: BinaryIO, length: int) -> tuple[int, str]:
    """(bytes, hash) of the beginning of a file, by which it is known again."""
    stream.seek(0)
    head = stream.read(length)
    return len(head), hashlib.blake2b(head, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Piece:
    """Complete lines and the offset behind them; `too_long`: lines that were passed over."""

    lines: list[bytes]
    offset: int
    too_long: int
    is_inside_long_line: bool


def pieces(stream: BinaryIO, offset: int, is_inside_long_line: bool = False) -> Iterator[Piece]:
    """Read to the end, a chunk at a time. An unfinished last line stays unread, except a complete JSON object: no
    proper beginning of an object is one itself, so a file without a final line feed is read whole."""
    stream.seek(offset)
    reached = offset
    rest = b""
    skipping = is_inside_long_line
    while chunk := stream.read(CHUNK_BYTES):
        reached += len(chunk)
        lines = (rest + chunk if rest else chunk).split(b"\n")
        rest = lines.pop()
        if not lines:
            if len(rest) > LONGEST_LINE or skipping:
                rest = b""
                too_long = int(not skipping)
                skipping = True
                offset = reached
                yield Piece([], offset, too_long, skipping)
            continue
        offset = reached - len(rest)
        if skipping:
            del lines[0]
            skipping = False
        yield Piece(lines, offset, 0, False)
    if rest and not skipping and is_whole(rest):
        yield Piece([rest], offset + len(rest), 0, False)
    elif rest and skipping:
        yield Piece([], offset + len(rest), 0, True)


def is_whole(line: bytes) -> bool:
    """Whether a line without line feed is a complete JSON object."""
    if line.rstrip()[-1:] != b"}":
        return False
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _files(root: Root, unreadable: dict[str, str]) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            unreadable[str(error.filename or root.path)] = error.strerror or str(error)

    if root.path.is_file():
        yield str(root.path)
        return
    for folder, _, names in os.walk(root.path, onerror=refuse):
        for name in names:
            if _is_history(name, root.source):
                yield os.path.join(folder, name)


def _is_history(name: str, source: TranscriptSource | None) -> bool:
    patterns = ANYONES if source is None else source.patterns
    documents = any(is_document(name, each) for each in (SOURCES if source is None else (source,)))
    return documents or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def is_document(name: str, source: TranscriptSource) -> bool:
    """Whether a file of this name holds a whole history as one JSON object."""
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in source.document_patterns)


def document(stream: BinaryIO, source: TranscriptSource) -> Iterator[Piece]:
    """The lines of a document, all at once; nothing while it is being written, or when it is no such document."""
    stream.seek(0)
    content = stream.read(LONGEST_LINE + 1)
    lines = source.document(content) if len(content) <= LONGEST_LINE else None
    if lines is not None:
        yield Piece(lines, len(content), 0, False)
