"""Qwen Code, a fork of Gemini CLI: what it calls and means otherwise.

Owns the differences: replies carry their id, sub-agents their name, and output includes thoughts (seen: total =
input + output). Refuses text and arguments as its origin does.
"""

from __future__ import annotations

from engine.agents import casts, gemini_cli
from engine.agents.declaration import Agent, Content, Field, HotColumns

HOUSEKEEPING = "managed-"
"""Sub-agents of this name work in the background after the answer: memory, not the user's task."""


def refine(row: HotColumns, content: Content, hash_key: bytes) -> None:
    """Who asked, from the sub-agent's name; else as Gemini CLI."""
    gemini_cli.refine(row, content, hash_key)
    if row["agent_name"] is not None:
        row["query_source"] = "auxiliary" if row["agent_name"].startswith(HOUSEKEEPING) else "subagent"


AGENT = Agent(
    agent_type="qwen_code",
    display_name="Qwen Code",
    vendor="Alibaba",
    interface="Terminal",
    service_names=("qwen-code", "qwen_code"),
    scope_names=("qwen-code",),
    event_prefixes=("qwen-code.",),
    aliases=("qwen",),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    flag_variables=("QWEN_CODE",),
    log_fields={
        **gemini_cli.LOG_FIELDS,
        "response_id": Field("request_id", casts.text, unique=True),
        "subagent_name": Field("agent_name", casts.text),
    },
    metric_fields=gemini_cli.METRIC_FIELDS,
    span_fields=gemini_cli.SPAN_FIELDS,
    kept_attributes=gemini_cli.KEPT | {"status", "strategy", "trigger"},
    redundant_attributes=frozenset({"duration"}),
    examined_attributes=frozenset({"function_args"}),
    refined_events=frozenset({"tool_call", "api_response", "api_error"}),
    refine_log=refine,
)
