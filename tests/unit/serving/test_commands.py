"""Commands inside the engine: who may send them, what comes back meanwhile, and a caller who leaves."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from engine.access.http import Message
from engine.access.principal import LOCAL_SENDER, SOCKET_GROUP, SOCKET_OWNER, Principal
from engine.api.commands import CommandEndpoint, Tell


class Exchange:
    """One request to the endpoint: its body, and what was answered. `leave` is the caller going away."""

    def __init__(self, body: bytes, principal: Principal | None = SOCKET_OWNER, method: str = "POST") -> None:
        state = {"principal": principal}
        self.scope: dict[str, Any] = {"type": "http", "method": method, "path": "/", "headers": [], "state": state}
        self.body = body
        self.leave = asyncio.Event()
        self.sent: list[Message] = []
        self._read = False

    async def receive(self) -> Message:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def lines(self) -> list[dict[str, Any]]:
        body = b"".join(message.get("body", b"") for message in self.sent[1:])
        return [json.loads(line) for line in body.splitlines()]


def asked(**more: Any) -> bytes:
    return json.dumps({"version": "1", "verb": "run", **more}).encode()


def echo(told: Mapping[str, Any], tell: Tell, cancelled: threading.Event) -> int:
    tell({"out": told["verb"]})
    tell({"err": "done"})
    return 3


async def test_what_a_command_says_comes_back_and_its_exit_code_at_last() -> None:
    exchange = Exchange(asked())
    await CommandEndpoint(echo, "1")(exchange.scope, exchange.receive, exchange.send)
    assert exchange.status == 200
    assert exchange.lines == [{"out": "run"}, {"err": "done"}, {"exit": 3}]


@pytest.mark.parametrize(
    ("principal", "status"),
    [(None, 403), (SOCKET_GROUP, 403), (LOCAL_SENDER, 403), (Principal("admin"), 403), (SOCKET_OWNER, 200)],
)
async def test_commands_are_taken_from_the_owner_on_this_machine_only(principal: Principal | None, status: int) -> None:
    exchange = Exchange(asked(), principal)
    await CommandEndpoint(echo, "1")(exchange.scope, exchange.receive, exchange.send)
    assert exchange.status == status


@pytest.mark.parametrize(
    ("body", "method", "status"),
    [(asked(), "GET", 405), (b"{", "POST", 422), (b"[]", "POST", 422), (asked(version="2"), "POST", 409),
     (b"x" * 1_000_001, "POST", 413)],
)  # fmt: skip
async def test_requests_of_another_form_are_refused(body: bytes, method: str, status: int) -> None:
    exchange = Exchange(body, method=method)
    await CommandEndpoint(echo, "1")(exchange.scope, exchange.receive, exchange.send)
    assert exchange.status == status


async def test_a_command_whose_caller_leaves_is_cancelled() -> None:
    began = threading.Event()

    def waits(told: Mapping[str, Any], tell: Tell, cancelled: threading.Event) -> int:
        began.set()
        assert cancelled.wait(60)
        return 130

    exchange = Exchange(asked())
    endpoint = CommandEndpoint(waits, "1")
    answering = asyncio.create_task(endpoint(exchange.scope, exchange.receive, exchange.send))
    await asyncio.to_thread(began.wait, 60)
    exchange.leave.set()
    await asyncio.wait_for(answering, 60)
    assert exchange.lines == [{"exit": 130}]


async def test_an_engine_that_stops_cancels_its_commands() -> None:
    began = threading.Event()

    def waits(told: Mapping[str, Any], tell: Tell, cancelled: threading.Event) -> int:
        began.set()
        assert cancelled.wait(60)
        return 130

    exchange = Exchange(asked())
    endpoint = CommandEndpoint(waits, "1")
    answering = asyncio.create_task(endpoint(exchange.scope, exchange.receive, exchange.send))
    await asyncio.to_thread(began.wait, 60)
    endpoint.cancel_all()
    await asyncio.wait_for(answering, 60)
    assert exchange.lines == [{"exit": 130}]
