"""Cursor: how it is recognised and what its numbers mean.

Owns its names and meanings: input tokens exclude cached ones, as in its usage reports. Refuses, so far, its own
attributes: it is known by hooks and usage reports, and only sessions and identities are read.
"""

from __future__ import annotations

from engine.agents.declaration import Agent
from engine.agents.other import IDENTITY

AGENT = Agent(
    agent_type="cursor",
    display_name="Cursor",
    vendor="Anysphere",
    interface="IDE",
    service_names=("cursor", "cursor-*"),
    input_includes_cache=False,
    output_excludes_reasoning=False,
    flag_variables=("CURSOR_AGENT",),
    trailer_patterns=(r"co-authored-by:.*<cursoragent@cursor\.com>", r"cursoragent@cursor\.com"),
    log_fields=IDENTITY,
    metric_fields=IDENTITY,
    span_fields=IDENTITY,
)
