"""Log records as rows of raw.otel_logs.

Owns the event's name, its time and its key: a record's key is the hash of all that the sender said, stored or not.
Refuses bodies and everything that privacy.py does not allow.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from operator import itemgetter
from typing import Any

from engine.ingest import anyvalue, instants, privacy
from engine.ingest.attributes import Row, settle
from engine.ingest.origin import Collector, Origin, Origins
from engine.ingest.payloads import Decoded, SenderContext
from engine.store.rows import RawRows

COLUMNS = (
    "dedup_key",
    "timestamp",
    "agent_type",
    "service_name",
    "service_version",
    "resource_id",
    "developer_id",
    "session_id",
    "user_id",
    "user_email",
    "event_name",
    "severity",
    "event_sequence",
    "prompt_id",
    "request_id",
    "model",
    "query_source",
    "agent_name",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "total_tokens",
    "cost_usd",
    "duration_ms",
    "success",
    "status_code",
    "error_type",
    "attempt",
    "tool_name",
    "tool_use_id",
    "decision",
    "decision_source",
    "file_extension",
    "arguments_hash",
    "is_git_commit",
    "commit_sha",
    "speed",
    "trace_id",
    "span_id",
    "attributes",
)
_row_of = itemgetter(*COLUMNS)

SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Names of the severity numbers 1–4, 5–8 … 21–24."""

_pack = struct.Struct("<16sQQi").pack
_origins = Origins("logs", COLUMNS)


def log_rows(request: Any, received_at: int, context: SenderContext) -> Decoded:
    """Rows of a lean Logs message. Raises protobuf's DecodeError for damaged parts."""
    found: list[tuple[Any, ...]] = []
    collector = Collector("logs", received_at)
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            origin = _origins.get(context, resource_logs.resource, scope_logs.scope)
            drops: dict[str, int] = {}
            _records(found, origin, scope_logs.log_records, received_at, drops)
            collector.add(origin, drops)
    rows = RawRows()
    if found:
        columns: dict[str, list[Any]] = dict(zip(COLUMNS, map(list, zip(*found, strict=True)), strict=True))
        columns["received_at"] = [received_at] * len(found)
        rows.extend("otel_logs", columns)
    collector.finish(rows, "otel_logs")
    return Decoded(rows, len(found), 0, None)


def _records(
    found: list[tuple[Any, ...]], origin: Origin, records: Any, received_at: int, drops: dict[str, int]
) -> None:
    """The loop that every record runs through: local names, because attribute access is what it costs."""
    agent, template, width = origin.agent, origin.template, origin.width
    read = origin.reader.__getitem__
    refine, refined_events = agent.refine_log, agent.refined_events
    earliest, latest = instants.EARLIEST, received_at + instants.AHEAD
    include_prompts = origin.context.include_prompts
    origin_key = origin.key
    for record in records:
        encoded = tuple(record.attributes)
        time, observed, severity = record.time_unix_nano, record.observed_time_unix_nano, record.severity_number
        severity_text, body, event_name = record.severity_text, record.body, record.event_name
        trace_id, span_id = record.trace_id, record.span_id
        row: Row = template.copy()
        row.update(map(read, encoded))
        content = settle(row, width, drops) if len(row) > width else None

        identity = b"\x1f".join((severity_text, body, event_name, trace_id, span_id, *encoded))
        packed = _pack(origin_key, time, observed, severity)
        row["dedup_key"] = blake2b(packed + identity, digest_size=16).hexdigest()

        microseconds = (time or observed) // 1000
        if not earliest <= microseconds <= latest:
            microseconds = instants.believable(_event_time(encoded), received_at)
        row["timestamp"] = microseconds
        if row["event_name"] is None:
            row["event_name"] = _event_name(origin, body, event_name)
        if severity_text:
            row["severity"] = anyvalue.text(severity_text)[:32]
        elif 0 < severity <= 24:
            row["severity"] = SEVERITIES[(severity - 1) // 4]
        if len(trace_id) == 16:
            row["trace_id"] = trace_id.hex()
        if len(span_id) == 8:
            row["span_id"] = span_id.hex()
        if not origin.fixed_developer:
            row["developer_id"] = row["user_email"] or origin.developer
        if refine is not None and (not refined_events or row["event_name"] in refined_events):
            refine(row, content or {}, origin.context.hash_key)
        if include_prompts:
            row["attributes"] = origin.reader.everything(encoded, body)
        found.append(_row_of(row))


def _event_time(encoded: tuple[bytes, ...]) -> int:
    """Nanoseconds of the attribute `event.timestamp`: for records whose own times say nothing."""
    for item in encoded:
        if b"event.timestamp" in item[:20]:
            name, value = anyvalue.key_value(item)
            if name == b"event.timestamp":
                return instants.of_text(value)
    return 0


def _event_name(origin: Origin, body: bytes, event_name: bytes) -> str | None:
    """Without the attribute `event.name`: a body that starts as the agent's events do, else the record's own field."""
    agent = origin.agent
    if body and agent.event_prefixes:
        text = anyvalue.any_value(body)
        if isinstance(text, str) and text.startswith(agent.event_prefixes):
            return privacy.event_name(agent, text)
    if event_name and agent.event_name_field:
        return privacy.event_name(agent, anyvalue.text(event_name))
    return None
