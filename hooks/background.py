"""Starting delivery without anybody waiting for it.

Owns the command line under which this program was installed and a detached start of it. Refuses to wait and to fail.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def command() -> list[str]:
    """The words that start `aa-hooks` from any directory: its script beside the interpreter, else the interpreter.

    With the interpreter, this package's folder goes in front of the path by hand: `-m hooks` would take a folder
    `hooks` of whatever repository one stands in.
    """
    script = Path(sys.executable).with_name("aa-hooks")
    if os.access(script, os.X_OK):
        return [str(script)]
    root = str(Path(__file__).resolve().parent.parent)
    code = f"import sys; sys.path.insert(0, {root!r}); from hooks.cli import main; sys.exit(main())"
    return [sys.executable, "-P", "-c", code]


def start(*words: str) -> None:
    """Start `aa-hooks WORDS` as a process of its own, in no terminal, and return at once. Never raises."""
    try:
        if os.fork() != 0:
            os.wait()  # the child in between ends at once
            return
    except OSError:
        return
    try:  # from here on in the child: nothing may return into the caller's code
        os.setsid()
        if os.fork() == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(null, descriptor)
            full = [*command(), *words]
            os.execv(full[0], full)
    finally:
        os._exit(0)
