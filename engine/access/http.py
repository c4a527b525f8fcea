"""The doors of HTTP: who is let in, and as whom.

Owns the check of Host and Origin (so that a web page, or a name that was rebound to this machine, reaches nothing), the
keys in headers, and the trust in the Unix socket; it puts the Principal into `scope["state"]["principal"]`. Refuses to
know what a route does beyond whether it writes, reads or tells of health.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.access.keys import KeyRing
from engine.access.principal import LOCAL_SENDER, OPEN_SENDER, SOCKET_GROUP, SOCKET_OWNER, Principal
from engine.access.problems import Problem
from engine.errors import EngineError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

Need = Literal["nothing", "write", "read"]

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
HEALTH = frozenset({"/healthz", "/readyz"})
FORWARDED = frozenset({b"forwarded", b"x-forwarded-for", b"x-real-ip"})


@dataclass(frozen=True, slots=True)
class Door:
    """One listener. `loopback`: bound to this machine only. `open_to_all`: --insecure let it be opened elsewhere."""

    kind: Literal["tcp", "socket"]
    loopback: bool = True
    open_to_all: bool = False
    owner_uid: int = -1


def need(method: str, path: str) -> Need:
    """What a route asks of its caller."""
    if path in HEALTH and method in ("GET", "HEAD"):
        return "nothing"
    if path.startswith("/v1/"):
        return "write"
    return "read"


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case."""
    text = header.strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.rpartition(":")[0] if text.count(":") == 1 else text


def is_loopback(address: str) -> bool:
    """True for 127.0.0.0/8 and ::1, also when written as IPv4 in IPv6."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address == "localhost"
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def key_from_headers(headers: dict[bytes, bytes]) -> str | None:
    """The key in `Authorization: Bearer` or `x-api-key`; None when there is none."""
    authorization = headers.get(b"authorization", b"").decode("latin-1").strip()
    if authorization:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return value.strip()
        return ""  # another scheme: a key that nobody has
    key = headers.get(b"x-api-key")
    return None if key is None else key.decode("latin-1").strip()


def admit(door: Door, keys: KeyRing, scope: Scope) -> Principal | None:
    """Who is calling. None: nobody in particular, on a route that needs nobody. Raises Problem (400, 401, 403)."""
    headers: dict[bytes, bytes] = dict(scope["headers"])
    _check_origin(door, headers, scope.get("scheme", "http"))
    wanted = need(scope.get("method", "GET"), scope["path"])
    shown = key_from_headers(headers)
    principal: Principal | None = None
    if shown is not None:
        principal = keys.verify(shown)
        if principal is None and wanted != "nothing":
            raise Problem(
                401,
                "the API key is unknown, expired or revoked",
                "unauthenticated",
                headers={"www-authenticate": 'Bearer realm="agent-analytics", error="invalid_token"'},
            )
    elif door.kind == "socket":
        uid = scope.get("state", {}).get("peer_uid")
        principal = SOCKET_OWNER if uid in (None, 0, door.owner_uid) else SOCKET_GROUP
    elif wanted == "write" and not keys.any_ingest_key():
        client = scope.get("client")
        near = client is not None and is_loopback(client[0]) and not FORWARDED & headers.keys()
        principal = LOCAL_SENDER if near else OPEN_SENDER if door.open_to_all else None
    if wanted == "nothing":
        return principal
    if principal is None:
        raise Problem(
            401,
            "an API key is needed: send Authorization: Bearer KEY or x-api-key: KEY",
            "unauthenticated",
            headers={"www-authenticate": 'Bearer realm="agent-analytics"'},
        )
    if wanted == "write" and not principal.may_write:
        raise Problem(403, f"a key of role {principal.role} may not send data", "forbidden")
    if wanted == "read" and not principal.may_read:
        raise Problem(403, f"a key of role {principal.role} may send data, not read it", "forbidden")
    return principal


def _check_origin(door: Door, headers: dict[bytes, bytes], scheme: str) -> None:
    if door.kind == "socket":
        return
    host = headers.get(b"host", b"").decode("latin-1").strip()
    if not host:
        raise Problem(400, "the Host header is missing", "host")
    if door.loopback and host_name(host) not in LOCAL_NAMES and not is_loopback(host_name(host)):
        raise Problem(
            403, "this address answers to localhost only; the Host header names another machine", "host_not_allowed"
        )
    origin = headers.get(b"origin")
    if origin is not None and origin.decode("latin-1").strip().lower() != f"{scheme}://{host.lower()}":
        raise Problem(403, "web pages of another origin may not call this engine", "origin_not_allowed")
    if headers.get(b"sec-fetch-site", b"none") in (b"cross-site", b"same-site"):
        raise Problem(403, "web pages of another origin may not call this engine", "origin_not_allowed")


class Authenticated:
    """ASGI middleware: nothing behind it ever sees a request without a Principal that may make it."""

    def __init__(self, application: Application, keys: KeyRing, door: Door) -> None:
        self._application = application
        self._keys = keys
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._application(scope, receive, send)
            return
        try:
            principal = admit(self._door, self._keys, scope)
        except (Problem, EngineError) as error:
            # Keys that cannot be read let nobody in: that is the engine's trouble, not the caller's.
            problem = error if isinstance(error, Problem) else Problem(503, error.line(), error.code)
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 4401 if problem.status == 401 else 4403})
            else:
                await send_problem(problem, send)
            return
        scope.setdefault("state", {})["principal"] = principal
        await self._application(scope, receive, send)


async def send_problem(problem: Problem, send: Send) -> None:
    """Answer a request with a problem."""
    await send({"type": "http.response.start", "status": problem.status, "headers": problem.header_items()})
    await send({"type": "http.response.body", "body": problem.body()})
