"""Gemini CLI: how it is recognised and what its numbers mean.

Owns its names and meanings: input tokens include cached ones, output excludes thoughts. Refuses, so far, its own
attributes: only sessions and identities are read, so that nothing is counted on a guess.
"""

from __future__ import annotations

from engine.agents.declaration import Agent
from engine.agents.other import IDENTITY

AGENT = Agent(
    agent_type="gemini_cli",
    display_name="Gemini CLI",
    vendor="Google",
    interface="Terminal",
    service_names=("gemini-cli", "gemini_cli"),
    event_prefixes=("gemini_cli.",),
    aliases=("gemini",),
    input_includes_cache=True,
    output_excludes_reasoning=True,
    flag_variables=("GEMINI_CLI",),
    log_fields=IDENTITY,
    metric_fields=IDENTITY,
    span_fields=IDENTITY,
)
