"""The journal of another process: followed by those who apply it, asked to append by those who record.

Owns the engine's side of the border to the receiver: the wait for news, reading up to what is durable, and handing
over framed rows of the engine's own (histories, repositories, prices, what comes through its socket) until the receiver
has them on disk. Refuses to append itself: one process writes a journal. A receiver that is being restarted is waited
for; rows that were handed over twice have one dedup key.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from engine.errors import StorageError
from engine.ingest.journal import Damage, Limits, Record, read_folder, remove_old
from engine.ingest.journal_state import JournalState

ROWS_ROUTE = "/api/v1/internal/rows"
RETRY_SECONDS = 0.1
LOOK_SECONDS = 0.5
"""News can get lost with a receiver that dies; then the state is looked at all the same."""
ANSWER_SECONDS = 30.0


class FollowedJournal:
    """`Journal` for the process that does not own it. `news`: becomes readable after each group; `door`: a socket."""

    def __init__(self, folder: Path, news: socket.socket, door: Path, limits: Limits | None = None) -> None:
        self.folder = folder
        self.state = JournalState.open(folder)
        self._limits = limits or Limits()
        self._news = news
        self._news.setblocking(False)
        self._woken, self._wake = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._news, select.POLLIN)
        self._poll.register(self._woken, select.POLLIN)
        self._door = _Door(door)
        self._lock = threading.Lock()
        self._closing = threading.Event()

    @property
    def end(self) -> int:
        """First byte after the last durable record."""
        return self.state.end

    def write(self, payloads: Sequence[bytes], rows: int = 0) -> None:
        """Have the receiver append; blocks until it has. Raises StorageError when it refuses, or when this closes."""
        with self._lock:
            for payload in payloads:
                self._hand_over(payload)

    def _hand_over(self, payload: bytes) -> None:
        while True:
            if self._closing.is_set():
                raise StorageError("the engine is stopping", hint="send it again in a moment")
            try:
                status, body = self._door.post(ROWS_ROUTE, payload)
            except (OSError, http.client.HTTPException):
                self._closing.wait(RETRY_SECONDS)
                continue
            if status < 300:
                return
            if status == 429:
                self._closing.wait(RETRY_SECONDS)
                continue
            sentence = _detail(body)
            if status == 400:
                raise ValueError(sentence)
            raise StorageError(sentence)

    def wait_beyond(self, offset: int, timeout: float) -> bool:
        """Wait until something durable lies behind `offset`. False after `timeout` seconds or a `wake`."""
        deadline = time.monotonic() + timeout
        while self.state.end <= offset:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            ready = {descriptor for descriptor, _ in self._poll.poll(min(left, LOOK_SECONDS) * 1000)}
            if self._woken in ready:
                os.read(self._woken, 4096)
                return self.state.end > offset
            if ready:
                self._read_news()
        self._read_news()
        return True

    def _read_news(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._news.recv(64):
                pass

    def wake(self) -> None:
        """Let the one who waits look up."""
        os.write(self._wake, b"w")

    def read(self, offset: int = 0) -> Iterator[Record | Damage]:
        """Everything durable from `offset` on."""
        yield from read_folder(self.folder, offset, self.state.end)

    def remove_applied(self, applied: int, now: float | None = None, *, make_room: bool = False) -> int:
        """As `Journal.remove_applied`: the last segment, which the receiver writes, is never removed."""
        return remove_old(self.folder, self._limits, applied, now, make_room)

    def tell(self, waiting_rows: int, waiting_requests: int, refused_requests: int, trouble: str | None) -> None:
        """The figures are the receiver's."""

    def give_up(self) -> None:
        """Wait for the receiver no longer: what could not be handed over is refused."""
        self._closing.set()

    def close(self) -> None:
        """Let go of the files and the receiver."""
        self._closing.set()
        self._door.close()
        for descriptor in (self._woken, self._wake):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self.state.close()


class _Door:
    """A kept connection to a Unix socket that speaks HTTP."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: http.client.HTTPConnection | None = None

    def post(self, route: str, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError or HTTPException; the next call connects anew."""
        try:
            if self._connection is None:
                self._connection = _UnixConnection(self._path)
            self._connection.request("POST", route, body, {"content-type": "application/octet-stream"})
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=ANSWER_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Over the socket file."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return "the receiver does not take rows at the moment"
