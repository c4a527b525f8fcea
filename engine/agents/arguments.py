"""What may be learned from a tool's arguments before they are dropped.

Owns the four facts that survive: the file's extension, whether a command commits, the commit it names, and a keyed
hash by which the same call is recognised again. Refuses to keep or return any argument.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

COMMAND_LIMIT = 65_536
"""Characters of a command that are examined."""

# The options' two forms exclude each other, so that the pattern cannot backtrack without end.
_GIT_COMMIT = re.compile(
    r"(?:^|[\s;&|(`\"'])git(?:\s+(?:-[cC]\s+[^\s-]\S*|--?[A-Za-z][^\s]*))*\s+commit(?=$|[\s;&|)`\"'])"
)
_COMMIT_LINE = re.compile(r"^\[[^\]\n]{1,250}? ([0-9a-f]{7,40})\]", re.MULTILINE)
_SHA = re.compile(r"[0-9a-f]{7,64}\Z")
_PATCH_FILE = re.compile(r"^\*\*\* (?:Add|Update|Delete) File: (.{1,1000})$", re.MULTILINE)
_EXTENSION = re.compile(r"\.[A-Za-z0-9_+-]{1,16}\Z")
_CANONICAL = json.JSONEncoder(sort_keys=True)
_PATH_NAMES = ("file_path", "notebook_path", "path", "filePath", "absolute_path")


def read(arguments: Any) -> Any:
    """Arguments as sent (JSON text, a mapping, or anything) as a Python value; text that is not JSON stays text."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def hashed(key: bytes, tool: str | None, arguments: Any) -> str | None:
    """32 hexadecimal digits, equal for equal (tool, arguments) of one workspace; None without arguments."""
    if arguments is None:
        return None
    try:
        canonical = arguments if isinstance(arguments, str) else _CANONICAL.encode(arguments)
    except (TypeError, ValueError, RecursionError):
        return None
    digest = hashlib.blake2b((tool or "").encode("utf-8", "replace"), digest_size=16, key=key[:64])
    digest.update(b"\x00")
    digest.update(canonical.encode("utf-8", "replace"))
    return digest.hexdigest()


def commits(command: Any) -> bool | None:
    """Whether a shell command (text, or a list of words) runs `git commit`; None when there is no command."""
    if isinstance(command, (list, tuple)):
        command = " ".join(part for part in command if isinstance(part, str))
    if not isinstance(command, str) or not command:
        return None
    if "commit" not in command:  # nearly all of them, and much quicker than the pattern
        return False
    return _GIT_COMMIT.search(command[:COMMAND_LIMIT]) is not None


def commit_sha(value: Any) -> str | None:
    """A commit's hash as an agent names it: 7 to 64 hexadecimal digits, lower case."""
    if not isinstance(value, str):
        return None
    lowered = value.strip().lower()
    return lowered if _SHA.match(lowered) else None


def commit_in_output(output: Any) -> str | None:
    """The last commit that `git commit` reports in its output (`[main 1a2b3c4] subject`)."""
    if not isinstance(output, str):
        return None
    found = _COMMIT_LINE.findall(output[:COMMAND_LIMIT])
    return found[-1] if found else None


def extension(path: Any) -> str | None:
    """`.py` of `src/app.py`, lower case; None without one."""
    if not isinstance(path, str):
        return None
    name = path[-1000:].replace("\\", "/").rstrip("/").rpartition("/")[2]
    place = name.rfind(".")
    suffix = name[place:] if 0 < place < len(name) - 1 else ""
    return suffix.lower() if _EXTENSION.match(suffix) else None


def file_extension(arguments: Any) -> str | None:
    """The extension of the file that the arguments name: a path argument, or the only kind of file in a patch."""
    if isinstance(arguments, dict):
        for name in _PATH_NAMES:
            if name in arguments:
                return extension(arguments[name])
        patch = arguments.get("input") or arguments.get("patch")
    else:
        patch = arguments
    if isinstance(patch, str) and patch.startswith("*** Begin Patch"):
        found = {extension(path.strip()) for path in _PATCH_FILE.findall(patch[:COMMAND_LIMIT])}
        return found.pop() if len(found) == 1 else None
    return None
