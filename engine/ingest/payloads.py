"""What a front end hands to a decoder, and what it gets back.

Owns the sender's context, the result of decoding, the one error of malformed input, and undoing compression within a
limit. Refuses HTTP and gRPC (front ends translate MalformedPayload into 400 or INVALID_ARGUMENT), decoding itself, and
storage.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

from engine.errors import EngineError
from engine.store.rows import RawRows

Signal = Literal["metrics", "logs", "traces"]
Encoding = Literal["protobuf", "json"]

DEFAULT_HASH_KEY = b"agent-analytics arguments"
MEMBER_LIMIT = 64
"""Most gzip members of one body: each costs a copy of what follows it."""


class MalformedPayload(EngineError):
    """The body is not what its content type says. The sender must not send it again."""

    code = "malformed_payload"


class PayloadTooLarge(MalformedPayload):
    """The body is larger than allowed once decompressed."""

    code = "payload_too_large"


@dataclass(frozen=True, slots=True)
class SenderContext:
    """What a front end knows of the sender beside the body.

    `developer_id` belongs to the API key; `developer_hint` is the x-developer-id header; `local_developer` is set
    only for a local caller without a key. `hash_key` (1 to 64 bytes, one per workspace) keys arguments_hash.
    """

    developer_id: str | None = None
    developer_hint: str | None = None
    local_developer: str | None = None
    include_prompts: bool = False
    hash_key: bytes = DEFAULT_HASH_KEY


@dataclass(frozen=True, slots=True)
class Decoded:
    """Rows of one request. `accepted` and `rejected` count points, records or spans as OTLP's partial_success does."""

    rows: RawRows
    accepted: int
    rejected: int
    reason: str | None


def gunzip(body: bytes, limit: int) -> bytes:
    """Decompress gzip or zlib data (any number of members) of at most `limit` bytes.

    Raises PayloadTooLarge as soon as the limit is passed, so that a bomb costs `limit` bytes of memory at most, and
    MalformedPayload when the data are not compressed, damaged or cut short.
    """
    pieces: list[bytes] = []
    size = 0
    rest = body
    members = 0
    while rest:
        members += 1
        if members > MEMBER_LIMIT:
            raise MalformedPayload(
                f"the body has more than {MEMBER_LIMIT} gzip members", hint="compress it as one stream"
            )
        decompressor = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        try:
            piece = decompressor.decompress(rest, limit - size + 1)
        except zlib.error:
            raise MalformedPayload(
                "the body is not valid gzip data", hint="send it uncompressed or fix the encoder"
            ) from None
        size += len(piece)
        if size > limit:
            raise PayloadTooLarge(
                f"the body is larger than {limit} bytes once decompressed",
                hint="send smaller batches or raise ingest.max_body_bytes",
            )
        if not decompressor.eof:
            raise MalformedPayload("the gzip data end before their end mark", hint="send the whole body")
        pieces.append(piece)
        rest = decompressor.unused_data
        if not rest.strip(b"\x00"):
            break
    return b"".join(pieces)
