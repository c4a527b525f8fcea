"""The key of a workspace's hashes.

Owns `hash.key` in the data directory: 32 random bytes that make the hashes of tool arguments mean nothing elsewhere.
Refuses to hash: that is done where the arguments are.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from engine.errors import StorageError
from engine.settings import Settings


def hash_key(settings: Settings) -> bytes:
    """The key of this workspace's hashes, for those who hash beside the engine (an import, a follower)."""
    return _read(settings.data_dir / "hash.key")


def _read(path: Path) -> bytes:
    """32 random bytes, made once per workspace; whole or not at all, also when two make them or one is killed."""
    try:
        if not path.exists():
            descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".hash-")  # 0600
            try:
                with os.fdopen(descriptor, "w", encoding="ascii") as file:
                    file.write(secrets.token_bytes(32).hex() + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                with contextlib.suppress(FileExistsError):
                    os.link(partial, path)
            finally:
                os.unlink(partial)
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise StorageError(f"cannot read or create {path}: {error.strerror or error}") from error
    except ValueError:
        key = b""
    if len(key) != 32:
        raise StorageError(
            f"{path} is damaged: it does not hold 32 bytes in hexadecimal",
            hint="restore it, or remove it; then the same arguments get other hashes than before",
        )
    return key
