"""kill -9 in mid-load, ten times: what was acknowledged is there, once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx

from tests.e2e.engine_process import EngineProcess, eventually

KILLS = 10
ACKNOWLEDGED_BEFORE_A_KILL = 25


class Sender:
    """A client that keeps the ids it has an acknowledgement for, and sends again what it has none for."""

    def __init__(self, name: str) -> None:
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self._name = name
        self._ids = self._identifiers()
        self._unsure: list[str] = []

    def _identifiers(self) -> Iterator[str]:
        number = 0
        while True:
            yield f"{self._name}-{number}"
            number += 1

    def run(self, address: str, stop: threading.Event) -> None:
        """Send until told to stop, or until the engine is gone."""
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            while not stop.is_set():
                again = self._unsure[:10]
                ids = again + [next(self._ids) for _ in range(10)]
                self.sent.update(ids)
                self._unsure = [one for one in self._unsure if one not in again] + ids
                try:
                    answer = client.post("/v1/events", json=[{"event_type": "load", "id": one} for one in ids])
                except httpx.HTTPError:
                    return
                if answer.status_code == 200:
                    self.acknowledged.update(ids)
                    self._unsure = [one for one in self._unsure if one not in set(ids)]


def test_nothing_acknowledged_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path)
    senders = [Sender(name) for name in ("a", "b", "c")]

    def acknowledged() -> int:
        return sum(len(sender.acknowledged) for sender in senders)

    try:
        for round_number in range(KILLS):
            engine.start()
            stop = threading.Event()
            threads = [threading.Thread(target=sender.run, args=(engine.ready["http"], stop)) for sender in senders]
            target = acknowledged() + ACKNOWLEDGED_BEFORE_A_KILL
            for thread in threads:
                thread.start()
            eventually(partial(_reached, acknowledged, target), "the load is acknowledged")
            # Each kill hits another moment of the cycle of journal, transaction and refresh.
            time.sleep(round_number * 0.04)
            engine.kill()
            stop.set()
            for thread in threads:
                thread.join()
        engine.start()
        engine.settled()
        assert engine.terminate() == 0
    finally:
        engine.end()

    stored = engine.ask("select dedup_key, count(*) from raw.events group by 1")
    assert [row for row in stored if row[1] != 1] == []
    everything = {one for sender in senders for one in sender.acknowledged}
    assert len(stored) >= len(everything) >= KILLS * ACKNOWLEDGED_BEFORE_A_KILL
    assert len(stored) <= len({one for sender in senders for one in sender.sent})
    assert _missing(engine, everything) == []


def _reached(count: Callable[[], int], target: int) -> bool:
    return count() >= target


def _missing(engine: EngineProcess, identifiers: set[str]) -> list[str]:
    from engine.store.rows import dedup_key

    present = {str(row[0]).replace("-", "") for row in engine.ask("select dedup_key from raw.events")}
    return sorted(one for one in identifiers if dedup_key("events", ("id", one)) not in present)
