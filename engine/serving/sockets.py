"""Unix sockets of an engine: where they are, and who may open them.

Owns the path (short enough for a socket) and the permissions of the file. Refuses to answer on them.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import socket
import tempfile
from pathlib import Path

from engine.errors import ConfigurationError, EngineError

LONGEST_SOCKET_PATH = 100
"""sun_path holds 108 bytes on Linux and 104 on macOS, the end mark included."""


def socket_path(data_dir: Path, kind: str = "engine") -> Path:
    """`engine.sock` in the data directory, or in the runtime directory when that path is too long for a socket.

    `kind`: `engine` is everybody's door; `receiver` and `passed` are those between the processes of one engine.
    """
    path = data_dir / f"{kind}.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.blake2b(os.fsencode(data_dir), digest_size=8).hexdigest()
    name += "" if kind == "engine" else f"-{kind}"
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
