"""The receiver: the process that takes telemetry in, puts it on disk and acknowledges it, whatever the engine does.

Owns the TCP ports, the journal, and the private socket over which the engine hands over rows of its own. Passes on to
the engine what is neither telemetry nor a hook's. Refuses the database: it never opens it and never waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import orjson

from engine import __version__
from engine.access.http import Application, Authenticated, Door, Receive, Scope, Send
from engine.access.keys import KeyRing
from engine.clock import SystemClock
from engine.ingest.http import ROUTES, IngestRoutes
from engine.ingest.intake import Intake, Policy
from engine.ingest.journal import Journal
from engine.ingest.recorder import JournalRecorder
from engine.serving.doors import Doors, Exposure
from engine.serving.listeners import Listener
from engine.serving.parts import Line, Start
from engine.serving.passing import Passing
from engine.serving.sockets import listen_on_socket, socket_path
from engine.settings import Settings
from engine.store.catalogue import without_database
from engine.store.hash_key import hash_key

KEYS_LOOK_SECONDS = 0.05
GARBAGE = (50_000, 20, 50)
"""Rows on their way are many young objects without cycles: looking for cycles among them ten times as often is lost."""
GRACE_SECONDS = 5.0
"""For what is in flight when the receiver stops: an agent's last flush takes milliseconds."""


class Receiver:
    """One receiver. `run` returns after the second SIGTERM: the first one stops the ports only."""

    def __init__(self, settings: Settings, start: Start) -> None:
        self._settings = settings
        self._start = start
        self._line = Line()
        self._quiet = asyncio.Event()
        self._end = asyncio.Event()

    async def run(self) -> None:
        """Take the ports, serve, flush. Raises EngineError when it cannot start."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminate)
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        keys = KeyRing(self._settings.keys_file, SystemClock(), look_seconds=KEYS_LOOK_SECONDS)
        exposure = Exposure.of(self._settings, keys)
        catalogue = without_database(self._settings.data_dir)
        policy = Policy.of(self._settings, hash_key(self._settings))
        journal = Journal.open(self._settings.journal_dir, at_least=self._start.at_least)
        news = self._start.news_socket()
        news.setblocking(False)
        journal.on_durable = lambda: _knock(news)
        recorder = JournalRecorder(journal, catalogue)
        try:
            intake = Intake(recorder, policy)
            doors = Doors.open(self._settings, exposure, intake, keys, local=False)
            try:
                pool = ThreadPoolExecutor(2, thread_name_prefix="decode")
                await self._serve(IngestRoutes(intake, catalogue, pool), keys, doors, recorder, journal)
                pool.shutdown()
            finally:
                doors.close()
        finally:
            recorder.close()
            journal.close()

    async def _serve(
        self, ingest: Application, keys: KeyRing, doors: Doors, recorder: JournalRecorder, journal: Journal
    ) -> None:
        passing = Passing(socket_path(self._settings.data_dir, "passed"), self._settings["ingest.max_body_bytes"])
        ((door, listening, tls),) = doors.listening()
        public = Listener(Fork(Authenticated(ingest, keys, door), passing, keys, door), listening, tls)
        private_door = Door("socket", owner_uid=os.getuid())
        private = Listener(
            Authenticated(ingest, keys, private_door),
            listen_on_socket(socket_path(self._settings.data_dir, "receiver"), None),
        )
        serving = [asyncio.create_task(listener.run_until_finished()) for listener in (public, private)]
        for task in serving:
            task.add_done_callback(self._failed)
        if doors.grpc is not None:
            doors.grpc.start()
        # What lives now lives to the end: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE)
        told = doors.addresses
        self._line.tell(
            "ready", pid=told.pid, http=told.http, grpc=told.grpc, end=journal.end, at_least=self._start.at_least
        )
        try:
            await self._quiet.wait()
        finally:
            public.finish()
            passing.close()
            if doors.grpc is not None:
                await asyncio.to_thread(doors.grpc.stop, GRACE_SECONDS)
            await asyncio.wait(serving[:1])
            await asyncio.to_thread(recorder.flush)
            self._line.tell("quiet")
            await self._end.wait()
            private.finish()
            results = await asyncio.gather(*serving, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result

    def _failed(self, _: object) -> None:
        """A listener that ends by itself has failed: then the receiver stops, and says why."""
        if not self._quiet.is_set():
            self._quiet.set()
            self._end.set()

    def _terminate(self) -> None:
        if self._quiet.is_set():
            self._end.set()
        self._quiet.set()


class Fork:
    """The first fork of a request on the public port: telemetry and hooks here, health here, all else to the engine."""

    def __init__(self, ingest: Application, passing: Passing, keys: KeyRing, door: Door) -> None:
        self._ingest = ingest
        self._passing = passing
        self._health = Authenticated(_alive, keys, door)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path")
        if path in ROUTES:
            await self._ingest(scope, receive, send)
        elif scope["type"] == "websocket":
            # Imported by the first who comes: most receivers never see one.
            from engine.serving.passing_websocket import pass_websocket

            await pass_websocket(self._passing.path, scope, receive, send)
        elif path == "/healthz" and scope["method"] in ("GET", "HEAD"):
            await self._health(scope, receive, send)
        else:
            await self._passing(scope, receive, send)


async def _alive(scope: Scope, receive: Receive, send: Send) -> None:
    body = orjson.dumps({"version": __version__, "status": "ok"})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _knock(news: socket.socket) -> None:
    """Wake the engine; when it has not looked for long, it has news enough already."""
    with contextlib.suppress(OSError):
        news.send(b"n")
