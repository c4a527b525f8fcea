"""A project that stays loaded.

Owns the project as it is served and as its files are now: files are watched, what changed is read and built without a
restart, and as long as the files are broken the last good project goes on serving and says why. Refuses to decide when
to work: its owner calls it, from one thread; only the watching of files and a build beside the models run elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from engine.errors import EngineError
from engine.modelrunner import aside, live_tables
from engine.modelrunner.aside import AsideBuild
from engine.modelrunner.database import Connection
from engine.modelrunner.fingerprint import of_files
from engine.modelrunner.live import LiveLoop, Refresh
from engine.modelrunner.live_checks import Checks, Round
from engine.modelrunner.live_tables import Standing
from engine.modelrunner.memory import Memory
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project, profile_folders
from engine.modelrunner.project_watch import ProjectWatch
from engine.modelrunner.runner import Connect

LONGEST_DIRECT_SECONDS = 3.0
"""A build that took longer the last time is made beside the models: refreshes wait for one that is made in place."""
RETRY_SECONDS = 60.0
"""How often a build that failed is tried again although no file changed: what arrives may mend it."""


LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ModelsState:
    """How a resident project is: how far its models are (None before the first build), the last round of tests."""

    standing: Standing | None
    tests: Round | None
    building: bool
    problem: str | None


@dataclass(slots=True)
class _Side:
    """A build beside the models: the loop that takes over after the swap, and how the build ended."""

    loop: LiveLoop
    build: AsideBuild
    thread: threading.Thread
    error: str | None = None


class Resident:
    """The project in `folder` over one database; `variables` and the others are those of Project.load.

    `problem` says why the files as they are now are not what is served; None when they are. `building` is true while
    a build beside the models runs.
    """

    def __init__(
        self,
        folder: Path,
        connect: Connect,
        *,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        profiles_dir: Path | None = None,
        target: str | None = None,
        longest_direct: float = LONGEST_DIRECT_SECONDS,
    ) -> None:
        self.folder = folder
        self.problem: str | None = None
        self._connect = connect
        self._variables = variables
        self._environment = os.environ if environment is None else environment
        self._profiles_dir = profiles_dir
        self._target = target
        self._longest_direct = longest_direct
        self._loop: LiveLoop | None = None
        self._good: Project | None = None
        self._side: _Side | None = None
        self._never_beside = ""
        self._look = True
        self._doubt = False
        self._retry_at = 0.0
        self._memory = Memory()
        self._loaded: Project | None = None
        self._stamp = ""
        self._cleaned = False
        self._watch: ProjectWatch | None = None
        self._wake: Callable[[], None] = nobody
        self._watches_files = False
        self._checks: Checks | None = None
        self._last_round: Round | None = None

    @property
    def project(self) -> Project | None:
        """The project that is served; None before the first build."""
        return self._good

    @property
    def building(self) -> bool:
        """Whether a build beside the models runs."""
        return self._side is not None

    def build(self) -> Refresh | None:
        """Everything at once: read what changed, build what is dirty, refresh what arrived. None when nothing was.

        ModelError when the files or a node are wrong: nothing has changed then.
        """
        self._give_up_side()
        self._look = self._doubt = False
        built = self._bring_up(self._load())
        assert self._loop is not None
        refreshed = self._loop.refresh()
        return refreshed if built is None else built

    def rebuild(self) -> None:
        """Begin a full build beside the models; `follow` finishes it. ModelError when the project cannot have one."""
        project = self._good
        if project is None or not aside.possible(project):
            raise NodeProblem("the models cannot be built beside themselves", hint="build them in place")
        self._begin_side(LiveLoop(project, self._connect))

    def follow(self, tell: Callable[[Refresh], None]) -> None:
        """One turn of keeping up: look at changed files, finish a build beside the models, refresh what arrived.

        `tell` hears of each after it is committed. ModelError when a refresh fails, or when nothing can be served at
        all; broken files are `problem` instead.
        """
        done: Refresh | None
        if self._side is not None and not self._side.thread.is_alive() and (done := self._finish_side()):
            tell(done)
        due = (
            self._good is None
            or self._look
            or self._doubt
            or (self.problem is not None and time.monotonic() >= self._retry_at)
        )
        if due and (done := self._look_at_files()):
            tell(done)
        if self._loop is None:
            assert self._good is not None
            if done := self._bring_up(self._good):
                tell(done)
        assert self._loop is not None
        if done := self._loop.refresh():
            if self._checks is not None:
                self._checks.changed()
            tell(done)
        elif self._checks is not None:
            # Only when nothing else wants to be done: one test, then the next turn.
            self._checks.step()

    def look_again(self) -> None:
        """The next turn takes nothing for granted: somebody else may have changed tables."""
        self._doubt = True

    def release(self) -> None:
        """Begin the next turn with a new connection: nobody knows what an error left of this one."""
        self._close_loop()

    def reconnect(self) -> None:
        """Drop everything that holds a connection: the database was opened anew."""
        self._give_up_side()
        self._close_loop()

    def watch(self, wake: Callable[[], None], *, files: bool = True) -> None:
        """Call `wake`, in another thread, when a turn is worth the while: a build ended, or (`files`) files changed."""
        self._wake = wake
        self._watches_files = files
        self._arm()

    def wait(self) -> float:
        """Seconds after which a turn is worth the while although nothing was heard."""
        waits = [self._checks.wait() if self._checks is not None else LONGEST_WAIT_SECONDS]
        if self.problem is not None:
            waits.append(max(0.0, self._retry_at - time.monotonic()))
        return min(waits)

    def state(self) -> ModelsState:
        """How the models are; safe from any thread."""
        checks, good = self._checks, self._good
        standing = None
        if good is not None:
            try:
                connection = Connection(self._connect())
                try:
                    standing = live_tables.standing(connection, good.name)
                finally:
                    connection.raw.close()
            except (EngineError, duckdb.Error):
                pass  # the database is closed or broken, which is told elsewhere
        if checks is not None and checks.last is not None:
            self._last_round = checks.last
        return ModelsState(standing, self._last_round, self.building, self.problem)

    def close(self) -> None:
        """End the watching, give up a build beside the models, give the connection back."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        self.reconnect()

    # Files ------------------------------------------------------------------------------------------------------

    def _load(self) -> Project:
        """The project as its files are now; the same object as before when nothing in them changed."""
        if self._loaded is None or self._stamp != self._stamp_of(self._loaded):
            self._loaded = None
            while True:
                before = of_files(self.folder, self._variables)
                loaded = Project.load(
                    self.folder,
                    variables=self._variables,
                    environment=self._environment,
                    profiles_dir=self._profiles_dir,
                    target=self._target,
                    memory=self._memory,
                )
                stamp = self._stamp_of(loaded)
                # A file that was written while it was read would stand for what it says now.
                if of_files(self.folder, self._variables) == before and loaded.fingerprint.startswith(before):
                    break
            self._stamp, self._loaded = stamp, loaded
        return self._loaded

    def _stamp_of(self, project: Project) -> str:
        """A hash of all that loading reads: the files, the profile, and what was asked of the environment."""
        digest = hashlib.sha256()
        for package in project.packages.values():
            digest.update(of_files(package.root, None).encode())
        for folder in profile_folders(project.folder, self._profiles_dir, self._environment):
            path = folder / "profiles.yml"
            digest.update(path.read_bytes() if path.is_file() else b"-")
        asked = {name: self._environment.get(name) for name in sorted(project.environ.asked)}
        digest.update(json.dumps(asked).encode())
        return digest.hexdigest()

    def _look_at_files(self) -> Refresh | None:
        changed, doubt = self._look, self._doubt
        self._look = self._doubt = False
        self._retry_at = time.monotonic() + RETRY_SECONDS
        try:
            project = self._load()
            self._arm(project)
            if self._loop is not None and self._side is None and not doubt and project is self._good:
                self.problem = None if changed else self.problem
                return None
            return self._take(project)
        except (EngineError, duckdb.Error) as error:
            problem = error if isinstance(error, EngineError) else NodeProblem(str(error))
            if self._good is None:
                self._look = True
                raise problem from error
            self.problem = problem.line()
            return None

    def _take(self, project: Project) -> Refresh | None:
        """Serve a project: at once when that is quick or nothing is served yet, else by a build beside the models."""
        if self._side is not None:
            if self._side.loop.project.fingerprint == project.fingerprint:
                return None
            self._give_up_side()
        if self._loop is not None and aside.possible(project) and project.fingerprint != self._never_beside:
            candidate = LiveLoop(project, self._connect)
            if candidate.seconds(candidate.pending().nodes) > self._longest_direct:
                self._begin_side(candidate)
                return None
            candidate.close()
        return self._bring_up(project)

    def _bring_up(self, project: Project) -> Refresh | None:
        if self._loop is not None and project is self._good and self._loop.stands():
            self.problem = None
            return None
        candidate = LiveLoop(project, self._connect)
        try:
            if not self._cleaned:
                aside.remove_remnants(candidate.open())
                self._cleaned = True
            built = candidate.start()
        except BaseException:
            candidate.close()
            raise
        self._serve(candidate, built)
        return built

    def _serve(self, loop: LiveLoop, built: Refresh | None) -> None:
        self._close_loop()
        self._loop, self._good, self.problem = loop, loop.project, None
        self._checks = Checks(loop.project, loop.open(), at_once=built is not None and bool(built.models))

    def _close_loop(self) -> None:
        if self._loop is not None:
            self._loop.close()
            self._loop = self._checks = None

    def _arm(self, project: Project | None = None) -> None:
        """Listen to the folders of the project and of its packages."""
        if not self._watches_files:
            return
        packages = project.packages.values() if project is not None else ()
        wanted = {self.folder.resolve(), *(package.root.resolve() for package in packages)}
        if self._watch is None or not wanted.issubset(self._watch.folders):
            if self._watch is not None:
                self._watch.stop()
                self._look = True  # what changed between the two is heard of by neither
            self._watch = ProjectWatch(wanted, self._files_changed)
            self._watch.start()

    def _files_changed(self) -> None:
        self._look = True
        self._wake()

    # Beside the models ------------------------------------------------------------------------------------------

    def _begin_side(self, loop: LiveLoop) -> None:
        self._give_up_side()
        build = AsideBuild(loop.project, self._connect)
        side = _Side(
            loop, build, threading.Thread(target=lambda: self._run_side(side), name="models-aside", daemon=True)
        )
        self._side = side
        side.thread.start()

    def _run_side(self, side: _Side) -> None:
        try:
            side.build.run()
        except EngineError as error:
            side.error = error.line()
        except Exception as error:
            side.error = f"{type(error).__name__}: {error}"
        self._wake()

    def _finish_side(self) -> Refresh | None:
        assert self._side is not None
        side, self._side = self._side, None
        self._retry_at = time.monotonic() + RETRY_SECONDS
        if side.error is None:
            try:
                done = side.build.swap(side.loop.open())
            except EngineError as error:
                # Something ties the new relations to their names (a hook's index): next time they are built in place.
                side.error, self._never_beside = error.line(), side.loop.project.fingerprint
            else:
                side.loop.prepare()
                self._serve(side.loop, done)
                return done
        side.loop.close()
        self.problem = side.error
        return None

    def _give_up_side(self) -> None:
        if self._side is None:
            return
        side, self._side = self._side, None
        while side.thread.is_alive():
            side.build.stop()
            side.thread.join(0.05)
        if side.error is None:
            side.build.abandon()
        side.loop.close()


def nobody() -> None:
    """What is woken before `watch` was called."""
