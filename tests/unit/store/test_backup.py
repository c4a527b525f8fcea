"""The folder of backups: rotation, leftovers, what counts as one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.errors import StorageError
from engine.store import backup
from engine.store.database import Database
from engine.store.migrations import migrate

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "agent_analytics.duckdb"
    opened = Database.open(path)
    migrate(opened)
    opened.close()
    (path.parent / "keys.json").write_text("{}")
    (path.parent / "engine.json").write_text("{}")
    return path


def make(database: Path, folder: Path, now: datetime) -> backup.Backup:
    partial = backup.new_folder(folder, now)
    backup.copy(database, partial)
    return backup.seal(partial, database.name, now, "1.0")


def test_a_backup_is_read_back_as_it_was_made(database: Path, tmp_path: Path) -> None:
    made = make(database, tmp_path / "b", NOON)
    assert backup.read(made.path) == made
    assert backup.known(tmp_path / "b") == [made]
    assert {file.name for file in made.files} == {"agent_analytics.duckdb", "keys.json"}
    assert backup.damage(made) == []


def test_nobody_else_can_read_it(database: Path, tmp_path: Path) -> None:
    made = make(database, tmp_path / "b", NOON)
    assert made.path.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in made.path.iterdir())


def test_two_in_one_second_have_two_names(database: Path, tmp_path: Path) -> None:
    first, second = (make(database, tmp_path / "b", NOON) for _ in range(2))
    assert first.name != second.name
    assert {each.name for each in backup.known(tmp_path / "b")} == {first.name, second.name}


def test_old_ones_go_but_never_the_newest(database: Path, tmp_path: Path) -> None:
    days = (40, 31, 29, 1)
    made = {day: make(database, tmp_path / "b", NOON - timedelta(days=day)) for day in days}
    gone = backup.rotate(tmp_path / "b", timedelta(days=30), NOON)
    assert {each.name for each in gone} == {made[40].name, made[31].name}
    gone = backup.rotate(tmp_path / "b", timedelta(days=30), NOON + timedelta(days=365))
    assert {each.name for each in gone} == {made[29].name}
    assert backup.known(tmp_path / "b") == [made[1]]


def test_one_that_was_not_finished_is_none_and_goes_after_a_day(database: Path, tmp_path: Path) -> None:
    partial = backup.new_folder(tmp_path / "b", NOON)
    backup.copy(database, partial)
    assert backup.known(tmp_path / "b") == []
    backup.rotate(tmp_path / "b", timedelta(days=30), datetime.fromtimestamp(partial.stat().st_mtime, UTC))
    assert partial.exists()
    later = datetime.fromtimestamp(partial.stat().st_mtime, UTC) + timedelta(days=2)
    backup.rotate(tmp_path / "b", timedelta(days=30), later)
    assert not partial.exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "files": 7}'])
def test_a_damaged_manifest_is_an_error_that_names_it(tmp_path: Path, content: str) -> None:
    folder = tmp_path / "b" / "x"
    folder.mkdir(parents=True)
    (folder / backup.MANIFEST).write_text(content)
    with pytest.raises(StorageError, match=r"manifest\.json|format 99"):
        backup.read(folder)
    assert backup.known(tmp_path / "b") == []


def test_each_kind_of_damage_is_told(database: Path, tmp_path: Path) -> None:
    made = make(database, tmp_path / "b", NOON)
    keys, copy = made.path / "keys.json", made.path / database.name
    keys.unlink()
    copy.write_bytes(copy.read_bytes() + b"\0")
    assert len(backup.damage(made)) == 2
    assert json.loads((made.path / backup.MANIFEST).read_text())["format"] == backup.FORMAT


def test_a_file_that_is_no_database_of_ours_is_not_sealed(tmp_path: Path) -> None:
    partial = backup.new_folder(tmp_path / "b", NOON)
    (partial / "x.duckdb").write_bytes(b"not a database")
    with pytest.raises(StorageError):
        backup.seal(partial, "x.duckdb", NOON, "1.0")
    assert backup.known(tmp_path / "b") == []
