"""Commands of the data directory's owner that work inside the engine.

Owns the request (one JSON object), the answer (one JSON object a line, while the command works) and the end of a
command whose caller has left. Refuses callers from elsewhere, and to know what a command does: a function is given.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from engine.access.http import send_problem
from engine.access.principal import Principal
from engine.access.problems import Problem

LONGEST_REQUEST = 1_000_000
CONTENT_TYPE = "application/x-ndjson"


Tell = Callable[[Mapping[str, Any]], None]
Command = Callable[[Mapping[str, Any], Tell, threading.Event], int]
"""Does what was asked in a thread of its own, and gives an exit code.

Its second argument takes objects for the caller; the third is set when nobody listens any more.
"""


class CommandEndpoint:
    """POST: a command, answered with what it says as it says it and `{"exit": CODE}` at last."""

    def __init__(self, command: Command, version: str) -> None:
        self._command = command
        self._version = version
        self._running: set[threading.Event] = set()

    def cancel_all(self) -> None:
        """The engine stops: commands end before their next step."""
        for cancelled in tuple(self._running):
            cancelled.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            asked = await self._asked(Request(scope, receive, send))
        except Problem as problem:
            await send_problem(problem, send)
            return
        await self._answer(asked, receive, send)

    async def _asked(self, request: Request) -> Mapping[str, Any]:
        if request.method != "POST":
            raise Problem(405, f"{request.url.path} is asked with POST", "method", headers={"allow": "POST"})
        principal = request.scope.get("state", {}).get("principal")
        if not (isinstance(principal, Principal) and principal.is_admin and principal.local):
            raise Problem(403, "commands are taken from the data directory's owner on this machine only", "forbidden")
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > LONGEST_REQUEST:
                raise Problem(413, f"the body has more than {LONGEST_REQUEST} bytes", "too_large")
        try:
            asked = orjson.loads(bytes(body))
        except orjson.JSONDecodeError:
            asked = None
        if not isinstance(asked, dict):
            raise Problem(422, "the body is no JSON object", "body")
        if asked.get("version") != self._version:
            raise Problem(
                409,
                f"this engine is version {self._version}, the command is version {asked.get('version')}: "
                "restart the engine",
                "version",
            )
        return asked

    async def _answer(self, asked: Mapping[str, Any], receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        cancelled = threading.Event()
        # Without a bound: a caller that reads slowly must not hold up a command that keeps the models waiting.
        said: asyncio.Queue[bytes | None] = asyncio.Queue()

        def tell(event: Mapping[str, Any] | None) -> None:
            line = None if event is None else orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
            try:
                loop.call_soon_threadsafe(said.put_nowait, line)
            except RuntimeError:
                cancelled.set()  # the loop has ended: nobody listens

        def work() -> None:
            code = 1
            try:
                code = self._command(asked, tell, cancelled)
            finally:
                tell({"exit": code})
                tell(None)

        self._running.add(cancelled)
        leaving = asyncio.create_task(_left(receive, cancelled))
        threading.Thread(target=work, name="command", daemon=True).start()
        try:
            headers = [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            while (line := await said.get()) is not None:
                await send({"type": "http.response.body", "body": line, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            cancelled.set()
            leaving.cancel()
            self._running.discard(cancelled)


async def _left(receive: Receive, cancelled: threading.Event) -> None:
    """Wait for the caller to go away."""
    while (await receive())["type"] != "http.disconnect":
        pass
    cancelled.set()
