"""git-ai's notes: which commits got one, and its text.

Owns the walk from one tip of `refs/notes/ai` to the next. Refuses to interpret a note (evidence.py) and to load one of
unreasonable size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.repos.plumbing import RepositoryError, read

AT_ONCE = 200
LARGEST_NOTE = 4 << 20


def changed_notes(folder: Path, before: str | None, after: str) -> Iterator[list[tuple[str, str]]]:
    """(commit hash, note) of every note that is new or changed between two tips, in lists of some hundred."""
    paths = _paths(folder, before, after)
    for start in range(0, len(paths), AT_ONCE):
        asked = "".join(f"{after}:{path}\n" for path in paths[start : start + AT_ONCE]).encode("ascii")
        sizes = read(folder, "cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked).decode("ascii")
        wanted: list[tuple[str, str]] = []
        for path, line in zip(paths[start : start + AT_ONCE], sizes.splitlines(), strict=True):
            name, _, size = line.partition(" ")
            if size.isdigit() and int(size) <= LARGEST_NOTE:
                wanted.append((path.replace("/", ""), name))
        yield list(_contents(folder, wanted))


def _paths(folder: Path, before: str | None, after: str) -> list[str]:
    """Paths in the notes tree; a note of commit abcd… lies at abcd… or ab/cd…"""
    listing = b""
    if before is not None:
        try:
            listing = read(folder, "diff-tree", "-r", "-z", "--name-only", "--diff-filter=AM", before, after)
        except RepositoryError:
            before = None  # the old tip is gone: read all of them again
    if before is None:
        listing = read(folder, "ls-tree", "-r", "-z", "--name-only", after)
    found = [part.decode("ascii", "replace") for part in listing.split(b"\0") if part]
    return [path for path in found if all(letter in "0123456789abcdef/" for letter in path)]


def _contents(folder: Path, wanted: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    output = read(folder, "cat-file", "--batch", stdin="".join(f"{name}\n" for _, name in wanted).encode("ascii"))
    position = 0
    for commit_hash, _ in wanted:
        end = output.index(b"\n", position)
        size = int(output[position:end].rsplit(b" ", 1)[1])
        yield commit_hash, output[end + 1 : end + 1 + size].decode("utf-8", "replace")
        position = end + 1 + size + 1
