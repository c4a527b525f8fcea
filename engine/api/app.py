"""The routes of the API.

Owns the way from an HTTP request to a view, a stream or the status, and from every error to problem details. Refuses to
authenticate, to bind ports and to know where data come from: the context brings them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from engine.access.problems import Problem
from engine.api.adhoc import LONGEST_SQL, answer, check_caller
from engine.api.answers import Answers, Page, Questions, current_state, ready
from engine.api.caller import Sight, principal_of, sight_of
from engine.api.encode import instant_text, json_rows, json_value
from engine.api.explain import explain, explanation_body, read_asked
from engine.api.export import CONTENT_TYPES, arrow_pieces, csv_pieces
from engine.api.narrow import narrowing
from engine.api.openapi import document
from engine.api.query import Query, read_query
from engine.api.series.answer import Series
from engine.api.series.question import LONGEST_QUESTION, read_object, read_parameters
from engine.api.statements import rows_statement
from engine.api.stream import Broadcaster, Narrow, ServerSentEvents, Stream
from engine.api.views import VIEWS, sql
from engine.api.websocket import WebSocketEndpoint
from engine.clock import Clock
from engine.errors import EngineError
from engine.filters.errors import FilterError
from engine.measures import SlowQueries
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class ApiContext:
    """What the API answers from. `status` adds to /api/v1/status (watched repositories, queues …)."""

    reader: Questions
    clock: Clock
    settings: Settings
    broadcaster: Broadcaster
    version: str
    status: Callable[[], Mapping[str, Any]] | None = None
    slow: SlowQueries | None = None


Handler = Callable[[Request, Sight], Awaitable[Response]]


class Endpoint:
    """One path that is read: GET and HEAD, for callers who may read, with problem details for everything else."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            if request.method not in ("GET", "HEAD"):
                raise Problem(405, f"{request.url.path} is read with GET", "method", headers={"allow": "GET, HEAD"})
            return await self._handler(request, sight_of(principal_of(request)))
        except (Problem, EngineError) as error:
            return problem_response(error)


class StreamEndpoint:
    """The path of the stream: server-sent events until the client leaves."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context
        self._zone = ZoneInfo(context.settings["report_timezone"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            stream = await self._stream(request)
        except (Problem, EngineError) as error:
            await problem_response(error)(scope, receive, send)
            return
        await stream.run(ServerSentEvents(receive, send))

    async def _stream(self, request: Request) -> Stream:
        if request.method != "GET":
            raise Problem(405, f"{request.url.path} is read with GET", "method", headers={"allow": "GET"})
        sight = sight_of(principal_of(request))
        for name in request.query_params:
            if name != "filter":
                raise Problem(422, f"unknown parameter {name}; the stream takes filter", "parameter")
        context = self._context
        narrow = narrowing(context.reader, context.clock, self._zone, sight, request.query_params.get("filter", ""))
        state = await run_in_threadpool(current_state, context.reader)
        return Stream(context.broadcaster, _last_event_id(request), state.batch_id, state.as_of, narrow)


class SeriesEndpoint:
    """Time series of metrics: GET with parameters, POST with a JSON object."""

    def __init__(self, context: ApiContext) -> None:
        self._clock = context.clock
        self._zone = ZoneInfo(context.settings["report_timezone"])
        self._series = Series(context.reader, self._zone)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(Request(scope, receive, send))
        except (Problem, EngineError) as error:
            response = problem_response(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        sight = sight_of(principal_of(request))
        now = self._clock.now()
        if request.method in ("GET", "HEAD"):
            question = read_parameters(request.query_params.multi_items(), now, self._zone)
        elif request.method == "POST":
            try:
                asked = orjson.loads(await _body(request, LONGEST_QUESTION))
            except orjson.JSONDecodeError:
                raise Problem(422, "the body is no JSON", "body") from None
            question = read_object(asked, now, self._zone)
        else:
            said = f"{request.url.path} is asked with GET or POST"
            raise Problem(405, said, "method", headers={"allow": "GET, HEAD, POST"})
        found = await run_in_threadpool(self._series.answer, question, sight)
        metadata = {
            "totalPoints": found.total,
            "aggregation": question.aggregation,
            "cacheHit": found.cached,
            "queryTime": round(found.seconds * 1000, 3),
        }
        body = orjson.dumps({"data": found.points, "metadata": metadata})
        return Response(body, media_type="application/json")


class SqlEndpoint:
    """SQL of the data directory's owner: POST {sql, parameters}, answered as an Arrow stream."""

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(Request(scope, receive, send))
        except (Problem, EngineError) as error:
            response = problem_response(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if request.method != "POST":
            raise Problem(405, f"{request.url.path} is asked with POST", "method", headers={"allow": "POST"})
        check_caller(principal_of(request))
        try:
            asked = orjson.loads(await _body(request, 2 * LONGEST_SQL))
            text, parameters = asked["sql"], asked.get("parameters", {})
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise Problem(422, "the body is not {sql, parameters}", "body") from None
        if not isinstance(text, str) or not isinstance(parameters, dict):
            raise Problem(422, "the body is not {sql, parameters}", "body")
        pieces = answer(self._context.reader, text, parameters)
        first = await run_in_threadpool(next, pieces)
        return StreamingResponse(_chain(first, pieces), media_type=CONTENT_TYPES["arrow"])


async def _body(request: Request, longest: int) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > longest:
            raise Problem(413, f"the body has more than {longest} bytes", "too_large")
    return bytes(body)


def _chain(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The first piece is made before the status line: what fails, fails with a problem and not in the middle."""
    yield first
    yield from pieces


def _last_event_id(request: Request) -> int | None:
    """The id to resume behind; a header that is no number of ours resumes nothing."""
    text = request.headers.get("last-event-id", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def build_routes(context: ApiContext) -> list[BaseRoute]:
    """Every route of the API. The application that takes them should also take EXCEPTION_HANDLERS."""
    zone = ZoneInfo(context.settings["report_timezone"])
    answers = Answers(context.reader, zone, context.slow, context.settings["api.slow_query_ms"])
    described = orjson.dumps(document(context.version))

    def rows_of(name: str) -> Handler:
        async def handler(request: Request, sight: Sight) -> Response:
            query = read_query(name, request.query_params.multi_items())
            if query.format != "json":
                return await _export(context, query, sight, zone)
            now = context.clock.now()
            page = await run_in_threadpool(answers.page, query, sight, now, context.broadcaster.revision)
            return Response(await run_in_threadpool(page_body, page), media_type="application/json")

        return handler

    async def explained(request: Request, sight: Sight) -> Response:
        asked = read_asked(request.query_params.multi_items())
        now = context.clock.now().replace(microsecond=0)
        found = await run_in_threadpool(explain, context.reader, asked, sight, now, zone)
        return Response(explanation_body(found), media_type="application/json")

    async def status(request: Request, sight: Sight) -> Response:
        return Response(await run_in_threadpool(status_body, context), media_type="application/json")

    async def openapi(request: Request, sight: Sight) -> Response:
        return Response(described, media_type="application/json")

    def narrowed(sight: Sight, expression: str) -> Narrow | None:
        return narrowing(context.reader, context.clock, zone, sight, expression)

    def opened(after: int | None, narrow: Narrow) -> Stream:
        state = current_state(context.reader)
        return Stream(context.broadcaster, after, state.batch_id, state.as_of, narrow)

    stream = StreamEndpoint(context)
    return [
        *(Route(f"/api/v1/{name}", Endpoint(rows_of(name))) for name in VIEWS),
        Route("/api/v1/explain", Endpoint(explained)),
        Route("/api/v1/status", Endpoint(status)),
        Route("/api/v1/stream", stream),
        Route("/api/metrics/stream", stream),
        Route("/api/metrics/query", SeriesEndpoint(context)),
        WebSocketRoute("/api/v1/ws", WebSocketEndpoint(narrowed, opened)),
        Route("/api/v1/internal/sql", SqlEndpoint(context)),
        Route("/openapi.json", Endpoint(openapi)),
    ]


async def _export(context: ApiContext, query: Query, sight: Sight, zone: ZoneInfo) -> Response:
    asked, _ = rows_statement(query, sight, context.clock.now().replace(microsecond=0), zone, resumable=False)
    pieces: Iterator[bytes]
    if query.format == "csv":
        pieces = csv_pieces(context.reader, query.view, asked)
    else:
        pieces = arrow_pieces(context.reader, asked)
    first = await run_in_threadpool(next, pieces)
    name = f"{query.view.name}.{query.format}"
    return StreamingResponse(
        _chain(first, pieces),
        media_type=CONTENT_TYPES[query.format],
        headers={"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"},
    )


def page_body(page: Page) -> bytes:
    """`{data, metadata}` of one page."""
    metadata: dict[str, Any] = {
        "total": page.total,
        "next_cursor": page.next_cursor,
        "as_of": None if page.state.as_of is None else instant_text(page.state.as_of),
        "batch_id": page.state.batch_id,
        "query_ms": page.milliseconds,
        "cache_hit": page.cached,
        "event_count": page.event_count,
    }
    if page.totals is not None:
        metadata["totals"] = {name: json_value(value) for name, value in page.totals.items()}
    return b'{"data":' + json_rows(page.columns, page.rows) + b',"metadata":' + orjson.dumps(metadata) + b"}"


def status_body(context: ApiContext) -> bytes:
    """Version, state and volume of the engine."""
    # Asked before the rows are counted: what it calls applied is then in the counts, never the other way round.
    parts = context.status() if context.status is not None else {}
    state = current_state(context.reader)
    with ready():
        _, counts = context.reader.rows(sql("raw_counts"))
        _, ((refused, last_refused),) = context.reader.rows(sql("dead_letters"))
    told: dict[str, Any] = {
        "version": context.version,
        "as_of": None if state.as_of is None else instant_text(state.as_of),
        "batch_id": state.batch_id,
        "now": instant_text(context.clock.now()),
        "report_timezone": context.settings["report_timezone"],
        "rows": dict(counts),
        "dead_letters": {"count": refused, "newest": last_refused},
        "event_count": sum(count for _, count in counts),
        "subscribers": context.broadcaster.subscriber_count,
    }
    return orjson.dumps({**told, **parts}, default=json_value)


def problem_of(error: BaseException) -> Problem:
    """The refusal that an error is; of a filter it also says where."""
    if isinstance(error, FilterError):
        where = {"filter": error.text, "column": error.column, "length": error.length, "caret": error.caret()}
        return Problem(400, error.line(), error.code, extra=where)
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return Problem(error.status_code, str(error.detail), "about:blank", headers=headers)
    return Problem.of(error)


def problem_response(error: BaseException) -> Response:
    """An error as RFC 9457 problem details."""
    problem = problem_of(error)
    response = Response(problem.body(), status_code=problem.status)
    response.raw_headers = problem.header_items()
    return response


async def _handle(request: Request, error: Exception) -> Response:
    return problem_response(error)


EXCEPTION_HANDLERS: Mapping[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
    HTTPException: _handle,
    Problem: _handle,
    EngineError: _handle,
    Exception: _handle,
}
"""For the application that takes the routes: unknown paths, wrong methods and the unexpected are problems as well."""
