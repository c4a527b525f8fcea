"""Where an `aa-engine models` command runs and whom it talks to.

Owns the shell's side of a command: working directory, environment, terminal, and the database that it opens. The same
command can run in the shell's process or in an engine, on behalf of the shell. Refuses to know verbs or projects.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import duckdb
    from rich.progress import Progress as Status

    from engine.modelrunner.project import Project
    from engine.settings import Settings


LONG_SECONDS = 0.4
"""What takes longer than this is worth a progress line."""


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

    def progress(self, line: str | None, done: int, total: int) -> None:
        """What happens now, in place of the last progress line; None: nothing any more."""
        ...


class Shell:
    """Standard output and standard error of this process; the progress line comes only when something takes long."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.live = sys.stdout.isatty() and environment.get("TERM") != "dumb"
        self.colours = sys.stdout.isatty() and "NO_COLOR" not in environment
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._shown: Status | None = None

    def out(self, line: str) -> None:
        self._clear()
        print(line, flush=True)

    def err(self, line: str) -> None:
        self._clear()
        print(line, file=sys.stderr, flush=True)

    def progress(self, line: str | None, done: int, total: int) -> None:
        if not self.live:
            return
        self._clear()
        if line is not None:
            self._timer = threading.Timer(LONG_SECONDS, self._show, (line, done, total))
            self._timer.daemon = True
            self._timer.start()

    def _show(self, line: str, done: int, total: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        shown = Progress(
            SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(20), MofNCompleteColumn(),
            TimeElapsedColumn(), console=Console(file=sys.stdout, no_color=not self.colours), transient=True,
        )  # fmt: skip
        with self._lock:
            if self._timer is not threading.current_thread():
                return  # it has ended meanwhile
            shown.add_task(line, total=total, completed=done - 1)
            shown.start()
            self._shown = shown

    def _clear(self) -> None:
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._shown is not None:
                self._shown.stop()
                self._shown = None


@dataclass(frozen=True, slots=True)
class Place:
    """`data_dir` and `config` as the shared flags say, or the `settings` they lead to.

    `connect`: the database to use, None: the project's own file; `cursors`: further connections to it. `cancelled` is
    set when nobody waits for the command any more: it stops before the next node.
    """

    folder: Path
    environment: Mapping[str, str]
    terminal: Terminal
    data_dir: Path | None = None
    config: Path | None = None
    settings: Settings | None = None
    connect: Callable[[Project], duckdb.DuckDBPyConnection] | None = None
    cursors: Callable[[duckdb.DuckDBPyConnection, int], Sequence[duckdb.DuckDBPyConnection]] | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)

    def engine_settings(self) -> Settings:
        """The engine's settings. ConfigurationError for a wrong file."""
        if self.settings is not None:
            return self.settings
        from engine import settings as engine_settings

        return engine_settings.load(self.data_dir, self.config, {})

    def path(self, given: Path) -> Path:
        """A path as the shell means it."""
        return given if given.is_absolute() else self.folder / given


def here(data_dir: Path | None, config: Path | None) -> Place:
    """This process."""
    return Place(Path.cwd(), dict(os.environ), Shell(os.environ), data_dir, config)
