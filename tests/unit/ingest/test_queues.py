"""Who goes next, and who is asked to wait."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.ingest.queues import FairQueue, Shares


def test_one_sender_alone_fills_a_group_in_order() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(10):
        queue.put("a", number, 20)
    assert queue.take(100) == [0, 1, 2, 3, 4]
    assert queue.take(1000) == [5, 6, 7, 8, 9]
    assert not queue


def test_a_quiet_sender_is_in_the_next_group_however_much_waits_before_it() -> None:
    queue: FairQueue[str] = FairQueue(turn_rows=100)
    for _ in range(10_000):
        queue.put("flood", "f", 20)
    queue.put("quiet", "q", 20)
    assert "q" in queue.take(1_000)


def test_senders_get_as_many_rows_however_large_their_requests_are() -> None:
    queue: FairQueue[str] = FairQueue(turn_rows=100)
    for _ in range(200):
        queue.put("small", "s", 5)
    for _ in range(20):
        queue.put("large", "l", 50)
    group = queue.take(1_000)
    assert abs(group.count("s") * 5 - group.count("l") * 50) <= 100


def test_an_item_larger_than_a_group_and_a_turn_is_taken_alone() -> None:
    queue: FairQueue[str] = FairQueue(turn_rows=10)
    queue.put("a", "huge", 10**6)
    queue.put("b", "small", 1)
    taken = queue.take(100) + queue.take(100)
    assert sorted(taken) == ["huge", "small"]


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 5_000)), max_size=60),
    st.integers(1, 5_000),
    st.integers(1, 20_000),
)
def test_everything_is_taken_once_and_in_its_senders_order(items: list[tuple[str, int]], turn: int, most: int) -> None:
    queue: FairQueue[tuple[str, int]] = FairQueue(turn)
    for number, (sender, rows) in enumerate(items):
        queue.put(sender, (sender, number), rows)
    taken: list[tuple[str, int]] = []
    while queue:
        group = queue.take(most)
        assert group
        assert len(group) == 1 or sum(items[number][1] for _, number in group) <= most + max(r for _, r in items)
        taken += group
    assert sorted(taken, key=lambda item: item[1]) == [(sender, n) for n, (sender, _) in enumerate(items)]
    for name in "abc":
        own = [number for sender, number in taken if sender == name]
        assert own == sorted(own)


def test_one_sender_alone_gets_half_and_a_newcomer_always_finds_room() -> None:
    shares = Shares(most_requests=100, most_rows=10**9)
    while shares.admits("flood"):
        shares.enter("flood")
    assert shares.requests == 50
    assert shares.refused == 1
    assert shares.admits("quiet")
    shares.enter("quiet")
    assert not shares.admits("flood")
    for _ in range(50):
        shares.leave("flood")
    assert shares.admits("flood")
    assert shares.senders() == ("quiet",)


@given(st.lists(st.sampled_from([f"s{n}" for n in range(8)]), max_size=400))
def test_all_senders_together_stay_within_the_bound(arrivals: list[str]) -> None:
    shares = Shares(most_requests=64, most_rows=10**9)
    for sender in arrivals:
        if shares.admits(sender):
            shares.enter(sender)
    assert shares.requests <= 64
