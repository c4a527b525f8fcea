"""Any other emitter: OpenTelemetry's semantic conventions for generative AI.

Owns the `gen_ai.*` names (source: open-telemetry/semantic-conventions-genai, with the older names that emitters still
send), under which input tokens include cached ones and output includes reasoning. Refuses guesses beyond them: an
unknown program has no event names, prefixes or arguments that could be trusted.
"""

from __future__ import annotations

from engine.agents import casts
from engine.agents.declaration import Agent, Field

IDENTITY = {
    "session.id": Field("session_id", casts.text),
    "gen_ai.conversation.id": Field("session_id", casts.text),
    "user.id": Field("user_id", casts.text),
    "enduser.id": Field("user_id", casts.text),
    "user.email": Field("user_email", casts.email),
}
"""Who and which session: what every emitter may say under OpenTelemetry's general names."""

STANDARD = {
    **IDENTITY,
    "gen_ai.response.model": Field("model", casts.text),
    "gen_ai.request.model": Field("model", casts.text, fallback=True),
    "gen_ai.agent.name": Field("agent_name", casts.text),
}

USAGE = {
    "gen_ai.usage.input_tokens": Field("input_tokens", casts.count, unique=True),
    "gen_ai.usage.prompt_tokens": Field("input_tokens", casts.count, unique=True),
    "gen_ai.usage.output_tokens": Field("output_tokens", casts.count, unique=True),
    "gen_ai.usage.completion_tokens": Field("output_tokens", casts.count, unique=True),
    "gen_ai.usage.cache_read.input_tokens": Field("cache_read_tokens", casts.count, unique=True),
    "gen_ai.usage.cache_creation.input_tokens": Field("cache_write_tokens", casts.count, unique=True),
    "gen_ai.usage.cache_write.input_tokens": Field("cache_write_tokens", casts.count, unique=True),
    "gen_ai.usage.reasoning.output_tokens": Field("reasoning_tokens", casts.count),
    "gen_ai.response.id": Field("request_id", casts.text, unique=True),
    "gen_ai.tool.name": Field("tool_name", casts.text),
    "gen_ai.tool.call.id": Field("tool_use_id", casts.text, unique=True),
    "error.type": Field("error_type", casts.word),
}

LOG_FIELDS = {**STANDARD, **USAGE, "http.response.status_code": Field("status_code", casts.integer)}
METRIC_FIELDS = {**STANDARD, "gen_ai.token.type": Field("token_type", casts.text)}
SPAN_FIELDS = {**STANDARD, **USAGE}

KEPT = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.output.type",
        "gen_ai.provider.name",
        "gen_ai.response.finish_reasons",
        "gen_ai.system",
        "gen_ai.tool.type",
        "server.address",
        "server.port",
        "terminal.type",
    }
)


AGENT = Agent(
    agent_type="other",
    display_name="Other",
    vendor="Unknown",
    interface="Unknown",
    service_names=(),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    log_fields=LOG_FIELDS,
    metric_fields=METRIC_FIELDS,
    span_fields=SPAN_FIELDS,
    kept_attributes=KEPT,
)
