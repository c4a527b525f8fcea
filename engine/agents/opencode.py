"""opencode: how it is recognised and what its numbers mean.

Owns its names and meanings: input tokens include cached ones, output includes reasoning. Refuses, so far, its own
attributes: its spans miss the last reply of a run, and only sessions and identities are read.
"""

from __future__ import annotations

from engine.agents.declaration import Agent
from engine.agents.other import IDENTITY

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
    span_fields=IDENTITY,
)
