"""Handing payloads to an engine: this machine's over its Unix socket, a team's over HTTP.

Owns the request, and what an answer means for a payload: taken, never to be taken, or to be tried later. Refuses to
decide when to try again and to touch the spool.
"""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from hooks import __version__
from hooks.folder import State, data_dir

TIMEOUT_SECONDS = 20.0
ROUTES = {"commits": "/v1/commits", "context": "/v1/sessions/context"}
Verdict = Literal["taken", "refused", "too_large", "later"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a request. `retry_after`: seconds the receiver asks for."""

    verdict: Verdict
    detail: str
    retry_after: float = 0.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where payloads go: an address, or the socket of this machine's engine."""

    url: str | None
    socket: Path | None
    key: str | None
    developer: str | None

    @property
    def name(self) -> str:
        """In words."""
        return self.url or f"the engine of this machine ({self.socket})"


def target(state: State) -> Target | None:
    """The configured address, else this machine's engine; None while that does not run."""
    if state.backend_url:
        return Target(state.backend_url.rstrip("/"), None, state.api_key, state.developer_id)
    try:
        told = json.loads((data_dir(state) / "engine.json").read_bytes())
        path, address = told.get("socket"), told.get("http")
    except (OSError, ValueError, AttributeError):
        return None
    if isinstance(path, str):
        return Target(None, Path(path), None, state.developer_id)
    return Target(address, None, state.api_key, state.developer_id) if isinstance(address, str) else None


def post(where: Target, route: str, body: bytes) -> Answer:
    """Send a JSON document to one of ROUTES. Never raises for what a network can do."""
    headers = {"content-type": "application/json", "user-agent": f"aa-hooks/{__version__}"}
    if where.key:
        headers["authorization"] = f"Bearer {where.key}"
    if where.developer:
        headers["x-developer-id"] = where.developer
    try:
        connection, prefix = _connection(where)
    except ValueError as error:
        return Answer("later", f"backend_url is wrong: {error}")
    try:
        connection.request("POST", prefix + ROUTES[route], body, headers)
        response = connection.getresponse()
        content = response.read(65_536)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer("later", f"{where.name} does not answer: {error or type(error).__name__}")
    finally:
        connection.close()
    return _answer(response, content)


def reach(where: Target) -> str | None:
    """None when an engine answers there, else what is wrong. Never raises for what a network can do."""
    try:
        connection, prefix = _connection(where)
    except ValueError as error:
        return f"backend_url is wrong: {error}"
    try:
        connection.request("GET", prefix + "/healthz", headers={"user-agent": f"aa-hooks/{__version__}"})
        response = connection.getresponse()
        response.read(65_536)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return f"{where.name} does not answer: {error or type(error).__name__}"
    finally:
        connection.close()
    return None if response.status == 200 else f"{where.name} answers {response.status} {response.reason}"


def _answer(response: http.client.HTTPResponse, content: bytes) -> Answer:
    status = response.status
    if 200 <= status < 300:
        return Answer("taken", "")
    detail = f"{status} {_told(content) or response.reason}"
    if status == 413:
        return Answer("too_large", detail)
    if status in (400, 415, 422):
        return Answer("refused", detail)
    # 401, 403, 404, 405 and redirects are the set-up's fault and end when that is repaired: nothing is thrown away.
    try:
        retry_after = float(response.headers.get("retry-after", "0"))
    except ValueError:
        retry_after = 0.0
    return Answer("later", detail, min(max(retry_after, 0.0), 3600.0))


def _told(content: bytes) -> str:
    try:
        body = json.loads(content)
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    return " ".join(str(body.get("detail") or body.get("title") or "").split())[:500]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _connection(where: Target) -> tuple[http.client.HTTPConnection, str]:
    """A connection, and what goes in front of the route. Raises ValueError for an address that is none."""
    if where.socket is not None:
        return UnixConnection(where.socket, TIMEOUT_SECONDS), ""
    parts = urlsplit(where.url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{where.url!r} is not http:// or https://")
    kind = http.client.HTTPConnection if parts.scheme == "http" else http.client.HTTPSConnection
    port = parts.port or (80 if parts.scheme == "http" else 443)
    proxy = _proxy(parts.scheme, parts.hostname)
    if proxy is None:
        return kind(parts.hostname, port, timeout=TIMEOUT_SECONDS), parts.path.rstrip("/")
    proxy_host, proxy_port = proxy
    connection = kind(proxy_host, proxy_port, timeout=TIMEOUT_SECONDS)
    connection.set_tunnel(parts.hostname, port)
    return connection, parts.path.rstrip("/")


def _proxy(scheme: str, host: str) -> tuple[str, int] | None:
    """The proxy that the environment names for this address, never for this machine itself."""
    import os

    if host in ("localhost", "127.0.0.1", "::1"):
        return None
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY")
    value = next((os.environ[name] for name in names if os.environ.get(name)), None)
    if value is None:
        return None
    import urllib.request

    if urllib.request.proxy_bypass(host):
        return None
    parts = urlsplit(value if "://" in value else f"http://{value}")
    return (parts.hostname, parts.port or 3128) if parts.hostname else None
