"""What Gemini CLI and its fork Qwen Code send and write of a session.

Owns their log events, cumulative counters and histories. Gemini counts thoughts beside its output, Qwen within.
Refuses everything else they share.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.property import wire
from tests.property.history import Call, Session
from tests.property.wire import Attributes, History, Request

PREFIX = {"gemini_cli": "gemini_cli", "qwen_code": "qwen-code"}
EXPORT = timedelta(seconds=10)


def resource(session: Session) -> dict[str, str]:
    name = "gemini-cli" if session.agent == "gemini_cli" else "qwen-code"
    return {"service.name": name, "session.id": session.session_id}


def output_of(session: Session, call: Call) -> int:
    return call.output - call.reasoning if session.agent == "gemini_cli" else call.output


def logs(session: Session, calls: Sequence[Call], identity: Attributes) -> list[Request]:
    """One `api_response` a reply, one `api_error` an attempt that failed."""
    prefix = PREFIX[session.agent]
    gemini = session.agent == "gemini_cli"
    found = []
    common = {**identity, "session.id": session.session_id}
    for call in calls:
        who = {"role": "subagent" if call.by_subagent else "main"} if gemini else {
            "response_id": f"chatcmpl-{call.number}", "subagent_name": "helper" if call.by_subagent else None
        }  # fmt: skip
        of_call = {**common, "event.timestamp": wire.iso(call.at), "model": call.model, "duration_ms": 9, **who}
        if call.failed:
            told = {"event.name": f"{prefix}.api_error", "status_code": 500, "error": "…"}
            found.append(wire.record(call.at, {**of_call, **told}, body="API error"))
            continue
        told = {
            "event.name": f"{prefix}.api_response", "input_token_count": call.input + call.read,
            "output_token_count": output_of(session, call), "cached_content_token_count": call.read,
            "thoughts_token_count": call.reasoning, "status_code": 200,
            "total_token_count": call.input + call.read + call.output,
        }  # fmt: skip
        found.append(wire.record(call.at, {**of_call, **told}, body="API response"))
        if call.tool is not None:
            used = {"event.name": f"{prefix}.tool_call", "function_name": call.tool.name, "duration_ms": 3,
                    "success": call.tool.success, "function_args": "{}"}  # fmt: skip
            found.append(wire.record(call.at, {**common, **used}, body="Tool call"))
    return wire.logs(resource(session), "gemini-cli", found)


def counters(session: Session, calls: Sequence[Call], identity: Attributes) -> list[Request]:
    """Cumulative, from zero with each process."""
    found = []
    for process in session.processes():
        mine = [call for call in process if call in calls and not call.failed]
        exports = []
        for call in mine:
            common = {**identity, "session.id": session.session_id, "model": call.model}
            amounts = {"input": call.input + call.read, "output": output_of(session, call), "cache": call.read,
                       "thought": call.reasoning, "tool": 0}  # fmt: skip
            increases = [({**common, "type": kind}, float(amount)) for kind, amount in amounts.items()]
            exports.append((mine[0].at, exported_at(call), increases))
        found += wire.counter(
            resource(session), "gemini-cli", f"{PREFIX[session.agent]}.token.usage", exports, delta=False
        )
    return found


def exported_at(call: Call) -> Any:
    return call.at + EXPORT


def histories(session: Session, calls: Sequence[Call]) -> list[History]:
    return gemini(session, calls) if session.agent == "gemini_cli" else [qwen(session, calls)]


def gemini(session: Session, calls: Sequence[Call]) -> list[History]:
    """Sub-agents write a file of their own, which the call that started them names."""
    files: dict[str, list[dict[str, Any]]] = {}
    child = f"{session.session_id[:-1]}f"
    if any(call.by_subagent for call in calls):
        started = wire.iso(session.calls[0].at)
        files["main"] = [gemini_head(session.session_id, started, "main"), {
            "id": "starts", "timestamp": started, "type": "gemini", "content": "…", "toolCalls": [{
                "id": "task", "name": "invoke_agent", "args": {}, "status": "success", "timestamp": started,
                "agentId": child}],
        }]  # fmt: skip
    for call in calls:
        if call.failed:
            continue
        where = "side" if call.by_subagent else "main"
        at = wire.iso(call.at + timedelta(milliseconds=20))
        if where not in files:
            files[where] = [gemini_head(child if call.by_subagent else session.session_id, at,
                                        "subagent" if call.by_subagent else "main")]  # fmt: skip
        reply: dict[str, Any] = {
            "id": f"reply-{call.number}", "timestamp": at, "type": "gemini", "content": "…", "model": call.model,
            "tokens": {"input": call.input + call.read, "output": output_of(session, call), "cached": call.read,
                       "thoughts": call.reasoning, "tool": 0},
        }  # fmt: skip
        files[where].append(reply)
        if call.tool is not None:
            files[where].append({**reply, "toolCalls": [{
                "id": call.tool.tool_use_id, "name": call.tool.name, "args": {}, "timestamp": at,
                "status": "success" if call.tool.success else "error"}]})  # fmt: skip
    return [wire.lines("gemini_cli", entries) for entries in files.values()]


def gemini_head(session_id: str, at: str, kind: str) -> dict[str, Any]:
    return {"sessionId": session_id, "projectHash": "p", "startTime": at, "lastUpdated": at, "kind": kind,
            "directories": ["/nowhere/app"]}  # fmt: skip


def qwen(session: Session, calls: Sequence[Call]) -> History:
    """Its telemetry events stand between its messages."""
    entries: list[dict[str, Any]] = []
    for call in calls:
        at = wire.iso(call.at + timedelta(milliseconds=20))
        common = {"uuid": f"u{call.number}", "sessionId": session.session_id, "timestamp": at, "cwd": "/nowhere/app",
                  "version": "0.15.10", "gitBranch": "main"}  # fmt: skip
        event: dict[str, Any] = {
            "event.name": "qwen-code.api_error" if call.failed else "qwen-code.api_response",
            "event.timestamp": at, "response_id": f"chatcmpl-{call.number}", "model": call.model,
        }  # fmt: skip
        if call.by_subagent:
            event["subagent_name"] = "helper"
        event |= {"status_code": 500, "error_type": "Error"} if call.failed else {
            "input_token_count": call.input + call.read, "output_token_count": call.output,
            "cached_content_token_count": call.read, "thoughts_token_count": call.reasoning,
        }  # fmt: skip
        entries.append({**common, "type": "system", "subtype": "ui_telemetry", "systemPayload": {"uiEvent": event}})
        if call.failed:
            continue
        parts: list[dict[str, Any]] = [{"text": "…"}]
        if call.tool is not None:
            parts.append({"functionCall": {"id": call.tool.tool_use_id, "name": call.tool.name, "args": {}}})
        usage = {"promptTokenCount": call.input + call.read, "candidatesTokenCount": call.output,
                 "cachedContentTokenCount": call.read, "thoughtsTokenCount": call.reasoning}  # fmt: skip
        entries.append({**common, "type": "assistant", "model": call.model,
                        "message": {"role": "model", "parts": parts}, "usageMetadata": usage})  # fmt: skip
        if call.tool is not None:
            entries.append({**common, "type": "tool_result", "toolCallResult": {
                "callId": call.tool.tool_use_id, "status": "success" if call.tool.success else "error"}})  # fmt: skip
    return wire.lines("qwen_code", entries)
