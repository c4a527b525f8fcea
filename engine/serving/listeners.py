"""The HTTP listeners: one for TCP, one for the Unix socket, on one event loop.

Owns uvicorn's configuration, the socket file with its permissions, and the uid of a peer on it. Refuses signals and
routes: the service decides when to stop, the application what to answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import hashlib
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.access.http import Application
from engine.errors import ConfigurationError, EngineError

LONGEST_SOCKET_PATH = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS, the end mark included."""
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
                ws="none",
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


def socket_path(data_dir: Path) -> Path:
    """`engine.sock` in the data directory, or in the runtime directory when that path is too long for a socket."""
    path = data_dir / "engine.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.blake2b(os.fsencode(data_dir), digest_size=8).hexdigest()
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) if runtime else Path(tempfile.gettempdir()) / f"agent-analytics-{os.getuid()}"
    if len(os.fsencode(folder / f"{name}.sock")) > LONGEST_SOCKET_PATH:
        folder = Path("/tmp") / f"agent-analytics-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stat = folder.stat()
    if stat.st_uid != os.getuid() or stat.st_mode & 0o022:
        raise EngineError(f"{folder} belongs to somebody else, so no socket can be put there", hint="move --data-dir")
    return folder / f"{name}.sock"


def listen_on_socket(path: Path, group: str | None) -> socket.socket:
    """A listening Unix socket, 0600, or 0660 for a group. The data directory's lock says that a file left is stale."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listening.bind(str(path))
        if group is not None:
            os.chown(path, -1, grp.getgrnam(group).gr_gid)
            os.chmod(path, 0o660)
        listening.listen(256)
    except KeyError as error:
        listening.close()
        raise ConfigurationError(f"socket_group: there is no group {group!r}") from error
    except OSError as error:
        listening.close()
        raise EngineError(f"cannot open the socket {path}: {error.strerror}") from error
    finally:
        os.umask(before)
    return listening


def _peer_uid(peer: Any) -> int | None:
    """The uid at the other end; None where the system does not tell."""
    if peer is None or not sys.platform.startswith("linux"):
        return None
    try:
        credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    except OSError:
        return None
    return int(struct.unpack("3i", credentials)[1])
