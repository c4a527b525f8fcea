"""Who has a data directory open.

Owns the advisory lock on `engine.lock`, which the kernel releases when its holder dies, and the message for the second
one who comes. Refuses pid files as a lock: the pid in the file is there for people.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path

from engine.errors import InUseError, StorageError

DYING_SECONDS = 5.0
"""A killed engine's other processes end a moment after it; until then they hold the lock."""


class DirectoryLock:
    """Held from `acquire` to `release` or the end of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @property
    def descriptor(self) -> int:
        """For a child that holds the lock as well: it is free when all who have it are gone."""
        return self._descriptor

    @classmethod
    def inherited(cls, data_dir: Path, descriptor: int) -> DirectoryLock:
        """The lock of the process that started this one."""
        os.set_inheritable(descriptor, False)
        return cls(data_dir / "engine.lock", descriptor)

    @classmethod
    def acquire(cls, data_dir: Path) -> DirectoryLock:
        """Create the directory (0700) if need be and take its lock.

        Raises InUseError naming the holder's pid and, when it has told, where it answers.
        """
        path = data_dir / "engine.lock"
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageError(
                f"cannot use {data_dir} as data directory: {error.strerror or error}",
                hint="give --data-dir a directory that you may write",
            ) from error
        try:
            _lock(descriptor)
        except OSError:
            holder = os.read(descriptor, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise InUseError(
                f"{data_dir} is in use by process {holder}{_address(data_dir)}",
                hint="stop that engine first, or give --data-dir another directory",
            ) from None
        try:
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise StorageError(
                f"cannot write {path}: {error.strerror or error}", hint="free some space on that disk"
            ) from error
        return cls(path, descriptor)

    def release(self) -> None:
        """Let the next one in. The file stays: removing it would let two processes lock two files."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _lock(descriptor: int) -> None:
    """Take the lock, or raise OSError; wait for it a little when the process that wrote its pid is gone."""
    deadline = time.monotonic() + DYING_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline or _alive(os.pread(descriptor, 32, 0)):
                raise
            time.sleep(0.02)


def _alive(written: bytes) -> bool:
    """Whether the process of a lock file lives; one that cannot be told counts as alive."""
    try:
        os.kill(int(written), 0)
    except ProcessLookupError:
        return False
    except (ValueError, OverflowError, PermissionError):
        return True
    return True


def _address(data_dir: Path) -> str:
    """` (http://…, unix:…)` of the engine that holds the directory, or nothing."""
    try:
        told = json.loads((data_dir / "engine.json").read_text(encoding="utf-8"))
        places = [told.get("http"), f"unix:{told['socket']}" if told.get("socket") else None]
    except (OSError, ValueError, AttributeError):
        return ""
    known = ", ".join(place for place in places if place)
    return f" ({known})" if known else ""
