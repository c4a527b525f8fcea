"""The stream's twin over a WebSocket: the same events as JSON texts, and a filter that may be changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from engine.contract import ChangeSet
from tests.api.conftest import Api
from tests.api.workspace import NOW

SECONDS = 20


@contextmanager
def opened(api: Api, role: str | None = "viewer", **parameters: str) -> Iterator[ClientConnection]:
    address = api.url.replace("http://", "ws://") + "/api/v1/ws?" + urlencode(parameters)
    headers = {} if role is None else {"authorization": f"Bearer {api.keys[role]}"}
    with connect(address, additional_headers=headers, proxy=None, open_timeout=SECONDS) as connection:
        yield connection


def told(connection: ClientConnection, *names: str) -> dict[str, Any]:
    """The next event of one of these names."""
    while True:
        event: dict[str, Any] = json.loads(connection.recv(timeout=SECONDS))
        if event["event"] in names:
            return event


def _ended(connection: ClientConnection) -> ConnectionClosed:
    """How the other side ended it, after whatever it still said."""
    try:
        while True:
            connection.recv(timeout=SECONDS)
    except ConnectionClosed as ended:
        return ended


def change(batch: int, *sessions: str) -> ChangeSet:
    return ChangeSet(batch, NOW + timedelta(seconds=batch), sessions=sessions)


def test_it_says_what_the_stream_says(quiet: Api) -> None:
    with opened(quiet) as connection:
        hello = told(connection, "hello")
        quiet.broadcaster.publish(change(7, "s1"))
        event = told(connection, "change")
        told(connection, "heartbeat")
    assert (hello["data"]["version"], hello["data"]["resumed"]) == ("9.9.9", False)
    assert (event["id"], event["data"]["batch_id"], event["data"]["sessions"]) == (7, 7, ["s1"])


def test_it_goes_on_where_it_was_left(quiet: Api) -> None:
    quiet.broadcaster.publish(change(1, "a"))
    quiet.broadcaster.publish(change(2, "b"))
    with opened(quiet, last_event_id="1") as connection:
        assert told(connection, "hello")["data"]["resumed"] is True
        assert told(connection, "change")["data"]["sessions"] == ["b"]


def test_a_filter_holds_back_and_may_be_changed(asked: Api) -> None:
    mine, theirs = _sessions_of_two(asked)
    with opened(asked, filter=f"dev:{mine[1]}") as connection:
        told(connection, "hello")
        asked.broadcaster.publish(change(1_000_001, mine[0], theirs[0]))
        assert told(connection, "change")["data"]["sessions"] == [mine[0]]
        connection.send(json.dumps({"filter": f"dev:{theirs[1]}"}))
        assert told(connection, "subscribed")["data"] == {"filter": f"dev:{theirs[1]}"}
        asked.broadcaster.publish(change(1_000_002, mine[0], theirs[0]))
        assert told(connection, "change")["data"]["sessions"] == [theirs[0]]


def _sessions_of_two(api: Api) -> tuple[tuple[str, str], tuple[str, str]]:
    """A session and its developer, twice, of two developers."""
    with api.client() as client:
        rows = client.get("/api/v1/sessions", params={"limit": "1000"}).json()["data"]
    by_developer = {row["developer_id"]: row["session_id"] for row in rows if row["developer_id"]}
    first, second = list(by_developer.items())[:2]
    return (first[1], first[0]), (second[1], second[0])


@pytest.mark.parametrize(
    "message",
    ["no json", "[]", '{"filter": 7}', '{"filter": "nonsense:7"}', "x" * 20_000],
    ids=["text", "array", "number", "field", "long"],
)
def test_a_wrong_message_is_told_and_changes_nothing(quiet: Api, message: str) -> None:
    with opened(quiet) as connection:
        told(connection, "hello")
        connection.send(message)
        assert told(connection, "error")["data"]["detail"]
        quiet.broadcaster.publish(change(1, "s1"))
        assert told(connection, "change")["data"]["sessions"] == ["s1"]


@pytest.mark.parametrize("parameters", [{"filter": "nonsense:7"}, {"colour": "red"}])
def test_a_wrong_beginning_is_told_and_ends(quiet: Api, parameters: dict[str, str]) -> None:
    with opened(quiet, **parameters) as connection:
        assert told(connection, "error")["data"]["detail"]
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=SECONDS)


@pytest.mark.parametrize("role", [None, "ingest"])
def test_who_may_not_read_is_not_let_in(quiet: Api, role: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused, opened(quiet, role):
        raise AssertionError("it was opened")
    assert refused.value.response.status_code == 403


def test_a_developer_hears_of_their_own_sessions_only(asked: Api) -> None:
    with asked.client("developer") as client:
        own = {row["session_id"] for row in client.get("/api/v1/sessions", params={"limit": "1000"}).json()["data"]}
    with asked.client() as client:
        every = [row["session_id"] for row in client.get("/api/v1/sessions", params={"limit": "1000"}).json()["data"]]
    assert 0 < len(own) < len(every)
    with opened(asked, "developer") as connection:
        told(connection, "hello")
        asked.broadcaster.publish(change(1_000_003, *every))
        assert set(told(connection, "change")["data"]["sessions"]) == own


def test_the_end_of_the_engine_ends_it(quiet: Api) -> None:
    with opened(quiet) as connection:
        told(connection, "hello")
        quiet.broadcaster.close()
        ended = _ended(connection)
    assert ended.rcvd is not None
    assert ended.rcvd.code == 1012


def test_a_binary_message_ends_it_without_harm(quiet: Api) -> None:
    with opened(quiet) as connection:
        told(connection, "hello")
        connection.send(b"\x00")
        _ended(connection)
    with opened(quiet) as connection:
        told(connection, "hello")
