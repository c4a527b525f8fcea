"""A tiny engine on a real port or socket: recorded answers, an event stream, and whatever trouble a test asks for."""

from __future__ import annotations

import asyncio
import json
import queue
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from console.feed import FeedError, Query
from console.feed.replay import ReplayFeed
from tests.console.team import NOW, recorded

END = b""
"""In the queue of events: the stream ends."""


@dataclass
class TinyEngine:
    """What the server answers. `events` are blocks of the stream, sent to whoever listens."""

    feed: ReplayFeed = field(default_factory=lambda: ReplayFeed(recorded(), lambda: NOW))
    key: str | None = None
    refusal: tuple[int, dict[str, Any], dict[str, str]] | None = None
    events: queue.Queue[bytes] = field(default_factory=queue.Queue)
    asked: list[str] = field(default_factory=list)
    resumed: list[str | None] = field(default_factory=list)
    url: str = ""

    def tell(self, name: str, body: dict[str, Any], number: int | None = None) -> None:
        """An event of the stream."""
        head = f"id: {number}\n" if number is not None else ""
        self.events.put(f"{head}event: {name}\ndata: {json.dumps(body)}\n\n".encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: TinyEngine

    def address_string(self) -> str:
        return "somebody"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        engine, parts = self.engine, urlsplit(self.path)
        engine.asked.append(self.path)
        if engine.key is not None and self.headers.get("authorization") != f"Bearer {engine.key}":
            self._send(401, {"detail": "an API key is needed", "status": 401})
        elif engine.refusal is not None:
            self._send(*engine.refusal)
        elif parts.path == "/api/v1/explain":
            self._send(200, asyncio.run(self._explained(dict(parse_qsl(parts.query)))))
        elif parts.path == "/api/v1/stream":
            self._stream()
        else:
            self._answer(parts.path.removeprefix("/api/v1/"), dict(parse_qsl(parts.query)))

    def _answer(self, view: str, given: dict[str, str]) -> None:
        query = Query(view, limit=int(given.pop("limit")), **given)
        try:
            rows, metadata = self.engine.feed.answer(query)
        except FeedError as error:
            self._send(400, {"detail": error.sentence, "column": error.column})
        else:
            self._send(200, {"data": rows, "metadata": metadata})

    async def _explained(self, given: dict[str, str]) -> dict[str, Any]:
        return dict(await self.engine.feed.explain(given))

    def _stream(self) -> None:
        self.engine.resumed.append(self.headers.get("last-event-id"))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(b'event: hello\ndata: {"version": "0.1.0", "as_of": "2026-11-20T14:14:09Z"}\n\n')
        self.wfile.flush()
        try:
            while (block := self.engine.events.get()) != END:
                self.wfile.write(block)
                self.wfile.flush()
        except OSError:
            pass
        self.close_connection = True

    def _send(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TcpServer(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def serving(engine: TinyEngine, socket: Path | None = None) -> Iterator[TinyEngine]:
    """Serve on a free port of loopback, or on a Unix socket."""
    handler = type("BoundHandler", (Handler,), {"engine": engine})
    server: socketserver.BaseServer
    if socket is None:
        server = TcpServer(("127.0.0.1", 0), handler)
        engine.url = f"http://127.0.0.1:{server.server_address[1]}"
    else:
        server = UnixServer(str(socket), handler)
        engine.url = f"unix:{socket}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield engine
    finally:
        engine.events.put(END)
        server.shutdown()
        server.server_close()
        thread.join()
