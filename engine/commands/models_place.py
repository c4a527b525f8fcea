"""Where an `aa-engine models` command runs and whom it talks to.

Owns the shell's side of a command: working directory, environment, terminal, and the database that it opens. The same
command can run in the shell's process or in an engine, on behalf of the shell. Refuses to know verbs or projects.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import duckdb

    from engine.modelrunner.project import Project


class Terminal(Protocol):
    """Takes lines. `live`: somebody watches, so a line may be replaced by the next (`progress`)."""

    live: bool
    colours: bool

    def out(self, line: str) -> None:
        """Data, and what dbt prints on standard output."""
        ...

    def err(self, line: str) -> None:
        """Talk."""
        ...

    def progress(self, line: str | None) -> None:
        """What happens now, in place of the last progress line; None: nothing any more."""
        ...


class Shell:
    """Standard output and standard error of this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.live = sys.stdout.isatty() and environment.get("TERM") != "dumb"
        self.colours = sys.stdout.isatty() and "NO_COLOR" not in environment
        self._pending = False

    def out(self, line: str) -> None:
        self._clear()
        print(line, flush=True)

    def err(self, line: str) -> None:
        self._clear()
        print(line, file=sys.stderr, flush=True)

    def progress(self, line: str | None) -> None:
        if not self.live:
            return
        self._clear()
        if line is not None:
            width = os.get_terminal_size(sys.stdout.fileno()).columns
            print(line[: width - 1], end="", flush=True)
            self._pending = True

    def _clear(self) -> None:
        if self._pending:
            print("\r\x1b[2K", end="")
            self._pending = False


@dataclass(frozen=True, slots=True)
class Place:
    """`data_dir` and `config` as the shared flags say; `connect`: the database to use, None: the project's own file.

    `cancelled` is set when nobody waits for the command any more: it stops before the next node.
    """

    folder: Path
    environment: Mapping[str, str]
    terminal: Terminal
    data_dir: Path | None = None
    config: Path | None = None
    connect: Callable[[Project], duckdb.DuckDBPyConnection] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def path(self, given: Path) -> Path:
        """A path as the shell means it."""
        return given if given.is_absolute() else self.folder / given


def here(data_dir: Path | None, config: Path | None) -> Place:
    """This process."""
    return Place(Path.cwd(), dict(os.environ), Shell(os.environ), data_dir, config)
