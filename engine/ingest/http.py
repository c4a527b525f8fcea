"""The HTTP front end of ingest: OTLP in all its clothes, and the JSON payloads of hooks.

Owns reading a body (chunked, compressed, within its limit), choosing the decoder by content type, and the answer: 200
only after the rows are durable, 400, 413 and 415 for what will never be accepted, 429 for a sender with more than its
share under way and 503 when the disk refuses, both with Retry-After and only when nothing was stored. Refuses
authentication (the doors did that) and every path that is not in ROUTES.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

import orjson

from engine.access.http import Receive, Scope, Send, send_problem
from engine.access.principal import Principal
from engine.access.problems import Problem
from engine.errors import StorageError
from engine.ingest import otlp
from engine.ingest.framing import decode_rows
from engine.ingest.intake import Intake
from engine.ingest.journal_follow import ROWS_ROUTE
from engine.ingest.otlp import Encoding, MalformedPayload, PayloadTooLarge, Signal, gunzip
from engine.ingest.submissions import READERS, WrongSubmission
from engine.store.catalogue import Catalogue

OTLP_ROUTES: dict[str, Signal] = {
    f"{prefix}/{signal}": signal for prefix in ("/v1", "/v1/otel") for signal in ("metrics", "logs", "traces")
}
ENCODINGS: dict[str, Encoding] = {
    "application/x-protobuf": "protobuf",
    "application/protobuf": "protobuf",
    "application/json": "json",
}
CONTENT_TYPES: dict[Encoding, bytes] = {"protobuf": b"application/x-protobuf", "json": b"application/json"}
ROUTES = frozenset({*OTLP_ROUTES, *(f"/v1/{kind}" for kind in READERS), ROWS_ROUTE})
ROWS_BYTES = 256 * 1024 * 1024
"""Longest body of rows from this machine: they were read and checked here, whatever strangers may send."""
INLINE_BYTES = 32 * 1024
"""Bodies up to this size are decoded where they arrive (well under a millisecond); larger ones in a thread."""

Result = TypeVar("Result")


class Disconnected(Exception):
    """The sender went away before its body was complete: there is nobody to answer."""


class IngestRoutes:
    """ASGI application for the paths in ROUTES."""

    def __init__(self, intake: Intake, catalogue: Catalogue, executor: Executor) -> None:
        self._intake = intake
        self._catalogue = catalogue
        self._executor = executor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        principal: Principal = scope["state"]["principal"]
        headers: dict[bytes, bytes] = dict(scope["headers"])
        signal = OTLP_ROUTES.get(path)
        name = signal or path.removeprefix("/v1/")
        size: list[int] = [0]
        client = scope.get("client")
        sender = principal.sender(client[0] if client else "")
        if scope["method"] != "POST":
            await send_problem(Problem(405, f"{path} takes POST only", "method", headers={"allow": "POST"}), send)
            return
        if not self._intake.admits(sender):
            await _drain(receive, self._intake.policy.max_body_bytes)
            await send_problem(_come_again(), send)
            return
        self._intake.enter(sender)
        try:
            if signal is not None:
                await self._otlp(signal, principal, headers, receive, send, size, sender)
            elif path == ROWS_ROUTE:
                await self._rows(principal, headers, receive, send, size, sender)
            else:
                await self._submission(name, principal, headers, receive, send, size, sender)
        except Disconnected:
            return
        except Problem as problem:
            if problem.status in (400, 413, 415):
                await self._note(name, problem, principal, size[0])
            await send_problem(problem, send)
        except StorageError as error:
            await send_problem(Problem(503, error.line(), error.code, headers={"retry-after": "1"}), send)
        finally:
            self._intake.leave(sender)

    async def _otlp(
        self,
        signal: Signal,
        principal: Principal,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        size: list[int],
        sender: str,
    ) -> None:
        media_type = _media_type(headers)
        encoding = ENCODINGS.get(media_type)
        if encoding is None:
            await _drain(receive, self._intake.policy.max_body_bytes)
            raise Problem(
                415,
                f"content type {media_type or '(none)'} is not OTLP; send application/x-protobuf or application/json",
                "content_type",
            )
        body = await self._body(headers, receive, size)
        hint = _text(headers, b"x-developer-id")
        try:
            decoded = await self._compute(
                len(body), lambda: self._intake.decode(signal, body, encoding, principal, hint)
            )
        except MalformedPayload as error:
            raise Problem(400, error.line(), error.code) from None
        if decoded.rejected:
            noted = self._intake.dead_letter(
                signal, decoded.reason or "refused", principal, len(body), decoded.rejected
            )
            await asyncio.wrap_future(noted)
        await self._durable(self._intake.record(decoded.rows, sender))
        answer = otlp.success_response(signal, encoding, decoded.rejected, decoded.reason)
        await _respond(send, 200, CONTENT_TYPES[encoding], answer)

    async def _submission(
        self,
        kind: str,
        principal: Principal,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        size: list[int],
        sender: str,
    ) -> None:
        media_type = _media_type(headers)
        if media_type not in ("application/json", ""):
            await _drain(receive, self._intake.policy.max_body_bytes)
            raise Problem(415, f"content type {media_type} is not JSON; send application/json", "content_type")
        body = await self._body(headers, receive, size)
        hint, project = _text(headers, b"x-developer-id"), _text(headers, b"x-project-id")
        try:
            submission = await self._compute(
                len(body), lambda: self._intake.submit(kind, body, principal, hint, project)
            )
        except WrongSubmission as error:
            raise Problem(400, str(error), "invalid_payload", errors=error.problems[:100]) from None
        await self._durable(self._intake.record(submission.rows, sender))
        answer: dict[str, object] = {"accepted": submission.accepted}
        if submission.ignored:
            answer["ignored"] = submission.ignored
        await _respond(send, 200, b"application/json", orjson.dumps(answer))

    async def _rows(
        self,
        principal: Principal,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        size: list[int],
        sender: str,
    ) -> None:
        """Rows that another process of this machine has read (transcripts, repositories), as it would store them."""
        if not principal.is_admin:
            raise Problem(403, "only an administrator may send rows as they are stored", "forbidden")
        body = await self._body(headers, receive, size, ROWS_BYTES)

        def check() -> int:
            tables = decode_rows(body)
            for table, data in tables.items():
                self._catalogue.check(table, data)
            return sum(data.num_rows for data in tables.values())

        try:
            count = await self._compute(len(body), check)
        except ValueError as error:
            raise Problem(400, str(error), "invalid_rows") from None
        await self._durable(self._intake.record_framed(body, count, sender))
        await _respond(send, 200, b"application/json", orjson.dumps({"accepted": count}))

    async def _body(
        self, headers: dict[bytes, bytes], receive: Receive, size: list[int], most: int | None = None
    ) -> bytes:
        """The body, decompressed, within the limit. Raises Problem (400, 413, 415) and Disconnected."""
        limit = most or self._intake.policy.max_body_bytes
        coding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
        if coding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            await _drain(receive, limit)
            raise Problem(
                415,
                f"content encoding {coding[:50]} is not supported; send gzip or none",
                "content_encoding",
                headers={"accept-encoding": "gzip"},
            )
        announced = headers.get(b"content-length", b"")
        if announced.isdigit() and int(announced) > limit:
            size[0] = int(announced)
            raise Problem(413, f"the body is larger than {limit} bytes", "too_large", headers={"connection": "close"})
        body = await _read(receive, limit, size)
        if coding in ("identity", ""):
            return body
        try:
            return await self._compute(len(body), lambda: gunzip(body, limit))
        except PayloadTooLarge as error:
            raise Problem(413, error.line(), "too_large") from None
        except MalformedPayload as error:
            raise Problem(400, error.line(), error.code) from None

    async def _compute(self, size: int, work: Callable[[], Result]) -> Result:
        """Run CPU work here when it is short, else in a thread, so that other connections are served meanwhile."""
        if size <= INLINE_BYTES:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    async def _durable(self, recorded: Future[None]) -> None:
        try:
            await asyncio.wrap_future(recorded)
        except ValueError as error:
            # The decoder let something through that no table can hold: sending it again would not help.
            raise Problem(400, f"the rows cannot be stored: {error}", "unstorable") from error

    async def _note(self, name: str, problem: Problem, principal: Principal, size: int) -> None:
        """A dead letter for a refused body. That the disk refuses too does not change the refusal."""
        try:
            await asyncio.wrap_future(self._intake.dead_letter(name, problem.detail, principal, size or None))
        except StorageError:
            pass


def _come_again() -> Problem:
    return Problem(
        429,
        "this sender has too much under way; nothing of this request was stored",
        "busy",
        headers={"retry-after": "1"},
    )


def _media_type(headers: dict[bytes, bytes]) -> str:
    return headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()[:100]


def _text(headers: dict[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name, b"").decode("utf-8", "replace").strip()
    return value[:200] or None


async def _read(receive: Receive, limit: int, size: list[int]) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        size[0] += len(part)
        if size[0] > limit:
            raise Problem(413, f"the body is larger than {limit} bytes", "too_large", headers={"connection": "close"})
        if part:
            parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


async def _drain(receive: Receive, limit: int) -> None:
    """Read a body that is refused anyway: a client that is still sending would see a broken connection instead."""
    try:
        await _read(receive, limit, [0])
    except Problem:
        pass


async def _respond(send: Send, status: int, content_type: bytes, body: bytes) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
