"""What Claude Code sends and writes of a session.

Owns its log events, counters and transcripts, as releases 2.1 and 2.0 write them. Refuses to leave anything out: who
is heard is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.property import wire
from tests.property.history import Call, Session
from tests.property.wire import Attributes, History, Request

SCOPE = "com.anthropic.claude_code"
EXPORT_SECONDS = 60
RESOURCE = {"service.name": "claude-code", "service.version": "2.1.197", "os.type": "linux"}
OLD_RESOURCE = {"service.name": "claude-code", "service.version": "2.0.42"}


def logs(
    session: Session, calls: Sequence[Call], identity: Attributes, *, old: bool, resource: Attributes | None = None
) -> list[Request]:
    """Events of these calls; `old` releases send every number as text and no request id."""
    found = []
    sequence = 0
    for process in session.processes():
        sequence = 0
        for call in process:
            if call not in calls:
                continue
            for name, values in events(call, old=old):
                standard = {**identity, "session.id": session.session_id, "event.name": name}
                extra = {} if old else {"event.sequence": sequence}
                texts = {key: str(value) for key, value in values.items() if value is not None} if old else values
                found.append(wire.record(call.at, {**standard, **extra, **texts}, body=f"claude_code.{name}"))
                sequence += 1
    used = resource or (OLD_RESOURCE if old else RESOURCE)
    return wire.logs(used, f"{SCOPE}.events", found)


def events(call: Call, *, old: bool) -> list[tuple[str, dict[str, Any]]]:
    """A call's events, and its tool's."""
    asked = {"query_source": "agent:builtin:general-purpose", "agent.name": "general-purpose"}
    who = {} if old else (asked if call.by_subagent else {"query_source": "repl_main_thread"})
    request = {} if old else {"request_id": f"req_{call.number}"}
    if call.failed:
        values = {"model": call.model, "error": "Overloaded", "status_code": 529, "duration_ms": 9, "attempt": 10}
        return [("api_error", {**values, **request, **who})]
    found: list[tuple[str, dict[str, Any]]] = [
        ("api_request", {
            "model": call.model, "input_tokens": call.input, "output_tokens": call.output,
            "cache_read_tokens": call.read, "cache_creation_tokens": call.write, "cost_usd": float(call.cost),
            "duration_ms": 1234, "speed": None if old else "normal", **request, **who,
        })
    ]  # fmt: skip
    if call.tool is not None:
        use = {} if old else {"tool_use_id": call.tool.tool_use_id}
        success = "true" if call.tool.success else "false"
        found.append(("tool_result", {"tool_name": call.tool.name, "success": success, "duration_ms": "5", **use}))
    return found


def counters(session: Session, calls: Sequence[Call], identity: Attributes, *, delta: bool) -> list[Request]:
    """Token and cost counters, exported up to a minute after the calls; a resumed process counts from zero."""
    found = []
    for process in session.processes():
        mine = [call for call in process if call in calls and not call.failed]
        if not mine:
            continue
        start = mine[0].at
        tokens, costs = [], []
        for call in mine:
            source = {"query_source": "subagent", "agent.name": "general-purpose"} if call.by_subagent else {
                "query_source": "main"
            }  # fmt: skip
            common = {**identity, "session.id": session.session_id, "model": f"{call.model}[1m]", **source}
            amounts = {
                "input": call.input, "output": call.output, "cacheRead": call.read, "cacheCreation": call.write
            }  # fmt: skip
            at = exported_at(call)
            began = start if not delta else call.at
            tokens.append((began, at, [({**common, "type": kind}, float(n)) for kind, n in amounts.items()]))
            costs.append((began, at, [(common, float(call.cost))]))
        found += wire.counter(RESOURCE, SCOPE, "claude_code.token.usage", tokens, delta=delta)
        found += wire.counter(RESOURCE, SCOPE, "claude_code.cost.usage", costs, delta=delta)
    return found


def exported_at(call: Call) -> Any:
    """When the counters that hold a call are sent."""
    return call.at + timedelta(seconds=EXPORT_SECONDS)


def transcripts(session: Session, calls: Sequence[Call], session_id: str | None = None) -> list[History]:
    """The session's file, and one of its sub-agents; replies stand there in several lines, some growing.

    With another `session_id` the file is a copy: what a fork or a resumed session carries of this one.
    """
    main: list[dict[str, Any]] = []
    side: list[dict[str, Any]] = []
    for call in calls:
        (side if call.by_subagent else main).extend(entries(session, call, session_id or session.session_id))
    head = {"type": "summary", "summary": "…", "leafUuid": "x"}
    found = [wire.lines("claude_code", [head, *main])] if main else []
    return [*found, wire.lines("claude_code", side)] if side else found


def entries(session: Session, call: Call, session_id: str) -> list[dict[str, Any]]:
    at = wire.iso(call.at + timedelta(milliseconds=40))
    common: dict[str, Any] = {
        "isSidechain": call.by_subagent, "sessionId": session_id, "timestamp": at, "cwd": "/nowhere/app",
        "version": "2.1.197", "gitBranch": "main", "requestId": f"req_{call.number}",
    }  # fmt: skip
    if call.by_subagent:
        common["agentId"] = "a1"
    message: dict[str, Any] = {"id": f"msg_{call.number}", "role": "assistant", "model": call.model}
    if call.failed:
        message |= {"model": "<synthetic>", "content": [{"type": "text", "text": "API Error: 529 Overloaded"}]}
        message["usage"] = {"input_tokens": 0, "output_tokens": 0}
        return [{**common, "type": "assistant", "isApiErrorMessage": True, "uuid": f"u{call.number}",
                 "message": message}]  # fmt: skip
    usage = {
        "input_tokens": call.input, "cache_read_input_tokens": call.read, "cache_creation_input_tokens": call.write,
        "cache_creation": {"ephemeral_5m_input_tokens": call.write_5m, "ephemeral_1h_input_tokens": call.write_1h},
        "output_tokens": call.output, "service_tier": "standard", "speed": "standard",
    }  # fmt: skip
    growing = {**usage, "output_tokens": call.output // 2}
    blocks: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"type": "text", "text": "…"}, growing), ({"type": "text", "text": "…"}, usage)
    ]  # fmt: skip
    if call.tool is not None:
        given = {"command": "ls"} if call.tool.name == "Bash" else {"file_path": "/nowhere/app/a.py"}
        blocks.append((
            {"type": "tool_use", "id": call.tool.tool_use_id, "name": call.tool.name, "input": given}, usage
        ))  # fmt: skip
    found = [
        {**common, "type": "assistant", "uuid": f"u{call.number}-{place}",
         "message": {**message, "content": [block], "usage": told}}
        for place, (block, told) in enumerate(blocks)
    ]  # fmt: skip
    if call.tool is not None:
        result = {"type": "tool_result", "tool_use_id": call.tool.tool_use_id, "content": "…",
                  "is_error": not call.tool.success}  # fmt: skip
        found.append({**common, "type": "user", "uuid": f"r{call.number}",
                      "message": {"role": "user", "content": [result]}})  # fmt: skip
    return found
