"""The feed against a real server: answers, problems, the stream and its resumption."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.connect import parse_address
from console.feed import Changed, Connected, FeedError, FeedEvent, Heartbeat, Lost, Query
from console.feed import http as http_feed
from console.feed.http import Address, Block, HttpFeed
from console.settings import WrongUse
from tests.console.server import END, TinyEngine, serving
from tests.console.team import DEVELOPERS


@pytest.fixture
def engine() -> Iterator[TinyEngine]:
    with serving(TinyEngine()) as served:
        yield served


async def gather(feed: HttpFeed, count: int) -> list[FeedEvent]:
    """The first events of the stream."""
    got: list[FeedEvent] = []
    async with asyncio.timeout(10):
        async for event in feed.events():
            got.append(event)
            if len(got) == count:
                break
    return got


class TestAsking:
    async def test_rows_are_values(self, engine: TinyEngine) -> None:
        feed = HttpFeed(parse_address(engine.url))
        answer = await feed.ask(Query("sessions", "agent:codex", since="30d", sort="-cost_usd", limit=5))
        assert [row.agent_type for row in answer.rows] == ["codex"] * 5
        assert answer.metadata.next_cursor == "5"
        assert "filter=agent%3Acodex" in engine.asked[0]
        await feed.close()

    async def test_a_unix_socket_answers_too(self, tmp_path: Path) -> None:
        with serving(TinyEngine(), tmp_path / "engine.sock") as served:
            feed = HttpFeed(parse_address(served.url))
            assert len((await feed.ask(Query("developers"))).rows) == 6
            await feed.close()

    async def test_a_key_is_sent_as_a_bearer(self) -> None:
        with serving(TinyEngine(key="aa_test_1")) as served:
            feed = HttpFeed(Address(served.url, key="aa_test_1"))
            assert (await feed.ask(Query("developers"))).rows
            await feed.close()

    async def test_without_a_key_the_error_says_how_to_get_one(self) -> None:
        with serving(TinyEngine(key="aa_test_1")) as served:
            feed = HttpFeed(Address(served.url))
            with pytest.raises(FeedError, match="an API key is needed") as caught:
                await feed.ask(Query("developers"))
            assert caught.value.kind == "auth"
            assert "AA_API_KEY" in caught.value.hint
            await feed.close()

    @pytest.mark.parametrize(
        ("status", "kind"),
        [(403, "forbidden"), (400, "filter"), (422, "filter"), (429, "limited"), (500, "failed"), (503, "offline")],
    )
    async def test_problems_have_kinds(self, engine: TinyEngine, status: int, kind: str) -> None:
        engine.refusal = (status, {"detail": "what is wrong", "column": 5}, {"retry-after": "7"})
        feed = HttpFeed(parse_address(engine.url))
        with pytest.raises(FeedError, match="what is wrong") as caught:
            await feed.ask(Query("sessions"))
        assert (caught.value.kind, caught.value.column, caught.value.retry_seconds) == (kind, 5, 7.0)
        await feed.close()

    @pytest.mark.parametrize("body", [{"rows": []}, {"data": [{"agent_type": "codex"}]}, {"data": 5}])
    async def test_something_else_than_an_engine_is_named(self, engine: TinyEngine, body: dict[str, Any]) -> None:
        engine.refusal = (200, body, {})
        feed = HttpFeed(parse_address(engine.url))
        with pytest.raises(FeedError, match="cannot read") as caught:
            await feed.ask(Query("sessions"))
        assert caught.value.kind == "version"
        await feed.close()

    async def test_an_explanation_is_asked_for_by_row_and_column(self, engine: TinyEngine) -> None:
        feed = HttpFeed(parse_address(engine.url))
        told = await feed.explain({"view": "costs", "row": DEVELOPERS[0][0], "column": "cost_usd"})
        assert told["account"]["adds_up"] is True
        await feed.close()

    async def test_nobody_there(self) -> None:
        with serving(TinyEngine()) as served:
            url = served.url
        feed = HttpFeed(Address(url))
        with pytest.raises(FeedError, match="nobody answers") as caught:
            await feed.ask(Query("sessions"))
        assert caught.value.kind == "offline"
        await feed.close()


class TestStream:
    async def test_changes_arrive_as_values(self, engine: TinyEngine) -> None:
        engine.tell("heartbeat", {})
        engine.tell("something_newer", {})
        change = {
            "as_of": "2026-11-20T14:14:09Z",
            "batch_id": 7,
            "sessions": ["s1"],
            "commits": [],
            "days": ["2026-11-20"],
        }
        engine.tell("change", change, 7)
        feed = HttpFeed(parse_address(engine.url))
        hello, beat, changed = await gather(feed, 3)
        assert hello == Connected("0.1.0", hello.as_of)  # type: ignore[union-attr]
        assert beat == Heartbeat()
        assert isinstance(changed, Changed)
        assert (changed.change.batch_id, changed.change.sessions, changed.change.models) == (7, ("s1",), ())
        await feed.close()

    async def test_it_resumes_behind_the_last_event(self, engine: TinyEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_feed, "RETRY_SECONDS", (0.0,))
        engine.tell("change", {"as_of": None, "batch_id": 41}, 41)
        engine.events.put(END)
        feed = HttpFeed(parse_address(engine.url))
        kinds = [type(event) for event in await gather(feed, 4)]
        assert kinds == [Connected, Changed, Lost, Connected]
        assert engine.resumed == [None, "41"]
        await feed.close()

    async def test_it_keeps_trying_with_growing_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_feed, "RETRY_SECONDS", (0.0, 0.001))
        with serving(TinyEngine()) as served:
            url = served.url
        feed = HttpFeed(Address(url))
        lost = await gather(feed, 3)
        assert [event.retry_seconds for event in lost if isinstance(event, Lost)] == [0.0, 0.001, 0.001]
        await feed.close()

    def test_blocks_end_with_an_empty_line_and_comments_are_nothing(self) -> None:
        block = Block()
        assert block.feed(": keep-alive") is None
        assert block.feed("") is None
        assert block.feed("event:heartbeat") is None
        assert block.feed("") == Heartbeat()

    def test_an_event_that_cannot_be_read_is_an_error(self) -> None:
        block = Block()
        block.feed("event: change")
        block.feed("data: {")
        with pytest.raises(FeedError, match="cannot read"):
            block.feed("")


class TestAddresses:
    @pytest.mark.parametrize(
        ("named", "url", "socket"),
        [
            ("http://127.0.0.1:4318/", "http://127.0.0.1:4318", None),
            ("https://analytics.example.com", "https://analytics.example.com", None),
            ("unix:/run/aa/engine.sock", "http://engine", "/run/aa/engine.sock"),
            ("unix:///run/aa/engine.sock", "http://engine", "/run/aa/engine.sock"),
        ],
    )
    def test_known_forms(self, named: str, url: str, socket: str | None) -> None:
        assert parse_address(named, "k") == Address(url, socket, "k")

    @pytest.mark.parametrize("named", ["localhost:4318", "ftp://x", "unix:", "http://", ""])
    def test_others_are_refused_with_the_forms(self, named: str) -> None:
        with pytest.raises(WrongUse, match="unix:"):
            parse_address(named)
