"""Problem details (RFC 9457): the body of every refusal over HTTP.

Owns the shape, and the map from our errors to status codes. Refuses to leak: an unexpected error tells its class, not
its text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from engine.errors import ConfigurationError, EngineError, InUseError, StorageError, UnreachableError, UsageError

CONTENT_TYPE = "application/problem+json"

_STATUS: tuple[tuple[type[EngineError], int], ...] = (
    (UsageError, 400),
    (ConfigurationError, 400),
    (InUseError, 409),
    (StorageError, 503),
    (UnreachableError, 502),
)


@dataclass(eq=False)
class Problem(Exception):
    """A refusal, to be raised or sent. `errors` lists single mistakes as (JSON pointer or parameter, sentence).

    `extra` members stand beside the standard ones, as RFC 9457 allows: where a filter is wrong, for instance.
    """

    status: int
    detail: str
    code: str = "about:blank"
    errors: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def body(self) -> bytes:
        """The JSON document. `message` repeats the detail for OTLP exporters, which look for that name."""
        document: dict[str, Any] = {
            "type": self.code if self.code == "about:blank" else f"urn:agent-analytics:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "message": self.detail,
        }
        if self.errors:
            document["errors"] = [{"pointer": where, "detail": sentence} for where, sentence in self.errors]
        return orjson.dumps({**document, **self.extra})

    def header_items(self) -> list[tuple[bytes, bytes]]:
        """Headers of the answer, as ASGI wants them."""
        body_length = str(len(self.body())).encode()
        named = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in self.headers.items()]
        return [
            (b"content-type", CONTENT_TYPE.encode()),
            (b"content-length", body_length),
            (b"cache-control", b"no-store"),
            *named,
        ]

    @classmethod
    def of(cls, error: BaseException) -> Problem:
        """The problem that an error of ours is; anything else is a 500 that names the class only."""
        if isinstance(error, Problem):
            return error
        if isinstance(error, EngineError):
            status = next((number for kind, number in _STATUS if isinstance(error, kind)), 500)
            headers = {"retry-after": "1"} if status == 503 else {}
            return cls(status, error.line(), error.code, headers=headers)
        return cls(500, f"unexpected {type(error).__name__}", "internal")
