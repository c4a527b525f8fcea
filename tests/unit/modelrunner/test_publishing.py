"""Readers, a writer, refreshes and builds beside the models at the same time: nobody sees two builds mixed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

import engine.store.database  # noqa: F401  keeps DuckDB from looking for pandas at every value, as in the engine

from .conftest import Toy
from .test_resident import LONGEST, Served

PUBLISHES = 200
REBUILD_EVERY = 50
READERS = 3


@pytest.fixture
def served(toy: Toy) -> Iterator[Served]:
    found = Served(toy)
    found.arrive([("a", 0, 1, 1)])
    found.resident.build()
    yield found
    found.close()


class Reader:
    """Reads in transactions of its own until it is told to stop. `builds` are the build ids it saw."""

    def __init__(self, served: Served, stop: threading.Event) -> None:
        self.builds: set[str] = set()
        self.mixed: list[str] = []
        self.error: BaseException | None = None
        self._cursor = served.database.cursor()
        self._stop = stop
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.005):  # leaves the publisher some of a small machine
                self._read()
        except BaseException as error:
            self.error = error

    def _read(self) -> None:
        """Every batch brings one request of one token, so that all of these are the number of batches."""
        ask = self._cursor.execute
        ask("begin")
        sums = [
            ask(f"select sum({column}) from {mart}").fetchall()[0][0]
            for mart, column in (("days", "tokens"), ("stg_requests", "tokens"), ("sessions", "requests"))
        ]
        told = ask("select build_id, watermark, count(*) from models_meta group by all").fetchall()
        sums.append(ask("select tokens from totals").fetchall()[0][0])
        ask("commit")
        if len(told) != 1 or set(sums) != {told[0][1]}:
            self.mixed.append(f"{sums} {told}")
        self.builds.add(told[0][0])


def published(served: Served, publishes: int, between: Callable[[int], None]) -> None:
    """So many publishes, each after a batch, with something between them."""
    served.told.clear()
    number = 1
    while len(served.told) < publishes:
        served.arrive([("abcd"[number % 4], number, 1 + number % 9, 1)])
        number += 1
        served.follow()
        between(number)


def test_readers_never_see_two_builds_mixed(served: Served) -> None:
    served.resident.watch(served.woken.set, files=False)
    stop = threading.Event()
    readers = [Reader(served, stop) for _ in range(READERS)]

    def between(number: int) -> None:
        if number % REBUILD_EVERY == 0 and not served.resident.building:
            served.resident.rebuild()

    try:
        published(served, PUBLISHES, between)
        served.until(lambda: not served.resident.building)
    finally:
        stop.set()
        for reader in readers:
            reader.thread.join(LONGEST)
    assert [reader.error for reader in readers] == [None] * READERS
    assert [sentence for reader in readers for sentence in reader.mixed] == []
    assert all(len(reader.builds) > 10 for reader in readers)
    assert sum(refresh.full for refresh in served.told) >= 3


def test_a_writer_that_never_rests_loses_nothing_to_builds_beside(served: Served) -> None:
    served.resident.watch(served.woken.set, files=False)
    stop = threading.Event()

    def write() -> None:
        number = 1
        while not stop.is_set():
            served.arrive([("abc"[number % 3], number % 7, 1 + number % 5, 1)], price=1 + number % 2)
            number += 1
            if number > 400:
                return

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            served.resident.rebuild()
            served.until(lambda: not served.resident.building)
    finally:
        stop.set()
        writer.join(LONGEST)
    served.follow()
    assert served.resident.problem is None
    assert sum(refresh.full for refresh in served.told) == 3
    kept = served.state()
    served.loop.rebuild()
    assert served.state() == kept
