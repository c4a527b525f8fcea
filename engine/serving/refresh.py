"""Keeping the models as new as the raw tables.

Owns the thread that refreshes the models after each batch, names models that were never seen before, and tells the
stream what changed. Refuses to stop for a model that is wrong: the trouble is shown in `/readyz` and `status`, rows
keep coming in, and the next batch is tried again.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.contract import ChangeSet
from engine.errors import EngineError
from engine.workspace import Workspace

if TYPE_CHECKING:
    from engine.modelrunner.live import LiveLoop, Refresh

RETRY_SECONDS = 2.0
MANY_ROWS = 2_000
"""A refresh that covered more new rows than this is one of a flood: an import, a team's morning."""
FLOOD_PAUSE = 2.0
"""Then the models rest this many times as long as the refresh took, so that rows keep coming in at full speed…"""
LONGEST_PAUSE = 3.0
"""… but never longer than this many seconds: what is shown stays at most 5 s behind."""


class ModelKeeper:
    """Runs in a thread between `start` and `stop`. `publish` gets each change after it is committed."""

    def __init__(self, workspace: Workspace, publish: Callable[[ChangeSet], None], refresh_seconds: float) -> None:
        self._workspace = workspace
        self._publish = publish
        self._pause = refresh_seconds
        self._news = threading.Event()
        self._news.set()
        self._rows = 0
        self._stopping = threading.Event()
        self._built = threading.Event()
        self._loop: LiveLoop | None = None
        self._generation = -1
        self._priced = False
        self.trouble: str | None = None
        """What keeps the models from being up to date, in one line; None when nothing does."""
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        """Build what is missing, then follow, in the background."""
        self._thread.start()

    def wait_built(self, timeout: float | None = None) -> bool:
        """Wait for the end of the first build, whatever came of it."""
        return self._built.wait(timeout)

    def notify(self, rows: int = 0) -> None:
        """A batch with so many new rows was committed."""
        self._rows += rows
        self._news.set()

    def stop(self) -> None:
        """End after the refresh that runs now."""
        self._stopping.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait()
            self._news.clear()
            if self._stopping.is_set():
                break
            began, rows, self._rows = time.monotonic(), self._rows, 0
            try:
                self._price()
                # Before the refresh, so that a new model's first requests are priced in it.
                self._workspace.name_models()
                self._refresh()
                self._say(None)
                pause = self._pause
            except Exception as error:
                self._say(error.line() if isinstance(error, EngineError) else _sentence(error))
                self._close()
                self._news.set()
                pause = RETRY_SECONDS
            finally:
                self._built.set()
            took = time.monotonic() - began
            rest = min(FLOOD_PAUSE * took, LONGEST_PAUSE) if rows > MANY_ROWS else 0.0
            self._stopping.wait(max(rest, pause - took))
        self._close()

    def _price(self) -> None:
        """Once, bring the price book up to date: before a build or refresh, since new prices change every cost.

        In an empty directory there is no cost yet: what waits for the tables need not wait for the book as well.
        """
        if self._priced:
            return
        if self._workspace.path.progress().batch_id == 0:
            self._refresh()
            self._built.set()
        self._workspace.publish_prices()
        self._priced = True

    def _refresh(self) -> None:
        generation = self._workspace.path.database.generation
        if self._loop is None or generation != self._generation:
            # A reopened database has invalidated the connection that the loop holds.
            self._close()
            loop = self._workspace.live_loop()
            built = loop.start()
            self._loop, self._generation = loop, generation
            if built is not None:
                self._publish(change_set(built, datetime.now(UTC)))
        refresh = self._loop.refresh()
        # A batch of nothing but repetitions changes no model, and is no news.
        if refresh is not None and refresh.models:
            self._publish(change_set(refresh, datetime.now(UTC)))

    def _close(self) -> None:
        if self._loop is not None:
            self._loop.close()
            self._loop = None

    def _say(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self.trouble:
            print(f"aa-engine: the models are not up to date: {trouble}", file=sys.stderr, flush=True)
        self.trouble = trouble


def change_set(refresh: Refresh, as_of: datetime) -> ChangeSet:
    """What the stream tells of a refresh; the key of requests without a session is left out."""
    touched = refresh.touched
    return ChangeSet(
        batch_id=refresh.batch_id,
        as_of=as_of,
        sessions=tuple(key for key in touched.get("session", ()) if key),
        commits=tuple(key for key in touched.get("commit", ()) if key),
        days=tuple(key for key in touched.get("day", ()) if key),
        models=refresh.models,
    )


def _sentence(error: Exception) -> str:
    """The first line of an error that is not ours; DuckDB adds hints and positions below it."""
    return f"{type(error).__name__}: {(str(error).strip().splitlines() or [''])[0]}"
