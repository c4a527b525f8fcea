"""The journal keeps what it acknowledged, whatever happens to the end of its files."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import StorageError
from engine.ingest.journal import HEADER, Damage, Journal, Limits, Record, read_folder

payloads = st.lists(st.binary(max_size=200), min_size=1, max_size=12)


def contents(found: Iterable[Record | Damage]) -> list[bytes]:
    return [item.payload for item in found if isinstance(item, Record)]


def fill(folder: Path, groups: Iterable[Iterable[bytes]], limits: Limits | None = None) -> list[int]:
    journal = Journal.open(folder, limits=limits)
    ends = [end for group in groups for end in journal.write(list(group))]
    journal.close()
    return ends


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def test_what_was_written_is_read_in_order_after_reopening(folder: Path) -> None:
    ends = fill(folder, [[b"one", b"two"], [b""], [b"three"]])
    journal = Journal.open(folder)
    records = list(journal.read())
    assert contents(records) == [b"one", b"two", b"", b"three"]
    assert [record.end for record in records] == ends
    assert journal.end == ends[-1]
    journal.close()


def test_reading_goes_on_from_any_record(folder: Path) -> None:
    ends = fill(folder, [[b"one", b"two", b"three"]])
    assert [contents(read_folder(folder, end)) for end in ends] == [[b"two", b"three"], [b"three"], []]


def test_files_are_private(folder: Path) -> None:
    fill(folder, [[b"one"]])
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in segments(folder)} == {0o600}


def test_a_full_segment_is_followed_by_a_new_one(folder: Path) -> None:
    written = [bytes([number]) * 100 for number in range(20)]
    fill(folder, [[payload] for payload in written], Limits(segment_bytes=300))
    assert len(segments(folder)) > 3
    assert contents(read_folder(folder)) == written


def test_an_empty_journal_ends_where_it_begins(folder: Path) -> None:
    journal = Journal.open(folder, at_least=12345)
    assert journal.end == 12345
    assert list(journal.read(12345)) == []
    journal.close()


def test_lost_files_never_lead_to_offsets_that_were_applied(folder: Path) -> None:
    ends = fill(folder, [[b"one", b"two"]])
    shutil.rmtree(folder)
    journal = Journal.open(folder, at_least=ends[-1])
    journal.write([b"three"])
    assert contents(journal.read(ends[-1])) == [b"three"]
    journal.close()


def test_a_reader_waits_until_something_is_durable(folder: Path) -> None:
    journal = Journal.open(folder)
    seen: list[bool] = []
    reader = threading.Thread(target=lambda: seen.append(journal.wait_beyond(0, 30)))
    reader.start()
    journal.write([b"one"])
    reader.join()
    assert seen == [True]
    assert journal.wait_beyond(journal.end, 0.001) is False
    journal.close()


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal.open(folder)
    journal.write([b"one"])
    real = os.write

    def full(descriptor: int, data: bytes) -> int:
        real(descriptor, bytes(data)[:10])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(StorageError, match="No space left"):
        journal.write([b"two"])
    monkeypatch.undo()
    journal.write([b"three"])
    assert contents(journal.read()) == [b"one", b"three"]
    journal.close()


def test_a_closed_journal_takes_nothing(folder: Path) -> None:
    journal = Journal.open(folder)
    journal.close()
    with pytest.raises(StorageError, match="is closed"):
        journal.write([b"one"])


def test_a_foreign_file_is_not_overwritten(folder: Path) -> None:
    folder.mkdir()
    (folder / f"{0:020d}.journal").write_bytes(b"somebody's notes, longer than a header")
    with pytest.raises(StorageError, match="not a journal segment"):
        Journal.open(folder)


def test_a_segment_of_a_newer_version_is_refused(folder: Path) -> None:
    fill(folder, [[b"one"]])
    data = bytearray(segments(folder)[0].read_bytes())
    data[8] = 9
    segments(folder)[0].write_bytes(data)
    with pytest.raises(StorageError, match="newer version"):
        Journal.open(folder)


def test_applied_segments_go_when_they_are_too_many(folder: Path) -> None:
    journal = Journal.open(folder, limits=Limits(segment_bytes=200, kept_bytes=500))
    ends = [journal.write([bytes(100)])[0] for _ in range(12)]
    before = len(segments(folder))
    assert 0 < journal.remove_applied(ends[-1]) < before - 1
    assert contents(journal.read(ends[-3])) == [bytes(100)] * 2
    journal.close()


def test_applied_segments_go_when_they_are_too_old(folder: Path) -> None:
    journal = Journal.open(folder, limits=Limits(segment_bytes=200, kept_seconds=3600))
    ends = [journal.write([bytes(100)])[0] for _ in range(12)]
    assert journal.remove_applied(ends[-1]) == 0
    journal.remove_applied(ends[-1], now=segments(folder)[-1].stat().st_mtime + 3601)
    assert len(segments(folder)) == 1
    journal.close()


def test_what_is_not_applied_is_never_removed(folder: Path) -> None:
    journal = Journal.open(folder, limits=Limits(segment_bytes=200, kept_bytes=0, kept_seconds=0))
    ends = [journal.write([bytes(100)])[0] for _ in range(12)]
    assert journal.remove_applied(0) == 0
    journal.remove_applied(ends[5])
    assert contents(journal.read(ends[5])) == [bytes(100)] * 6
    journal.close()


@settings(max_examples=40, deadline=None)
@given(written=payloads, cut=st.integers(min_value=0))
def test_a_torn_tail_costs_only_what_it_tore(written: list[bytes], cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ends = fill(folder, [[payload] for payload in written])
        (path,) = segments(folder)
        size = path.stat().st_size
        kept = size - cut % (size - HEADER.size + 1)
        os.truncate(path, kept)
        whole = [payload for payload, end in zip(written, ends, strict=True) if end <= kept]
        journal = Journal.open(folder)
        assert contents(journal.read()) == whole
        journal.write([b"after"])
        journal.close()
        assert list(read_folder(folder))[-1] == Record(*_last(folder), b"after")
        assert contents(read_folder(folder)) == [*whole, b"after"]


def _last(folder: Path) -> tuple[int, int]:
    record = list(read_folder(folder))[-1]
    return record.offset, record.end


@settings(max_examples=40, deadline=None)
@given(written=payloads, garbage=st.binary(min_size=1, max_size=400))
def test_garbage_behind_the_last_record_is_cut_off(written: list[bytes], garbage: bytes) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, [written])
        with segments(folder)[0].open("ab") as file:
            file.write(garbage)
        journal = Journal.open(folder)
        journal.write([b"after"])
        assert contents(journal.read()) == [*written, b"after"]
        journal.close()


@settings(max_examples=40, deadline=None)
@given(
    written=st.lists(st.binary(max_size=60), min_size=3, max_size=12),
    where=st.integers(min_value=0),
    bit=st.integers(0, 7),
)
def test_a_flipped_bit_costs_one_record_and_is_reported(written: list[bytes], where: int, bit: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ends = fill(folder, [written])
        (path,) = segments(folder)
        data = bytearray(path.read_bytes())
        position = HEADER.size + where % (len(data) - HEADER.size)
        data[position] ^= 1 << bit
        path.write_bytes(data)
        hit = next(index for index, end in enumerate(ends) if position < end)
        journal = Journal.open(folder)
        found = list(journal.read())
        journal.close()
        assert contents(found) == written[:hit] + written[hit + 1 :]
        if hit < len(written) - 1:
            start = HEADER.size if hit == 0 else ends[hit - 1]
            assert [item for item in found if isinstance(item, Damage)] == [Damage(start, ends[hit])]


@settings(max_examples=40, deadline=None)
@given(written=st.lists(st.binary(min_size=20, max_size=60), min_size=6, max_size=20), data=st.data())
def test_a_segment_cut_short_in_the_middle_is_reported(written: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ends = fill(folder, [[payload] for payload in written], Limits(segment_bytes=120))
        path = data.draw(st.sampled_from(segments(folder)[:-1]))
        size = path.stat().st_size
        kept = data.draw(st.integers(min_value=HEADER.size, max_value=size - 1))
        os.truncate(path, kept)
        start = int(path.stem)
        expected = [
            payload for payload, end in zip(written, ends, strict=True) if not start + kept < end <= start + size
        ]
        found = list(read_folder(folder))
        assert contents(found) == expected
        assert [item.end for item in found if isinstance(item, Damage)] == [start + size]
