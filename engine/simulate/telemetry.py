"""The OTLP requests that Claude Code and Codex would send for a list of events.

Owns the attribute names, types and oddities of both agents (docs/concepts/agents.md). Refuses sending: it returns
bodies as OTLP/JSON documents, one per signal and process, and is a pure function of the events.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from engine.simulate.plan import Committed, Ended, Event, Failed, Prompted, Requested, Session, Used
from engine.simulate.team import CODEX

Json = dict[str, Any]
Marks = tuple[tuple[str, str], ...]
CLAUDE_VERSION, CODEX_VERSION = "2.1.197", "0.169.0"


def value(item: object) -> Json:
    """An OTLP AnyValue as the JavaScript exporter writes it."""
    if isinstance(item, bool):
        return {"boolValue": item}
    if isinstance(item, int):
        return {"intValue": item}
    if isinstance(item, float):
        return {"doubleValue": item}
    return {"stringValue": str(item)}


def attributes(items: Mapping[str, object]) -> list[Json]:
    return [{"key": key, "value": value(item)} for key, item in items.items() if item is not None]


def nanoseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1_000) * 1_000_000)


def iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reported_cost(event: Requested) -> float:
    """What the client would estimate, in US dollars; a model it does not know is priced as the dearest it knows."""
    model = event.model
    prices = (model.input_price, model.cache_read_price, model.cache_write_price, model.output_price)
    if not any(prices):
        prices = (5, 0.5, 6.25, 25)
    counts = (event.input_tokens, event.cache_read_tokens, event.cache_write_tokens, event.output_tokens)
    return sum(count * price for count, price in zip(counts, prices, strict=True)) / 1e6


def claude_log(event: Event, commits: Mapping[str, str]) -> Iterable[tuple[str, Json]]:
    """Name and attributes of the log records of one event."""
    match event:
        case Prompted():
            yield (
                "user_prompt",
                {"prompt.id": event.prompt_id, "prompt_length": str(event.length), "prompt": "<REDACTED>"},
            )
        case Requested():
            cost = reported_cost(event)
            source = {
                "main": "repl_main_thread",
                "subagent": "agent:builtin:general-purpose",
                "auxiliary": "generate_session_title",
            }
            yield (
                "api_request",
                {
                    "prompt.id": event.prompt_id,
                    "model": event.model.name,
                    "input_tokens": event.input_tokens,
                    "output_tokens": event.output_tokens,
                    "cache_read_tokens": event.cache_read_tokens,
                    "cache_creation_tokens": event.cache_write_tokens,
                    "cost_usd": cost,
                    "cost_usd_micros": round(cost * 1e6),
                    "duration_ms": event.duration_ms,
                    "request_id": event.request_id,
                    "speed": "normal",
                    "query_source": source[event.source],
                },
            )
        case Failed():
            yield (
                "api_error",
                {
                    "model": event.model.name,
                    "error": "the provider refused",
                    "status_code": event.status_code,
                    "duration_ms": event.duration_ms,
                    "attempt": 10,
                    "request_id": event.request_id,
                },
            )
        case Used():
            common = {"prompt.id": event.prompt_id, "tool_name": event.tool, "tool_use_id": event.tool_use_id}
            yield "tool_decision", {**common, "decision": "accept", "source": "config"}
            yield (
                "tool_result",
                {
                    **common,
                    "success": "true" if event.success else "false",
                    "duration_ms": str(event.duration_ms),
                    "tool_parameters": f'{{"file_path":"src/module.{event.extension}"}}' if event.extension else None,
                    "error_type": None if event.success else "ShellError" if event.tool == "Bash" else "ToolError",
                },
            )
        case Committed():
            sha = commits.get(event.commit_id)
            names = event.session.developer.names_commits and sha is not None
            parameters = (
                '{"bash_command":"git commit"' + (f',"git_commit_id":"{sha[:7]}"' if names and sha else "") + "}"
            )
            yield (
                "tool_result",
                {
                    "tool_name": "Bash",
                    "tool_use_id": f"toolu_{event.commit_id[:16]}",
                    "success": "true",
                    "duration_ms": "120",
                    "tool_parameters": parameters,
                },
            )


def codex_log(event: Event, commits: Mapping[str, str]) -> Iterable[tuple[str, Json]]:
    match event:
        case Prompted():
            yield "user_prompt", {"prompt_length": str(event.length)}
        case Requested() if event.source == "main":
            yield "api_request", {"duration_ms": "40", "http.response.status_code": "200", "attempt": "0"}
            yield "sse_event", {"event.kind": "response.completed", "duration_ms": "0"}
            whole = event.input_tokens + event.cache_read_tokens + event.cache_write_tokens
            yield (
                "sse_event",
                {
                    "event.kind": "response.completed",
                    "input_token_count": str(whole),
                    "output_token_count": str(event.output_tokens),
                    "cached_token_count": event.cache_read_tokens,
                    "reasoning_token_count": event.output_tokens // 4,
                    "tool_token_count": str(whole + event.output_tokens),
                    "duration_ms": str(event.duration_ms),
                },
            )
        case Failed():
            yield (
                "api_request",
                {
                    "duration_ms": "2100",
                    "http.response.status_code": event.status_code,
                    "attempt": "0",
                    "error.message": "refused",
                },
            )
        case Used() if event.tool != "Task":
            tool = "exec_command" if event.tool == "Bash" else "apply_patch"
            yield (
                "tool_result",
                {
                    "tool_name": tool,
                    "call_id": event.tool_use_id,
                    "success": "true" if event.success else "false",
                    "duration_ms": str(event.duration_ms),
                },
            )
        case Committed():
            yield (
                "tool_result",
                {
                    "tool_name": "exec_command",
                    "call_id": f"call_{event.commit_id[:12]}",
                    "success": "true",
                    "duration_ms": "90",
                    "arguments": '{"cmd":"git commit -m x"}',
                },
            )


def logs(session: Session, events: Iterable[Event], commits: Mapping[str, str]) -> Json | None:
    """One ExportLogsServiceRequest of one process, or None when nothing is to be told.

    `commits` gives the SHA of each commit that exists already, by the plan's commit id.
    """
    records: list[Json] = []
    common: Json
    claude = session.agent == "claude_code"
    developer = session.developer
    for event in events:
        for position, (name, extra) in enumerate((claude_log if claude else codex_log)(event, commits)):
            if claude:
                common = {
                    "user.id": developer.user_id,
                    "session.id": session.session_id,
                    "user.email": developer.email,
                    "organization.id": "7b6c2c9e-0000-4000-8000-000000000001",
                    "terminal.type": "tmux-256color",
                    "event.name": name,
                    "event.timestamp": iso(event.at),
                    "event.sequence": event.sequence * 4 + position,
                }
                records.append(
                    {
                        "timeUnixNano": nanoseconds(event.at),
                        "observedTimeUnixNano": nanoseconds(event.at),
                        "body": {"stringValue": f"claude_code.{name}"},
                        "attributes": attributes({**common, **extra}),
                    }
                )
            else:
                model = CODEX.name
                common = {
                    "event.name": f"codex.{name}",
                    "event.timestamp": iso(event.at),
                    "conversation.id": session.session_id,
                    "app.version": CODEX_VERSION,
                    "originator": "codex_cli_rs",
                    "user.email": developer.email,
                    "model": model,
                    "slug": model,
                }
                records.append(
                    {
                        "timeUnixNano": "0",
                        "observedTimeUnixNano": str(int(nanoseconds(event.at)) + position),
                        "severityNumber": 9,
                        "severityText": "INFO",
                        "attributes": attributes({**common, **extra}),
                    }
                )
    if not records:
        return None
    scope = "com.anthropic.claude_code.events" if claude else "codex_otel.log_only"
    return {
        "resourceLogs": [
            {"resource": resource(session), "scopeLogs": [{"scope": {"name": scope}, "logRecords": records}]}
        ]
    }


def resource(session: Session) -> Json:
    name, version = (
        ("claude-code", CLAUDE_VERSION) if session.agent == "claude_code" else ("codex_cli_rs", CODEX_VERSION)
    )
    return {
        "attributes": attributes(
            {"service.name": name, "service.version": version, "os.type": "linux", "host.arch": "amd64"}
        )
    }


def metrics(session: Session, events: Iterable[Event], since: datetime, until: datetime) -> Json | None:
    """One ExportMetricsServiceRequest (delta) of Claude Code for an export interval; Codex's carry no session id."""
    if session.agent != "claude_code":
        return None
    sums: dict[tuple[str, str, Marks], float] = defaultdict(float)
    for event in events:
        match event:
            case Requested():
                marks: Marks = (("model", event.model.name), ("query_source", event.source))
                for kind, count in (
                    ("input", event.input_tokens),
                    ("output", event.output_tokens),
                    ("cacheRead", event.cache_read_tokens),
                    ("cacheCreation", event.cache_write_tokens),
                ):
                    sums["claude_code.token.usage", "tokens", (("type", kind), *marks)] += count
                sums["claude_code.cost.usage", "USD", marks] += reported_cost(event)
            case Committed():
                sums["claude_code.commit.count", "", ()] += 1
                for kind, count in (("added", event.lines_added), ("removed", event.lines_deleted)):
                    sums["claude_code.lines_of_code.count", "", (("type", kind),)] += count
            case Ended() | Failed() | Prompted() | Used():
                pass
            case _:
                sums["claude_code.session.count", "", (("start_type", "fresh"),)] += 1
    if not sums:
        return None
    common = {
        "user.id": session.developer.user_id,
        "session.id": session.session_id,
        "user.email": session.developer.email,
    }
    grouped: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for (name, unit, point), total in sums.items():
        grouped[name, unit].append(
            {
                "attributes": attributes({**common, **dict(point)}),
                "startTimeUnixNano": nanoseconds(since),
                "timeUnixNano": nanoseconds(until),
                "asDouble": total,
            }
        )
    listed = [
        {"name": name, "unit": unit, "sum": {"aggregationTemporality": 1, "isMonotonic": True, "dataPoints": points}}
        for (name, unit), points in grouped.items()
    ]
    scope = {"name": "com.anthropic.claude_code"}
    return {"resourceMetrics": [{"resource": resource(session), "scopeMetrics": [{"scope": scope, "metrics": listed}]}]}


def context(event: Event, remote_url: str) -> Json:
    """What `aa-hooks session` would post at the start and end of a session."""
    return {
        "agent_type": event.session.agent,
        "session_id": event.session.session_id,
        "developer_id": event.session.developer.email,
        "event": "end" if isinstance(event, Ended) else "start",
        "reason": event.reason if isinstance(event, Ended) else "startup",
        "timestamp": iso(event.at),
        "remote_url": remote_url,
        "branch": event.session.branch,
    }


def digest(document: Json) -> str:
    """A fingerprint of a document: the same seed gives the same one."""
    import orjson

    return hashlib.blake2b(orjson.dumps(document), digest_size=8).hexdigest()
