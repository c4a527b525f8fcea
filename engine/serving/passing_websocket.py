"""A WebSocket that the receiver passes on to the engine: two connections, whose messages go from one to the other.

Owns the pairing and the end of both when either ends. Refuses to judge, as `passing.py` does: the engine's doors see
the caller's headers and address.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from engine.access.http import Receive, Scope, Send
from engine.serving.passing import CLIENT, SCHEME

OPEN_SECONDS = 10.0
FORBIDDEN, RESTARTING = 4403, 1012
PASSED = frozenset({b"authorization", b"x-api-key", b"origin", b"sec-fetch-site"})


async def pass_websocket(path: Path, scope: Scope, receive: Receive, send: Send) -> None:
    """Connect to the engine's socket at `path` as the caller would, then let messages flow until either side ends."""
    socket = WebSocket(scope, receive, send)
    client = scope.get("client")
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"] if name in PASSED]
    headers += [
        (CLIENT.decode(), f"{client[0]} {client[1]}" if client else ""),
        (SCHEME.decode(), {"ws": "http", "wss": "https"}.get(scope["scheme"], "http")),
    ]
    query = scope["query_string"].decode("latin-1")
    address = f"ws://{_host(scope)}{scope['path']}" + (f"?{query}" if query else "")
    try:
        connection = await unix_connect(
            str(path), address, additional_headers=headers, open_timeout=OPEN_SECONDS, proxy=None, max_size=None
        )
    except InvalidStatus:
        await socket.close(FORBIDDEN)  # before it is accepted: the caller's handshake is refused
        return
    except (OSError, InvalidHandshake, TimeoutError, ValueError):
        await socket.close(RESTARTING)
        return
    async with connection:
        await socket.accept()
        flowing = {asyncio.create_task(_there(socket, connection)), asyncio.create_task(_back(socket, connection))}
        try:
            await asyncio.wait(flowing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in flowing:
                task.cancel()
            await asyncio.gather(*flowing, return_exceptions=True)


async def _there(socket: WebSocket, connection: ClientConnection) -> None:
    """The caller's messages, until it leaves."""
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text")
            await connection.send(message["bytes"] if text is None else text)
    except (WebSocketDisconnect, ConnectionClosed):
        return


async def _back(socket: WebSocket, connection: ClientConnection) -> None:
    """The engine's messages, until it ends; its reason is handed on."""
    try:
        while True:
            message = await connection.recv()
            await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
    except ConnectionClosed as ended:
        closed = ended.rcvd
        await socket.close(RESTARTING if closed is None else closed.code, "" if closed is None else closed.reason)


def _host(scope: Scope) -> str:
    """What the caller called this machine: the engine's doors check it."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "localhost")
