"""Gemini CLI: what its telemetry is called and means.

Owns the names that it shares with its forks: `session.id` on every record, one `api_response` per reply (the second
record of the same call, `gen_ai.client.inference.operation.details`, is not counted), counters that are cumulative.
Input tokens include cached ones, output excludes thoughts. Refuses the request and response text, arguments, hook
input and command lines that it sends unasked.
"""

from __future__ import annotations

from typing import Any

from engine.agents import arguments, casts
from engine.agents.declaration import Agent, Content, Field, HotColumns
from engine.agents.other import IDENTITY

STANDARD = {**IDENTITY, "model": Field("model", casts.text)}


def extension(value: Any) -> str | None:
    """`.txt` as a file operation names it."""
    return arguments.extension(f"file{value}") if isinstance(value, str) else None


LOG_FIELDS = {
    **STANDARD,
    "model_name": Field("model", casts.text, fallback=True),
    "prompt_id": Field("prompt_id", casts.text),
    "input_token_count": Field("input_tokens", casts.count, unique=True),
    "output_token_count": Field("output_tokens", casts.count, unique=True),
    "cached_content_token_count": Field("cache_read_tokens", casts.count, unique=True),
    "thoughts_token_count": Field("reasoning_tokens", casts.count),
    "total_token_count": Field("total_tokens", casts.count, unique=True),
    "duration_ms": Field("duration_ms", casts.count, unique=True),
    "status_code": Field("status_code", casts.integer),
    "http.status_code": Field("status_code", casts.integer, fallback=True),
    "error.type": Field("error_type", casts.word),
    "error_type": Field("error_type", casts.word, fallback=True),
    "success": Field("success", casts.flag),
    "function_name": Field("tool_name", casts.text),
    "tool_name": Field("tool_name", casts.text, fallback=True),
    "decision": Field("decision", casts.text),
    "agent_name": Field("agent_name", casts.text),
    "extension": Field("file_extension", extension),
}

METRIC_FIELDS = {**STANDARD, "type": Field("token_type", casts.text)}

SPAN_FIELDS = {
    **IDENTITY,
    "gen_ai.request.model": Field("model", casts.text),
    "gen_ai.tool.name": Field("tool_name", casts.text),
    "gen_ai.tool.call_id": Field("tool_use_id", casts.text, unique=True),
}

KEPT = frozenset(
    {
        "approval_mode",
        "auth_type",
        "content_length",
        "finish_reasons",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "hook_event_name",
        "interactive",
        "lines",
        "mode",
        "operation",
        "output_format",
        "programming_language",
        "prompt_length",
        "sandbox_enabled",
        "terminate_reason",
        "tool_type",
        "turn_count",
    }
)


def refine(row: HotColumns, content: Content, hash_key: bytes) -> None:
    """Of a tool call what its arguments tell; to a reply's input the tokens of built-in tools' results.

    Google bills those as input, and counts them beside it (`total = input + output + thoughts + tool`).
    """
    if row["event_name"] == "tool_call":
        given = arguments.read(content.get("function_args"))
        command = given.get("command") if isinstance(given, dict) else None
        row["file_extension"] = arguments.file_extension(given)
        row["is_git_commit"] = arguments.commits(command)
        row["arguments_hash"] = arguments.hashed(hash_key, row["tool_name"], given)
        return
    of_tools = casts.count(content.get("tool_token_count"))
    if of_tools:
        row["input_tokens"] = (row["input_tokens"] or 0) + of_tools


AGENT = Agent(
    agent_type="gemini_cli",
    display_name="Gemini CLI",
    vendor="Google",
    interface="Terminal",
    service_names=("gemini-cli", "gemini_cli"),
    scope_names=("gemini-cli",),
    event_prefixes=("gemini_cli.",),
    aliases=("gemini",),
    input_includes_cache=True,
    output_excludes_reasoning=True,
    flag_variables=("GEMINI_CLI",),
    log_fields={**LOG_FIELDS, "role": Field("query_source", casts.text)},
    metric_fields=METRIC_FIELDS,
    span_fields=SPAN_FIELDS,
    kept_attributes=KEPT,
    redundant_attributes=frozenset({"duration", "installation.id"}),
    examined_attributes=frozenset({"function_args", "tool_token_count"}),
    refined_events=frozenset({"tool_call", "api_response"}),
    refine_log=refine,
)
