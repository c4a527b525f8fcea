"""API keys: made, listed, revoked, rotated, and recognised.

Owns `keys.json` in the data directory (0600): who has a key, with which role, and the SHA-256 of it. Refuses to keep a
key itself: it is shown once. Keys are 256 random bits, so a plain hash suffices. Every process that checks keys watches
the file, so a revocation holds from the next request on (on a port under load, a twentieth of a second later).
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from engine.access.principal import ROLES, Principal, Role
from engine.clock import Clock, SystemClock
from engine.errors import ConfigurationError, StorageError, UsageError

_ENVIRONMENT = re.compile(r"^[a-z][a-z0-9]{0,15}$")
_DURATION = re.compile(r"^([0-9]{1,12})(m|h|d|w)$")
LONGEST = timedelta(days=36_525)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


@dataclass(frozen=True, slots=True)
class Key:
    """One key as it is stored. `hint` is its visible beginning, for people who compare lists."""

    key_id: str
    role: Role
    hash: str
    hint: str
    created_at: datetime
    developer_id: str | None = None
    projects: tuple[str, ...] | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    replaced_by: str | None = None

    @property
    def ends_at(self) -> datetime | None:
        """When it stops to work, by expiry or by revocation; None: never."""
        return min((end for end in (self.expires_at, self.revoked_at) if end is not None), default=None)

    def state(self, now: datetime) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active"

    def principal(self) -> Principal:
        """The caller who shows this key."""
        return Principal(role=self.role, developer_id=self.developer_id, key_id=self.key_id, projects=self.projects)


def parse_duration(text: str) -> timedelta:
    """`90d`, `12h`, `30m`, `2w`. Raises UsageError."""
    match = _DURATION.match(text)
    if match is None or int(match.group(1)) == 0:
        raise UsageError(f"{text!r} is not a length of time", hint="write it like 90d, 12h or 2w")
    try:
        length = timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})
    except OverflowError:
        length = timedelta.max
    if length > LONGEST:
        raise UsageError(f"{text!r} is longer than a century", hint="leave it out for no end")
    return length


class KeyRing:
    """The keys of one data directory. Safe from any thread; other processes may edit the file at any time.

    `look_seconds`: the file is looked at no oftener than so; a look costs as much as the rest of letting somebody in.
    """

    def __init__(self, path: Path, clock: Clock | None = None, *, look_seconds: float = 0.0) -> None:
        self.path = path
        self._look_seconds = look_seconds
        self._looked_at = -look_seconds
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._signature: tuple[int, int, int] | None = None
        self._keys: tuple[Key, ...] = ()
        self._by_hash: dict[str, Key] = {}

    def all(self) -> tuple[Key, ...]:
        """All keys, also revoked and expired ones, in the order of their making."""
        self._refresh()
        return self._keys

    def any_ingest_key(self) -> bool:
        """True once an ingest key was ever made: from then on, ingest on loopback needs one too.

        A revoked or expired key still counts: taking a key away must not open a door.
        """
        self._refresh()
        return any(key.role == "ingest" for key in self._keys)

    def verify(self, text: str) -> Principal | None:
        """Who shows this key, or None for an unknown, expired or revoked one; all take the same time to tell."""
        self._refresh()
        digest = _hash(text)
        found = self._by_hash.get(digest)
        # The dictionary is looked up by a hash of the secret, which tells nothing about the secret; the comparison
        # is constant-time all the same.
        matches = hmac.compare_digest(digest, found.hash if found is not None else "0" * 64)
        if found is None or not matches or found.state(self._clock.now()) != "active":
            return None
        return found.principal()

    def create(
        self,
        role: str,
        *,
        developer_id: str | None = None,
        projects: tuple[str, ...] | None = None,
        expires_in: timedelta | None = None,
        environment: str = "live",
    ) -> tuple[Key, str]:
        """Make a key; returns what is stored and the key itself, which nobody can show again."""
        if role not in ROLES:
            raise UsageError(f"there is no role {role!r}", hint=f"roles are {', '.join(ROLES)}")
        if role == "developer" and developer_id is None:
            raise UsageError("a key of role developer needs a developer", hint="add --developer ID")
        if not _ENVIRONMENT.match(environment):
            raise UsageError(f"{environment!r} is not a name for an environment", hint="use letters, such as live")
        now = self._clock.now()
        secret = f"aa_{environment}_{secrets.token_urlsafe(32)}"
        key = Key(
            key_id=f"key_{secrets.token_hex(6)}",
            role=role,
            hash=_hash(secret),
            hint=secret[: len(environment) + 8],
            created_at=now,
            developer_id=developer_id,
            projects=projects,
            expires_at=None if expires_in is None else now + expires_in,
        )
        self._edit(lambda keys: (*keys, key))
        return key, secret

    def revoke(self, key_id: str) -> Key:
        """End a key at once. Raises UsageError for an unknown one."""
        now = self._clock.now()
        self._find(key_id)
        self._edit(
            lambda keys: tuple(
                # A key in the grace of its rotation has an end already, but a later one than now.
                replace(key, revoked_at=now)
                if key.key_id == key_id and (key.revoked_at is None or key.revoked_at > now)
                else key
                for key in keys
            )
        )
        return self._find(key_id)

    def rotate(self, key_id: str, *, grace: timedelta = timedelta(0)) -> tuple[Key, str]:
        """A new key with the same rights and lifetime; the old one ends now, or after `grace`."""
        old = self._find(key_id)
        now = self._clock.now()
        if old.state(now) == "revoked":
            raise UsageError(f"{key_id} is revoked", hint="create a new key")
        lifetime = None if old.expires_at is None else old.expires_at - old.created_at
        environment = old.hint.split("_")[1]
        new, secret = self.create(
            old.role,
            developer_id=old.developer_id,
            projects=old.projects,
            expires_in=lifetime,
            environment=environment,
        )
        self._edit(
            lambda keys: tuple(
                replace(key, revoked_at=now + grace, replaced_by=new.key_id) if key.key_id == key_id else key
                for key in keys
            )
        )
        return new, secret

    def _find(self, key_id: str) -> Key:
        for key in self.all():
            if key.key_id == key_id:
                return key
        raise UsageError(f"there is no key {key_id}", hint="`aa-engine keys list` shows all")

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked_at < self._look_seconds:
            return
        try:
            stat = os.stat(self.path)
            signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        except (FileNotFoundError, NotADirectoryError):
            signature = (0, 0, 0)
        if signature != self._signature:
            with self._lock:
                self._keys = _read(self.path) if signature != (0, 0, 0) else ()
                self._by_hash = {key.hash: key for key in self._keys}
                self._signature = signature
        # Only now: keys that could not be read are looked for at the next request again, and let nobody in meanwhile.
        self._looked_at = now

    def _edit(self, change: Callable[[tuple[Key, ...]], tuple[Key, ...]]) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _exclusive(self.path):
                keys = change(_read(self.path) if self.path.exists() else ())
                _write(self.path, keys)
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror or error}") from error


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Two `keys create` at once both succeed."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _read(path: Path) -> tuple[Key, ...]:
    def instant(value: str) -> datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError(f"{value!r} has no offset")
        return moment

    def later(value: str | None) -> datetime | None:
        return None if value is None else instant(value)

    def text(value: object) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not text")
        return value

    def optional(value: object) -> str | None:
        return None if value is None else text(value)

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != 1:
            raise ConfigurationError(f"{path} was written by a newer version", hint="update agent-analytics")
        keys = []
        for entry in document["keys"]:
            projects = entry.get("projects")
            if entry["role"] not in ROLES:
                raise ValueError(f"role {entry['role']!r}")
            keys.append(
                Key(
                    key_id=text(entry["key_id"]),
                    role=entry["role"],
                    hash=text(entry["hash"]),
                    hint=text(entry["hint"]),
                    created_at=instant(entry["created_at"]),
                    developer_id=optional(entry.get("developer_id")),
                    projects=None if projects is None else tuple(map(text, projects)),
                    expires_at=later(entry.get("expires_at")),
                    revoked_at=later(entry.get("revoked_at")),
                    replaced_by=optional(entry.get("replaced_by")),
                )
            )
        return tuple(keys)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} is damaged: {error}", hint="restore it, or remove it and make new keys"
        ) from error


def _write(path: Path, keys: tuple[Key, ...]) -> None:
    """Atomically, so that a reader never sees half a file."""

    def plain(key: Key) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in asdict(key).items()
            if value is not None
        }

    document = {"version": 1, "keys": [plain(key) for key in keys]}
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".keys-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
