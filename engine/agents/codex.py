"""Codex: what its telemetry is called and means.

Owns the log events whose `conversation.id` is the session; Codex's metrics name no session. Input tokens include
cached ones, output includes reasoning, and of the two `response.completed` events of a reply only one has counts, so
that summing the token columns counts each reply once. Refuses arguments and outputs, which Codex sends unasked.
"""

from __future__ import annotations

from engine.agents import arguments, casts
from engine.agents.declaration import Agent, Content, Field, HotColumns

STANDARD = {
    "conversation.id": Field("session_id", casts.text),
    "user.account_id": Field("user_id", casts.text),
    "user.email": Field("user_email", casts.email),
    "model": Field("model", casts.text),
}

LOG_FIELDS = {
    **STANDARD,
    "input_token_count": Field("input_tokens", casts.count, unique=True),
    "output_token_count": Field("output_tokens", casts.count, unique=True),
    "cached_token_count": Field("cache_read_tokens", casts.count, unique=True),
    "cache_write_token_count": Field("cache_write_tokens", casts.count, unique=True),
    "reasoning_token_count": Field("reasoning_tokens", casts.count),
    "tool_token_count": Field("total_tokens", casts.count, unique=True),
    "duration_ms": Field("duration_ms", casts.count, unique=True),
    "success": Field("success", casts.flag),
    "http.response.status_code": Field("status_code", casts.integer),
    "attempt": Field("attempt", casts.integer),
    "tool_name": Field("tool_name", casts.text),
    "call_id": Field("tool_use_id", casts.text, unique=True),
    "decision": Field("decision", casts.text),
    "source": Field("decision_source", casts.text),
    "auth.request_id": Field("request_id", casts.text, unique=True),
}

METRIC_FIELDS = {**STANDARD, "token_type": Field("token_type", casts.text)}

SPAN_FIELDS = {**STANDARD, "thread_id": Field("session_id", casts.text), "tool_name": Field("tool_name", casts.text)}


def refine_tool_result(row: HotColumns, content: Content, hash_key: bytes) -> None:
    """File extension, commit (named in git's own output) and call hash from what Codex always sends."""
    given = arguments.read(content.get("arguments"))
    command = given.get("cmd") or given.get("command") if isinstance(given, dict) else None
    row["file_extension"] = arguments.file_extension(given)
    row["is_git_commit"] = arguments.commits(command)
    if row["is_git_commit"]:
        row["commit_sha"] = arguments.commit_in_output(content.get("output"))
    row["arguments_hash"] = arguments.hashed(hash_key, row["tool_name"], given)


AGENT = Agent(
    agent_type="codex",
    display_name="Codex",
    vendor="OpenAI",
    interface="Terminal",
    service_names=("codex", "codex_*", "codex-*"),
    scope_names=("codex_otel*", "codex_exec*", "codex_core*", "codex_tui*"),
    event_prefixes=("codex.",),
    event_name_field=False,
    aliases=("codex_cli", "openai_codex"),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    session_variables=("CODEX_THREAD_ID",),
    flag_variables=("CODEX_SANDBOX",),
    trailer_patterns=(r"co-authored-by:.*<noreply@openai\.com>", r"<noreply@openai\.com>"),
    log_fields=LOG_FIELDS,
    metric_fields=METRIC_FIELDS,
    span_fields=SPAN_FIELDS,
    kept_attributes=frozenset(
        {
            "active",
            "actual_store",
            "app.version",
            "approval_policy",
            "auth.env_codex_api_key_enabled",
            "auth.env_codex_api_key_present",
            "auth.env_openai_api_key_present",
            "auth.env_provider_key_present",
            "auth.env_refresh_token_url_override_present",
            "auth.header_attached",
            "auth.retry_after_unauthorized",
            "auth_mode",
            "bundle_shape",
            "busy_ns",
            "candidate_set_truncated",
            "catalog_surface",
            "command_category",
            "config_use_memories",
            "credential_kind",
            "db",
            "decision",
            "duration_ms",
            "error_kind",
            "event.kind",
            "exposure",
            "fallback_reason",
            "feature_enabled",
            "format",
            "handler_type",
            "has_citations",
            "hook_name",
            "idle_ns",
            "incremental_tools",
            "is_git",
            "is_worktree",
            "kind",
            "mcp_server",
            "mode",
            "operation",
            "originator",
            "outcome",
            "output_truncated",
            "phase",
            "product_sku",
            "prompt_length",
            "provider_name",
            "query_truncated",
            "read_allowed",
            "read_progress",
            "reasoning_summary",
            "sandbox",
            "sandbox_policy",
            "secure_outcome",
            "selected_store",
            "session_source",
            "shell_snapshot_mode",
            "source",
            "stage",
            "startup.phase",
            "startup.status",
            "state",
            "status",
            "storage_phase",
            "store_mode",
            "success",
            "terminal.type",
            "tmp_mem_enabled",
            "tool",
            "tool_mode",
            "tool_namespace",
            "tool_result_seq",
            "transport",
            "trigger",
            "ttft_ms",
            "tty",
            "version",
        }
    ),
    redundant_attributes=frozenset({"slug"}),
    examined_attributes=frozenset({"arguments", "output"}),
    refined_events=frozenset({"tool_result"}),
    refine_log=refine_tool_result,
)
