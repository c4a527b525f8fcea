"""What Copilot, opencode and any other emitter send as spans, and Copilot's own history.

Owns the spans that count and those that repeat them: an agent's root span holds the sum of its chats, opencode's
parent span the reply of its child. Refuses tool arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.property import wire
from tests.property.history import Call, Session
from tests.property.wire import Attributes, History, Request

SERVICES = {"github_copilot": "github-copilot", "opencode": "opencode", "other": "somebodys-agent"}


def spans(session: Session, calls: Sequence[Call], identity: Attributes) -> list[Request]:
    """A trace a process."""
    found: list[dict[str, Any]] = []
    whole = int(session.session_id.replace("-", ""), 16)
    for process in session.processes():
        mine = [call for call in process if call in calls]
        if mine:
            trace = (whole + mine[0].number) % 2**128
            make = {"github_copilot": copilot, "opencode": opencode, "other": other}[session.agent]
            found += make(session, mine, identity, trace)
    return wire.spans({"service.name": SERVICES[session.agent], "service.version": "1.0"}, session.agent, found)


def copilot(session: Session, calls: Sequence[Call], identity: Attributes, trace: int) -> list[dict[str, Any]]:
    root, helper = 1, 2
    common = {**identity, "gen_ai.conversation.id": session.session_id}
    found = []
    for call in calls:
        parent = helper if call.by_subagent else root
        found.append(wire.span(
            trace, 100 + call.number, parent, f"chat {call.model}", call.at, {**common, **usage(call)},
            failed=call.failed,
        ))  # fmt: skip
        if call.tool is not None:
            used = {"gen_ai.tool.name": call.tool.name, "gen_ai.tool.call.id": call.tool.tool_use_id,
                    "error.type": None if call.tool.success else "failure"}  # fmt: skip
            found.append(wire.span(
                trace, 10_000 + call.number, parent, f"execute_tool {call.tool.name}", call.at, {**common, **used},
                failed=not call.tool.success,
            ))  # fmt: skip
    if any(call.by_subagent for call in calls):
        found.append(wire.span(trace, helper, root, "invoke_agent helper", calls[-1].at,
                               {**common, "gen_ai.agent.name": "helper", **sums(calls)}))  # fmt: skip
    # A process that was killed has no root span: it is sent at the end.
    if calls[0].number % 2:
        found.append(wire.span(trace, root, None, "invoke_agent", calls[-1].at, {**common, **sums(calls)}))
    return found


def usage(call: Call) -> dict[str, Any]:
    if call.failed:
        return {"gen_ai.request.model": call.model, "error.type": "503"}
    return {
        "gen_ai.operation.name": "chat", "gen_ai.request.model": call.model, "gen_ai.response.model": call.model,
        "gen_ai.response.id": f"chatcmpl-{call.number}", "gen_ai.usage.input_tokens": call.input + call.read,
        "gen_ai.usage.output_tokens": call.output, "gen_ai.usage.cache_read.input_tokens": call.read,
        "gen_ai.usage.reasoning.output_tokens": call.reasoning,
    }  # fmt: skip


def sums(calls: Sequence[Call]) -> dict[str, int]:
    return {
        "gen_ai.usage.input_tokens": sum(call.input + call.read for call in calls),
        "gen_ai.usage.output_tokens": sum(call.output for call in calls),
    }


def opencode(session: Session, calls: Sequence[Call], identity: Attributes, trace: int) -> list[dict[str, Any]]:
    found = []
    for call in calls:
        if call.failed:
            continue
        values = {
            **identity, "session.id": session.session_id, "ai.response.model": call.model, "ai.model.id": call.model,
            "ai.response.id": f"chatcmpl-{call.number}", "ai.usage.inputTokens": call.input + call.read,
            "ai.usage.outputTokens": call.output, "ai.usage.cachedInputTokens": call.read,
            "ai.usage.reasoningTokens": call.reasoning,
        }  # fmt: skip
        parent = 20_000 + call.number
        found.append(wire.span(trace, 100 + call.number, parent, "ai.streamText.doStream", call.at, values))
        found.append(wire.span(trace, parent, None, "ai.streamText", call.at, values))
        found.append(wire.span(trace, 30_000 + call.number, parent, "sql.execute", call.at, {}))
        if call.tool is not None:
            used = {**identity, "session.id": session.session_id, "ai.toolCall.name": call.tool.name,
                    "ai.toolCall.id": call.tool.tool_use_id,
                    "error.type": None if call.tool.success else "failure"}  # fmt: skip
            found.append(wire.span(trace, 40_000 + call.number, parent, "ai.toolCall", call.at, used,
                                   failed=not call.tool.success))  # fmt: skip
    return found


def other(session: Session, calls: Sequence[Call], identity: Attributes, trace: int) -> list[dict[str, Any]]:
    common = {**identity, "gen_ai.conversation.id": session.session_id}
    return [
        wire.span(trace, 100 + call.number, None, f"chat {call.model}", call.at, {**common, **usage(call)},
                  failed=call.failed)
        for call in calls
    ]  # fmt: skip


def copilot_history(session: Session, calls: Sequence[Call]) -> History:
    entries: list[dict[str, Any]] = [event("session.start", session.calls[0].at, {
        "sessionId": session.session_id, "copilotVersion": "1.0.102", "context": {"cwd": "/nowhere/app"}})]  # fmt: skip
    for call in calls:
        if call.failed:
            continue
        at = call.at + timedelta(milliseconds=15)
        told = {"model": call.model, "inputTokens": call.input + call.read, "outputTokens": call.output,
                "cacheReadTokens": call.read, "cacheWriteTokens": 0, "reasoningTokens": call.reasoning,
                "apiCallId": f"chatcmpl-{call.number}"}  # fmt: skip
        entries.append(event("session.usage_record", at, {"usage": told}, call))
        if call.tool is not None:
            entries.append(event("tool.execution_start", at, {
                "toolCallId": call.tool.tool_use_id, "toolName": call.tool.name, "arguments": {}}, call))  # fmt: skip
            entries.append(event("tool.execution_complete", at, {
                "toolCallId": call.tool.tool_use_id, "success": call.tool.success}, call))  # fmt: skip
    return wire.lines("github_copilot", entries)


def event(kind: str, at: Any, data: dict[str, Any], call: Call | None = None) -> dict[str, Any]:
    made = {"type": kind, "data": data, "timestamp": wire.iso(at), "parentId": "x", "id": "y"}
    return {**made, "agentId": "helper"} if call is not None and call.by_subagent else made
