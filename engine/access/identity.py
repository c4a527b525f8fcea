"""Who works on this machine, when no key says so.

Owns the local developer: the e-mail that git is configured with, else the user of the operating system. Refuses to
guess for callers from elsewhere.
"""

from __future__ import annotations

import getpass
import os
import subprocess
from pathlib import Path


def local_developer(directory: Path | None = None) -> str:
    """`git config user.email` in lower case, else the name of the operating system's user.

    `directory`: where git looks for a repository's own setting; default: the user's home, so that only what holds for
    the whole machine counts.
    """
    try:
        answer = subprocess.run(
            ["git", "config", "--get", "user.email"],
            cwd=directory or Path.home(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=5,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        email = answer.stdout.strip().lower()
        if answer.returncode == 0 and email:
            return email
    except (OSError, subprocess.SubprocessError, RuntimeError):
        pass  # no git, no home: the operating system's user is the answer then
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
