"""A repository's `.mailmap`: which addresses of its history are one person's.

Owns the reading of the file at a commit and the lines that give one address another (gitmailmap(5)). Refuses lines that
only correct a name, lines that hold for one name of a shared address, and files of unreasonable size.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.repos.plumbing import read
from engine.store.rows import RawRows, dedup_key

NAME = ".mailmap"
LARGEST_FILE = 1 << 20
LONGEST_ADDRESS = 320

_TWO_ADDRESSES = re.compile(r"[^<>#]*<([^<>]+)>\s*<([^<>]+)>\s*(?:#.*)?")


def addresses(text: str) -> dict[str, str]:
    """The address that stands for each address, both in lower case; of several lines for one the last counts."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _TWO_ADDRESSES.fullmatch(line.strip())
        if match is None:
            continue
        proper, used = (part.strip().lower() for part in match.groups())
        if proper != used and all("@" in part and len(part) <= LONGEST_ADDRESS for part in (proper, used)):
            found[used] = proper
    return found


def rows_at(folder: Path, commit_hash: str) -> RawRows:
    """Rows of raw.developer_identities from the file as it was at a commit. Raises RepositoryError."""
    rows = RawRows()
    listed = read(folder, "ls-tree", "-z", "-l", commit_hash, "--", NAME).decode("utf-8", "replace")
    words = listed.split("\t", 1)[0].split()
    if len(words) != 4 or words[1] != "blob" or not words[3].isdigit() or int(words[3]) > LARGEST_FILE:
        return rows
    for used, proper in sorted(
        addresses(read(folder, "cat-file", "blob", words[2]).decode("utf-8", "replace")).items()
    ):
        rows.append(
            "developer_identities",
            {
                "dedup_key": dedup_key("developer_identities", ("mailmap", used, proper)),
                "developer_id": proper,
                "kind": "git_author",
                "value": used,
                "source": "mailmap",
                "removed": False,
            },
        )
    return rows
