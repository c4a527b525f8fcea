"""The history of a repository as git prints it, parsed.

Owns the format that `git log` is asked for and the reading of that stream: commits with their figures, in git's order,
a chunk at a time. Refuses to start git and to keep a history in memory. Names and messages that are not UTF-8 are read
as Latin-1, so nothing is ever refused for its encoding.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from engine.errors import EngineError
from engine.repos.paths import is_written

MARK = b"\x02commit"
FIELDS = ("%H", "%P", "%S", "%an", "%ae", "%ad", "%cn", "%ce", "%cd", "%B", "%(trailers:only,unfold)")
ARGUMENTS: tuple[str, ...] = (
    "log",
    "-z",
    "--numstat",
    "--source",
    "--no-color",
    "--no-notes",
    "--no-ext-diff",
    "--no-textconv",
    "--date=raw",
    "--diff-merges=first-parent",
    "--diff-algorithm=myers",
    "--find-renames",
    "--format=tformat:%x02commit%x00" + "%x00".join(FIELDS) + "%x00",
)
"""Words after `git`; a merge is compared with its first parent, a root commit with nothing."""

CHUNK = 1 << 18
LATEST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z, the last instant Python and the clients can show


class TornHistoryError(EngineError):
    """What git printed is not what it was asked for, or ends in the middle of a commit."""

    code = "torn_history"


@dataclass(frozen=True, slots=True)
class Moment:
    """An instant as git stores it: seconds since 1970 UTC, and the offset of the author's clock in minutes."""

    seconds: int
    offset_minutes: int


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. Line figures exclude binary files; `lines_added` and `lines_deleted` also lock, generated and
    vendored ones, the `_total` figures do not. `source` is the revision it was reached from, as asked."""

    commit_hash: str
    parents: tuple[str, ...]
    source: str
    author_name: str
    author_email: str
    authored: Moment
    committer_name: str
    committer_email: str
    committed: Moment
    message: str
    trailers: tuple[tuple[str, str], ...]
    files_changed: int
    lines_added: int
    lines_deleted: int
    lines_added_total: int
    lines_deleted_total: int


def parse(output: IO[bytes]) -> Iterator[Commit]:
    """Commits of `git log` with ARGUMENTS. Raises TornHistoryError."""
    return commits(tokens(output))


def tokens(output: IO[bytes]) -> Iterator[bytes]:
    """What stands between NUL bytes; bytes after the last NUL make a last token."""
    rest = b""
    while chunk := output.read(CHUNK):
        parts = (rest + chunk).split(b"\0") if rest else chunk.split(b"\0")
        rest = parts.pop()
        yield from parts
    if rest:
        yield rest


def commits(stream: Iterable[bytes]) -> Iterator[Commit]:
    """Commits from tokens. A path may hold anything but NUL, so its place alone tells what a token is."""
    source = iter(stream)
    try:
        token = next(source)
    except StopIteration:
        return
    while True:
        if token != MARK:
            raise TornHistoryError(f"git log printed {token[:40]!r} where a commit begins")
        try:
            fields = [next(source) for _ in FIELDS]
            next(source)  # the end of the format
        except (StopIteration, RuntimeError):
            raise TornHistoryError("git log ended in the middle of a commit") from None
        files = added = deleted = added_total = deleted_total = 0
        following = next(source, None)
        while following is not None and following != MARK:
            try:
                plus, minus, path = following.split(b"\t", 2)
                if not path:  # a rename: the old and the new name follow
                    next(source)
                    path = next(source)
            except (ValueError, StopIteration):
                raise TornHistoryError(f"git log printed {following[:40]!r} where a file's figures belong") from None
            files += 1
            plus = plus.lstrip(b"\n")
            if plus != b"-":
                added_total += int(plus)
                deleted_total += int(minus)
                if is_written(path):
                    added += int(plus)
                    deleted += int(minus)
            following = next(source, None)
        yield _commit(fields, files, added, deleted, added_total, deleted_total)
        if following is None:
            return
        token = following


def _commit(fields: list[bytes], files: int, added: int, deleted: int, added_total: int, deleted_total: int) -> Commit:
    return Commit(
        commit_hash=fields[0].decode("ascii", "replace"),
        parents=tuple(fields[1].decode("ascii", "replace").split()),
        source=text(fields[2]),
        author_name=text(fields[3]),
        author_email=text(fields[4]).strip(),
        authored=moment(fields[5]),
        committer_name=text(fields[6]),
        committer_email=text(fields[7]).strip(),
        committed=moment(fields[8]),
        message=text(fields[9]).rstrip("\n"),
        trailers=trailers(text(fields[10])) if fields[10] else (),
        files_changed=files,
        lines_added=added,
        lines_deleted=deleted,
        lines_added_total=added_total,
        lines_deleted_total=deleted_total,
    )


def text(value: bytes) -> str:
    """UTF-8, else Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


_MOMENT = re.compile(rb"(-?\d+)(?: ([+-])(\d{2,})(\d{2}))?")


def moment(value: bytes) -> Moment:
    """`1795200438 +0200`. A date that git itself cannot read is 0 there; one that no clock can show becomes 0 too."""
    match = _MOMENT.match(value)
    if match is None:
        return Moment(0, 0)
    seconds = int(match[1])
    offset = 0
    if match[2] is not None:
        offset = (int(match[3]) * 60 + int(match[4])) * (-1 if match[2] == b"-" else 1)
    return Moment(seconds if 0 <= seconds <= LATEST_SECOND else 0, offset if abs(offset) <= 24 * 60 else 0)


def trailers(block: str) -> tuple[tuple[str, str], ...]:
    """(key, value) of the lines of a trailer block, unfolded; keys as written."""
    found = []
    for line in block.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip():
            found.append((key.strip(), value.strip()))
    return tuple(found)
