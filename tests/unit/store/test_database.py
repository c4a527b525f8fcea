"""The file of a workspace: one process, UTC, private, able to come back."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import InUseError, StorageError
from engine.store.database import Database
from engine.store.lock import DirectoryLock
from engine.store.reader import Reader


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "agent_analytics.duckdb"


def test_opening_creates_the_file_and_only_its_owner_may_read_it(path: Path) -> None:
    database = Database.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    database.close()


def test_instants_are_utc_whatever_the_machine_says(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    database = Database.open(path)
    rows = database.cursor().execute("select timestamptz '2026-11-20 12:00:00+00', current_setting('TimeZone')")
    assert rows.fetchall() == [(datetime(2026, 11, 20, 12, tzinfo=UTC), "UTC")]
    database.close()


def test_a_file_held_by_another_process_is_refused_with_its_pid(path: Path) -> None:
    path.parent.mkdir()
    program = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(InUseError, match=rf"in use by process {holder.pid}"):
        Database.open(path)
    holder.communicate()


def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database, but somebody's file" * 1000)
    before = path.read_bytes()
    with pytest.raises(StorageError, match="cannot open"):
        Database.open(path)
    assert path.read_bytes() == before


def test_readers_find_the_reopened_database_by_themselves(path: Path) -> None:
    database = Database.open(path)
    reader = Reader(database)
    database.cursor().execute("create table t as select 1 as one")
    assert reader.rows("select one from t") == (("one",), [(1,)])
    database.reopen()
    assert reader.rows("select one from t where one = $one", {"one": 1}) == (("one",), [(1,)])
    reader.close()
    database.close()


def test_a_closed_database_says_so(path: Path) -> None:
    database = Database.open(path)
    database.close()
    database.close()
    with pytest.raises(StorageError, match="is closed"):
        database.cursor()


def test_a_failing_question_does_not_spoil_the_pool(path: Path) -> None:
    database = Database.open(path)
    reader = Reader(database)
    with pytest.raises(Exception, match="does not exist"):
        reader.rows("select * from nowhere")
    assert reader.rows("select 1 as one")[1] == [(1,)]
    reader.close()
    database.close()


def test_a_data_directory_has_one_holder(tmp_path: Path) -> None:
    import os

    lock = DirectoryLock.acquire(tmp_path / "data")
    with pytest.raises(InUseError, match=rf"in use by process {os.getpid()}"):
        DirectoryLock.acquire(tmp_path / "data")
    lock.release()
    DirectoryLock.acquire(tmp_path / "data").release()


def test_the_holder_is_named_with_its_address(tmp_path: Path) -> None:
    lock = DirectoryLock.acquire(tmp_path)
    (tmp_path / "engine.json").write_text('{"http": "http://127.0.0.1:4318", "socket": "/run/engine.sock"}')
    with pytest.raises(InUseError, match=r"\(http://127.0.0.1:4318, unix:/run/engine.sock\)"):
        DirectoryLock.acquire(tmp_path)
    lock.release()


def test_a_directory_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot use"):
        DirectoryLock.acquire(tmp_path / "file" / "data")


def test_values_in_a_statement_make_nobody_search_the_path_for_pandas(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[str] = []

    class Watching:
        @staticmethod
        def find_spec(name: str, path: object = None, target: object = None) -> None:
            searched.append(name)

    database = Database.open(path)
    monkeypatch.setattr(sys, "meta_path", [sys.meta_path[0], Watching(), *sys.meta_path[1:]])
    found = database.cursor().execute("select unnest($1)", [["a", "b"]]).fetchall()
    database.close()
    assert found == [("a",), ("b",)]
    assert "pandas" not in searched
