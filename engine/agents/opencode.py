"""opencode: what its telemetry is called and means.

Owns the spans of the AI SDK that it is built on: one `ai.streamText.doStream` per reply, whose parent repeats it.
Input tokens include cached ones, output includes reasoning. Refuses the two thousand internal spans of a session,
prompts and tool calls. Its spans miss the last reply of a run; the local database has them all.
"""

from __future__ import annotations

from typing import Any

from engine.agents import arguments, casts
from engine.agents.declaration import Agent, Content, Field, HotColumns
from engine.agents.other import IDENTITY


def refine_tool(row: HotColumns, content: Content, hash_key: bytes) -> None:
    """What a tool's arguments and result tell."""
    if row["span_name"] != "ai.toolCall":
        return
    given = arguments.read(content.get("ai.toolCall.args"))
    command = given.get("command") if isinstance(given, dict) else None
    row["file_extension"] = arguments.file_extension(given)
    row["is_git_commit"] = arguments.commits(command)
    if row["is_git_commit"]:
        row["commit_sha"] = commit_of(arguments.read(content.get("ai.toolCall.result")))
    row["arguments_hash"] = arguments.hashed(hash_key, row["tool_name"], given)


def commit_of(result: Any) -> str | None:
    """The commit that a shell's output reports."""
    metadata = result.get("metadata") if isinstance(result, dict) else None
    return arguments.commit_in_output(metadata.get("output") if isinstance(metadata, dict) else None)


AGENT = Agent(
    agent_type="opencode",
    display_name="opencode",
    vendor="Anomaly",
    interface="Terminal",
    service_names=("opencode", "opencode-*"),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    log_fields=IDENTITY,
    metric_fields=IDENTITY,
    span_fields={
        **IDENTITY,
        "ai.telemetry.metadata.sessionId": Field("session_id", casts.text, fallback=True),
        "ai.telemetry.metadata.userId": Field("user_id", casts.text, fallback=True),
        "ai.response.model": Field("model", casts.text),
        "ai.model.id": Field("model", casts.text, fallback=True),
        "ai.response.id": Field("request_id", casts.text, unique=True),
        "ai.usage.inputTokens": Field("input_tokens", casts.count, unique=True),
        "ai.usage.outputTokens": Field("output_tokens", casts.count, unique=True),
        "ai.usage.cachedInputTokens": Field("cache_read_tokens", casts.count, unique=True),
        "ai.usage.inputTokenDetails.cacheWriteTokens": Field("cache_write_tokens", casts.count, unique=True),
        "ai.usage.reasoningTokens": Field("reasoning_tokens", casts.count),
        "gen_ai.usage.input_tokens": Field("input_tokens", casts.count, unique=True, fallback=True),
        "gen_ai.usage.output_tokens": Field("output_tokens", casts.count, unique=True, fallback=True),
        "ai.toolCall.name": Field("tool_name", casts.text),
        "ai.toolCall.id": Field("tool_use_id", casts.text, unique=True),
        "error.type": Field("error_type", casts.word),
    },
    kept_attributes=frozenset(
        {
            "ai.model.provider",
            "ai.operationId",
            "ai.response.finishReason",
            "ai.telemetry.functionId",
            "gen_ai.system",
            "opencode.client",
        }
    ),
    examined_attributes=frozenset({"ai.toolCall.args", "ai.toolCall.result"}),
    refine_span=refine_tool,
    span_names=("ai.",),
)
