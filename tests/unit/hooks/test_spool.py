"""hooks.spool: nothing that was noted is lost, nothing is delivered twice."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hooks import spool as spools
from hooks.spool import Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def drained(spool: Spool) -> list[bytes]:
    """Claim, read and settle everything, as delivery does."""
    found = []
    with spool.working() as mine:
        assert mine
        spool.claim()
        for path in spool.claimed():
            lines, offset = spool.lines(path)
            found += [line.content for line in lines]
            spool.done(path, offset)
    return found


@given(st.lists(st.binary(min_size=1, max_size=20).filter(lambda value: bool(value.strip())), max_size=10))
def test_lines_come_back_in_order(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]) -> None:
    spool = Spool(tmp_path_factory.mktemp("spool"))
    for content in contents:
        spool.append(content)
    assert drained(spool) == [content.replace(b"\n", b" ") for content in contents]
    assert drained(spool) == []


def test_what_is_appended_by_many_at_once_is_all_there(spool: Spool) -> None:
    def work(number: int) -> None:
        for count in range(50):
            spool.append(f"{number}-{count}".encode() * 20)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    found = []
    while any(thread.is_alive() for thread in threads):
        found += drained(spool)
    found += drained(spool)
    assert sorted(found) == sorted(f"{n}-{c}".encode() * 20 for n in range(8) for c in range(50))


def test_a_line_written_after_its_file_was_claimed_is_found(spool: Spool) -> None:
    spool.append(b"early")
    with (spool.folder / "events.jsonl").open("ab") as late:
        assert drained(spool) == [b"early"]
        late.write(b"late\n")
    assert drained(spool) == [b"late"]


def test_half_a_line_waits_for_its_other_half(spool: Spool) -> None:
    spool.append(b"whole")
    with (spool.folder / "events.jsonl").open("ab", buffering=0) as slow:
        slow.write(b"half")
        assert drained(spool) == [b"whole"]
        slow.write(b" and half\n")
    assert drained(spool) == [b"half and half"]


def test_claimed_files_go_once_nobody_can_write_to_them(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    spool.append(b"one")
    drained(spool)
    assert len(spool.claimed()) == 1
    monkeypatch.setattr(spools, "SETTLE_SECONDS", -1.0)
    drained(spool)
    assert list((spool.folder / "claimed").iterdir()) == []


def test_one_process_at_a_time_delivers(spool: Spool) -> None:
    with spool.working() as first, spool.working() as second:
        assert (first, second) == (True, False)
    with spool.working() as again:
        assert again


def test_the_same_fact_waits_once(spool: Spool) -> None:
    spool.append(b"x")
    spool.store(b"commit 1", 5.0, "commits", b"{}")
    spool.store(b"commit 1", 9.0, "commits", b"{}")
    spool.store(b"commit 2", 7.0, "commits", b"{}")
    assert [item.path.name.split("-")[0] for item in spool.waiting()] == ["000000000007", "000000000009"]


def test_the_outbox_is_bounded_and_the_oldest_go(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "MOST_WAITING", 3)
    spool.append(b"x")
    for number in range(5):
        spool.store(str(number).encode(), number, "commits", b"{}")
    assert [item.path.name.split("-")[0][-1] for item in spool.waiting()] == ["2", "3", "4"]
    assert spool.ledger().dropped == 2


def test_what_is_refused_is_bounded(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "MOST_REFUSED", 2)
    spool.append(b"x")
    for number in range(4):
        spool.refuse(str(number), b"{}", "because")
    assert len(list((spool.folder / "refused").iterdir())) == 2
    assert spool.ledger().refused == 4


def test_only_the_user_can_read_the_spool(spool: Spool) -> None:
    spool.append(b"x")
    spool.store(b"x", 1, "commits", b"{}")
    for path in [spool.folder, *spool.folder.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0
