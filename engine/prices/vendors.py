"""Who is paid for the calls of which agent.

Owns the ids of vendors and the seed that tells the models. Refuses names for people: those are the agents' registry's.
"""

from __future__ import annotations

import csv
import io

OF_AGENT = {
    "claude_code": "anthropic",
    "codex": "openai",
    "gemini_cli": "google",
    "qwen_code": "alibaba",
    "github_copilot": "github",
    "cursor": "cursor",
}
"""Whose plan an agent is sold with. Agents that are not named here are paid to whoever serves the model."""

BILLS_MODELS = frozenset({"github_copilot", "cursor"})
"""Agents whose vendor bills every model itself, whoever made it."""


def agents_of(vendor: str) -> tuple[str, ...]:
    """The agents that a vendor's plan covers; none for a vendor without an agent of its own."""
    return tuple(agent for agent, known in OF_AGENT.items() if known == vendor)


def vendors_csv() -> str:
    """sql_models/seeds/vendors.csv."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(("agent_type", "vendor", "bills_models"))
    for agent, vendor in OF_AGENT.items():
        writer.writerow((agent, vendor, "true" if agent in BILLS_MODELS else "false"))
    return written.getvalue()
