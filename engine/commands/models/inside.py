"""`aa-engine models` inside a running engine: the engine's side.

Owns what a command finds there instead of a shell: the engine's own database by a cursor, its settings, a terminal
whose lines go back to the shell, and a turn between two refreshes for verbs that write. Refuses to authenticate
(engine.api does) and to do a verb otherwise than in a shell: `perform` is the same.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    import duckdb

    from engine.api.commands import Command
    from engine.modelrunner.project import Project
    from engine.serving.refresh import ModelKeeper
    from engine.workspace import Workspace

Tell = Callable[[Mapping[str, Any]], None]


LOOK_SECONDS = 0.2
"""How often a running command looks whether somebody still waits for it."""


class Relay:
    """A terminal whose lines go back to the shell."""

    def __init__(self, tell: Tell, *, live: bool, colours: bool) -> None:
        self.live = live
        self.colours = colours
        self._tell = tell

    def out(self, line: str) -> None:
        self._tell({"out": line})

    def err(self, line: str) -> None:
        self._tell({"err": line})

    def progress(self, line: str | None, done: int, total: int) -> None:
        if self.live:
            self._tell({"progress": line, "done": done, "total": total})


@dataclass(slots=True)
class Cursors:
    """The cursors of one command, so that a statement can be stopped when nobody waits for it."""

    workspace: Workspace
    open: list[duckdb.DuckDBPyConnection] = field(default_factory=list)

    def connect(self, project: Project) -> duckdb.DuckDBPyConnection:
        cursor = self.workspace.path.database.cursor()
        self.open.append(cursor)
        return cursor

    def beside(self, cursor: duckdb.DuckDBPyConnection, count: int) -> list[duckdb.DuckDBPyConnection]:
        """Further cursors like that one, for nodes that run at the same time."""
        from engine.modelrunner.database import beside

        found = beside(cursor, count)
        self.open += found
        return found

    def interrupt(self) -> None:
        import duckdb

        for cursor in list(self.open):
            with suppress(duckdb.Error):  # closed already
                cursor.interrupt()


def commands_of(workspace: Workspace, keeper: ModelKeeper) -> Command:
    """What an engine does with the commands it is sent."""

    def command(asked: Mapping[str, Any], tell: Tell, cancelled: threading.Event) -> int:
        from engine.commands.models.place import Place
        from engine.commands.models.verbs import verb_of
        from engine.commands.models.work import perform

        cursors = Cursors(workspace)
        relay = Relay(tell, live=bool(asked.get("live")), colours=bool(asked.get("colours")))
        ended = threading.Event()
        threading.Thread(target=_interrupt, args=(cancelled, ended, cursors), daemon=True).start()
        try:
            verb = verb_of(str(asked["verb"]))
            place = Place(
                Path(str(asked["folder"])),
                {**os.environ, **asked["environment"]},
                relay,
                settings=workspace.settings,
                connect=cursors.connect,
                cursors=cursors.beside,
                cancelled=cancelled,
            )

            def job() -> int:
                return perform(verb, asked["given"], place)

            return keeper.exclusively(job) if verb.writes else job()
        except EngineError as error:
            relay.err(f"aa-engine: {error.line()}")
            return error.exit_code
        except Exception as error:
            print(
                f"aa-engine: models {asked.get('verb')}: {type(error).__name__}: {error}", file=sys.stderr, flush=True
            )
            relay.err(f"aa-engine: an error of this program: {type(error).__name__}: {error}")
            return 1
        finally:
            ended.set()

    return command


def _interrupt(cancelled: threading.Event, ended: threading.Event, cursors: Cursors) -> None:
    """Stop what runs as soon as nobody waits for it.

    Again and again: an interruption that comes between two statements stops neither.
    """
    while not ended.is_set() and not cancelled.wait(LOOK_SECONDS):
        pass
    while not ended.wait(LOOK_SECONDS):
        cursors.interrupt()
