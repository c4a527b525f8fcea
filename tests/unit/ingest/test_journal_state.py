"""How far the journal is, as other processes read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.journal import Journal
from engine.ingest.journal_state import SIZE, Figures, JournalState
from engine.store.catalogue import current, without_database


@given(st.integers(0, (1 << 64) - 1))
def test_an_end_is_read_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, end: int) -> None:
    folder = tmp_path_factory.mktemp("journal", numbered=True)
    writer, reader = JournalState.open(folder), JournalState.open(folder)
    writer.end = end
    assert reader.end == end
    writer.close()
    assert JournalState.open(folder).end == end


def test_half_an_end_is_no_end(tmp_path: Path) -> None:
    state = JournalState.open(tmp_path)
    state.end = 4711
    with (tmp_path / "state").open("r+b") as file:
        file.seek(8)
        file.write(b"\x99")
    assert state.end == 0


def test_a_long_trouble_is_cut_and_an_old_one_forgotten(tmp_path: Path) -> None:
    state = JournalState.open(tmp_path)
    assert state.trouble is None
    state.trouble = "é" * SIZE
    told = JournalState.open(tmp_path).trouble
    assert told is not None
    assert told.startswith("éé")
    state.trouble = None
    assert state.trouble is None


def test_a_journal_tells_what_it_did(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    (end,) = journal.write([b"x" * 100], rows=7)
    journal.tell(waiting_rows=5, waiting_requests=2, refused_requests=1, trouble="the disk is full")
    state = JournalState.open(tmp_path)
    figures = state.figures
    assert (state.end, state.trouble) == (end, "the disk is full")
    assert (figures.groups, figures.rows, figures.waiting_rows, figures.refused_requests) == (1, 7, 5, 1)
    assert figures.longest_sync_ns == figures.sync_ns > 0
    journal.close()
    assert Figures().process == 0


def test_a_journal_whose_tail_went_missing_begins_behind_what_it_said_was_durable(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path)
    journal.write([b"first"])
    (end,) = journal.write([b"second"])
    journal.close()
    (segment,) = tmp_path.glob("*.journal")
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size - 3)
    again = Journal.open(tmp_path)
    assert again.end == end
    (later,) = again.write([b"third"])
    assert later > end
    again.close()


def test_the_catalogue_is_the_same_with_and_without_a_database(tmp_path: Path) -> None:
    made = without_database(tmp_path)
    assert made == current()
    (file,) = tmp_path.glob("catalogue-*.json")
    before = file.stat().st_mtime_ns
    assert without_database(tmp_path) == made
    assert file.stat().st_mtime_ns == before
    file.write_text("{")
    assert without_database(tmp_path) == made
