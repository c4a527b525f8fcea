"""OTLP requests become rows.

Owns the one entry to decoding that the HTTP and gRPC front ends share, and the bodies of their answers. Refuses
transport, authentication and storage.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import orjson

from engine.ingest import otlp_json
from engine.ingest.instants import microseconds
from engine.ingest.lean import DecodeError, lean
from engine.ingest.otlp_logs import log_rows
from engine.ingest.otlp_metrics import metric_rows
from engine.ingest.otlp_spans import span_rows
from engine.ingest.payloads import Decoded, Encoding, MalformedPayload, PayloadTooLarge, SenderContext, Signal, gunzip

__all__ = [
    "Decoded",
    "Encoding",
    "MalformedPayload",
    "PayloadTooLarge",
    "SenderContext",
    "Signal",
    "decode",
    "gunzip",
    "success_response",
]

_REQUESTS: dict[Signal, Any] = {"metrics": lean("Metrics"), "logs": lean("Logs"), "traces": lean("Traces")}
_ROWS: dict[Signal, Callable[[Any, int, SenderContext], Decoded]] = {
    "metrics": metric_rows,
    "logs": log_rows,
    "traces": span_rows,
}
_REJECTED: dict[Signal, str] = {
    "metrics": "rejectedDataPoints",
    "logs": "rejectedLogRecords",
    "traces": "rejectedSpans",
}
_ExportResponse = lean("ExportResponse")


def decode(
    signal: Signal, body: bytes, *, encoding: Encoding, received_at: datetime, context: SenderContext
) -> Decoded:
    """Decode an Export{Metrics,Logs,Trace}ServiceRequest, uncompressed, as rows of the raw tables.

    Equal content gives equal dedup keys in either encoding and whoever sends it. Raises MalformedPayload and nothing
    else; safe in threads.
    """
    try:
        if encoding == "json":
            request = otlp_json.message(signal, body)
        else:
            request = _REQUESTS[signal].FromString(body)
        return _ROWS[signal](request, microseconds(received_at), context)
    except DecodeError:
        raise MalformedPayload(
            f"the body is not an OTLP {signal} request in protobuf", hint="check content-type and content-encoding"
        ) from None


def success_response(signal: Signal, encoding: Encoding, rejected: int, reason: str | None) -> bytes:
    """The body of a successful answer: an empty message, or partial_success when points were refused."""
    if encoding == "json":
        if not rejected:
            return b"{}"
        # int64 is text in protobuf's JSON mapping.
        return orjson.dumps({"partialSuccess": {_REJECTED[signal]: str(rejected), "errorMessage": reason or ""}})
    response = _ExportResponse()
    if rejected:
        response.partial_success.rejected = rejected
        response.partial_success.error_message = (reason or "").encode()
    encoded: bytes = response.SerializeToString()
    return encoded
