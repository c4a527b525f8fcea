"""When questions are asked: once, when something changed, and never faster than the feed allows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from console.feed import Changed, FeedError, Lost
from console.feed.replay import ReplayFeed
from console.refresher import Refresher
from console.screens.commits import CommitsPage
from console.screens.live import LivePage
from console.screens.page import Page
from engine.clock import FixedClock
from engine.contract import ChangeSet
from tests.console.team import NOW


async def turns() -> None:
    """Let everything that is ready run."""
    for _ in range(50):
        await asyncio.sleep(0)


class Desk:
    """A page, what it asks, and how often it was drawn."""

    def __init__(self, feed: ReplayFeed, clock: FixedClock) -> None:
        self.feed = feed
        self.page: Page = CommitsPage()
        self.frames = 0
        self.refresher = Refresher(feed, lambda: self.page, clock.now, self.drawn, demo=False)

    def drawn(self) -> None:
        self.frames += 1

    def asked(self, view: str = "commits") -> int:
        return sum(query.view == view and query.limit > 1 for query in self.feed.asked)

    async def quiet(self) -> None:
        """Until nothing is on its way."""
        async with asyncio.timeout(5):
            await turns()
            while not self.refresher.is_idle:
                await turns()


@pytest.fixture
async def desk(feed: ReplayFeed, clock: FixedClock) -> AsyncIterator[Desk]:
    made = Desk(feed, clock)
    running = asyncio.create_task(made.refresher.run())
    made.refresher.poke()
    await made.quiet()
    yield made
    running.cancel()


async def test_the_page_is_asked_when_the_stream_opens_and_then_rests(desk: Desk) -> None:
    before = len(desk.feed.asked)
    assert desk.page.sheet.answered("rows")
    await turns()
    assert len(desk.feed.asked) == before


async def test_a_change_asks_again(desk: Desk) -> None:
    before = desk.asked()
    desk.feed.tell(Changed(ChangeSet(2, NOW, commits=("x",))))
    await turns()
    await desk.quiet()
    assert desk.asked() == before + 1


async def test_a_burst_of_changes_is_asked_about_once_per_interval(desk: Desk) -> None:
    desk.feed.interval = 0.2
    before = desk.asked()
    for number in range(50):
        desk.feed.tell(Changed(ChangeSet(number, NOW, commits=("x",))))
    await asyncio.sleep(0.5)
    await desk.quiet()
    assert 1 <= desk.asked() - before <= 4


async def test_a_pause_asks_nothing_and_counts(desk: Desk) -> None:
    desk.refresher.pause()
    before = len(desk.feed.asked)
    desk.feed.tell(Changed(ChangeSet(2, NOW, sessions=("a", "b"), commits=("c",))))
    desk.feed.tell(Changed(ChangeSet(3, NOW, days=("2026-11-20",))))
    await turns()
    assert len(desk.feed.asked) == before
    assert desk.refresher.status().withheld == 4
    desk.refresher.pause()
    await turns()
    await desk.quiet()
    assert len(desk.feed.asked) > before
    assert desk.refresher.status().withheld == 0


async def test_another_filter_is_asked_at_once(desk: Desk) -> None:
    desk.feed.interval = 60.0
    desk.page.filter = "dev:bob* since:30d"
    desk.refresher.poke()
    await turns()
    await desk.quiet()
    assert {row.developer_name for row in desk.page.sheet.rows("rows")} == {"Bob Nakamura"}


async def test_an_answer_to_an_older_question_is_dropped(desk: Desk) -> None:
    slow = asyncio.Event()
    ask = desk.feed.ask

    async def late(query: object) -> object:
        if "codex" in query.filter:  # type: ignore[attr-defined]
            await slow.wait()
        return await ask(query)  # type: ignore[arg-type]

    desk.feed.ask = late  # type: ignore[method-assign,assignment]
    desk.page.filter = "agent:codex since:30d"
    desk.refresher.poke()
    await turns()
    desk.page.filter = "dev:bob* since:30d"
    desk.refresher.poke()
    await turns()
    slow.set()
    await desk.quiet()
    assert {row.developer_name for row in desk.page.sheet.rows("rows")} == {"Bob Nakamura"}


async def test_coming_back_to_a_page_asks_only_if_something_changed(desk: Desk) -> None:
    first, second = desk.page, LivePage()
    desk.page = second
    desk.refresher.poke()
    await desk.quiet()
    before = desk.asked()
    desk.page = first
    desk.refresher.poke()
    await desk.quiet()
    assert desk.asked() == before


async def test_a_limit_is_respected(desk: Desk) -> None:
    desk.feed.error = FeedError("limited", "too many questions", retry_seconds=60)
    desk.feed.tell(Changed(ChangeSet(2, NOW)))
    await turns()
    before = len(desk.feed.asked)
    desk.feed.tell(Changed(ChangeSet(3, NOW)))
    await turns()
    assert len(desk.feed.asked) == before
    assert desk.page.sheet.rows("rows")
    assert desk.page.sheet.errors["rows"].kind == "limited"


async def test_a_lost_stream_is_offline_until_it_opens_again(desk: Desk, clock: FixedClock) -> None:
    desk.feed.tell(Lost("gone", 4.0))
    await turns()
    assert desk.refresher.status().state == "offline"
    assert desk.refresher.status().retry_seconds == 4.0
    assert desk.refresher.offline


async def test_the_lag_is_the_engines_instant_to_ours(desk: Desk) -> None:
    from datetime import timedelta

    desk.feed.tell(Changed(ChangeSet(2, NOW - timedelta(seconds=0.4))))
    await turns()
    assert desk.refresher.status().lag == pytest.approx(0.4)
