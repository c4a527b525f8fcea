"""Commits in the tool calls of an agent, beyond what `engine.agents.arguments` knows of one call.

Owns two questions: in which folder does this command commit, and which commits does this output name. Refuses to keep
either text; git itself is never asked.
"""

from __future__ import annotations

import os.path
import re

from engine.agents.arguments import COMMAND_LIMIT

_WORD = r"""("[^"]*"|'[^']*'|[^\s;&|"']+)"""
_ELSEWHERE = re.compile(rf"(?:^|[\s;&|(]|/)git\s+(?:-c\s+[^\s-]\S*\s+)*-C\s+{_WORD}")
_MOVE = re.compile(rf"^\s*cd\s+{_WORD}\s*(?:&&|;)")
_NAMED = re.compile(r"^\[[^\]\n]{1,250}? ([0-9a-f]{7,40})\]", re.MULTILINE)


def commit_folder(command: str, cwd: str) -> str:
    """The folder in which a command commits: `git -C`, a leading `cd`, else the session's own."""
    command = command[:COMMAND_LIMIT]
    folder = cwd
    for pattern in (_MOVE, _ELSEWHERE):
        found = pattern.search(command)
        if found is not None:
            target = found[1].strip("\"'")
            if target.isprintable() and not re.search(r"[$`*?]", target):
                folder = os.path.join(folder, os.path.expanduser(target))
    return os.path.normpath(folder)


def named_commits(output: str) -> list[str]:
    """The hashes in git's own lines `[branch sha] subject`, in order, each once."""
    return list(dict.fromkeys(_NAMED.findall(output[:COMMAND_LIMIT])))
