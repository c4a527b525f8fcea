"""One key that floods: it is asked to wait, and nobody else is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from engine.access.http import Message
from engine.access.principal import Principal
from engine.ingest import intake
from engine.ingest.http import IngestRoutes
from engine.ingest.intake import Intake, Policy
from engine.ingest.journal import Journal
from engine.ingest.recorder import JournalRecorder
from engine.store.catalogue import current

FLOOD = Principal(role="ingest", key_id="key_flood")
QUIET = Principal(role="ingest", key_id="key_quiet")


class SlowJournal(Journal):
    """A disk that takes nothing for a while."""

    going_on = threading.Event()

    def write(self, payloads: Sequence[bytes], rows: int = 0) -> list[int]:
        self.going_on.wait(60)
        return super().write(payloads, rows)


async def test_one_key_floods_and_nobody_else_is_refused(tmp_path: Path) -> None:
    journal = SlowJournal.open(tmp_path / "journal")
    recorder = JournalRecorder(journal, current())
    pool = ThreadPoolExecutor(1)
    taking = Intake(recorder, Policy(1 << 20, "local@example.com", b"k" * 32))
    routes = IngestRoutes(taking, current(), pool)
    loop = asyncio.get_running_loop()
    try:
        flood = [loop.create_task(post(routes, FLOOD, number)) for number in range(intake.MOST_REQUESTS)]
        refused = await first(flood, intake.MOST_REQUESTS // 2)
        assert {(status, retry) for status, retry in refused} == {(429, b"1")}
        quiet = [loop.create_task(post(routes, QUIET, number)) for number in range(100)]
        await asyncio.sleep(0)
        SlowJournal.going_on.set()
        assert {status for status, _ in await asyncio.gather(*quiet)} == {200}
        answers = await asyncio.gather(*flood)
    finally:
        SlowJournal.going_on.set()
        recorder.close()
        journal.close()
        pool.shutdown()
    assert sum(status == 200 for status, _ in answers) == intake.MOST_REQUESTS // 2
    assert journal.folder.is_dir()


async def first(tasks: Sequence[asyncio.Task[tuple[int, bytes]]], count: int) -> list[tuple[int, bytes]]:
    """The first answers of so many tasks."""
    found = []
    for done in asyncio.as_completed(tasks):
        found.append(await done)
        if len(found) == count:
            break
    return found


async def post(routes: IngestRoutes, principal: Principal, number: int) -> tuple[int, bytes]:
    """Status and Retry-After of one event."""
    body = b'{"event_type": "x", "id": "%s-%d"}' % (str(principal.key_id).encode(), number)
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/v1/events",
        "headers": [(b"content-type", b"application/json")],
        "client": ("192.0.2.1", 1),
        "state": {"principal": principal},
    }
    await routes(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"]).get(b"retry-after", b"")
