"""Keeping the models as new as the raw tables.

Owns the thread that refreshes the models after each batch, names models that were never seen before, and tells the
stream what changed. Refuses to stop for a model that is wrong: the trouble is shown in `/readyz` and `status`, rows
keep coming in, and the next batch is tried again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from engine import log
from engine.contract import ChangeSet
from engine.errors import EngineError, ModelError
from engine.measures import REFRESH
from engine.prices.watch import FileWatch
from engine.serving import zone
from engine.workspace import Workspace, is_edited

if TYPE_CHECKING:
    from engine.modelrunner.live import Refresh
    from engine.modelrunner.resident import ModelsState, Resident

Result = TypeVar("Result")

RETRY_SECONDS = 2.0
MANY_ROWS = 2_000
"""A refresh that covered more new rows than this is one of a flood: an import, a team's morning."""
FLOOD_PAUSE = 2.0
"""Then the models rest this many times as long as the refresh took, so that rows keep coming in at full speed…"""
LONGEST_PAUSE = 3.0
"""… but never longer than this many seconds: what is shown stays at most 5 s behind."""


class Turns:
    """One at a time: refreshes, and jobs of others, which go before the next refresh."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._taken = False
        self.jobs_waiting = 0

    @contextmanager
    def of_job(self) -> Iterator[None]:
        """Wait for what runs now to end, and keep the next refresh waiting."""
        with self._changed:
            self.jobs_waiting += 1
            try:
                self._changed.wait_for(lambda: not self._taken)
            finally:
                self.jobs_waiting -= 1
                self._changed.notify_all()
            self._taken = True
        try:
            yield
        finally:
            self._give_back()

    @contextmanager
    def of_refresh(self) -> Iterator[None]:
        """Wait until no job runs or waits."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken and not self.jobs_waiting)
            self._taken = True
        try:
            yield
        finally:
            self._give_back()

    def _give_back(self) -> None:
        with self._changed:
            self._taken = False
            self._changed.notify_all()


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
        self._models: Resident | None = None
        self._generation = -1
        self._covered = 0
        self._priced = False
        self._turns = Turns()
        self.trouble: str | None = None
        """What keeps the models from being up to date, in one line; None when nothing does."""
        self.on_covered: Callable[[int], None] | None = None
        """Told up to which batch the models show everything, after each refresh."""
        self.prices_trouble: str | None = None
        """What is wrong with prices.yaml or plans.yaml; the models are up to date all the same, by what held before."""
        self._price_files = FileWatch(workspace.declared_files, self._prices_edited)
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)

    def start(self) -> None:
        """Build what is missing, then follow, in the background."""
        self._price_files.start()
        self._thread.start()

    def wait_built(self, timeout: float | None = None) -> bool:
        """Wait for the end of the first build, whatever came of it."""
        return self._built.wait(timeout)

    def notify(self, rows: int = 0) -> None:
        """A batch with so many new rows was committed."""
        self._rows += rows
        self._news.set()

    def exclusively(self, job: Callable[[], Result]) -> Result:
        """Run `job` in the caller's thread between two refreshes: nothing else writes models meanwhile.

        It waits for the refresh or build that runs now. Afterwards the models are looked at again, whatever the job
        did to them. ModelError when the engine is stopping; what the job raises comes through.
        """
        with self._turns.of_job():
            if self._stopping.is_set():
                raise ModelError("the engine is stopping", hint="run the command again once it is down or back")
            try:
                return job()
            finally:
                if self._models is not None:
                    self._models.look_again()
                self._news.set()

    def state(self) -> ModelsState | None:
        """How the models are; None before the first of them was looked at."""
        return self._models.state() if self._models is not None else None

    def stop(self) -> None:
        """End after the refresh or the job that runs now."""
        self._price_files.stop()
        self._stopping.set()
        self._news.set()
        if self._thread.ident is not None:
            self._thread.join()
        with self._turns.of_job():
            pass

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._news.wait(self._models.wait() if self._models is not None else None)
            self._news.clear()
            if self._stopping.is_set():
                break
            began, rows, self._rows = time.monotonic(), self._rows, 0
            try:
                with self._turns.of_refresh():
                    self._price()
                    # Before the refresh, so that a new model's first requests are priced in it.
                    self._workspace.name_models()
                    self._refresh()
                self._say(self._models.problem if self._models is not None else None)
                pause = self._pause
            except Exception as error:
                self._say(error.line() if isinstance(error, EngineError) else _sentence(error))
                if self._models is not None:
                    self._models.release()
                self._news.set()
                pause = RETRY_SECONDS
            finally:
                self._built.set()
            took = time.monotonic() - began
            rest = min(FLOOD_PAUSE * took, LONGEST_PAUSE) if rows > MANY_ROWS else 0.0
            self._stopping.wait(max(rest, pause - took))
        if self._models is not None:
            self._models.close()

    def _price(self) -> None:
        """Once, and after edits, bring prices and plans up to date: before a build or refresh, since new prices change
        every cost.

        In an empty directory there is no cost yet: what waits for the tables need not wait for the book as well.
        """
        if self._priced:
            return
        if self._workspace.path.progress().batch_id == 0:
            self._refresh()
            self._built.set()
        self._priced = True
        try:
            self._workspace.publish_prices()
        except Exception:
            self._priced = False
            raise
        trouble = self._workspace.declared_trouble
        if trouble is not None and trouble != self.prices_trouble:
            log.say(trouble, part="prices")
        if trouble is None and self.prices_trouble is not None:
            log.say("prices.yaml and plans.yaml are right again", level="info", part="prices")
        self.prices_trouble = trouble

    def _prices_edited(self) -> None:
        self._priced = False
        self._news.set()

    def _refresh(self) -> None:
        generation = self._workspace.path.database.generation
        if self._models is None:
            self._models = self._workspace.resident()
            self._models.watch(self._news.set, files=is_edited(self._workspace.settings))
        elif generation != self._generation:
            # A reopened database has invalidated the connections that the models hold.
            self._models.reconnect()
        self._generation = generation
        began = time.perf_counter()
        before = self._days() if not self._built.is_set() else None
        self._models.follow(self._tell)
        said = zone.change(before, self._days()) if before is not None else None
        if said is not None:
            log.say(said, level="info", part="models")
        state = self._models.state()
        if state is not None and state.standing is not None and state.standing.watermark > self._covered:
            self._covered = state.standing.watermark
            REFRESH.observe(time.perf_counter() - began)
            if self.on_covered is not None:
                self.on_covered(self._covered)

    def _days(self) -> zone.Days | None:
        cursor = self._workspace.path.database.cursor()
        try:
            return zone.days(cursor)
        finally:
            cursor.close()

    def _tell(self, refresh: Refresh) -> None:
        # A batch of nothing but repetitions changes no model, and is no news.
        if refresh.models:
            self._publish(change_set(refresh, datetime.now(UTC)))

    def _say(self, trouble: str | None) -> None:
        if trouble is not None and trouble != self.trouble:
            log.say(f"the models are not up to date: {trouble}", part="models")
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
