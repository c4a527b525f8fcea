"""The feed over HTTP: a Unix socket or TCP with a key, and the engine's event stream.

Owns connections, reconnection with back-off, resume by Last-Event-ID and the translation of problem details into
FeedError. Refuses to hold rows. httpx is imported on the first question, so that the first frame does not wait for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from console import __version__
from console.feed import VIEWS, Answer, Changed, Connected, FeedError, FeedEvent, Heartbeat, Kind, Lost, Query
from console.rows import Metadata, WrongAnswer, parse
from engine.contract import CONTRACT_VERSION, ChangeSet

if TYPE_CHECKING:
    import httpx

RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
SILENCE_SECONDS = 40.0
"""The engine sends a heartbeat every 15 s: after more than two missed ones the connection is dead."""


@dataclass(frozen=True, slots=True)
class Address:
    """An engine: `url` for TCP, `socket` for a Unix socket path (then `url` is only a name)."""

    url: str
    socket: str | None = None
    key: str | None = None

    @property
    def name(self) -> str:
        return f"unix:{self.socket}" if self.socket else self.url


class HttpFeed:
    """A Feed that talks to an engine."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self.last_event_id: str | None = None
        self._client: httpx.AsyncClient | None = None
        self._closed = False

    @property
    def name(self) -> str:
        return self.address.name

    @property
    def interval(self) -> float:
        # A key is allowed 100 questions a minute, for the rows, what stands beside them and what one opens meanwhile;
        # the socket of one's own engine has no limit.
        return 0.5 if self.address.socket else 2.0

    def client(self) -> httpx.AsyncClient:
        """The connection pool, made on first use."""
        if self._client is None:
            import httpx

            headers = {"user-agent": f"aa-console/{__version__}"}
            if self.address.key:
                headers["authorization"] = f"Bearer {self.address.key}"
            transport = httpx.AsyncHTTPTransport(uds=self.address.socket) if self.address.socket else None
            self._client = httpx.AsyncClient(
                base_url=self.address.url,
                transport=transport,
                headers=headers,
                timeout=httpx.Timeout(15.0, connect=5.0),
                trust_env=self.address.socket is None,
            )
        return self._client

    async def ask(self, query: Query) -> Answer[Any]:
        body = await self._body(query)
        try:
            rows = tuple(parse(VIEWS[query.view], row) for row in body["data"])
            return Answer(rows, parse(Metadata, body.get("metadata") or {}))
        except (WrongAnswer, KeyError, TypeError) as error:
            raise self._unreadable(error) from None

    async def raw(self, query: Query) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        body = await self._body(query)
        try:
            return list(body["data"]), (body.get("metadata") or {}).get("next_cursor")
        except (KeyError, TypeError, AttributeError) as error:
            raise self._unreadable(error) from None

    async def explain(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        return await self._object("/api/v1/explain", parameters)

    async def _body(self, query: Query) -> dict[str, Any]:
        return await self._object(f"/api/v1/{query.view}", query.parameters())

    async def _object(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        try:
            body = json.loads(await self._get(path, parameters))
        except ValueError as error:
            raise self._unreadable(error) from None
        if not isinstance(body, dict):
            raise self._unreadable("no object")
        return body

    def _unreadable(self, error: object) -> FeedError:
        return FeedError(
            "version",
            f"{self.name} answered with something this console cannot read: {error}",
            "is it an Agent Analytics engine of this version?",
        )

    async def _get(self, path: str, parameters: Mapping[str, str]) -> bytes:
        import httpx

        try:
            response = await self.client().get(path, params=dict(parameters))
        except httpx.TimeoutException:
            raise FeedError("offline", f"{self.name} does not answer in time", "ctrl+r asks again") from None
        except (httpx.HTTPError, OSError) as error:
            raise FeedError("offline", f"{self.name}: {reason(error)}", "the console keeps trying") from None
        if response.status_code != 200:
            raise problem(response.status_code, response.content, response.headers.get("retry-after"), self.name)
        return response.content

    async def events(self) -> AsyncIterator[FeedEvent]:
        attempt = 0
        while not self._closed:
            why = "the stream ended"
            try:
                async for event in self._stream():
                    attempt = 0
                    yield event
            except FeedError as error:
                why = error.sentence
            pause = RETRY_SECONDS[min(attempt, len(RETRY_SECONDS) - 1)]
            attempt += 1
            yield Lost(why, pause)
            await asyncio.sleep(pause)

    async def _stream(self) -> AsyncIterator[FeedEvent]:
        import httpx

        headers = {"accept": "text/event-stream"}
        if self.last_event_id is not None:
            headers["last-event-id"] = self.last_event_id
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=5.0)
        try:
            async with self.client().stream("GET", "/api/v1/stream", headers=headers, timeout=timeout) as response:
                if response.status_code != 200:
                    body = await response.aread()
                    raise problem(response.status_code, body, response.headers.get("retry-after"), self.name)
                block = Block()
                async for text in response.aiter_lines():
                    event = block.feed(text)
                    if event is None:
                        continue
                    if block.last_id is not None:
                        self.last_event_id = block.last_id
                    yield event
        except (httpx.HTTPError, httpx.StreamError, OSError) as error:
            raise FeedError("offline", reason(error)) from None

    async def close(self) -> None:
        self._closed = True
        if self._client is not None:
            await self._client.aclose()


class Block:
    """Server-sent events, line by line: an empty line ends an event."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self._name = ""
        self._data: list[str] = []

    def feed(self, text: str) -> FeedEvent | None:
        """The event that this line completes, if any; unknown events and comments are passed over."""
        if text:
            field, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                self._name = value
            elif field == "data":
                self._data.append(value)
            elif field == "id" and "\0" not in value:
                self.last_id = value
            return None
        name, data = self._name, "\n".join(self._data)
        self._name, self._data = "", []
        return read_event(name, data)


def read_event(name: str, data: str) -> FeedEvent | None:
    """One event of the stream; something unreadable raises FeedError, an unknown name is None."""
    if name == "heartbeat":
        return Heartbeat()
    if name not in ("hello", "change"):
        return None
    try:
        body = json.loads(data)
        as_of = datetime.fromisoformat(body["as_of"]) if body.get("as_of") else None
        if name == "hello":
            contract = body.get("contract")
            if isinstance(contract, int) and contract > CONTRACT_VERSION:
                raise FeedError("version", "the engine is newer than this console", "upgrade the console")
            return Connected(str(body.get("version", "")), as_of)
        lists = {part: tuple(map(str, body.get(part) or ())) for part in ("sessions", "commits", "days", "models")}
        return Changed(ChangeSet(int(body["batch_id"]), as_of or datetime.now(UTC), **lists))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FeedError("version", f"an event this console cannot read: {error}") from None


def problem(status: int, body: bytes, retry_after: str | None, name: str) -> FeedError:
    """A FeedError from an RFC 9457 answer."""
    try:
        told = json.loads(body)
        told = told if isinstance(told, dict) else {}
    except ValueError:
        told = {}
    sentence = str(told.get("detail") or told.get("title") or f"{name} answered {status}")
    hint = str(told.get("hint") or "")
    column = told.get("column")
    seconds = float(retry_after) if retry_after and retry_after.replace(".", "", 1).isdigit() else None
    kinds: dict[int, Kind] = {
        400: "filter",
        401: "auth",
        403: "forbidden",
        422: "filter",
        429: "limited",
        503: "offline",
    }
    kind = kinds.get(status, "failed")
    if kind == "auth" and not hint:
        hint = "give a key with --key or AA_API_KEY; `aa-engine keys create --role viewer` makes one"
    return FeedError(kind, sentence, hint, column=column if isinstance(column, int) else None, retry_seconds=seconds)


def reason(error: Exception) -> str:
    """Why a connection failed, in a few words."""
    text = str(error).strip()
    if "Connection refused" in text or "All connection attempts failed" in text:
        return "nobody answers there (connection refused)"
    if "No such file" in text:
        return "there is no such socket"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted here; SSL_CERT_FILE=FILE names the one to trust"
    return text or type(error).__name__
