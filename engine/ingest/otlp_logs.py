"""Log records as rows of raw.otel_logs.

Owns the event's name, its time and its key: a record's key is the hash of all that the sender said, stored or not.
Refuses bodies and everything that privacy.py does not allow.
"""

from __future__ import annotations

import struct
from hashlib import sha256
from typing import Any

from engine.ingest import anyvalue, instants, privacy
from engine.ingest.attributes import Row, settle, transposed
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

SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Names of the severity numbers 1–4, 5–8 … 21–24."""

_pack = struct.Struct("<16sQQiI").pack
_origins = Origins("logs", COLUMNS)


def log_rows(request: Any, received_at: int, context: SenderContext) -> Decoded:
    """Rows of a lean Logs message. Raises protobuf's DecodeError for damaged parts."""
    found: list[Row] = []
    collector = Collector("logs", received_at)
    for resource_logs in request.resource_logs:
        for scope_logs in resource_logs.scope_logs:
            origin = _origins.get(context, resource_logs.resource, scope_logs.scope)
            drops: dict[str, int] = {}
            _records(found, origin, scope_logs.log_records, received_at, drops)
            collector.add(origin, drops)
    rows = RawRows()
    if found:
        columns = transposed(COLUMNS, found)
        columns["received_at"] = [received_at] * len(found)
        rows.extend("otel_logs", columns)
    collector.finish(rows, "otel_logs")
    return Decoded(rows, len(found), 0, None)


def _records(found: list[Row], origin: Origin, records: Any, received_at: int, drops: dict[str, int]) -> None:
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
        row = template.copy()
        row.update(map(read, encoded))
        content = settle(row, width, drops) if len(row) > width else None

        said = _pack(origin_key, time, observed, severity, len(body)) + body + b"".join(encoded)
        if event_name or severity_text or trace_id or span_id:
            said = b"\x1f".join((said, event_name, severity_text, trace_id, span_id))
        # SHA-256 and not BLAKE2, because processors compute it in hardware and a record is long.
        row["dedup_key"] = sha256(said).hexdigest()[:32]

        microseconds = (time or observed) // 1000
        if not earliest <= microseconds <= latest:
            microseconds = instants.believable(_event_time(encoded), received_at)
        row["timestamp"] = microseconds
        if row["event_name"] is None:
            row["event_name"] = _event_name(origin, body, event_name)
        if severity_text or severity:
            row["severity"] = _severity(severity_text, severity)
        if trace_id or span_id:
            row["trace_id"] = trace_id.hex() if len(trace_id) == 16 else None
            row["span_id"] = span_id.hex() if len(span_id) == 8 else None
        if not origin.fixed_developer:
            row["developer_id"] = row["user_email"] or origin.developer
        if refine is not None and (not refined_events or row["event_name"] in refined_events):
            refine(row, content or {}, origin.context.hash_key)
        if include_prompts:
            row["attributes"] = origin.reader.everything(encoded, body)
        found.append(row)


def _severity(text: bytes, number: int) -> str | None:
    """The severity in the sender's words, else by its number."""
    if text:
        return anyvalue.text(text)[:32]
    return SEVERITIES[(number - 1) // 4] if 0 < number <= 24 else None


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
