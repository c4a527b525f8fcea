"""Which repositories are watched, and what was read of each.

Owns `repositories.json` in the data directory (the list people edit with `aa-engine repos`) and one small file per
repository in `repositories/` (tips that were read, state, counts), both written whole or not at all. Refuses to read
git. What was read is forgotten when the database is another file than then, so a fresh database is filled again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from engine.errors import ConfigurationError, StorageError
from engine.repos.plumbing import State
from engine.repos.scan import Known
from engine.settings import Settings

FILE = "repositories.json"
FOLDER = "repositories"


@dataclass(frozen=True, slots=True)
class Watched:
    """One repository of the list. `origin`: the file, or the setting it comes from."""

    path: Path
    added_at: str | None
    origin: str


@dataclass(frozen=True, slots=True)
class Remembered:
    """How one repository stands and what was read of it. `detail` is the sentence of the last failure."""

    path: str
    state: State
    detail: str | None = None
    hint: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    remote_url: str | None = None
    root: str | None = None
    default_branch: str | None = None
    commits: int = 0
    scanned_at: str | None = None
    tips: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    shallow: tuple[str, ...] = ()
    notes: str | None = None
    announced: str | None = None
    """dedup_key of the last row written to raw.repositories."""

    def known(self) -> Known | None:
        """What was read; None when nothing was yet."""
        if self.project_id is None or self.scanned_at is None:
            return None
        return Known(self.project_id, frozenset(self.tips), frozenset(self.shallow), self.notes, frozenset(self.older))

    def failed(self, state: State, detail: str, hint: str | None) -> Remembered:
        """The same with a failure; what was read stays known."""
        return replace(self, state=state, detail=detail, hint=hint)


def list_file(settings: Settings) -> Path:
    """Where the list lies."""
    return settings.data_dir / FILE


def watched(settings: Settings) -> tuple[Watched, ...]:
    """The file's repositories, then those of the setting `repositories`; each path once. Raises ConfigurationError."""
    found = {entry.path: entry for entry in read_list(settings)}
    for text in settings["repositories"]:
        path = Path(os.path.abspath(Path(text).expanduser()))
        found.setdefault(path, Watched(path, None, settings.origin("repositories")))
    return tuple(found.values())


def read_list(settings: Settings) -> tuple[Watched, ...]:
    """The repositories of the file, in order. Raises ConfigurationError naming file and line."""
    path = list_file(settings)
    hint = 'expected {"repositories": [{"path": "/absolute/path"}]}'
    try:
        body: Any = json.loads(path.read_bytes() or b"{}")
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{error.lineno}: {error.msg}", hint=hint) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8 text", hint=hint) from None
    entries = body.get("repositories", []) if isinstance(body, dict) else None
    if not isinstance(entries, list):
        raise ConfigurationError(f"{path}: no list of repositories", hint=hint)
    found: dict[Path, Watched] = {}
    for entry in entries:
        name = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"{path}: a repository without path: {json.dumps(entry)[:80]}", hint=hint)
        added = entry.get("added_at")
        where = Path(os.path.abspath(Path(name).expanduser()))
        found.setdefault(where, Watched(where, added if isinstance(added, str) else None, str(path)))
    return tuple(found.values())


def add(settings: Settings, paths: Sequence[Path], now: datetime) -> tuple[Path, ...]:
    """Put repositories on the list; those that are new to it are returned."""
    with _editing(settings) as entries:
        known = {entry.path for entry in entries}
        fresh = tuple(path for path in dict.fromkeys(paths) if path not in known)
        stamp = now.astimezone(UTC).isoformat(timespec="seconds")
        entries.extend(Watched(path, stamp, FILE) for path in fresh)
    return fresh


def remove(settings: Settings, path: Path) -> bool:
    """Take a repository off the list; False when it was not on it."""
    with _editing(settings) as entries:
        kept = [entry for entry in entries if entry.path != path]
        found = len(kept) != len(entries)
        entries[:] = kept
    return found


class Memory:
    """What was read of every repository. One file each, so that writers of different repositories never meet."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.data_dir / FOLDER
        self._database = settings.database

    def load(self, path: Path) -> Remembered:
        """What is remembered; a fresh record for a repository never seen, or of another database."""
        return self._load(self._file(path)) or Remembered(str(path), "waiting")

    def all(self) -> tuple[Remembered, ...]:
        """Everything remembered, also of repositories that are no longer on the list."""
        files = sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []
        return tuple(found for found in map(self._load, files) if found is not None)

    def save(self, remembered: Remembered) -> None:
        """Write it down. Raises StorageError."""
        body = asdict(remembered) | {"database": _identity(self._database)}
        write_whole(self._file(Path(remembered.path)), json.dumps(body))

    def forget(self, path: Path) -> None:
        """Know nothing of this repository any more."""
        self._file(path).unlink(missing_ok=True)

    def _file(self, path: Path) -> Path:
        return self._folder / (hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest() + ".json")

    def _load(self, file: Path) -> Remembered | None:
        try:
            body: Any = json.loads(file.read_bytes())
            database = body.pop("database")
            for name in ("tips", "older", "shallow"):
                body[name] = tuple(body[name])
            found = Remembered(**body)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # never read, or torn by somebody: everything is read again, which changes nothing
        if found.state not in get_args(State) or database != _identity(self._database):
            return None
        return found


def write_whole(path: Path, content: str) -> None:
    """Replace a file at once: readers see the old or the new content. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror}") from None


@contextmanager
def _editing(settings: Settings) -> Iterator[list[Watched]]:
    """The list, changed in place, written back when it differs; one editor at a time."""
    import fcntl

    path = list_file(settings)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (path.parent / f".{FILE}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            before = list(read_list(settings))
            entries = list(before)
            yield entries
            if entries != before:
                listed = [{"path": str(entry.path), "added_at": entry.added_at} for entry in entries]
                write_whole(path, json.dumps({"repositories": listed}, indent=2) + "\n")
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror}") from None


def _identity(database: Path) -> list[int] | None:
    try:
        found = database.stat()
    except OSError:
        return None
    return [found.st_dev, found.st_ino]
