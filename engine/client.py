"""How other processes on this machine reach an engine, and what they do when none runs.

Owns finding a running engine (engine.json, its pid, its answer), a connection to it, and a recorder that works either
way. Refuses to start an engine and to speak for a remote one: consoles and hooks have clients of their own.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from engine.contract import EngineAddress
from engine.errors import EngineError, InUseError, StorageError, UnreachableError
from engine.settings import Settings
from engine.store.recorder import Recorder
from engine.store.rows import RawRows

ROWS_PER_REQUEST = 20_000
REQUESTS_IN_FLIGHT = 4
RETRY_SECONDS = 60.0
STARTING_SECONDS = 15.0
"""How long an engine that holds the directory may take until it answers."""


def read_address(path: Path) -> EngineAddress | None:
    """What engine.json says; None when there is none or it is not ours."""
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pid = int(told["pid"])
        places = [told.get(name) for name in ("http", "grpc", "socket")]
        processes = {str(part): int(process) for part, process in (told.get("processes") or {}).items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not 0 < pid < 1 << 31 or not all(place is None or isinstance(place, str) for place in places):
        return None
    http, grpc, socket = places
    version = str(told.get("version", ""))
    return EngineAddress(pid=pid, http=http, grpc=grpc, socket=socket, version=version, processes=processes)


def running_engine(settings: Settings) -> EngineAddress | None:
    """The engine that has this data directory open and answers, else None."""
    address = read_address(settings.address_file)
    if address is None or not _alive(address.pid):
        return None
    try:
        with connect(address, timeout=5.0) as client:
            if client.get("/healthz").status_code == 200:
                return address
    except (httpx.HTTPError, httpx.InvalidURL, UnreachableError):
        pass
    return None


def connect(address: EngineAddress, *, key: str | None = None, timeout: float = 60.0) -> httpx.Client:
    """A client with the engine as base URL: over its socket when that can be used, else over TCP."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    if address.socket is not None and (key is None or address.http is None):
        transport = httpx.HTTPTransport(uds=address.socket)
        return httpx.Client(transport=transport, base_url="http://localhost", headers=headers, timeout=timeout)
    if address.http is not None:
        return httpx.Client(base_url=address.http, headers=headers, timeout=timeout, trust_env=False)
    raise UnreachableError("the engine has neither a socket nor a port open")


@contextmanager
def open_recorder(settings: Settings) -> Iterator[Recorder]:
    """Take rows in: through the engine that runs on this data directory, else by opening the directory itself.

    Offline, everything is applied and the models are refreshed when the block ends. Raises InUseError when somebody
    holds the directory but does not answer.
    """
    with ExitStack() as stack:
        yield _recorder(settings, stack)


def _recorder(settings: Settings, stack: ExitStack) -> Recorder:
    address = running_engine(settings)
    if address is None:
        from engine.workspace import offline

        try:
            return stack.enter_context(offline(settings)).path.recorder
        except InUseError:
            # An engine that is just starting holds the directory before it answers.
            address = _wait_for_engine(settings)
            if address is None:
                raise
    recorder = RemoteRecorder(address)
    stack.callback(recorder.close)
    return recorder


class RemoteRecorder:
    """Sends rows to a running engine's socket, in order; each future resolves when the engine has them on disk.

    `record` waits while several requests are on their way, so that an importer never fills the memory.
    """

    def __init__(self, address: EngineAddress) -> None:
        self._client = connect(address)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rows")
        self._in_flight: deque[Future[None]] = deque()

    def record(self, rows: RawRows) -> Future[None]:
        """Resolves when durable; fails with StorageError or UnreachableError. Takes the rows over."""
        while len(self._in_flight) >= REQUESTS_IN_FLIGHT:
            self._in_flight.popleft().exception()
        future = self._pool.submit(self._send, rows)
        self._in_flight.append(future)
        return future

    def close(self) -> None:
        """Send what waits."""
        self._pool.shutdown(wait=True)
        self._client.close()

    def _send(self, rows: RawRows) -> None:
        from engine.ingest.framing import encode_tables
        from engine.store.catalogue import current

        for name, table in current().to_arrow(rows, datetime.now(UTC)).items():
            for start in range(0, table.num_rows, ROWS_PER_REQUEST):
                self._post(encode_tables({name: table.slice(start, ROWS_PER_REQUEST)}))

    def _post(self, body: bytes) -> None:
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                response = self._client.post(
                    "/api/v1/internal/rows",
                    content=body,
                    headers={"content-type": "application/vnd.apache.arrow.stream"},
                )
            except httpx.HTTPError as error:
                raise UnreachableError(f"the engine went away while rows were sent: {error}") from error
            if response.status_code < 300:
                return
            if response.status_code not in (429, 503):
                raise EngineError(f"the engine refuses rows ({response.status_code}): {response.text[:500]}")
            if time.monotonic() > deadline:
                raise StorageError("the engine takes no rows at the moment", hint="see `aa-engine status`")
            time.sleep(min(float(response.headers.get("retry-after", "1")), 5.0))


def _wait_for_engine(settings: Settings) -> EngineAddress | None:
    """A starting engine's address, or None when nobody answers in time."""
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline:
        address = running_engine(settings)
        if address is not None:
            return address
        time.sleep(0.1)
    return None


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
