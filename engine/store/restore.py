"""Putting a backup in the place of a data directory's database.

Owns the order (check, set aside, put in place), what becomes of the journal, and telling what no backup and no journal
holds any more. Refuses to delete: whatever stood there is renamed. The caller holds the directory's lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.errors import StorageError
from engine.store.backup import NAME_FORMAT, Backup, damage, workspace_of


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did. `aside`: what stood there before, under its new name.

    `journal_begins`: the first offset that the kept journal still holds, None without a journal of this workspace;
    beyond the backup's own offset it means a gap whose rows are lost.
    """

    backup: Backup
    aside: tuple[Path, ...]
    kept: tuple[Path, ...]
    journal_begins: int | None
    journal_ends: int | None

    @property
    def gap(self) -> bool:
        """Whether acknowledged rows lie neither in the backup nor in the journal."""
        return self.journal_begins is not None and self.journal_begins > self.backup.journal_offset


def restore(backup: Backup, data_dir: Path, database_name: str, journal: Path, now: datetime) -> Restored:
    """Check the backup, set the present database aside, put the copy in its place. Raises StorageError.

    The journal stays when it belongs to the same workspace: the engine applies what lies behind the backup when it
    starts. Another workspace's journal is set aside, since its offsets mean something else.
    """
    wrong = damage(backup)
    if wrong:
        raise StorageError(f"the backup {backup.name} is damaged: {wrong[0]}", hint="take another one")
    stamp = now.astimezone(UTC).strftime(NAME_FORMAT)
    same = backup.workspace is not None and workspace_of(data_dir) in (backup.workspace, None)
    names = {file.name for file in backup.files}
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _copied(backup, [name for name in names if name.startswith(database_name)], data_dir)
        settings = [name for name in sorted(names) if not name.startswith(database_name)]
        # Its own key opens nothing but makes its hashes comparable: it goes with the database it belongs to.
        replaced = ["hash.key"] if not same and "hash.key" in settings else []
        missing = [name for name in settings if name in replaced or not (data_dir / name).exists()]
        _copied(backup, missing, data_dir)
        aside = []
        present = [data_dir / database_name, data_dir / f"{database_name}.wal", *(data_dir / name for name in replaced)]
        if journal.is_dir() and not same:
            present.append(journal)
        for path in present:
            if path.exists():
                away = path.with_name(f"{path.name}.replaced-{stamp}")
                path.rename(away)
                aside.append(away)
        for name in (*(name for name in names if name.startswith(database_name)), *missing):
            os.replace(_arriving(data_dir, name), data_dir / name)
        _sync(data_dir)
    except OSError as error:
        raise StorageError(f"cannot restore into {data_dir}: {error.strerror or error}") from error
    begins, ends = _journal_range(journal)
    return Restored(
        backup,
        tuple(aside),
        tuple(data_dir / name for name in settings if name not in missing),
        begins,
        ends,
    )


def _copied(backup: Backup, names: list[str], data_dir: Path) -> None:
    """Bring files beside their places, durable, before anything that stands there is touched."""
    for name in names:
        arriving = _arriving(data_dir, name)
        try:
            shutil.copyfile(backup.path / name, arriving)
        except OSError:
            with contextlib.suppress(OSError):
                arriving.unlink()
            raise
        arriving.chmod(0o600)
        _sync(arriving)


def _arriving(data_dir: Path, name: str) -> Path:
    return data_dir / f".{name}.restoring"


def _journal_range(journal: Path) -> tuple[int | None, int | None]:
    """First offset and file end of a journal's segments; None without one."""
    segments = sorted((int(path.stem), path) for path in journal.glob("*.journal") if path.stem.isdigit())
    if not segments:
        return None, None
    return segments[0][0], segments[-1][0] + segments[-1][1].stat().st_size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
