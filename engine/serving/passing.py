"""What the receiver does not answer itself, passed on to the engine, and taken in there as if it had come directly.

Owns both ends of the private socket between them: one connection a request, bodies in pieces as they come, so that a
stream and an export flow through with flat memory; and the caller's address, which the engine's doors decide by.
Refuses to judge: keys, hosts and origins are checked where the answer is made.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import httptools

from engine.access.http import Application, Receive, Scope, Send, send_problem
from engine.access.problems import Problem

CLIENT, SCHEME = b"x-aa-passed-client", b"x-aa-passed-scheme"
_OWN = frozenset({CLIENT, SCHEME})
_HOP = frozenset({b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"expect"})
_NOT_SENT_BACK = _HOP | {b"date"}
PIECE_BYTES = 64 * 1024


class Passing:
    """ASGI application that has the engine answer."""

    def __init__(self, path: Path, most_body_bytes: int) -> None:
        self.path = path
        self._most = most_body_bytes
        self._open: set[asyncio.Task[None]] = set()
        self._closed = False

    def close(self) -> None:
        """End what is still flowing, as a stop of the engine would."""
        self._closed = True
        for task in self._open:
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive, self._most)
        if body is None:
            await send_problem(Problem(413, f"the body is larger than {self._most} bytes", "too_large"), send)
            return
        try:
            if self._closed:
                raise ConnectionRefusedError
            reader, writer = await asyncio.open_unix_connection(str(self.path), limit=PIECE_BYTES)
        except OSError:
            sentence = "the engine is not there at the moment; telemetry is taken in all the same"
            await send_problem(Problem(503, sentence, "unavailable", headers={"retry-after": "1"}), send)
            return
        answer = _Answer(scope["method"] == "HEAD")
        flowing = asyncio.create_task(_flow(scope, body, reader, writer, answer, send))
        leaving = asyncio.create_task(_left(receive))
        self._open.add(flowing)
        try:
            await asyncio.wait((flowing, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(flowing)
            for task in (flowing, leaving):
                task.cancel()
            writer.transport.abort()
            await asyncio.gather(flowing, leaving, return_exceptions=True)
        if not answer.started and leaving.cancelled():
            sentence = "the engine went away before it answered"
            await send_problem(Problem(503, sentence, "unavailable", headers={"retry-after": "1"}), send)


class _Answer:
    """What httptools calls while it reads an answer."""

    def __init__(self, without_body: bool) -> None:
        self.started = False
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []
        self.complete = False
        self.headers_complete = False
        self._without_body = without_body

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() not in _NOT_SENT_BACK:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.headers_complete = True
        self.complete = self._without_body

    def on_body(self, piece: bytes) -> None:
        self.pieces.append(piece)

    def on_message_complete(self) -> None:
        self.complete = True


async def _flow(
    scope: Scope,
    body: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: _Answer,
    send: Send,
) -> None:
    writer.write(_request(scope, body))
    parser: Any = httptools.HttpResponseParser(answer)
    while not answer.complete:
        data = await reader.read(PIECE_BYTES)
        if not data:
            break
        parser.feed_data(data)
        if answer.headers_complete and not answer.started:
            answer.started = True
            await send({"type": "http.response.start", "status": parser.get_status_code(), "headers": answer.headers})
        if answer.pieces:
            pieces, answer.pieces = answer.pieces, []
            await send({"type": "http.response.body", "body": b"".join(pieces), "more_body": True})
    if answer.complete:
        await send({"type": "http.response.body", "body": b""})
    # Else the answer breaks off here as it broke off there: the client must not take it for whole.


def _request(scope: Scope, body: bytes) -> bytes:
    target: bytes = scope["raw_path"]
    if scope["query_string"]:
        target += b"?" + scope["query_string"]
    client = scope.get("client")
    address = f"{client[0]} {client[1]}" if client else ""
    lines = [scope["method"].encode() + b" " + target + b" HTTP/1.1"]
    lines += [
        name + b": " + value
        for name, value in scope["headers"]
        if name not in _HOP and name not in _OWN and name != b"content-length"
    ]
    lines += [
        b"connection: close",
        b"content-length: " + str(len(body)).encode(),
        CLIENT + b": " + address.encode(),
        SCHEME + b": " + scope["scheme"].encode(),
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def _body(receive: Receive, most: int) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        part: bytes = message.get("body", b"")
        size += len(part)
        if size <= most:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts) if size <= most else None


async def _left(receive: Receive) -> None:
    """Ends when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass


class PassedOn:
    """The engine's end: the scope is again what the receiver saw."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: dict[bytes, bytes] = dict(scope["headers"])
        with contextlib.suppress(ValueError):
            host, port = headers.get(CLIENT, b"").decode("latin-1").split(" ")
            scope["client"] = (host, int(port))
        scope["scheme"] = headers.get(SCHEME, b"http").decode("latin-1")
        scope["headers"] = [(name, value) for name, value in scope["headers"] if name not in _OWN]
        await self._application(scope, receive, send)
