"""Runs a simulation against an engine: history first, then the present as it happens.

Owns the pacing, the batching into export intervals, and the sending with bounded retries. Refuses to invent behaviour:
that is `plan.py`; formats are `telemetry.py`.
"""

from __future__ import annotations

import random
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson

from engine.errors import EngineError, UnreachableError
from engine.simulate import plan, team, telemetry
from engine.simulate.repositories import Repository, create_all, remote_url

EXPORT_SECONDS = 2.0
"""Claude Code sends its log records every 5 s by default; a demonstration should feel closer to the present."""
METRIC_SECONDS = 60.0
HISTORY_RECORDS = 400
ATTEMPTS = 5
SENDERS = 8
REFERENCE = datetime(2026, 1, 7, 14, tzinfo=UTC)
"""The instant that stands for the present when a team is drawn: what it does depends on the seed, not on the clock."""


@dataclass(slots=True)
class Totals:
    """What was sent."""

    requests: int = 0
    events: int = 0
    sessions: int = 0
    commits: int = 0


class Sender:
    """Posts documents to an engine; a busy engine is asked again, an absent one is an error."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def post(self, path: str, document: Any) -> None:
        body = orjson.dumps(document)
        for attempt in range(ATTEMPTS):
            try:
                answer = self.client.post(path, content=body, headers={"content-type": "application/json"})
            except httpx.TransportError as error:
                raise UnreachableError(
                    f"no engine answers at {self.client.base_url}: {error}", hint="start one with 'aa-engine serve'"
                ) from None
            if answer.status_code in (429, 503) and attempt + 1 < ATTEMPTS:
                time.sleep(min(5.0, float(answer.headers.get("retry-after", 1))))
                continue
            if answer.status_code >= 400:
                raise EngineError(f"the engine refused {path}: {answer.status_code} {answer.text[:200]}")
            return


class Simulation:
    """One team against one engine.

    `history` is the length of the past, `now` the instant at which the present begins. The same seed and history give
    the same sessions, calls and tokens, at the same distance from `now`.
    """

    def __init__(
        self,
        *,
        seed: int,
        developers: int,
        history: timedelta,
        now: datetime,
        client: httpx.Client,
        repositories: Path | None,
    ) -> None:
        self.sender = Sender(client)
        self.now = now.replace(microsecond=now.microsecond // 1000 * 1000)
        shift = self.now - REFERENCE
        planned = plan.team_events(
            seed, team.draw(random.Random(seed), developers, REFERENCE.hour), REFERENCE - history
        )
        self.events = (replace(event, at=event.at + shift) for event in planned)
        self.repositories: dict[str, Repository] = create_all(repositories) if repositories is not None else {}
        self.commits: dict[str, str] = {}
        self.totals = Totals()
        self._seen: set[str] = set()
        self._held: plan.Event | None = None
        self._counting = threading.Lock()

    def _until(self, instant: datetime) -> Iterator[plan.Event]:
        """Events before `instant`; the first later one is kept for the next call."""
        if self._held is not None:
            if self._held.at >= instant:
                return
            held, self._held = self._held, None
            yield held
        for event in self.events:
            if event.at >= instant:
                self._held = event
                return
            yield event

    def send(
        self, session: plan.Session, events: list[plan.Event], since: datetime, until: datetime, *, with_metrics: bool
    ) -> None:
        """One export of one process: context, logs, and metrics when their interval is over."""
        borders = [event for event in events if isinstance(event, (plan.Started, plan.Ended))]
        if borders:
            remote = remote_url(session.repository)
            self.sender.post("/v1/sessions/context", [telemetry.context(event, remote) for event in borders])
        with self._counting:
            if session.session_id not in self._seen:
                self._seen.add(session.session_id)
                self.totals.sessions += 1
            self.totals.events += len(events)
        documents = [("/v1/logs", telemetry.logs(session, events, self.commits))]
        if with_metrics:
            documents.append(("/v1/metrics", telemetry.metrics(session, events, since, until)))
        for path, document in documents:
            if document is not None:
                self.sender.post(path, document)
                with self._counting:
                    self.totals.requests += 1

    def prepare(self) -> list[list[plan.Event]]:
        """Everything before `now`, by session, the newest session first; its commits are made here."""
        sessions: dict[str, list[plan.Event]] = defaultdict(list)
        commits: dict[str, list[plan.Committed]] = defaultdict(list)
        for event in self._until(self.now):
            sessions[event.session.session_id].append(event)
            if isinstance(event, plan.Committed):
                commits[event.session.repository].append(event)
        if self.repositories:
            for name, planned in commits.items():
                found = self.repositories[name].import_history(planned)
                self.commits |= found
                self.totals.commits += len(found)
        return list(reversed(sessions.values()))

    def history(self, sessions: list[list[plan.Event]], progress: Callable[[int], None]) -> None:
        """Send what `prepare` gave: several sessions at once, as a team's agents would, for acks come in groups."""
        with ThreadPoolExecutor(SENDERS) as pool:
            for count in pool.map(self._send_whole, sessions):
                progress(count)

    def _send_whole(self, events: list[plan.Event]) -> int:
        """All exports of one finished session."""
        for first in range(0, len(events), HISTORY_RECORDS):
            part = events[first : first + HISTORY_RECORDS]
            self.send(part[0].session, part, part[0].at, part[-1].at, with_metrics=True)
        return len(events)

    def present(self, seconds: float | None, speed: float, progress: Callable[[int], None]) -> None:
        """From `now` on, at `speed` times the pace of real work, for `seconds` of wall time (None: until stopped)."""
        began = time.monotonic()
        waiting: dict[str, list[plan.Event]] = defaultdict(list)
        measured: dict[str, list[plan.Event]] = defaultdict(list)
        last_metrics = began
        while True:
            elapsed = time.monotonic() - began
            last = seconds is not None and elapsed >= seconds
            shown = seconds if last and seconds is not None else elapsed
            for event in self._until(self.now + timedelta(seconds=shown * speed)):
                moved = self._at_pace(event, speed)
                if isinstance(moved, plan.Committed) and self.repositories:
                    self.commits[moved.commit_id] = self.repositories[moved.session.repository].commit(moved)
                    self.totals.commits += 1
                waiting[moved.session.session_id].append(moved)
                measured[moved.session.session_id].append(moved)
            until = self.now + timedelta(seconds=shown)
            for events in waiting.values():
                self.send(events[0].session, events, events[0].at, until, with_metrics=False)
                progress(len(events))
            waiting.clear()
            if last or time.monotonic() - last_metrics >= METRIC_SECONDS:
                for events in measured.values():
                    document = telemetry.metrics(events[0].session, events, events[0].at, until)
                    if document is not None:
                        self.sender.post("/v1/metrics", document)
                        self.totals.requests += 1
                measured.clear()
                last_metrics = time.monotonic()
            if last:
                return
            pause = EXPORT_SECONDS if seconds is None else min(EXPORT_SECONDS, max(0.0, seconds - elapsed))
            time.sleep(pause)

    def _at_pace(self, event: plan.Event, speed: float) -> plan.Event:
        """The event at its instant of the wall clock: planned time runs `speed` times as fast as the clock."""
        if speed == 1.0:
            return event
        return replace(event, at=self.now + (event.at - self.now) / speed)
