"""What Codex sends and writes of a session.

Owns its log events, which have no request ids, and both forms of its rollouts: records per response, and running
totals alone. Refuses its counters: they name no session.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tests.property import wire
from tests.property.history import Call, Session
from tests.property.wire import Attributes, History, Request

RESOURCE = {"service.name": "codex_exec", "service.version": "0.169.0"}
CLOSE = timedelta(milliseconds=30)


def logs(session: Session, calls: Sequence[Call], identity: Attributes) -> list[Request]:
    """Two completions a reply, of which one has counts; an attempt that failed is an API request."""
    found = []
    common = {**identity, "conversation.id": session.session_id, "app.version": "0.169.0"}
    for process in session.processes():
        if process:
            found.append(wire.record(
                process[0].at, {**common, "event.name": "codex.conversation_starts"}, observed_only=True
            ))  # fmt: skip
        for call in process:
            if call not in calls:
                continue
            of_call = {**common, "model": call.model}
            status = 503 if call.failed else 200
            asked = {"event.name": "codex.api_request", "http.response.status_code": status, "duration_ms": "17",
                     "attempt": 0}  # fmt: skip
            found.append(wire.record(call.at, {**of_call, **asked}, observed_only=True))
            if call.failed:
                continue
            done = {"event.name": "codex.sse_event", "event.kind": "response.completed"}
            counted = {
                "input_token_count": str(call.input + call.read), "output_token_count": str(call.output),
                "cached_token_count": call.read, "cache_write_token_count": 0,
                "reasoning_token_count": call.reasoning, "tool_token_count": str(call.input + call.read + call.output),
            }  # fmt: skip
            found.append(wire.record(call.at, {**of_call, **done}, observed_only=True))
            found.append(wire.record(call.at + CLOSE, {**of_call, **done, **counted}, observed_only=True))
            if call.tool is not None:
                ended = {"event.name": "codex.tool_result", "tool_name": call.tool.name,
                         "call_id": call.tool.tool_use_id, "duration_ms": "4",
                         "success": "true" if call.tool.success else "false", "output": "…"}  # fmt: skip
                found.append(wire.record(call.at + CLOSE, {**of_call, **ended}, observed_only=True))
    return wire.logs(RESOURCE, "codex_otel.log_only", found)


def rollout(
    session: Session, calls: Sequence[Call], *, records: bool, fork: str | None = None, own: Sequence[Call] = ()
) -> History:
    """The session's file; with `fork`, that of a thread that copied these calls and then made its `own`."""
    thread = fork or session.session_id
    first = session.calls[0].at
    born = (own[0].at if own else calls[-1].at) if fork else first
    entries: list[dict[str, Any]] = [meta(thread, born, session.session_id if fork else None)]
    if fork:
        entries.append(meta(session.session_id, first, None))
    total = [0, 0, 0, 0]
    for call in [*calls, *own]:
        if call.failed:
            continue
        at = wire.iso(call.at)
        # A copy keeps the turn's id and start.
        began = int(call.at.timestamp())
        entries.append({"timestamp": at, "type": "event_msg", "payload": {
            "type": "task_started", "turn_id": f"turn-{call.number}", "started_at": began}})  # fmt: skip
        entries.append({"timestamp": at, "type": "turn_context", "payload": {
            "turn_id": f"turn-{call.number}", "cwd": "/nowhere/app", "model": call.model}})  # fmt: skip
        usage = [call.input + call.read, call.read, call.output, call.reasoning]
        total = [before + more for before, more in zip(total, usage, strict=True)]
        if records:
            entries.append({"timestamp": at, "type": "token_usage_record", "payload": {
                "thread_id": thread if call in own else session.session_id, "response_id": f"resp_{call.number}",
                "usage": named(usage), "thread_token_usage": named(total)}})  # fmt: skip
        if call.tool is not None:
            entries.append({"timestamp": at, "type": "response_item", "payload": {
                "type": "function_call", "name": call.tool.name, "arguments": "{}",
                "call_id": call.tool.tool_use_id}})  # fmt: skip
            code = 0 if call.tool.success else 1
            entries.append({"timestamp": wire.iso(call.at + CLOSE), "type": "response_item", "payload": {
                "type": "function_call_output", "call_id": call.tool.tool_use_id,
                "output": f"Process exited with code {code}\nOutput:\n…"}})  # fmt: skip
        info = {"total_token_usage": named(total), "last_token_usage": named(usage)}
        for _ in range(2):  # written again whenever the limits change
            entries.append({"timestamp": wire.iso(call.at + CLOSE), "type": "event_msg", "payload": {
                "type": "token_count", "info": info}})  # fmt: skip
    return wire.lines("codex", entries)


def meta(thread: str, born: Any, forked_from: str | None) -> dict[str, Any]:
    payload = {"id": thread, "session_id": thread, "timestamp": wire.iso(born), "cwd": "/nowhere/app",
               "cli_version": "0.169.0", "source": "exec"}  # fmt: skip
    if forked_from is not None:
        payload["forked_from_id"] = forked_from
    return {"timestamp": wire.iso(born), "type": "session_meta", "payload": payload}


def named(usage: Sequence[int]) -> dict[str, int]:
    whole, cached, output, reasoning = usage
    return {
        "input_tokens": whole, "cached_input_tokens": cached, "cache_write_input_tokens": 0, "output_tokens": output,
        "reasoning_output_tokens": reasoning, "total_tokens": whole + output,
    }  # fmt: skip
