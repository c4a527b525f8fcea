"""Which files the sessions of this machine edited, as far as their hooks tell, to compare with the next commit.

Owns one small file of hashes and the share of a commit's files that each session had edited since the commit before.
Refuses names of files: only their hashes are kept, and not even those leave the machine.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from hooks.folder import Folder

FILE_NAME = "edits.log"
LARGEST = 512 << 10
"""Bytes after which the older half goes: some thousand edits."""
SLACK_SECONDS = 5.0


def note(folder: Folder, seconds: float, agent: str, session: str, path: str) -> None:
    """An agent's session edited this file. Raises OSError."""
    folder.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    place = folder.spool / FILE_NAME
    line = f"{seconds}\t{agent}\t{session}\t{hashed(path)}\n".encode()
    if line.count(b"\t") != 3 or line.count(b"\n") != 1:
        return
    descriptor = os.open(place, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, line)
        size = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if size > LARGEST:
        _halve(place)


def of_commit(
    spool: Path, folder: Path, git_dir: Path | None, commit_hash: str, parents: Sequence[str], until: float
) -> list[dict[str, str]]:
    """The signs for one commit; merges bring nobody's edits. Never raises for what git can do."""
    from hooks.project import GitError, git  # not beside an agent: it brings the means to start programs

    if len(parents) > 1 or not (spool / FILE_NAME).exists():
        return []
    words = ("diff-tree", "-z", "-r", "--root", "--no-commit-id", "--name-only", commit_hash)
    try:
        root = os.fsdecode(git(folder, "rev-parse", "--show-toplevel")).rstrip("\n")
        paths = [os.fsdecode(name) for name in git(folder, *words, git_dir=git_dir).split(b"\0") if name]
        told = ("log", "-1", "--no-show-signature", "--format=%ct", *parents)
        asked = git(folder, *told, git_dir=git_dir) if parents else b"0"
    except GitError:
        return []
    return shares(spool, root, paths, _number(asked.decode("ascii", "replace")), until)


def shares(spool: Path, root: str, paths: Iterable[str], since: float, until: float) -> list[dict[str, str]]:
    """Signs of kind edited_files: each session with the share of these files (relative to `root`) that it edited in
    that time, 0 to 1. Empty where nothing is known. Never raises."""
    wanted = {hashed(os.path.join(root, path)) for path in paths}
    try:
        lines = (spool / FILE_NAME).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    edited: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in lines:
        parts = line.split("\t")
        if (
            len(parts) == 4
            and parts[3] in wanted
            and since - SLACK_SECONDS <= _number(parts[0]) <= until + SLACK_SECONDS
        ):
            edited[parts[1], parts[2]].add(parts[3])
    return [
        {
            "kind": "edited_files",
            "agent_type": agent,
            "session_id": session,
            "value": f"{len(found) / len(wanted):.4f}",
        }
        for (agent, session), found in edited.items()
    ]


def hashed(path: str) -> str:
    """What stands for a file's name, links resolved."""
    return hashlib.blake2b(os.fsencode(os.path.realpath(path)), digest_size=8).hexdigest()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def _halve(place: Path) -> None:
    lines = place.read_bytes().splitlines(keepends=True)
    temporary = place.with_name(f"{FILE_NAME}.{os.getpid()}")
    temporary.write_bytes(b"".join(lines[len(lines) // 2 :]))
    temporary.replace(place)
