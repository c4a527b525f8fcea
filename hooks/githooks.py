"""The git hooks of a repository, chained with what is there already.

Owns where a repository's hooks lie (core.hooksPath, husky and pre-commit included), and putting one marked block at the
top of a shell hook, or a small shell hook in front of one in another language. Refuses to change a line of an existing
hook: it runs as before, with the same arguments and input, and its exit code decides.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from hooks.agents.setup import SetupError
from hooks.changes import Change, read, real
from hooks.project import GitError, git

NAMES = ("post-commit", "post-rewrite")
KIND = "git hook"
BEGIN = "# >>> agent-analytics >>>"
END = "# <<< agent-analytics <<<"
SHELLS = re.compile(rb"^#!\s*(?:\S*/env\s+(?:-S\s+)?)?(?:\S*/)?(?:sh|bash|dash|ksh|zsh|ash)(?:\s|$)")
CHAINED = ".before-agent-analytics"


def folder_of(repository: Path) -> Path:
    """Where git looks for the hooks of a repository. Raises SetupError."""
    try:
        told = git(repository, "rev-parse", "--git-path", "hooks")
    except GitError as error:
        raise SetupError(f"{repository}: {error}", "name a folder inside a git repository") from None
    return Path(os.path.abspath(repository / os.fsdecode(told).rstrip("\n")))


def is_versioned(hook: Path) -> bool:
    """Whether the hook itself is committed to a repository, so that changing it shows there."""
    try:
        git(hook.parent, "ls-files", "--error-unmatch", "--", hook.name)
    except GitError:
        return False
    return True


def changes(repository: Path, scripts: Path) -> list[Change]:
    """What to do so that a repository's hooks call the scripts in `scripts`. Raises SetupError."""
    folder = folder_of(repository)
    found: list[Change] = []
    for name in NAMES:
        path = real(folder / name)
        before = read(path)
        script = scripts / name
        if before is None or (SHELLS.match(before) and os.access(path, os.X_OK)):
            found.append(Change(path, before, with_block(before, name, script), KIND, _executable(path, before)))
            continue
        aside = path.with_name(name + CHAINED)
        if read(aside) is not None:
            raise SetupError(f"{aside}: exists already", "move it away and run again")
        found.append(Change(aside, None, before, KIND + " moved aside", _executable(path, before)))
        found.append(Change(path, before, _front(name, script, aside), KIND, 0o755))
    return found


def with_block(before: bytes | None, name: str, script: Path) -> bytes:
    """A shell hook with our block after its first line; a new one where there was none."""
    block = _block(name, script)
    if before is None:
        return b"#!/bin/sh\n" + block
    rest = without_block(before)
    first, feed, tail = rest.partition(b"\n")
    return first + (feed or b"\n") + block + tail


def without_block(content: bytes) -> bytes:
    """A hook without our block."""
    return re.sub(
        rb"^" + re.escape(BEGIN.encode()) + rb"\n.*?^" + re.escape(END.encode()) + rb"\n",
        b"",
        content,
        flags=re.DOTALL | re.MULTILINE,
    )


def is_only_ours(content: bytes) -> bool:
    """Whether nothing but the first line is left of a hook without our block."""
    return without_block(content).strip() in (b"", b"#!/bin/sh")


def _block(name: str, script: Path) -> bytes:
    quoted = shlex.quote(str(script))
    if name == "post-commit":
        lines = [f'if [ -x {quoted} ]; then {quoted} "$@" || :; fi']
    else:  # what git writes to this hook is read once and handed on
        lines = [
            f"if [ -x {quoted} ]; then",
            "  aa_rewritten=$(cat)",
            f"""  printf '%s\\n' "$aa_rewritten" | {quoted} "$@" || :""",
            "  exec <<AA_REWRITTEN",
            "$aa_rewritten",
            "AA_REWRITTEN",
            "fi",
        ]
    return "".join(f"{line}\n" for line in (BEGIN, *lines, END)).encode()


def _front(name: str, script: Path, aside: Path) -> bytes:
    """A hook that runs ours and then becomes the one that was moved aside, unless that was switched off."""
    quoted = shlex.quote(str(aside))
    return b"#!/bin/sh\n" + _block(name, script) + f'[ -x {quoted} ] || exit 0\nexec {quoted} "$@"\n'.encode()


def _executable(path: Path, before: bytes | None) -> int:
    """Permissions of a hook: a new one can be run; an existing one keeps what it has."""
    return 0o755 if before is None else path.stat().st_mode & 0o7777
