"""OTLP requests become rows.

Owns the one entry to decoding that the HTTP and gRPC front ends share, and the bodies of their answers. Refuses
transport, authentication and storage.
"""

from __future__ import annotations

from datetime import datetime

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


def decode(
    signal: Signal, body: bytes, *, encoding: Encoding, received_at: datetime, context: SenderContext
) -> Decoded:
    """Decode an Export{Metrics,Logs,Trace}ServiceRequest. Raises MalformedPayload and nothing else; safe in threads."""
    raise NotImplementedError


def success_response(signal: Signal, encoding: Encoding, rejected: int, reason: str | None) -> bytes:
    """The body of a successful answer: an empty message, or partial_success when points were refused."""
    raise NotImplementedError
