"""Commits in the tool calls of an agent.

Owns two questions: does this command make a commit (and in which folder), and which commit does this output name.
Refuses to keep either text; git itself is never asked.
"""

from __future__ import annotations

import os.path
import re

LONGEST_COMMAND = 20_000
LONGEST_OUTPUT = 200_000

_WORD = r"""(?:"[^"]*"|'[^']*'|[^\s;&|"']+)"""
# Every option can be read in one way only: with two ways a long row of options would take exponential time.
_OPTION = rf"\s+(?:(?:-[cC]|--(?:git-dir|work-tree|namespace))\s+{_WORD}|(?!-[cC]\s)--?[\w-]+(?:={_WORD})?)"
_COMMIT = re.compile(rf"(?:^|[\s;&|(]|/)git(?:{_OPTION})*\s+commit(?=$|[\s;&|)\"'])")
_ELSEWHERE = re.compile(rf"(?:^|[\s;&|(]|/)git\s+(?:-c\s+{_WORD}\s+)*-C\s+({_WORD})")
_MOVE = re.compile(rf"^\s*cd\s+({_WORD})\s*(?:&&|;)")
_NAMED = re.compile(r"^\[[^\]\n]{1,300} ([0-9a-f]{7,40})\] ", re.MULTILINE)
_SHA = re.compile(r"[0-9a-f]{7,40}")


def makes_commit(command: str) -> bool:
    """Whether a shell command runs `git commit`, with whatever options between the two words."""
    if "commit" not in command:
        return False
    return _COMMIT.search(command[:LONGEST_COMMAND]) is not None


def commit_folder(command: str, cwd: str) -> str:
    """The folder in which the commit is made: `git -C`, a leading `cd`, else the session's own."""
    command = command[:LONGEST_COMMAND]
    folder = cwd
    for pattern in (_MOVE, _ELSEWHERE):
        found = pattern.search(command)
        if found is not None:
            target = found[1].strip("\"'")
            if not re.search(r"[$`*?]", target):
                folder = os.path.join(folder, os.path.expanduser(target))
    return os.path.normpath(folder)


def named_commits(output: str) -> list[str]:
    """The hashes in git's own lines `[branch sha] subject`, in order, each once."""
    if len(output) > LONGEST_OUTPUT:
        output = output[:LONGEST_OUTPUT]
    return list(dict.fromkeys(_NAMED.findall(output)))


def commit_hash(value: object) -> str | None:
    """A hash of 7 to 40 hexadecimal digits, or None."""
    return value if isinstance(value, str) and _SHA.fullmatch(value) else None
