"""What runs under `aa-engine serve`: one process, its doors, its parts, their start and their stop.

Owns the composition (who gets which part), the order of starting and stopping, the ready line and engine.json. Refuses
everything that a part can do itself: this module only joins.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from engine import __version__, log
from engine.access.http import Authenticated
from engine.access.keys import KeyRing
from engine.api.app import EXCEPTION_HANDLERS, ApiContext, Endpoint, build_routes
from engine.api.commands import Command, CommandEndpoint
from engine.api.stream import Broadcaster
from engine.clock import SystemClock
from engine.ingest.http import IngestRoutes
from engine.ingest.intake import Intake, Policy
from engine.ingest.journal import Tail
from engine.ingest.journal_follow import FollowedJournal
from engine.ingest.journal_state import Figures
from engine.ingest.transcripts import Follower
from engine.repos.watch import Watcher
from engine.serving import backup
from engine.serving.doors import Doors, Exposure
from engine.serving.health import Health
from engine.serving.listeners import Listener
from engine.serving.measuring import Measuring
from engine.serving.parts import Line, Start
from engine.serving.passing import PassedOn
from engine.serving.refresh import ModelKeeper
from engine.serving.root import Root
from engine.serving.sockets import listen_on_socket, socket_path
from engine.serving.supervisor import write_address
from engine.settings import Settings
from engine.store.lock import DirectoryLock
from engine.store.reader import Reader
from engine.store.writer import Applied
from engine.workspace import Workspace

GRACE_SECONDS = 5.0
"""For what is in flight when the engine stops: an agent's last flush takes milliseconds."""
IDLE_CHECK_SECONDS = 0.25


class Engine:
    """One engine on one data directory. `run` returns after a clean stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        embedded: bool = False,
        announce: Callable[[str], None] | None = None,
        complain: Callable[[str], None] | None = None,
        models: Callable[[Workspace, ModelKeeper], Command] | None = None,
        start: Start | None = None,
    ) -> None:
        """`models`: what does the commands of `aa-engine models` that are asked of this engine; None: they are not.

        `start`: a supervisor started this process, and a receiver has the ports and the journal in another.
        """
        self._start = start
        self._line = Line()
        self.settings = settings
        self._embedded = embedded
        self._announce = announce or (lambda line: print(line, flush=True))
        log.configure(settings["log.format"])
        self._complain = complain or log.say
        self._clock = SystemClock()
        self._stopping = asyncio.Event()
        self._keeper: ModelKeeper | None = None
        self._models = models
        self._measuring = Measuring(settings, self._clock)

    async def run(self) -> None:
        """Open, serve until SIGTERM, SIGINT or idleness, close. Raises EngineError when it cannot start."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._stopping.set)
        # ctrl+c goes to all processes of a terminal; then the supervisor says who stops when.
        loop.add_signal_handler(signal.SIGINT, self._stopping.set if self._start is None else lambda: None)
        keys = KeyRing(self.settings.keys_file, self._clock)
        exposure = Exposure.of(self.settings, keys)
        workspace = await asyncio.to_thread(self._open)
        try:
            intake = Intake(workspace.path.recorder, Policy.of(self.settings, workspace.hash_key), self._clock)
            give_way = self._complain if self._embedded else None
            alone = self._start is None
            doors = Doors.open(self.settings, exposure, intake, keys, give_way, ports=alone)
            try:
                await self._serve(workspace, intake, keys, doors, None if alone else exposure)
            finally:
                doors.close()
        finally:
            await asyncio.to_thread(workspace.close)

    def _open(self) -> Workspace:
        if self._start is None:
            return Workspace.open(self.settings, on_batch=self._on_batch)
        lock = DirectoryLock.inherited(self.settings.data_dir, self._start.lock)
        workspace = Workspace.open(self.settings, on_batch=self._on_batch, lock=lock, follow=self._follow)
        self._line.tell("applied", offset=workspace.path.progress().applied_offset)
        return workspace

    def _follow(self, folder: Path) -> Tail:
        assert self._start is not None
        return FollowedJournal(folder, self._start.news_socket(), socket_path(self.settings.data_dir, "receiver"))

    def _on_batch(self, applied: Applied) -> None:
        self._measuring.stored(applied)
        if self._keeper is not None:
            self._keeper.notify(sum(applied.inserted.values()))

    async def _serve(
        self, workspace: Workspace, intake: Intake, keys: KeyRing, doors: Doors, passed: Exposure | None
    ) -> None:
        """`passed`: how the receiver's port is exposed, which passes on what is not for it; None: there is none."""
        broadcaster = Broadcaster(self._clock, version=__version__)
        keeper = ModelKeeper(workspace, broadcaster.publish, self.settings["models.refresh_seconds"])
        keeper.on_covered = self._measuring.shown
        recorder = workspace.path.recorder
        developer = intake.policy.local_developer
        follower = Follower(recorder, self.settings, developer, hash_key=workspace.hash_key)
        watcher = Watcher(recorder, self.settings, clock=self._clock)
        reader = Reader(workspace.path.database)
        health = Health(workspace.path, keeper, follower, watcher, self._start)

        def journal() -> Figures:
            return workspace.path.journal.state.figures

        def status() -> Mapping[str, Any]:
            return {**health.status(), **self._measuring.told(journal())}

        slow = self._measuring.slow
        routes = build_routes(ApiContext(reader, self._clock, self.settings, broadcaster, __version__, status, slow))
        routes.append(Route("/metrics", Endpoint(self._measuring.endpoint(health.status, journal))))
        commands = None
        if self._models is not None:
            commands = CommandEndpoint(self._models(workspace, keeper), __version__)
            routes.append(Route("/api/v1/internal/models", commands))
        routes.append(
            Route(backup.ROUTE, CommandEndpoint(backup.command_of(workspace, keeper, self._clock), __version__))
        )
        api = Starlette(
            routes=routes,
            exception_handlers=dict(EXCEPTION_HANDLERS),
        )
        pool = ThreadPoolExecutor(2, thread_name_prefix="decode")
        root = Root(IngestRoutes(intake, workspace.path.catalogue, pool), health, api)
        listeners = [
            Listener(Authenticated(root, keys, door), listening, tls) for door, listening, tls in doors.listening()
        ]
        if passed is not None:
            private = listen_on_socket(socket_path(self.settings.data_dir, "passed"), None)
            listeners.append(Listener(PassedOn(Authenticated(root, keys, passed.tcp_door())), private))
        serving = [asyncio.create_task(listener.run_until_finished()) for listener in listeners]
        for task in serving:
            # A listener that ends by itself has failed: then the whole engine stops, and says why below.
            task.add_done_callback(lambda _: self._stopping.set())
        if doors.grpc is not None:
            doors.grpc.start()
        self._keeper = keeper
        backups = None if self._embedded else asyncio.create_task(backup.Schedule(self.settings, self._clock).run())
        following = False
        try:
            stand = await asyncio.to_thread(workspace.models_stand)
            keeper.start()
            if not stand:
                await self._until_built(keeper)
            if not self._stopping.is_set():
                if self.settings["transcripts.follow"]:
                    follower.start()
                watcher.start()
                following = True
                health.ready = True
                self._tell(doors)
                await self._until_stopped(broadcaster)
        finally:
            health.ready = False
            workspace.path.stopping()
            if backups is not None:
                backups.cancel()
            if self._start is None:
                self.settings.address_file.unlink(missing_ok=True)
            broadcaster.close()
            if commands is not None:
                commands.cancel_all()
            for listener in listeners:
                listener.finish()
            if doors.grpc is not None:
                await asyncio.to_thread(doors.grpc.stop, GRACE_SECONDS)
            results = await asyncio.gather(*serving, return_exceptions=True)
            if following:
                await asyncio.gather(asyncio.to_thread(follower.stop), asyncio.to_thread(watcher.stop))
            await asyncio.to_thread(keeper.stop)
            reader.close()
            pool.shutdown()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _until_built(self, keeper: ModelKeeper) -> None:
        """The models' first build, or a signal that comes before its end."""
        building = asyncio.create_task(asyncio.to_thread(keeper.wait_built))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait((building, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()

    def _tell(self, doors: Doors) -> None:
        """The ready line, and the same for clients that come later."""
        if self._start is not None:
            self._line.tell("ready", **asdict(doors.addresses))
            return
        told: Mapping[str, Any] = {"ready": True, **asdict(doors.addresses)}
        line = json.dumps(told)
        write_address(self.settings.address_file, line)
        self._announce(line)

    async def _until_stopped(self, broadcaster: Broadcaster) -> None:
        """Until a signal, or until nobody has followed the stream for `idle_exit_seconds`."""
        longest = self.settings["idle_exit_seconds"]
        if longest is None:
            await self._stopping.wait()
            return
        seen, left_at = time.monotonic(), broadcaster.last_left_at
        while time.monotonic() - seen < longest:
            try:
                async with asyncio.timeout(IDLE_CHECK_SECONDS):
                    await self._stopping.wait()
                    return
            except TimeoutError:
                pass
            if broadcaster.subscriber_count or broadcaster.last_left_at != left_at:
                seen, left_at = time.monotonic(), broadcaster.last_left_at
        self._complain(f"nobody has watched for {longest:g} s: stopping")
        self._line.tell("done") if self._start is not None else None
