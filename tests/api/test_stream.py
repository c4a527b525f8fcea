"""The stream: hello, changes at a bounded pace, heartbeats, resumption, and who is let go."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.api.stream import LONGEST_LIST, Broadcaster, merge
from engine.clock import FixedClock
from engine.contract import ChangeSet
from tests.api.conftest import Api, serve
from tests.api.workspace import NOW, Workspace, team


@dataclass(frozen=True)
class Event:
    name: str
    data: dict[str, Any]
    id: str | None


class Listening:
    """One open stream, event by event."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.iter_lines()

    def next(self, *names: str) -> Event:
        """The next event of one of these names (of any without names)."""
        while True:
            fields: dict[str, str] = {}
            for line in self._lines:
                if not line:
                    break
                name, _, value = line.partition(": ")
                fields[name] = value
            else:
                raise AssertionError("the stream ended")
            event = Event(fields["event"], json.loads(fields["data"]), fields.get("id"))
            if not names or event.name in names:
                return event


@contextmanager
def listen(api: Api, role: str = "viewer", after: int | None = None, **parameters: str) -> Iterator[Listening]:
    headers = {} if after is None else {"last-event-id": str(after)}
    with api.client(role) as client:
        with client.stream("GET", "/api/v1/stream", headers=headers, params=parameters) as response:
            assert response.status_code == 200
            yield Listening(response)


def until(holds: Callable[[], bool]) -> None:
    """Wait for another thread, but not for ever."""
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "it never came to be"
        threading.Event().wait(0.005)


def change(batch: int, *sessions: str, **more: tuple[str, ...]) -> ChangeSet:
    return ChangeSet(batch, NOW + timedelta(seconds=batch), sessions=sessions, **more)


class TestOneListener:
    def test_hello_tells_version_and_state(self, quiet: Api) -> None:
        with listen(quiet) as stream:
            hello = stream.next()
        assert hello.name == "hello"
        assert (hello.data["version"], hello.data["resumed"], hello.data["batch_id"]) == ("9.9.9", False, 0)
        assert hello.data["now"] == "2026-11-05T12:00:00Z"
        assert stream.response.headers["content-type"].startswith("text/event-stream")

    def test_a_change_says_what_to_ask_again(self, quiet: Api) -> None:
        with listen(quiet) as stream:
            stream.next("hello")
            quiet.broadcaster.publish(change(7, "s1", commits=("c1",), days=("2026-11-05",), models=("fct_sessions",)))
            event = stream.next("change")
        assert event.id == "7"
        assert event.data == {
            "as_of": "2026-11-05T12:00:07Z",
            "batch_id": 7,
            "sessions": ["s1"],
            "commits": ["c1"],
            "days": ["2026-11-05"],
            "models": ["fct_sessions"],
        }

    def test_heartbeats_come_when_nothing_happens(self, quiet: Api) -> None:
        with listen(quiet) as stream:
            assert [stream.next().name for _ in range(3)] == ["hello", "heartbeat", "heartbeat"]

    def test_the_alias_is_the_same_stream(self, quiet: Api) -> None:
        with quiet.client() as client, client.stream("GET", "/api/metrics/stream") as response:
            assert Listening(response).next().name == "hello"

    def test_a_very_long_list_is_cut_and_says_so(self, quiet: Api) -> None:
        with listen(quiet) as stream:
            stream.next("hello")
            quiet.broadcaster.publish(change(1, *(f"s{number}" for number in range(LONGEST_LIST + 1))))
            event = stream.next("change")
        assert (len(event.data["sessions"]), event.data["truncated"]) == (LONGEST_LIST, True)

    def test_leaving_is_noticed_at_once(self, quiet: Api) -> None:
        assert quiet.broadcaster.last_left_at is None
        with listen(quiet) as stream:
            stream.next("hello")
            assert quiet.broadcaster.subscriber_count == 1
        until(lambda: quiet.broadcaster.subscriber_count == 0)
        assert quiet.broadcaster.last_left_at == NOW

    def test_the_end_of_the_engine_ends_the_stream(self, quiet: Api) -> None:
        with listen(quiet) as stream:
            stream.next("hello")
            quiet.broadcaster.close()
            with pytest.raises(AssertionError, match="the stream ended"):
                stream.next("change")


def test_many_changes_become_few_events(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    clock = FixedClock(NOW)
    broadcaster = Broadcaster(clock, interval=1.5)
    with serve(workspace, tmp_path, broadcaster, clock) as api, listen(api) as stream:
        stream.next("hello")
        broadcaster.publish(change(1, "s1"))
        assert stream.next("change").data["sessions"] == ["s1"]
        for batch in range(2, 102):
            broadcaster.publish(change(batch, f"s{batch}"))
        event = stream.next("change")
        assert event.data["sessions"] == [f"s{batch}" for batch in range(2, 102)]
        assert event.id == "101"
    workspace.close()


def test_what_happens_within_the_interval_is_one_change() -> None:
    merged = merge([change(1, "a", "b"), change(2, "b", "c", days=("2026-11-05",)), change(3, "a")])
    assert merged == ChangeSet(3, NOW + timedelta(seconds=3), sessions=("a", "b", "c"), days=("2026-11-05",))


class TestResuming:
    def test_missed_changes_are_told_once_as_one(self, quiet: Api) -> None:
        quiet.broadcaster.publish(change(1, "a"))
        quiet.broadcaster.publish(change(2, "b"))
        quiet.broadcaster.publish(change(3, "c"))
        with listen(quiet, after=1) as stream:
            hello = stream.next()
            assert (hello.data["resumed"], hello.id) == (True, None)
            missed = stream.next("change")
            assert (missed.id, missed.data["sessions"]) == ("3", ["b", "c"])
            quiet.broadcaster.publish(change(4, "d"))
            assert stream.next("change").data["sessions"] == ["d"]

    def test_who_missed_nothing_goes_on(self, quiet: Api) -> None:
        quiet.broadcaster.publish(change(1, "a"))
        with listen(quiet, after=1) as stream:
            assert stream.next().data["resumed"] is True
            quiet.broadcaster.publish(change(2, "b"))
            assert stream.next("change").data["sessions"] == ["b"]

    def test_without_an_id_it_begins_now(self, quiet: Api) -> None:
        quiet.broadcaster.publish(change(1, "a"))
        with listen(quiet) as stream:
            assert stream.next().data["resumed"] is False
            quiet.broadcaster.publish(change(2, "b"))
            assert stream.next("change").data["sessions"] == ["b"]

    @pytest.mark.parametrize("after", [3, 99])
    def test_what_is_forgotten_or_of_another_engine_is_said(self, quiet: Api, after: int) -> None:
        for batch in (5, 6, 7):
            quiet.broadcaster.publish(change(batch, f"s{batch}"))
        with listen(quiet, after=after) as stream:
            assert stream.next().data["resumed"] is False

    def test_after_a_restart_the_newest_batch_resumes_and_an_older_does_not(self, quiet: Api) -> None:
        batch = quiet.workspace.write(team())
        with listen(quiet, after=batch) as stream:
            assert stream.next().data["resumed"] is True
        with listen(quiet, after=batch - 1) as stream:
            assert stream.next().data["resumed"] is False

    @pytest.mark.parametrize("header", ["", "x", "-1", "1.5", "9" * 40, "١"])
    def test_an_id_that_is_none_is_as_no_id(self, quiet: Api, header: str) -> None:
        with quiet.client() as client:
            headers = [(b"last-event-id", header.encode())]
            with client.stream("GET", "/api/v1/stream", headers=headers) as response:
                assert Listening(response).next().data["resumed"] is False


class TestTheRing:
    @pytest.mark.parametrize(
        ("kept", "last", "resumed"), [(3, 7, True), (3, 6, False), (10, 5, True), (10, 4, False), (3, 10, True)]
    )
    async def test_how_far_back_it_reaches(self, kept: int, last: int, resumed: bool) -> None:
        broadcaster = Broadcaster(FixedClock(NOW), kept=kept)
        for batch in range(6, 11):
            broadcaster.publish(change(batch, f"s{batch}"))
        listener, found = broadcaster.join(last, 10)
        assert found is resumed
        news = broadcaster.news(listener)
        if resumed and last < 10:
            assert news is not None
            assert news[0].sessions == tuple(f"s{batch}" for batch in range(last + 1, 11))
        else:
            assert news is None

    async def test_a_batch_that_is_told_twice_cannot_be_resumed_behind(self) -> None:
        broadcaster = Broadcaster(FixedClock(NOW))
        broadcaster.publish(change(5, "a"))
        broadcaster.publish(change(5, "b"))
        assert broadcaster.join(5, 5)[1] is False
        broadcaster.publish(change(6, "c"))
        assert broadcaster.join(6, 6)[1] is True

    async def test_a_listener_that_was_overtaken_is_told_that_something_is_missing(self) -> None:
        broadcaster = Broadcaster(FixedClock(NOW), kept=2)
        listener, _ = broadcaster.join(None, 0)
        for batch in (1, 2, 3):
            broadcaster.publish(change(batch, f"s{batch}"))
        news = broadcaster.news(listener)
        assert news == (change(3, "s2", "s3"), True)

    def test_changes_may_come_from_any_thread(self) -> None:
        broadcaster = Broadcaster(FixedClock(NOW))

        def publish() -> None:
            for batch in range(200):
                broadcaster.publish(change(batch, "a"))

        threads = [threading.Thread(target=publish) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert broadcaster.revision == 800


class TestWhoIsToldWhat:
    def test_a_filter_holds_back_what_it_does_not_match(self, asked: Api) -> None:
        with listen(asked, filter="dev:alice project:web") as stream:
            stream.next("hello")
            asked.broadcaster.publish(change(11, "s-idle"))
            asked.broadcaster.publish(change(12, "s-live", "s-idle", commits=("aaaa1111".ljust(40, "0"), "b" * 40)))
            event = stream.next("change")
        assert event.data["sessions"] == ["s-live"]
        assert event.data["commits"] == ["aaaa1111".ljust(40, "0")]

    def test_a_developer_hears_of_own_sessions_only(self, asked: Api) -> None:
        with listen(asked, "developer") as stream:
            stream.next("hello")
            asked.broadcaster.publish(change(13, "s-idle", "s-night", commits=("bbbb2222".ljust(40, "0"),)))
            event = stream.next("change")
        assert (event.data["sessions"], event.data["commits"]) == (["s-night"], [])


def test_who_does_not_read_is_let_go(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    clock = FixedClock(NOW)
    broadcaster = Broadcaster(clock, interval=0.0, patience=0.2)
    with serve(workspace, tmp_path, broadcaster, clock) as api, listen(api) as reading:
        reading.next("hello")
        url = httpx.URL(api.url)
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect((url.host, url.port))
        deaf.sendall(
            b"GET /api/v1/stream HTTP/1.1\r\nhost: localhost\r\nx-api-key: " + api.keys["viewer"].encode() + b"\r\n\r\n"
        )
        until(lambda: broadcaster.subscriber_count == 2)
        long_names = tuple(f"{number:0>200}" for number in range(LONGEST_LIST))
        batch = 0

        def let_go() -> bool:
            nonlocal batch
            batch += 1
            broadcaster.publish(change(batch, *long_names))
            assert reading.next("change").data["batch_id"] <= batch
            return broadcaster.subscriber_count == 1

        until(let_go)
        deaf.close()
    workspace.close()
