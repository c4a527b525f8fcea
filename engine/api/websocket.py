"""The stream over a WebSocket: the same events, one JSON text each, for clients that have no server-sent events.

Owns the handshake, the form of the messages and a client's change of filter. Refuses other content than the stream's:
`{"event", "id", "data"}` out, `{"filter": EXPR}` in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.access.principal import Principal
from engine.access.problems import Problem
from engine.api.caller import Sight, sight_of
from engine.api.stream import Event, Narrow, Stream
from engine.contract import ChangeSet
from engine.errors import EngineError

REFUSED = 4400
FORBIDDEN = 4403
LONGEST_MESSAGE = 10_000
PARAMETERS = ("filter", "last_event_id")

Narrowing = Callable[[Sight, str], Narrow | None]
"""What a caller may know of a change under a filter. Raises EngineError for a wrong filter."""
Opened = Callable[[int | None, Narrow], Stream]


@dataclass(slots=True)
class _Chosen:
    """What is told now; the client may choose anew at any time."""

    narrow: Narrow | None = None

    def __call__(self, changes: ChangeSet) -> ChangeSet:
        narrow = self.narrow
        return changes if narrow is None else narrow(changes)


@dataclass(slots=True)
class _Messages:
    """One open WebSocket as an outlet of the stream."""

    socket: WebSocket
    choose: Callable[[str], None]

    async def open(self) -> None:
        """Accepted already: a wrong filter is told inside."""

    async def tell(self, event: Event) -> None:
        """One event as a JSON text."""
        told = {"event": event.name, "id": event.id, "data": event.data}
        await self.socket.send_text(orjson.dumps(told).decode())

    async def close(self) -> None:
        """The engine stops: come back later."""
        await self.socket.close(1012)

    async def until_gone(self) -> None:
        """Takes the client's messages until it leaves."""
        try:
            while True:
                await self._take(await self.socket.receive_text())
        except (WebSocketDisconnect, KeyError):  # KeyError: a binary message, which is none of ours
            return

    async def _take(self, text: str) -> None:
        try:
            asked = orjson.loads(text) if len(text) <= LONGEST_MESSAGE else None
        except orjson.JSONDecodeError:
            asked = None
        expression = asked.get("filter") if isinstance(asked, dict) else None
        if not isinstance(expression, str):
            await self.tell(Event("error", {"detail": 'a message is {"filter": EXPRESSION}'}))
            return
        try:
            await run_in_threadpool(self.choose, expression)
        except (Problem, EngineError) as error:
            await self.tell(Event("error", {"detail": _said(error), "filter": expression}))
            return
        await self.tell(Event("subscribed", {"filter": expression}))


class WebSocketEndpoint:
    """`/api/v1/ws?filter=&last_event_id=`."""

    def __init__(self, narrowing: Narrowing, opened: Opened) -> None:
        self._narrowing = narrowing
        self._opened = opened

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        principal = scope.get("state", {}).get("principal")
        if not isinstance(principal, Principal) or not principal.may_read:
            await socket.close(FORBIDDEN, "this key may not read")
            return
        sight = sight_of(principal)
        chosen = _Chosen()

        def choose(expression: str) -> None:
            chosen.narrow = self._narrowing(sight, expression)

        messages = _Messages(socket, choose)
        try:
            unknown = next((name for name in socket.query_params if name not in PARAMETERS), None)
            if unknown is not None:
                said = f"unknown parameter {unknown}; the stream takes filter and last_event_id"
                raise Problem(422, said, "parameter")
            await run_in_threadpool(choose, socket.query_params.get("filter", ""))
            after = socket.query_params.get("last_event_id", "")
            number = int(after) if after.isascii() and after.isdigit() and len(after) < 19 else None
            stream = await run_in_threadpool(self._opened, number, chosen)
        except (Problem, EngineError) as error:
            await messages.tell(Event("error", {"detail": _said(error)}))
            await socket.close(REFUSED, "see the message before")
            return
        await stream.run(messages)


def _said(error: Problem | EngineError) -> str:
    return error.detail if isinstance(error, Problem) else error.line()
