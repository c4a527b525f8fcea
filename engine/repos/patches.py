"""Patch ids: the identity of a change that survives rebase and cherry-pick.

Owns the pipe `git diff-tree -p | git patch-id --stable`. Refuses merges, which have none, and commits so large that
their diff would cost more than the id is worth.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from engine.repos.log import Commit
from engine.repos.plumbing import command, environment

LARGEST_CHANGE = 20_000  # lines


def patch_ids(folder: Path, commits: Sequence[Commit]) -> dict[str, str]:
    """Patch id by commit hash, for those that have one. A failing git gives none: the id is an extra."""
    wanted = [
        commit.commit_hash
        for commit in commits
        if len(commit.parents) < 2
        and commit.files_changed
        and commit.lines_added_total + commit.lines_deleted_total <= LARGEST_CHANGE
    ]
    if not wanted:
        return {}
    words = ("diff-tree", "--stdin", "-p", "-r", "--root", "--no-color", "--no-ext-diff", "--no-textconv")
    diff = subprocess.run(
        command(folder, *words),
        input="".join(f"{name}\n" for name in wanted).encode("ascii"),
        capture_output=True,
        env=environment(),
        check=False,
    )
    ids = subprocess.run(
        command(folder, "patch-id", "--stable"), input=diff.stdout, capture_output=True, env=environment(), check=False
    )
    pairs = (line.split() for line in ids.stdout.decode("ascii", "replace").splitlines())
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}
