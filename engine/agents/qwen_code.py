"""Qwen Code: how it is recognised and what its numbers mean.

Owns its names and meanings: input tokens include cached ones and, unlike in the program it was forked from, output
includes thoughts (seen: total = input + output). Refuses, so far, its own attributes: only sessions and identities
are read.
"""

from __future__ import annotations

from engine.agents.declaration import Agent
from engine.agents.other import IDENTITY

AGENT = Agent(
    agent_type="qwen_code",
    display_name="Qwen Code",
    vendor="Alibaba",
    interface="Terminal",
    service_names=("qwen-code", "qwen_code"),
    event_prefixes=("qwen-code.",),
    aliases=("qwen",),
    input_includes_cache=True,
    output_excludes_reasoning=False,
    flag_variables=("QWEN_CODE",),
    log_fields=IDENTITY,
    metric_fields=IDENTITY,
    span_fields=IDENTITY,
)
