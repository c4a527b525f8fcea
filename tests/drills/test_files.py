"""Damaged files: only what nobody had acknowledged is lost in silence, and the journal brings back what is damaged."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from engine.errors import StorageError
from engine.ingest.durable import DurablePath
from engine.ingest.journal import Damage, Journal, Record
from engine.ingest.journal_files import segments_of
from engine.ingest.recorder import JournalRecorder
from engine.store.catalogue import current
from engine.store.rows import RawRows, dedup_key

RECORDS = 20


class Bench:
    """A data directory whose engine was killed: the files as they were at that moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "agent_analytics.duckdb"
        self.wal = folder / "agent_analytics.duckdb.wal"
        self.journal = folder / "journal"

    def open(self) -> DurablePath:
        return DurablePath.open(self.database, self.journal)

    def ids(self) -> list[str]:
        """The stored events, after everything in the journal is applied."""
        path = self.open()
        try:
            path.flush(30)
        finally:
            path.drain()
            path.close()
        connection = duckdb.connect(str(self.database), read_only=True)
        try:
            return sorted(str(row[0]) for row in connection.execute("select correlation_id from raw.events").fetchall())
        finally:
            connection.close()

    def last_segment(self) -> Path:
        return segments_of(self.journal)[-1][1]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty acknowledged events, applied and in the write-ahead log; twenty more in the journal alone."""
    running, killed = tmp_path_factory.mktemp("running"), tmp_path_factory.mktemp("killed")
    bench = Bench(running)
    path = bench.open()
    try:
        path.database.checkpoint()
        for number in range(RECORDS):
            path.recorder.record(event(f"applied-{number:02d}")).result(30)
        path.flush(30)
        path.applier.stop()
        for number in range(RECORDS):
            path.recorder.record(event(f"waiting-{number:02d}")).result(30)
        shutil.copytree(running, killed, dirs_exist_ok=True)
    finally:
        path.drain()
        path.close()
    return killed


@pytest.fixture
def bench(filled: Path, tmp_path: Path) -> Bench:
    shutil.copytree(filled, tmp_path / "data")
    return Bench(tmp_path / "data")


EVERYTHING = sorted(
    [f"applied-{number:02d}" for number in range(RECORDS)] + [f"waiting-{n:02d}" for n in range(RECORDS)]
)


def event(name: str) -> RawRows:
    rows = RawRows()
    now = datetime.now(UTC)
    rows.append(
        "events",
        {
            "dedup_key": dedup_key("events", (name,)),
            "timestamp": now,
            "event_type": "drill",
            "correlation_id": name,
            "source": "api",
        },
    )
    return rows


def test_a_killed_engine_has_everything_once(bench: Bench) -> None:
    assert bench.ids() == EVERYTHING


def test_a_tail_that_nobody_acknowledged_is_dropped_in_silence(bench: Bench) -> None:
    with bench.last_segment().open("ab") as file:
        file.write(b"\xaaREC" + os.urandom(500))
    assert bench.ids() == EVERYTHING


@pytest.mark.parametrize("cut", [1, 40, 700])
def test_an_acknowledged_tail_that_is_gone_is_told(bench: Bench, cut: int) -> None:
    """The state file knows how far the journal was durable: offsets behind it are never given out again."""
    segment = bench.last_segment()
    os.truncate(segment, segment.stat().st_size - cut)
    assert bench.ids() == EVERYTHING[:-1]
    path = bench.open()
    try:
        path.recorder.record(event("z-later")).result(30)
        path.flush(30)
        ((reason,),) = letters(path)
    finally:
        path.drain()
        path.close()
    assert "unreadable bytes in the journal" in reason
    assert bench.ids() == [*EVERYTHING[:-1], "z-later"]


def test_a_flipped_byte_costs_its_own_record_and_is_told(bench: Bench) -> None:
    (start, segment), *_ = segments_of(bench.journal)
    records = [item for item in Journal.open(bench.journal).read() if isinstance(item, Record)]
    victim = records[-RECORDS // 2]
    flip(segment, victim.end - start - 5)
    assert len(bench.ids()) == len(EVERYTHING) - 1
    connection = duckdb.connect(str(bench.database), read_only=True)
    try:
        assert connection.execute("select count(*) from raw.dead_letters").fetchall() == [(1,)]
    finally:
        connection.close()


def test_any_flipped_byte_of_a_segment_is_damage_and_never_another_record(bench: Bench) -> None:
    segment = bench.last_segment()
    sound = {item.payload for item in read(bench.journal)}
    size = segment.stat().st_size
    for at in range(20, size, max(1, size // 60)):
        flip(segment, at)
        found = [item.payload for item in read(bench.journal)]
        assert len(sound) - 2 <= len(found) < len(sound) + 1
        assert set(found) <= sound
        flip(segment, at)


@pytest.mark.parametrize("damage", ["removed", "emptied", "garbage"])
def test_without_its_state_file_the_journal_knows_its_end_all_the_same(bench: Bench, damage: str) -> None:
    state = bench.journal / "state"
    if damage == "removed":
        state.unlink()
    elif damage == "emptied":
        os.truncate(state, 0)
    else:
        flip(state, 9)
    assert bench.ids() == EVERYTHING


def test_a_damaged_write_ahead_log_is_refused_and_the_journal_has_what_was_in_it(bench: Bench) -> None:
    assert bench.wal.stat().st_size > 1000
    flip(bench.wal, bench.wal.stat().st_size // 2)
    with pytest.raises(StorageError) as refused:
        bench.open()
    assert f"move {bench.wal} away" in refused.value.line()
    bench.wal.rename(bench.wal.with_suffix(".damaged"))
    assert bench.ids() == EVERYTHING


def test_a_torn_write_ahead_log_loses_nothing(bench: Bench) -> None:
    os.truncate(bench.wal, bench.wal.stat().st_size - 7)
    assert bench.ids() == EVERYTHING


def test_a_lost_database_is_built_again_from_the_journal(bench: Bench) -> None:
    bench.database.unlink()
    bench.wal.unlink()
    assert bench.ids() == EVERYTHING


def test_a_lost_journal_beside_a_database_begins_behind_what_that_holds(bench: Bench) -> None:
    shutil.rmtree(bench.journal)
    assert bench.ids() == EVERYTHING[:RECORDS]
    path = bench.open()
    try:
        path.recorder.record(event("z-later")).result(30)
        path.flush(30)
    finally:
        path.drain()
        path.close()
    assert bench.ids() == [*EVERYTHING[:RECORDS], "z-later"]


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400), timedelta(seconds=-1)])
def test_a_clock_that_jumps_neither_loses_nor_doubles(tmp_path: Path, jump: timedelta) -> None:
    class Clock:
        moment = datetime.now(UTC)

        def now(self) -> datetime:
            return self.moment

    clock = Clock()
    journal = Journal.open(tmp_path / "journal")
    recorder = JournalRecorder(journal, current(), clock=clock)
    for number in range(RECORDS):
        clock.moment += jump if number == RECORDS // 2 else timedelta(0)
        recorder.record(event(f"applied-{number:02d}")).result(30)
    recorder.close()
    journal.close()
    assert Bench(tmp_path).ids() == EVERYTHING[:RECORDS]
    assert Bench(tmp_path).ids() == EVERYTHING[:RECORDS]


def read(folder: Path) -> Iterator[Record]:
    from engine.ingest.journal import read_folder

    for item in read_folder(folder):
        if not isinstance(item, Damage):
            yield item


def flip(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x40]))


def letters(path: DurablePath) -> list[tuple[str]]:
    cursor = path.database.cursor()
    try:
        found: list[tuple[str]] = cursor.execute("select reason from raw.dead_letters").fetchall()
        return found
    finally:
        cursor.close()
