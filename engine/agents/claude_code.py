"""Claude Code: what its telemetry is called and means.

Owns the names of releases 1.0 to 2.1: older ones send every number as text and lack request ids, sequences and query
sources, so nothing is required. Refuses to trust content: tool arguments are examined for four facts and dropped.
Input tokens exclude cache reads and writes.
"""

from __future__ import annotations

from engine.agents import arguments, casts
from engine.agents.declaration import Agent, Content, Field, HotColumns

STANDARD = {
    "session.id": Field("session_id", casts.text),
    "user.id": Field("user_id", casts.text),
    "user.email": Field("user_email", casts.email),
    "model": Field("model", casts.text),
    "query_source": Field("query_source", casts.text),
    "agent.name": Field("agent_name", casts.text),
}

LOG_FIELDS = {
    **STANDARD,
    "event.sequence": Field("event_sequence", casts.count),
    "prompt.id": Field("prompt_id", casts.text),
    "request_id": Field("request_id", casts.text, unique=True),
    "input_tokens": Field("input_tokens", casts.count, unique=True),
    "output_tokens": Field("output_tokens", casts.count, unique=True),
    "cache_read_tokens": Field("cache_read_tokens", casts.count, unique=True),
    "cache_creation_tokens": Field("cache_write_tokens", casts.count, unique=True),
    "total_tokens": Field("total_tokens", casts.count, unique=True),
    "cost_usd": Field("cost_usd", casts.money, unique=True),
    "duration_ms": Field("duration_ms", casts.count, unique=True),
    "total_duration_ms": Field("duration_ms", casts.count, unique=True),
    "success": Field("success", casts.flag),
    "status_code": Field("status_code", casts.integer),
    "error_type": Field("error_type", casts.word),
    "attempt": Field("attempt", casts.integer),
    "total_attempts": Field("attempt", casts.integer),
    "tool_name": Field("tool_name", casts.text),
    "tool_use_id": Field("tool_use_id", casts.text, unique=True),
    "decision": Field("decision", casts.text),
    "decision_type": Field("decision", casts.text),
    "source": Field("decision_source", casts.text),
    "decision_source": Field("decision_source", casts.text),
    "agent_type": Field("agent_name", casts.text),
    "speed": Field("speed", casts.text),
}

METRIC_FIELDS = {**STANDARD, "type": Field("token_type", casts.text)}

SPAN_FIELDS = {
    **STANDARD,
    "request_id": Field("request_id", casts.text, unique=True),
    "input_tokens": Field("input_tokens", casts.count, unique=True),
    "output_tokens": Field("output_tokens", casts.count, unique=True),
    "cache_read_tokens": Field("cache_read_tokens", casts.count, unique=True),
    "cache_creation_tokens": Field("cache_write_tokens", casts.count, unique=True),
    "tool_name": Field("tool_name", casts.text),
    "tool_use_id": Field("tool_use_id", casts.text, unique=True),
    "error_type": Field("error_type", casts.word),
    "subagent_type": Field("agent_name", casts.text),
}
del SPAN_FIELDS["query_source"]

COMMAND_NAMES = ("full_command", "command", "bash_command")


def refine_tool_result(row: HotColumns, content: Content, hash_key: bytes) -> None:
    """File extension, commit and call hash from `tool_input` (2.1, on request) and `tool_parameters` (always in 1.0).

    A missing `git_commit_id` proves nothing: the client misses quiet and redirected commits.
    """
    parameters = arguments.read(content.get("tool_parameters"))
    given = arguments.read(content.get("tool_input"))
    row["file_extension"] = arguments.file_extension(given) or arguments.file_extension(parameters)
    for source in (parameters, given):
        if isinstance(source, dict) and row["is_git_commit"] is None:
            command = next((source[name] for name in COMMAND_NAMES if source.get(name)), None)
            row["is_git_commit"] = arguments.commits(command)
    if isinstance(parameters, dict):
        row["commit_sha"] = arguments.commit_sha(parameters.get("git_commit_id"))
        if row["commit_sha"] is not None:
            row["is_git_commit"] = True
        # A result, not an argument: with it no repeated call would ever equal another.
        parameters = {name: value for name, value in parameters.items() if name != "git_commit_id"}
    row["arguments_hash"] = arguments.hashed(hash_key, row["tool_name"], parameters if given is None else given)


AGENT = Agent(
    agent_type="claude_code",
    display_name="Claude Code",
    vendor="Anthropic",
    interface="Terminal",
    service_names=("claude-code", "claude-code-*", "claude_code"),
    scope_names=("com.anthropic.claude_code*",),
    event_prefixes=("claude_code.",),
    aliases=("claude", "claude-code"),
    input_includes_cache=False,
    output_excludes_reasoning=False,
    session_variables=("CLAUDE_CODE_SESSION_ID",),
    flag_variables=("CLAUDE_CODE_CHILD_SESSION",),
    trailer_patterns=(r"co-authored-by:.*<noreply@anthropic\.com>", r"^claude-session:", r"<noreply@anthropic\.com>"),
    log_fields=LOG_FIELDS,
    metric_fields=METRIC_FIELDS,
    span_fields=SPAN_FIELDS,
    kept_attributes=frozenset(
        {
            "agent.source",
            "agent_id",
            "app.entrypoint",
            "app.version",
            "attempt",
            "client_request_id",
            "command_source",
            "decision",
            "duration_ms",
            "effort",
            "gen_ai.response.finish_reasons",
            "gen_ai.system",
            "hook_event",
            "hook_name",
            "hook_source",
            "hook_type",
            "interaction.duration_ms",
            "interaction.sequence",
            "is_async",
            "is_built_in",
            "language",
            "llm_request.context",
            "managed_only",
            "num_blocking",
            "num_cancelled",
            "num_hooks",
            "num_non_blocking_error",
            "num_success",
            "organization.id",
            "parent_agent_id",
            "post_tokens",
            "pre_tokens",
            "precompute_reuse",
            "prompt_length",
            "query_source",
            "response_length",
            "safe_mode",
            "source",
            "span.type",
            "speed",
            "start_type",
            "stop_reason",
            "success",
            "terminal.type",
            "tool_input_size_bytes",
            "tool_name",
            "tool_result_size_bytes",
            "tool_source",
            "total_retry_duration_ms",
            "total_tool_uses",
            "trigger",
            "ttft_ms",
            "user.account_id",
            "user.account_uuid",
            "user_prompt_length",
        }
    ),
    redundant_attributes=frozenset(
        {"cost_usd_micros", "gen_ai.request.model", "gen_ai.response.id", "gen_ai.tool.call.id"}
    ),
    examined_attributes=frozenset({"tool_parameters", "tool_input"}),
    refined_events=frozenset({"tool_result"}),
    refine_log=refine_tool_result,
)
