"""The least that can be durable: receive HTTP, append the body to a file, one fdatasync for all of 2 ms, answer 200.

Owns the baseline of bench.ingest: no decoding, no columns, no keys, no database. Run: python -m bench._bare FILE
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any

import httptools
import uvloop

GROUP_SECONDS = 0.002
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Bare(asyncio.Protocol):
    """One connection."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._parser: Any = httptools.HttpRequestParser(self)
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, piece: bytes) -> None:
        self._group.pieces.append(piece)

    def on_message_complete(self) -> None:
        self._group.done(self)


class Group:
    """What is made durable together."""

    def __init__(self, path: str) -> None:
        self.pieces: list[bytes] = []
        self._waiting: list[Bare] = []
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def done(self, connection: Bare) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_later(GROUP_SECONDS, self._write)
        self._waiting.append(connection)

    def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        pieces, self.pieces = self.pieces, []
        os.write(self._file, b"".join(pieces))
        os.fdatasync(self._file)
        for connection in waiting:
            connection.transport.write(ANSWER)


async def serve(path: str) -> None:
    """Answer until killed."""
    listening = socket.create_server(("127.0.0.1", 0))
    group = Group(path)
    server = await asyncio.get_running_loop().create_server(lambda: Bare(group), sock=listening)
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(sys.argv[1]))
