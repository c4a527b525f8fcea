"""From a sender's rows to the raw tables: acknowledged means kept, applied means once."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StorageError
from engine.ingest.apply import Applier
from engine.ingest.durable import DurablePath
from engine.ingest.framing import decode_rows, encode_rows
from engine.ingest.journal import Journal
from engine.ingest.recorder import JournalRecorder
from engine.store.catalogue import current
from engine.store.database import Database
from engine.store.migrations import migrate
from engine.store.rows import RawRows, dedup_key
from engine.store.writer import Applied, Writer

NOW = datetime.now(UTC)


def letters(*names: str, **more: Any) -> RawRows:
    rows = RawRows()
    for name in names:
        rows.append(
            "events",
            {
                "dedup_key": dedup_key("events", [name]),
                "timestamp": NOW,
                "event_type": name,
                "source": "test",
                **more,
            },
        )
    return rows


class Bench:
    """Opens durable paths on one directory, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "agent_analytics.duckdb"
        self.journal = folder / "journal"

    def open(self, on_batch: Callable[[Applied], None] | None = None) -> DurablePath:
        return DurablePath.open(self.database, self.journal, on_batch=on_batch)

    def stored(self) -> list[str]:
        database = Database.open(self.database)
        rows = database.cursor().execute("select event_type from raw.events order by 1").fetchall()
        database.close()
        return [row[0] for row in rows]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def path(bench: Bench) -> Iterator[DurablePath]:
    path = bench.open()
    yield path
    path.recorder.close()
    path.applier.stop(drain=False)
    path.close()


def shut(path: DurablePath) -> None:
    path.drain()
    path.close()


def test_recorded_rows_reach_the_tables(path: DurablePath) -> None:
    path.recorder.record(letters("a", "b")).result(30)
    path.flush(30)
    assert path.database.cursor().execute("select count(*) from raw.events").fetchall() == [(2,)]


def test_nothing_recorded_is_durable_at_once(path: DurablePath) -> None:
    assert path.recorder.record(RawRows()).result(0) is None


def test_a_batch_is_announced_after_its_commit_even_if_it_told_nothing_new(bench: Bench) -> None:
    seen: list[tuple[int, dict[str, int]]] = []
    path = bench.open(lambda applied: seen.append((applied.batch_id, dict(applied.inserted))))
    path.recorder.record(letters("a", "b")).result(30)
    path.flush(30)
    path.recorder.record(letters("a")).result(30)
    shut(path)
    assert seen == [(1, {"events": 2}), (2, {"events": 0})]


def test_many_senders_at_once_are_all_answered(bench: Bench) -> None:
    path = bench.open()
    names = [f"{sender}-{number}" for sender in range(8) for number in range(50)]

    def send(sender: int) -> None:
        for number in range(50):
            path.recorder.record(letters(f"{sender}-{number}")).result(60)

    threads = [threading.Thread(target=send, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    shut(path)
    assert bench.stored() == sorted(names)


def test_rows_that_do_not_fit_fail_alone(path: DurablePath) -> None:
    wrong = letters("wrong", colour="red")
    futures = [path.recorder.record(rows) for rows in (letters("a"), wrong, letters("b"))]
    assert [type(future.exception(30)) for future in futures] == [type(None), ValueError, type(None)]
    path.flush(30)
    assert path.database.cursor().execute("select event_type from raw.events order by 1").fetchall() == [("a",), ("b",)]


def test_what_was_not_applied_is_applied_at_the_next_start(bench: Bench) -> None:
    path = bench.open()
    path.recorder.record(letters("a")).result(30)
    path.flush(30)
    path.applier.stop(drain=False)
    path.recorder.record(letters("b", "c")).result(30)
    path.recorder.close()
    path.close()
    assert bench.stored() == ["a"]
    shut(bench.open())
    assert bench.stored() == ["a", "b", "c"]


def test_an_offset_rolled_back_with_its_rows_is_applied_again_once(bench: Bench) -> None:
    shut(bench.open())
    journal = Journal.open(bench.journal)
    for name in ("a", "b"):
        journal.write([encode_rows(letters(name), current(), NOW)])
    journal.close()
    for _ in range(2):
        shut(bench.open())
    assert bench.stored() == ["a", "b"]


def test_after_closing_nothing_is_taken(bench: Bench) -> None:
    path = bench.open()
    shut(path)
    error = path.recorder.record(letters("late")).exception(5)
    assert isinstance(error, StorageError)


def test_a_full_disk_refuses_and_recovers(path: DurablePath, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fdatasync", full)
    error = path.recorder.record(letters("a")).exception(30)
    assert isinstance(error, StorageError)
    assert "No space left" in str(path.recorder.trouble)
    monkeypatch.undo()
    path.recorder.record(letters("a")).result(30)
    path.flush(30)
    assert path.recorder.trouble is None
    assert path.database.cursor().execute("select count(*) from raw.events").fetchall() == [(1,)]


def test_below_the_reserve_rows_stay_in_the_journal(bench: Bench) -> None:
    database = Database.open(bench.database)
    migrate(database)
    writer = Writer(database)
    journal = Journal.open(bench.journal)
    recorder = JournalRecorder(journal, writer.catalogue)
    applier = Applier(journal, database, writer, reserve_bytes=1 << 62)
    applier.start()
    recorder.record(letters("a")).result(30)
    assert applier.wait_applied(journal.end, 0.5) is False
    assert "kept in the journal" in str(applier.progress().trouble)
    recorder.close()
    applier.stop()
    journal.close()
    database.close()
    shut(bench.open())
    assert bench.stored() == ["a"]


def test_an_error_that_nobody_foresaw_is_told_and_passes(path: DurablePath, monkeypatch: pytest.MonkeyPatch) -> None:
    def unforeseen(values: object) -> None:
        raise AttributeError("gone")

    # In the middle of a transaction: it must not stay open.
    monkeypatch.setattr("engine.store.writer.pc.count_distinct", unforeseen)
    path.recorder.record(letters("a")).result(30)
    assert not path.applier.wait_applied(path.journal.end, 0.5)
    assert path.progress().trouble == "an error of this program: AttributeError: gone"
    monkeypatch.undo()
    path.flush(30)
    assert path.progress().trouble is None
    assert path.database.cursor().execute("select count(*) from raw.events").fetchall() == [(1,)]


def test_a_record_that_no_table_takes_is_set_aside_and_the_rest_goes_on(path: DurablePath) -> None:
    for rows in (letters("a"), letters("b", attributes="{not json"), letters("c")):
        path.recorder.record(rows).result(30)
    path.flush(30)
    cursor = path.database.cursor()
    assert cursor.execute("select event_type from raw.events order by 1").fetchall() == [("a",), ("c",)]
    ((signal, reason),) = cursor.execute("select signal, reason from raw.dead_letters").fetchall()
    assert signal == "journal"
    assert reason.startswith("a journal record could not be applied")
    assert "not json" not in reason


def test_damage_in_the_journal_is_told_and_the_rest_is_applied(bench: Bench) -> None:
    shut(bench.open())
    journal = Journal.open(bench.journal)
    ends = [journal.write([encode_rows(letters(name), current(), NOW)])[0] for name in ("a", "b", "c")]
    journal.close()
    (segment,) = bench.journal.glob("*.journal")
    data = bytearray(segment.read_bytes())
    data[(ends[0] + ends[1]) // 2] ^= 0xFF
    segment.write_bytes(data)
    shut(bench.open())
    assert bench.stored() == ["a", "c"]
    database = Database.open(bench.database)
    assert database.cursor().execute("select reason from raw.dead_letters").fetchall() == [
        (f"unreadable bytes in the journal (offset {ends[0]})",)
    ]
    database.close()


def test_an_invalidated_database_is_reopened_and_nothing_is_lost(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    import duckdb

    path = bench.open()
    real = Writer.write
    failures = iter([duckdb.FatalException("FATAL Error: the instance was invalidated")])

    def failing(self: Writer, *arguments: Any) -> Applied:
        error = next(failures, None)
        applied = real(self, *arguments)
        if error is not None:
            raise error  # the commit succeeded, but DuckDB reports a failure behind it
        return applied

    monkeypatch.setattr(Writer, "write", failing)
    path.recorder.record(letters("a")).result(30)
    path.recorder.record(letters("b")).result(30)
    path.flush(30)
    assert path.database.generation == 1
    shut(path)
    assert bench.stored() == ["a", "b"]


def test_framed_rows_come_back_as_they_were() -> None:
    rows = letters("a", "b")
    rows.append("dead_letters", {"dedup_key": "00" * 16, "signal": "logs", "reason": "x"})
    tables = decode_rows(encode_rows(rows, current(), NOW))
    assert {name: table.num_rows for name, table in tables.items()} == {"events": 2, "dead_letters": 1}
    assert tables["events"].column("event_type").to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    "payload", [b"x", b"\x01\x00a\xff\xff\xff\xff", b"\x01\x00a\x04\x00\x00\x00abcd", b"\x00" * 64]
)
def test_bytes_that_are_no_rows_are_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="frame"):
        decode_rows(payload)
