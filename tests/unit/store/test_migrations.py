"""The schema moves forward, one recorded step at a time, and never loses a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.store.database import Database
from engine.store.migrations import Migration, migrate, packaged, pending

FIRST = Migration(1, "first", "create schema raw; create table raw.things (name varchar)")
SECOND = Migration(2, "second", "alter table raw.things add column size bigint")
BROKEN = Migration(2, "broken", "alter table raw.things add column size bigint; select * from raw.missing")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "agent_analytics.duckdb")
    yield database
    database.close()


def columns(database: Database) -> list[str]:
    rows = database.cursor().execute("select column_name from information_schema.columns where table_name = 'things'")
    return [row[0] for row in rows.fetchall()]


def test_the_packaged_steps_are_numbered_without_gaps() -> None:
    assert [step.number for step in packaged()] == list(range(1, len(packaged()) + 1))


def test_a_new_file_gets_every_step_and_no_copy(database: Database) -> None:
    done = migrate(database)
    assert done.applied == packaged()
    assert done.backup is None


def test_each_step_is_applied_once(database: Database) -> None:
    migrate(database, [FIRST])
    assert migrate(database, [FIRST]).applied == ()
    assert migrate(database, [FIRST, SECOND]).applied == (SECOND,)
    assert columns(database) == ["name", "size"]


def test_an_existing_file_is_copied_before_it_is_changed(database: Database, tmp_path: Path) -> None:
    migrate(database, [FIRST])
    database.cursor().execute("insert into raw.things values ('kept')")
    backup = migrate(database, [FIRST, SECOND]).backup
    assert backup == tmp_path / "backups" / "before-migration-from-0001.duckdb"
    copy = Database.open(backup)
    assert columns(copy) == ["name"]
    assert copy.cursor().execute("from raw.things").fetchall() == [("kept",)]
    copy.close()


def test_a_failing_step_leaves_the_file_as_before(database: Database) -> None:
    migrate(database, [FIRST])
    with pytest.raises(StorageError, match="migration 0002 failed") as caught:
        migrate(database, [FIRST, BROKEN])
    assert "before-migration-from-0001" in str(caught.value.hint)
    assert columns(database) == ["name"]
    assert pending(database, [FIRST, SECOND]) == (SECOND,)


def test_a_file_from_a_newer_version_is_refused(database: Database) -> None:
    migrate(database, [FIRST, SECOND])
    with pytest.raises(StorageError, match=r"newer version \(schema 2, this version knows 1\)"):
        migrate(database, [FIRST])


def test_the_schema_survives_reopening_without_a_log_to_replay(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "x.duckdb")
    migrate(database)
    assert database.wal_bytes() == 0
    database.reopen()
    assert pending(database) == ()
    database.close()
