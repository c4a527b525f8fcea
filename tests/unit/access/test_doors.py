"""Who is let in at which door, and as whom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.access.http import Authenticated, Door, Message, Receive, Scope, Send, admit, host_name, is_loopback, need
from engine.access.keys import KeyRing
from engine.access.principal import LOCAL_SENDER, OPEN_SENDER, SOCKET_GROUP, SOCKET_OWNER
from engine.access.problems import Problem

TCP = Door("tcp")
SOCKET = Door("socket", owner_uid=1000)
OUTSIDE = Door("tcp", loopback=False)
OPEN = Door("tcp", loopback=False, open_to_all=True)
NEAR, FAR = ("127.0.0.1", 50000), ("192.0.2.7", 50000)


@pytest.fixture
def keys(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json")


def request(
    path: str, method: str = "POST", client: tuple[str, int] | None = NEAR, uid: int | None = None, **headers: str
) -> dict[str, Any]:
    """An ASGI scope; header names with underscores, `host` is this machine unless given."""
    sent = {"host": "127.0.0.1:4318"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return {
        "type": "http",
        "method": method,
        "path": path,
        "scheme": "http",
        "client": client,
        "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
        "state": {} if uid is None else {"peer_uid": uid},
    }


def refused(door: Door, keys: KeyRing, scope: dict[str, Any]) -> int:
    with pytest.raises(Problem) as caught:
        admit(door, keys, scope)
    return caught.value.status


def test_health_needs_nobody(keys: KeyRing) -> None:
    assert admit(TCP, keys, request("/healthz", "GET")) is None
    assert admit(OUTSIDE, keys, request("/readyz", "GET", FAR, host="engine.example")) is None


def test_routes_ask_for_writing_or_reading() -> None:
    assert [need(*each) for each in (("POST", "/v1/logs"), ("GET", "/api/v1/sessions"), ("GET", "/healthz"))] == [
        "write",
        "read",
        "nothing",
    ]
    assert need("POST", "/healthz") == "read"
    assert need("POST", "/v1/otel/logs") == "write"


def test_on_loopback_anybody_may_send_until_an_ingest_key_exists(keys: KeyRing) -> None:
    assert admit(TCP, keys, request("/v1/logs")) == LOCAL_SENDER
    keys.create("viewer")
    assert admit(TCP, keys, request("/v1/logs")) == LOCAL_SENDER
    keys.create("ingest")
    assert refused(TCP, keys, request("/v1/logs")) == 401


def test_behind_a_proxy_nobody_is_local(keys: KeyRing) -> None:
    for asked in (
        request("/v1/logs", forwarded="for=192.0.2.7"),
        request("/v1/logs", x_forwarded_for="192.0.2.7"),
        request("/v1/logs", x_real_ip="192.0.2.7"),
    ):
        assert refused(TCP, keys, asked) == 401


def test_from_another_machine_a_key_is_needed_unless_the_engine_was_opened(keys: KeyRing) -> None:
    far = request("/v1/logs", client=FAR, host="engine.example:4318")
    assert refused(OUTSIDE, keys, far) == 401
    assert admit(OPEN, keys, far) == OPEN_SENDER
    keys.create("ingest")
    assert refused(OPEN, keys, far) == 401


def test_the_api_over_tcp_always_needs_a_key(keys: KeyRing) -> None:
    for door in (TCP, OUTSIDE, OPEN):
        assert refused(door, keys, request("/api/v1/sessions", "GET")) == 401


def test_a_key_is_taken_from_either_header(keys: KeyRing) -> None:
    key, secret = keys.create("viewer")
    for asked in (
        request("/api/v1/sessions", "GET", authorization=f"Bearer {secret}"),
        request("/api/v1/sessions", "GET", authorization=f"bearer  {secret} "),
        request("/api/v1/sessions", "GET", x_api_key=secret),
    ):
        principal = admit(TCP, keys, asked)
        assert principal is not None
        assert principal.key_id == key.key_id


def test_a_wrong_key_is_worse_than_none(keys: KeyRing) -> None:
    assert admit(TCP, keys, request("/v1/logs")) is not None
    assert refused(TCP, keys, request("/v1/logs", x_api_key="aa_live_wrong")) == 401
    assert refused(TCP, keys, request("/v1/logs", authorization="Basic YTpi")) == 401


def test_roles_do_what_they_may_and_no_more(keys: KeyRing) -> None:
    allowed = {"ingest": "w", "viewer": "r", "developer": "rw", "lead": "rw", "admin": "rw"}
    for role, may in allowed.items():
        _, secret = keys.create(role, developer_id="alice")
        for letter, scope in (("w", ("/v1/logs", "POST")), ("r", ("/api/v1/sessions", "GET"))):
            asked = request(*scope, x_api_key=secret)
            if letter in may:
                assert admit(TCP, keys, asked) is not None, (role, letter)
            else:
                assert refused(TCP, keys, asked) == 403, (role, letter)


def test_the_sockets_owner_is_admin_and_its_group_are_leads(keys: KeyRing) -> None:
    assert admit(SOCKET, keys, request("/api/v1/sessions", "GET", None, uid=1000)) == SOCKET_OWNER
    assert admit(SOCKET, keys, request("/api/v1/sessions", "GET", None, uid=0)) == SOCKET_OWNER
    assert admit(SOCKET, keys, request("/api/v1/sessions", "GET", None, uid=1001)) == SOCKET_GROUP
    assert admit(SOCKET, keys, request("/v1/logs", "POST", None)) == SOCKET_OWNER


def test_a_key_shown_on_the_socket_counts_instead(keys: KeyRing) -> None:
    _, secret = keys.create("ingest")
    assert refused(SOCKET, keys, request("/api/v1/sessions", "GET", None, uid=1000, x_api_key=secret)) == 403
    assert refused(SOCKET, keys, request("/api/v1/sessions", "GET", None, uid=1000, x_api_key="wrong")) == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4318", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1"]
)
def test_on_loopback_other_names_are_refused(keys: KeyRing, host: str) -> None:
    assert refused(TCP, keys, request("/healthz", "GET", host=host)) == 403


def test_without_a_host_nothing_is_answered(keys: KeyRing) -> None:
    assert refused(TCP, keys, request("/healthz", "GET", host="")) == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1", "127.1.2.3:4318", "[::1]:4318"])
def test_names_of_this_machine_are_taken(keys: KeyRing, host: str) -> None:
    assert admit(TCP, keys, request("/v1/logs", host=host)) == LOCAL_SENDER


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:3000", "https://127.0.0.1:4318", "file://"]
)
def test_pages_of_other_origins_are_refused(keys: KeyRing, origin: str) -> None:
    for door in (TCP, OUTSIDE):
        assert refused(door, keys, request("/healthz", "GET", origin=origin)) == 403


def test_the_engines_own_origin_is_taken(keys: KeyRing) -> None:
    assert admit(TCP, keys, request("/v1/logs", origin="http://127.0.0.1:4318")) == LOCAL_SENDER


@pytest.mark.parametrize(
    ("header", "name"),
    [("a.example:80", "a.example"), ("A.example", "a.example"), ("[::1]:80", "::1"), ("::1", "::1"), (" x ", "x")],
)
def test_the_name_in_a_host_header(header: str, name: str) -> None:
    assert host_name(header) == name


def test_what_is_loopback() -> None:
    assert [is_loopback(each) for each in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "localhost")] == [
        True
    ] * 5
    assert [is_loopback(each) for each in ("10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "", "x")] == [False] * 5


class Asked:
    """Calls the middleware and keeps what it sent and whether it let the request through."""

    def __init__(self, keys: KeyRing) -> None:
        self.scopes: list[Scope] = []
        self.sent: list[Message] = []
        self._application = Authenticated(self._inside, keys, TCP)

    async def _inside(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)

    async def ask(self, scope: dict[str, Any]) -> None:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            self.sent.append(message)

        await self._application(scope, receive, send)


async def test_who_is_let_in_is_named_to_the_application(keys: KeyRing) -> None:
    asked = Asked(keys)
    await asked.ask(request("/v1/logs"))
    assert asked.scopes[0]["state"]["principal"] == LOCAL_SENDER


async def test_who_is_not_let_in_gets_a_problem_and_is_not_seen(keys: KeyRing) -> None:
    asked = Asked(keys)
    await asked.ask(request("/api/v1/sessions", "GET"))
    assert asked.scopes == []
    assert asked.sent[0]["status"] == 401
    assert (b"content-type", b"application/problem+json") in asked.sent[0]["headers"]


async def test_keys_that_cannot_be_read_let_nobody_in(keys: KeyRing) -> None:
    keys.path.write_text("damaged")
    asked = Asked(keys)
    await asked.ask(request("/v1/logs"))
    assert (asked.scopes, asked.sent[0]["status"]) == ([], 503)
