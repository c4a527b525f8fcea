"""The HTTP listeners: one for TCP, one for the Unix socket, on one event loop.

Owns uvicorn's configuration, the socket file with its permissions, and the uid of a peer on it. Refuses signals and
routes: the service decides when to stop, the application what to answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys
from collections.abc import Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.access.http import Application

KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 5


class PeerProtocol(HttpToolsProtocol):
    """Puts the uid of a Unix socket's peer into `scope["state"]["peer_uid"]`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "peer_uid": _peer_uid(transport.get_extra_info("socket"))}


class Listener(uvicorn.Server):
    """One uvicorn server on one socket. `run` ends some time after `finish`; signals are left to the service."""

    def __init__(self, application: Application, listening: socket.socket, tls: tuple[str, str] | None = None) -> None:
        self._listening = listening
        protocol: Any = PeerProtocol if listening.family == socket.AF_UNIX else HttpToolsProtocol
        super().__init__(
            uvicorn.Config(
                application,
                http=protocol,
                ws="websockets-sansio",
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=GRACE_SECONDS,
                ssl_certfile=tls[0] if tls else None,
                ssl_keyfile=tls[1] if tls else None,
            )
        )

    async def run_until_finished(self) -> None:
        """Answer until `finish` is called, then finish what has begun."""
        await self._serve([self._listening])

    def finish(self) -> None:
        """Accept nothing more."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _peer_uid(peer: Any) -> int | None:
    """The uid at the other end; None where the system does not tell."""
    if peer is None or not sys.platform.startswith("linux"):
        return None
    try:
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    return int(struct.unpack("3i", credentials)[1])
