"""The stream of changes: who listens, what they missed, how much they are told.

Owns the ring of recent changes, the coalescing (at most one event per `interval` and listener, however many refreshes
there were), heartbeats, resumption by `Last-Event-ID`, and the end of listeners that do not read. Refuses data:
an event says what to ask for again, never what it is.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson
from starlette.types import Receive, Send

from engine.api.encode import instant_text
from engine.clock import Clock
from engine.contract import CONTRACT_VERSION, ChangeSet

KEPT_CHANGES = 512
LONGEST_LIST = 1_000
"""Ids of one kind in one event; beyond, the event says `truncated` and a client asks for all it shows."""

Narrow = Callable[[ChangeSet], ChangeSet]
"""Leaves of a change what a listener may know of, or asked for. Called in a thread: it may ask the database."""


@dataclass(frozen=True, slots=True)
class Published:
    """A change with its place in the order of publishing."""

    number: int
    changes: ChangeSet


def merge(changes: Iterable[ChangeSet]) -> ChangeSet:
    """One change that says what all of them say, in the order of first mention. Needs at least one."""
    all_changes = list(changes)
    last = all_changes[-1]

    def union(each: Callable[[ChangeSet], tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for change in all_changes for name in each(change)))

    return ChangeSet(
        batch_id=max(change.batch_id for change in all_changes),
        as_of=last.as_of,
        sessions=union(lambda change: change.sessions),
        commits=union(lambda change: change.commits),
        days=union(lambda change: change.days),
        models=union(lambda change: change.models),
    )


class Listener:
    """One open stream. Belongs to the event loop that it was made in."""

    def __init__(self, position: int) -> None:
        self.position = position
        """Number of the last change that it was told of."""
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Something changed; from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:
            # The loop is closed, and the listener with it.
            pass

    async def sleep(self, seconds: float) -> None:
        """Until woken, but not longer than `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    def rest(self) -> None:
        """What has happened so far is known."""
        self._woken.clear()


class Broadcaster:
    """Takes changes from the models' thread and tells every listener. Safe from any thread.

    `interval`: seconds between two events to one listener. `heartbeat`: seconds between heartbeats. `patience`: seconds
    in which a listener must take what it is sent.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        version: str = "",
        interval: float = 0.1,
        heartbeat: float = 15.0,
        patience: float = 10.0,
        kept: int = KEPT_CHANGES,
    ) -> None:
        self.interval = interval
        self.heartbeat = heartbeat
        self.patience = patience
        self._clock = clock
        self._version = version
        self._ring: deque[Published] = deque(maxlen=kept)
        self._listeners: set[Listener] = set()
        self._lock = threading.Lock()
        self._number = 0
        self._floor: int | None = None
        """Who last heard of a batch below this one missed changes that are forgotten."""
        self._left_at: datetime | None = None
        self._closed = False

    def publish(self, changes: ChangeSet) -> None:
        """Tell everybody. Never blocks on a listener; call it after the change is committed."""
        with self._lock:
            newest = self._ring[-1].changes.batch_id if self._ring else changes.batch_id - 1
            if self._floor is None or changes.batch_id <= newest:
                # Whoever left at an id that is told twice cannot know whether it had the second; nor is it known what
                # happened before the first change of this process.
                self._floor = max(self._floor or 0, newest if self._floor is None else changes.batch_id + 1)
            if len(self._ring) == self._ring.maxlen:
                self._floor = max(self._floor, self._ring[0].changes.batch_id)
            self._number += 1
            self._ring.append(Published(self._number, changes))
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.wake()

    def close(self) -> None:
        """End every stream: the engine stops."""
        with self._lock:
            self._closed = True
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener.wake()

    @property
    def revision(self) -> int:
        """How many changes were published: part of every cache key."""
        return self._number

    @property
    def latest(self) -> ChangeSet | None:
        """The newest change, None before the first."""
        with self._lock:
            return self._ring[-1].changes if self._ring else None

    @property
    def subscriber_count(self) -> int:
        """Streams that are open now."""
        return len(self._listeners)

    @property
    def last_left_at(self) -> datetime | None:
        """When the last stream ended that was open; None while none has ended yet."""
        return self._left_at

    def join(self, last_event_id: int | None, current_batch: int) -> tuple[Listener, bool]:
        """A new listener, and whether it goes on where `last_event_id` left off.

        False with an id: changes in between are forgotten, so the client must ask again for all it shows. Without an
        id there is nothing to resume and the listener begins now. `current_batch`: the newest batch in the store.
        """
        with self._lock:
            listener = Listener(self._number)
            self._listeners.add(listener)
            if last_event_id is None:
                return listener, False
            newest = max([current_batch, *(published.changes.batch_id for published in self._ring)])
            floor = newest if self._floor is None else self._floor
            if not floor <= last_event_id <= newest:
                return listener, False
            missed = [each.number for each in self._ring if each.changes.batch_id > last_event_id]
            listener.position = min(missed, default=self._number + 1) - 1
            return listener, True

    def leave(self, listener: Listener) -> None:
        """The stream ended."""
        with self._lock:
            self._listeners.discard(listener)
            self._left_at = self._clock.now()

    def news(self, listener: Listener) -> tuple[ChangeSet, bool] | None:
        """What `listener` was not told yet as one change, and whether some of it is forgotten. None: nothing."""
        listener.rest()
        with self._lock:
            fresh = [published for published in self._ring if published.number > listener.position]
            if not fresh:
                return None
            forgotten = fresh[0].number > listener.position + 1
            listener.position = fresh[-1].number
        return merge(published.changes for published in fresh), forgotten

    @property
    def closed(self) -> bool:
        return self._closed

    def told_now(self) -> dict[str, str | None]:
        """The clock and the state, as hello and heartbeat tell them."""
        latest = self.latest
        return {
            "as_of": None if latest is None else instant_text(latest.as_of),
            "now": instant_text(self._clock.now()),
        }

    @property
    def version(self) -> str:
        return self._version


@dataclass(frozen=True, slots=True)
class Event:
    """One thing to say; `id`: the batch from which a client that comes back goes on."""

    name: str
    data: dict[str, object]
    id: int | None = None


def change_event(changes: ChangeSet, forgotten: bool) -> Event:
    """The event `change`; `truncated` says that not every id is named."""
    lists = {name: getattr(changes, name) for name in ("sessions", "commits", "days", "models")}
    told: dict[str, object] = {
        "as_of": instant_text(changes.as_of),
        "batch_id": changes.batch_id,
        **{name: list(ids[:LONGEST_LIST]) for name, ids in lists.items()},
    }
    if forgotten or any(len(ids) > LONGEST_LIST for ids in lists.values()):
        told["truncated"] = True
    return Event("change", told, changes.batch_id)


class Outlet(Protocol):
    """How events reach one client: server-sent events or a WebSocket."""

    async def open(self) -> None:
        """Begin the answer."""
        ...

    async def tell(self, event: Event) -> None:
        """Send one event; waits for a client that does not read, and the caller lets go of it."""
        ...

    async def close(self) -> None:
        """End the answer."""
        ...

    async def until_gone(self) -> None:
        """Returns when the client has left."""
        ...


class ServerSentEvents:
    """An HTTP response whose body never ends."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def open(self) -> None:
        """The head of the response."""
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})

    async def tell(self, event: Event) -> None:
        """One event."""
        head = f"event: {event.name}\n" if event.id is None else f"id: {event.id}\nevent: {event.name}\n"
        body = head.encode() + b"data: " + orjson.dumps(event.data) + b"\n\n"
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def close(self) -> None:
        """The end of the body."""
        await self._send({"type": "http.response.body", "body": b""})

    async def until_gone(self) -> None:
        """The client closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True, slots=True)
class Stream:
    """One client's stream.

    `batch_id` and `as_of`: the newest batch in the store when the client came. `narrow`: what of a change the client is
    told, None for everything; a change of which nothing is left is not told at all.
    """

    broadcaster: Broadcaster
    last_event_id: int | None
    batch_id: int
    as_of: datetime | None
    narrow: Narrow | None = None

    async def run(self, outlet: Outlet) -> None:
        """Serve until the client leaves, is too slow, or the engine stops."""
        listener, resumed = self.broadcaster.join(self.last_event_id, self.batch_id)
        talking = asyncio.ensure_future(self._talk(listener, resumed, outlet))
        leaving = asyncio.ensure_future(outlet.until_gone())
        try:
            await asyncio.wait((talking, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.broadcaster.leave(listener)
            for task in (talking, leaving):
                task.cancel()
            results = await asyncio.gather(talking, leaving, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, (TimeoutError, OSError)):
                raise result

    async def _talk(self, listener: Listener, resumed: bool, outlet: Outlet) -> None:
        await self._patiently(outlet.open())
        await self._patiently(outlet.tell(self._hello(resumed)))
        loop = asyncio.get_running_loop()
        beat_at = loop.time() + self.broadcaster.heartbeat
        while not self.broadcaster.closed:
            news = self.broadcaster.news(listener)
            if news is not None:
                changes, forgotten = news
                kept = changes if self.narrow is None else await asyncio.to_thread(self.narrow, changes)
                if kept is changes or kept.sessions or kept.commits or forgotten:
                    await self._patiently(outlet.tell(change_event(kept, forgotten)))
                    # Not a wait for anything: the pace that was promised. What happens meanwhile is told together.
                    await asyncio.sleep(self.broadcaster.interval)
            else:
                await listener.sleep(beat_at - loop.time())
            if loop.time() >= beat_at:
                beat_at = loop.time() + self.broadcaster.heartbeat
                await self._patiently(outlet.tell(Event("heartbeat", {**self.broadcaster.told_now()})))
        await self._patiently(outlet.close())

    def _hello(self, resumed: bool) -> Event:
        told = self.broadcaster.told_now()
        if told["as_of"] is None and self.as_of is not None:
            told["as_of"] = instant_text(self.as_of)
        said: dict[str, object] = {
            "version": self.broadcaster.version,
            "contract": CONTRACT_VERSION,
            "batch_id": self.batch_id,
            "resumed": resumed,
            **told,
        }
        # While missed changes are still to come, an id here would make the client believe it had them.
        return Event("hello", said, None if resumed else self.batch_id)

    async def _patiently(self, sending: Awaitable[None]) -> None:
        """A client that does not read is let go after a while, so that it holds nothing."""
        async with asyncio.timeout(self.broadcaster.patience):
            await sending
