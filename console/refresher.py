"""When to ask what: the one place that decides how often a console bothers its engine.

Owns freshness: a change makes answers stale, the page on screen is asked again at the feed's pace, its side questions
more slowly, everything else when one comes back to it. Owns the state of the connection. Refuses to draw.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from console.feed import Changed, Connected, Feed, FeedError, Heartbeat, Lost, Query
from console.screens.page import Page
from console.store import Sheet
from console.views.frame import Status

SIDE_INTERVALS = 10
DETAIL_INTERVALS = 2
"""How much less often than the rows their side questions and the details of one row are asked."""
SILENCE_SECONDS = 20.0
PATIENCE_SECONDS = 2.5
AGAIN_SECONDS = 5.0


class Refresher:
    """Keeps the answers of `page()` fresh while `run` runs. `arrived` is called when there is something to draw."""

    def __init__(
        self,
        feed: Feed,
        page: Callable[[], Page],
        now: Callable[[], datetime],
        arrived: Callable[[], None],
        *,
        demo: bool,
    ) -> None:
        self.feed = feed
        self.demo = demo
        self.paused = False
        self.withheld = 0
        self._page, self._now, self._arrived = page, now, arrived
        self._connected = False
        self._lost: Lost | None = None
        self._lost_at: datetime | None = None
        self._heard_at: datetime | None = None
        self._lag: float | None = None
        self._generation = 1
        self._flying: dict[tuple[int, str], tuple[Query, float]] = {}
        self._hold_until = 0.0
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    # The connection

    def status(self) -> Status:
        """What the indicator shows."""
        now = self._now()
        asking = bool(self._flying)
        if self._lost is not None:
            return Status("offline", since=self._lost_at, retry_seconds=self._lost.retry_seconds, demo=self.demo)
        if not self._connected:
            return Status("loading", asking=asking)
        oldest = min((begun for _, begun in self._flying.values()), default=None)
        waiting = oldest is not None and self._seconds() - oldest > PATIENCE_SECONDS
        silent = self._heard_at is not None and (now - self._heard_at).total_seconds() > SILENCE_SECONDS
        state = "slow" if silent or waiting else "live"
        return Status(
            state,  # type: ignore[arg-type]
            lag=self._lag,
            since=self._heard_at,
            paused=self.paused,
            withheld=self.withheld,
            demo=self.demo,
            asking=asking,
        )

    @property
    def offline(self) -> bool:
        return self._lost is not None

    @property
    def is_idle(self) -> bool:
        """Whether no question is on its way."""
        return not self._flying and not self._wake.is_set()

    # What makes answers stale

    def poke(self) -> None:
        """The page, its question or its row has changed: see what is missing."""
        self._wake.set()

    def reload(self) -> None:
        """Ask everything on screen again."""
        self._generation += 1
        self._hold_until = 0.0
        self._wake.set()

    def pause(self) -> None:
        """Hold still, or go on."""
        self.paused = not self.paused
        if not self.paused:
            self.withheld = 0
            self.reload()

    async def run(self) -> None:
        """Until cancelled."""
        listener = asyncio.create_task(self._listen())
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                self._ask_what_is_due()
        finally:
            self._closed = True
            listener.cancel()
            for task in self._tasks:
                task.cancel()

    async def _listen(self) -> None:
        async for event in self.feed.events():
            match event:
                case Connected():
                    self._connected, self._lost, self._heard_at = True, None, self._now()
                    self._generation += 1
                    self._wake.set()
                case Heartbeat():
                    self._heard_at = self._now()
                case Lost():
                    self._lost_at = self._lost_at if self._lost is not None else self._now()
                    self._lost = event
                case Changed(change):
                    self._heard_at = self._now()
                    self._lag = (self._heard_at - change.as_of).total_seconds()
                    if self.paused:
                        self.withheld += max(1, len(change.sessions) + len(change.commits))
                    else:
                        self._generation += 1
                        self._wake.set()
            self._arrived()

    # Asking

    def _ask_what_is_due(self) -> None:
        page = self._page()
        later: list[float] = []
        for name, query in page.queries().items():
            # Where nothing was known a moment ago, the first figure should not come seconds after the first row.
            pressing = name == "rows" or not page.sheet.rows(name)
            interval = self.feed.interval * (1 if pressing else SIDE_INTERVALS)
            later.append(self._consider(page.sheet, name, query, interval))
        for name, query in page.wanted_details().items():
            later.append(self._consider(page.details, name, query, self.feed.interval * DETAIL_INTERVALS))
        soonest = min((pause for pause in later if pause > 0), default=0.0)
        if soonest:
            asyncio.get_running_loop().call_later(soonest, self._wake.set)

    def _consider(self, sheet: Sheet, name: str, query: Query, interval: float) -> float:
        """Ask now if it is due; else the seconds until it may be, 0: it is fresh or on its way."""
        place, now = (id(sheet), name), self._seconds()
        flying = self._flying.get(place)
        if flying is not None and flying[0] == query:
            return 0.0
        generation, asked_at = sheet.asked_at.get(name, (0, 0.0))
        same = name in sheet.asked and Sheet.same(sheet.asked[name], query)
        failed = name in sheet.errors and flying is None
        if same and generation == self._generation and not failed:
            return 0.0
        if self._hold_until > now:
            return self._hold_until - now
        if failed and same_question(sheet, name, query):
            interval = AGAIN_SECONDS
            if sheet.errors[name].kind == "filter" and generation == self._generation:
                return 0.0
        elif not same:
            interval = 0.0
        if asked_at and now < asked_at + interval:
            return asked_at + interval - now
        sheet.asked_at[name] = (self._generation, now)
        self._flying[place] = (query, now)
        sheet.last_asked[name] = query
        task = asyncio.get_running_loop().create_task(self._ask(sheet, name, query))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return 0.0

    async def _ask(self, sheet: Sheet, name: str, query: Query) -> None:
        place = (id(sheet), name)
        try:
            answer = await self.feed.ask(query)
            if sheet.last_asked.get(name) == query:
                sheet.take(name, query, answer, self._now())
        except FeedError as error:
            if error.kind == "limited":
                self._hold_until = self._seconds() + (error.retry_seconds or AGAIN_SECONDS)
            if sheet.last_asked.get(name) == query:
                sheet.fail(name, error)
        finally:
            if self._flying.get(place, (None, 0))[0] == query:
                del self._flying[place]
        self._arrived()
        self._wake.set()

    def more(self, page: Page) -> None:
        """The next rows of the page's window."""
        cursor = page.sheet.metadata("rows").next_cursor
        place = (id(page.sheet), "more")
        if cursor is None or place in self._flying:
            return
        query = page.base().after(cursor)
        self._flying[place] = (query, self._seconds())
        task = asyncio.get_running_loop().create_task(self._ask_more(page.sheet, query))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask_more(self, sheet: Sheet, query: Query) -> None:
        try:
            answer = await self.feed.ask(query)
            sheet.extend("rows", query, answer, self._now())
        except FeedError as error:
            sheet.fail("rows", error)
        finally:
            self._flying.pop((id(sheet), "more"), None)
        self._arrived()

    @staticmethod
    def _seconds() -> float:
        return asyncio.get_running_loop().time()


def same_question(sheet: Sheet, name: str, query: Query) -> bool:
    """Whether the question that failed is still the one asked."""
    last = sheet.last_asked.get(name)
    return last is not None and Sheet.same(last, query)
