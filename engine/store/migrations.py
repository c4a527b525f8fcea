"""The schema's history: numbered SQL files, applied once each, forward only.

Owns the order of `migrations/NNNN_name.sql`, the record of what was applied (`ops.migrations`), the copy of the file
that is kept before an existing database is changed, and the refusal of a file that a newer version has written.
Refuses downgrades and Python migrations.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import duckdb

from engine.errors import StorageError
from engine.store.database import Database

_NAME = re.compile(r"^(\d{4})_([a-z0-9_]+)\.sql$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema: `number` orders, `name` is for people, `sql` is run in one transaction."""

    number: int
    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """What `migrate` did: the steps it applied and the copy it made first (None for a new or unchanged file)."""

    applied: tuple[Migration, ...]
    backup: Path | None


def packaged() -> tuple[Migration, ...]:
    """The migrations of this version, in order."""
    found: list[Migration] = []
    for entry in (resources.files("engine.store") / "migrations").iterdir():
        match = _NAME.match(entry.name)
        if match is not None:
            found.append(Migration(int(match.group(1)), match.group(2), entry.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.number))


def applied_numbers(cursor: duckdb.DuckDBPyConnection) -> tuple[int, ...]:
    """Numbers of the migrations that the database says it has had; empty for a new file."""
    known = cursor.execute(
        "select count(*) from information_schema.tables where table_schema = 'ops' and table_name = 'migrations'"
    ).fetchall()
    if known[0][0] == 0:
        return ()
    return tuple(row[0] for row in cursor.execute("select number from ops.migrations order by number").fetchall())


def pending(database: Database, migrations: Sequence[Migration] | None = None) -> tuple[Migration, ...]:
    """What `migrate` would apply. Raises StorageError for a file from a newer version."""
    steps = packaged() if migrations is None else tuple(migrations)
    cursor = database.cursor()
    try:
        done = applied_numbers(cursor)
    finally:
        cursor.close()
    newest = steps[-1].number if steps else 0
    if done and done[-1] > newest:
        raise StorageError(
            f"{database.path} was written by a newer version (schema {done[-1]}, this version knows {newest})",
            hint="update agent-analytics, or restore the backup made before that update",
        )
    return tuple(step for step in steps if step.number not in done)


def migrate(database: Database, migrations: Sequence[Migration] | None = None) -> Migrated:
    """Bring the database to this version; each step is one transaction, then the file is checkpointed.

    An existing database is copied to `backups/` beside it first. A step that fails leaves the file as it was before
    that step and raises StorageError.
    """
    steps = pending(database, migrations)
    if not steps:
        return Migrated((), None)
    cursor = database.cursor()
    try:
        existing = applied_numbers(cursor)
        backup = _copy(database, existing[-1]) if existing else None
        cursor.execute("create schema if not exists ops")
        cursor.execute(
            "create table if not exists ops.migrations"
            " (number integer not null, name varchar not null, applied_at timestamptz not null)"
        )
        for step in steps:
            cursor.execute("begin")
            try:
                cursor.execute(step.sql)
                cursor.execute("insert into ops.migrations values (?, ?, now())", [step.number, step.name])
                cursor.execute("commit")
            except duckdb.Error as error:
                try:
                    cursor.execute("rollback")
                except duckdb.Error:
                    pass  # the failed commit has already rolled back
                hint = f"the file is as before this step; a copy is in {backup}" if backup else None
                sentence = f"{database.path}: migration {step.number:04d} failed: {error}"
                raise StorageError(sentence, hint=hint) from error
    finally:
        cursor.close()
    # Replaying schema changes from the write-ahead log is DuckDB's weak spot: they go into the file at once.
    database.checkpoint()
    return Migrated(steps, backup)


def _copy(database: Database, version: int) -> Path:
    """Copy the checkpointed file aside; nobody writes while an engine migrates."""
    database.checkpoint()
    folder = database.path.parent / "backups"
    target = folder / f"before-migration-from-{version:04d}.duckdb"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        partial = target.with_suffix(".partial")
        shutil.copyfile(database.path, partial)
        partial.chmod(0o600)
        partial.replace(target)
    except OSError as error:
        raise StorageError(
            f"cannot copy {database.path} to {target}: {error.strerror or error}",
            hint="an existing database is only migrated after a copy of it was made; free some space",
        ) from error
    return target
