"""GitHub Copilot, in the terminal and in the editor: how it is recognised and what its numbers mean.

Owns its names and meanings: input tokens include cache reads and writes. Refuses, so far, its own attributes: its
spans repeat the sums of their children, and only sessions and identities are read.
"""

from __future__ import annotations

from engine.agents.declaration import Agent
from engine.agents.other import IDENTITY

AGENT = Agent(
    agent_type="github_copilot",
    display_name="GitHub Copilot",
    vendor="GitHub",
    interface="Terminal",
    service_names=("github-copilot", "github-copilot-*", "copilot-chat", "copilot-cli"),
    event_prefixes=("copilot_chat.", "github.copilot."),
    aliases=("copilot", "copilot_cli"),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    session_variables=("COPILOT_AGENT_SESSION_ID",),
    flag_variables=("COPILOT_CLI",),
    trailer_patterns=(
        r"co-authored-by:.*[0-9]+\+copilot@users\.noreply\.github\.com",
        r"[0-9]+\+copilot@users\.noreply\.github\.com",
        r"copilot@github\.com",
    ),
    log_fields=IDENTITY,
    metric_fields=IDENTITY,
    span_fields=IDENTITY,
)
