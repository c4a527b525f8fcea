"""Backups of a data directory: what one is, where it lies, how it is made, checked and thrown away.

Owns the folder of a backup (the database file, the small files beside it, `manifest.json` with digests and how far it
goes), copying while somebody else writes on, and rotation. Refuses to decide when nobody writes (the caller holds the
writers still during `copy`), and to ask the models whether the content is right: the caller does, before `seal`.

    backups/2026-11-21T013000Z/
        agent_analytics.duckdb      keys.json  hash.key  engine.yaml  …      manifest.json

A backup appears under its name only when it is whole and was opened; before that its folder ends in `.partial`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from engine.errors import StorageError, UsageError
from engine.store.database import Database

MANIFEST = "manifest.json"
FORMAT = 1
PARTIAL = ".partial"
NAME_FORMAT = "%Y-%m-%dT%H%M%SZ"
BESIDE = ("*.json", "*.yaml", "*.yml", "*.key")
"""Small files of a data directory that a restored one needs: keys, settings, prices, watched repositories."""
NEVER = frozenset({"engine.json", MANIFEST})
DIGEST_BLOCK = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BackedUp:
    """One file: its size in bytes and its BLAKE2b digest."""

    name: str
    bytes: int
    digest: str


@dataclass(frozen=True, slots=True)
class Backup:
    """What `manifest.json` says. `workspace` tells the data directory's own key apart from others' without telling it.

    `journal_offset`: everything before it is inside; what the journal holds behind it can be applied on top.
    `tests`: what the data tests found when it was made (passed, warned, failed); None: they were not asked.
    """

    name: str
    created_at: datetime
    version: str
    schema: int
    workspace: str | None
    batch_id: int
    journal_offset: int
    rows: int
    files: tuple[BackedUp, ...]
    tests: Mapping[str, int] | None = None
    path: Path = field(default=Path(), compare=False)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.bytes for file in self.files)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        body = asdict(self)
        del body["path"]
        return {"format": FORMAT, **body, "created_at": self.created_at.isoformat()}


def new_folder(folder: Path, now: datetime) -> Path:
    """Make `<folder>/<instant>.partial`. Raises StorageError."""
    name = now.astimezone(UTC).strftime(NAME_FORMAT)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        number = 1
        while True:
            target = folder / (name if number == 1 else f"{name}-{number}")
            if not target.exists():
                partial = target.with_name(target.name + PARTIAL)
                try:
                    partial.mkdir(mode=0o700)
                    return partial
                except FileExistsError:
                    pass
            number += 1
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror or error}") from error


def room(database: Path, folder: Path) -> None:
    """Raise StorageError when the disk has no room for a copy of the database."""
    needed = sum(path.stat().st_size for path in _database_files(database))
    free = shutil.disk_usage(_existing(folder)).free
    if free < needed * 1.1 + 64 * 1024 * 1024:
        raise StorageError(
            f"a backup needs {needed:,} bytes, {folder} has {free:,} free",
            hint="free some space, remove old backups, or give --folder another disk",
        )


def copy(database: Path, target: Path) -> None:
    """Copy the database file, its write-ahead log and the files beside it. Nobody may write the database meanwhile.

    The copying is done by another process: closing a file of ours that DuckDB has open as well would give up its lock.
    """
    try:
        for path in _database_files(database):
            done = subprocess.run(["cp", "--", str(path), str(target / path.name)], capture_output=True, check=False)
            if done.returncode != 0:
                raise StorageError(
                    f"cannot copy {path}: {done.stderr.decode('utf-8', 'replace').strip()}", hint="free some space"
                )
        for path in beside(database.parent):
            shutil.copyfile(path, target / path.name)
        for path in target.iterdir():
            path.chmod(0o600)
            _sync(path)
    except OSError as error:
        raise StorageError(f"cannot copy {database} to {target}: {error.strerror or error}") from error


def beside(data_dir: Path) -> list[Path]:
    """The small files of a data directory that belong into a backup."""
    found = {path for pattern in BESIDE for path in data_dir.glob(pattern) if path.is_file()}
    return sorted(path for path in found if path.name not in NEVER and not path.name.startswith("."))


@dataclass(frozen=True, slots=True)
class Content:
    """What a database file says of itself."""

    schema: int
    batch_id: int
    journal_offset: int
    rows: int


def look_into(database: Path) -> Content:
    """Open a copied database, which takes its write-ahead log in, and read how far it goes. Raises StorageError."""
    opened = Database.open(database)
    try:
        cursor = opened.cursor()
        try:
            (schema,) = cursor.execute("select coalesce(max(number), 0) from ops.migrations").fetchall()[0]
            batch, offset, rows = cursor.execute(
                "select coalesce(max(batch_id), 0), coalesce(max(journal_offset), 0), coalesce(sum(row_count), 0)"
                " from ops.batches"
            ).fetchall()[0]
        except duckdb.Error as error:
            raise StorageError(f"{database} is no database of this program: {str(error).splitlines()[0]}") from error
        finally:
            cursor.close()
        opened.checkpoint()
    finally:
        opened.close()
    return Content(int(schema), int(batch), int(offset), int(rows))


def seal(
    partial: Path, database_name: str, now: datetime, version: str, tests: Mapping[str, int] | None = None
) -> Backup:
    """Open the copy, write the manifest and give the folder its name. Raises StorageError."""
    content = look_into(partial / database_name)
    try:
        names = sorted(path.name for path in partial.iterdir() if path.name != MANIFEST)
        files = tuple(BackedUp(name, (partial / name).stat().st_size, digest(partial / name)) for name in names)
        made = Backup(
            name=partial.name.removesuffix(PARTIAL),
            created_at=now,
            version=version,
            schema=content.schema,
            workspace=workspace_of(partial),
            batch_id=content.batch_id,
            journal_offset=content.journal_offset,
            rows=content.rows,
            files=files,
            tests=tests,
            path=partial.with_name(partial.name.removesuffix(PARTIAL)),
        )
        manifest = partial / MANIFEST
        manifest.write_text(json.dumps(made.told(), indent=2) + "\n", encoding="utf-8")
        manifest.chmod(0o600)
        for path in partial.iterdir():
            _sync(path)
        partial.rename(made.path)
        _sync(made.path.parent)
    except OSError as error:
        raise StorageError(f"cannot finish {partial}: {error.strerror or error}") from error
    return made


def read(path: Path) -> Backup:
    """The backup in a folder. Raises StorageError when there is none."""
    try:
        told = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        if told["format"] != FORMAT:
            raise StorageError(f"{path} has format {told['format']}", hint="update agent-analytics")
        return Backup(
            name=path.name,
            created_at=datetime.fromisoformat(told["created_at"]),
            version=str(told["version"]),
            schema=int(told["schema"]),
            workspace=told["workspace"],
            batch_id=int(told["batch_id"]),
            journal_offset=int(told["journal_offset"]),
            rows=int(told["rows"]),
            files=tuple(BackedUp(str(f["name"]), int(f["bytes"]), str(f["digest"])) for f in told["files"]),
            tests=told["tests"],
            path=path,
        )
    except FileNotFoundError:
        raise StorageError(f"{path} is no backup: it has no {MANIFEST}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(f"{path / MANIFEST} cannot be read: {error}") from error


def known(folder: Path) -> list[Backup]:
    """All whole backups of a folder, newest first. Those whose manifest is damaged are left out."""
    found = []
    for manifest in folder.glob(f"*/{MANIFEST}"):
        if manifest.parent.name.endswith(PARTIAL):
            continue
        try:
            found.append(read(manifest.parent))
        except StorageError:
            continue
    return sorted(found, key=lambda backup: (backup.created_at, backup.name), reverse=True)


def named(folder: Path, name: str) -> Backup:
    """The backup that a user means: `latest`, a name in the folder, or a path. Raises UsageError."""
    if name == "latest":
        backups = known(folder)
        if not backups:
            raise UsageError(f"{folder} holds no backup", hint="make one with `aa-engine backup create`")
        return backups[0]
    for path in (folder / name, Path(name).expanduser()):
        if (path / MANIFEST).is_file():
            return read(path.resolve())
    raise UsageError(f"there is no backup {name} in {folder}", hint="`aa-engine backup list` tells which there are")


def damage(backup: Backup) -> list[str]:
    """What is wrong with the files, in words; empty when each is there as it was written."""
    found = []
    for file in backup.files:
        path = backup.path / file.name
        try:
            if path.stat().st_size != file.bytes:
                found.append(f"{path} has {path.stat().st_size:,} bytes, not {file.bytes:,}")
            elif digest(path) != file.digest:
                found.append(f"{path} was changed: its digest is another")
        except OSError as error:
            found.append(f"{path}: {error.strerror or error}")
    return found


def rotate(folder: Path, keep: timedelta, now: datetime) -> list[Backup]:
    """Remove backups older than `keep`, but never the newest; gives those that went. Also leftovers of broken ones."""
    gone = []
    for backup in known(folder)[1:]:
        if now - backup.created_at > keep:
            shutil.rmtree(backup.path, ignore_errors=True)
            gone.append(backup)
    for partial in folder.glob(f"*{PARTIAL}"):
        if partial.is_dir() and now.timestamp() - partial.stat().st_mtime > timedelta(days=1).total_seconds():
            shutil.rmtree(partial, ignore_errors=True)
    return gone


def workspace_of(folder: Path) -> str | None:
    """Which workspace a folder's secret key belongs to, without telling the key; None without one."""
    try:
        return hashlib.blake2b(
            (folder / "hash.key").read_bytes().strip(), digest_size=8, person=b"aa-backup"
        ).hexdigest()
    except OSError:
        return None


def digest(path: Path) -> str:
    """BLAKE2b of a file, in flat memory."""
    sum_ = hashlib.blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(DIGEST_BLOCK):
            sum_.update(block)
    return sum_.hexdigest()


def _database_files(database: Path) -> Iterable[Path]:
    """The database file first, then its write-ahead log if there is one."""
    return [path for path in (database, Path(f"{database}.wal")) if path.exists()]


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
