"""Spans as rows of raw.otel_spans.

Owns a span's times, kind, status and key. Refuses events, links and status messages, which hold content, and spans
without valid ids, which are counted as rejected.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Any

from engine.agents import casts
from engine.ingest import anyvalue, instants
from engine.ingest.attributes import DROPPED_MARK, Row, settle, transposed
from engine.ingest.origin import Collector, Origin, Origins
from engine.ingest.payloads import Decoded, SenderContext
from engine.store.rows import RawRows

COLUMNS = (
    "dedup_key",
    "timestamp",
    "end_time",
    "agent_type",
    "service_name",
    "service_version",
    "resource_id",
    "developer_id",
    "session_id",
    "user_id",
    "user_email",
    "trace_id",
    "span_id",
    "parent_span_id",
    "span_name",
    "kind",
    "status",
    "request_id",
    "model",
    "agent_name",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "tool_name",
    "tool_use_id",
    "error_type",
    "success",
    "file_extension",
    "arguments_hash",
    "is_git_commit",
    "commit_sha",
    "attributes",
)

KINDS = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
STATUSES = {1: "ok", 2: "error"}
INTERNAL_SPANS = f"{DROPPED_MARK}internal spans"
"""Under what name dropped spans are counted."""

_pack = struct.Struct("<16sQQii").pack
_origins = Origins("traces", COLUMNS)


def span_rows(request: Any, received_at: int, context: SenderContext) -> Decoded:
    """Rows of a lean Traces message. Raises protobuf's DecodeError for damaged parts."""
    found: list[Row] = []
    rejected = 0
    collector = Collector("traces", received_at)
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            origin = _origins.get(context, resource_spans.resource, scope_spans.scope)
            drops: dict[str, int] = {}
            wanted = tuple(name.encode() for name in origin.agent.span_names)
            for span in scope_spans.spans:
                if len(span.trace_id) != 16 or len(span.span_id) != 8:
                    rejected += 1
                elif wanted and not span.name.startswith(wanted):
                    drops[INTERNAL_SPANS] = drops.get(INTERNAL_SPANS, 0) + 1
                else:
                    found.append(_span(origin, span, received_at, drops))
            collector.add(origin, drops)
    rows = RawRows()
    if found:
        columns = transposed(COLUMNS, found)
        columns["received_at"] = [received_at] * len(found)
        rows.extend("otel_spans", columns)
    collector.finish(rows, "otel_spans")
    return Decoded(rows, len(found), rejected, "a span without a valid trace id or span id" if rejected else None)


def _span(origin: Origin, span: Any, received_at: int, drops: dict[str, int]) -> Row:
    encoded = tuple(span.attributes)
    row: Row = origin.template.copy()
    row.update(map(origin.reader.__getitem__, encoded))
    content = settle(row, origin.width, drops) if len(row) > origin.width else None
    start, end, kind, status = span.start_time_unix_nano, span.end_time_unix_nano, span.kind, span.status.code
    identity = b"\x1f".join((span.trace_id, span.span_id, span.parent_span_id, span.name, *encoded))
    row["dedup_key"] = blake2b(_pack(origin.key, start, end, kind, status) + identity, digest_size=16).hexdigest()
    row["timestamp"] = instants.believable(start, received_at)
    row["end_time"] = instants.known(end, received_at)
    row["trace_id"] = span.trace_id.hex()
    row["span_id"] = span.span_id.hex()
    row["parent_span_id"] = span.parent_span_id.hex() if len(span.parent_span_id) == 8 else None
    row["span_name"] = casts.text(anyvalue.text(span.name))
    row["kind"] = KINDS.get(kind)
    row["status"] = STATUSES.get(status)
    if not origin.fixed_developer:
        row["developer_id"] = row["user_email"] or origin.developer
    if origin.agent.refine_span is not None:
        origin.agent.refine_span(row, content or {}, origin.context.hash_key)
    if origin.context.include_prompts:
        row["attributes"] = origin.reader.everything(encoded)
    return row
