"""All coding agents that are known by name.

Owns the order in which agents are shown and the ways to find one: by type or alias, by `service.name`, by the
instrumentation scope. Refuses unknown names: what nobody declares is the agent `other`, which is always last.
"""

from __future__ import annotations

import csv
import io

from engine.agents import (
    claude_code,
    codex,
    cursor,
    gemini_cli,
    github_copilot,
    opencode,
    other,
    qwen_code,
)
from engine.agents.declaration import Agent

OTHER = other.AGENT

AGENTS: tuple[Agent, ...] = (
    claude_code.AGENT,
    codex.AGENT,
    gemini_cli.AGENT,
    qwen_code.AGENT,
    github_copilot.AGENT,
    cursor.AGENT,
    opencode.AGENT,
    OTHER,
)


def _index(names: dict[str, tuple[str, ...]]) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Exact names and prefixes (longest first) of agents, in lower case, each with its agent_type."""
    exact: dict[str, str] = {}
    prefixes: list[tuple[str, str]] = []
    for agent_type, patterns in names.items():
        for pattern in patterns:
            lowered = pattern.lower()
            if lowered.endswith("*"):
                prefixes.append((lowered[:-1], agent_type))
            else:
                exact[lowered] = agent_type
    return exact, tuple(sorted(prefixes, key=lambda entry: -len(entry[0])))


_BY_NAME = {name: agent for agent in AGENTS for name in (agent.agent_type, *agent.aliases)}
_SERVICES = _index({agent.agent_type: agent.service_names for agent in AGENTS})
_SCOPES = _index({agent.agent_type: agent.scope_names for agent in AGENTS})


def _find(index: tuple[dict[str, str], tuple[tuple[str, str], ...]], name: str | None) -> Agent | None:
    if not name:
        return None
    lowered = name.lower()
    exact, prefixes = index
    found = exact.get(lowered)
    if found is None:
        found = next((agent_type for prefix, agent_type in prefixes if lowered.startswith(prefix)), None)
    return None if found is None else _BY_NAME[found]


def by_type(name: str) -> Agent | None:
    """The agent of this agent_type or alias (`copilot` is `github_copilot`); None when nobody is called so."""
    return _BY_NAME.get(name.strip().lower().replace("-", "_")) or _BY_NAME.get(name.strip().lower())


def by_telemetry(service_name: str | None, scope_name: str | None = None) -> Agent:
    """The agent that sends under this `service.name`; where that is unknown, by the scope; else OTHER."""
    return _find(_SERVICES, service_name) or _find(_SCOPES, scope_name) or OTHER


def agents_csv() -> str:
    """The seed `sql_models/seeds/agents.csv`: one line per agent, booleans as true and false, lines end with LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        (
            "agent_type",
            "agent_display_name",
            "vendor",
            "interface_type",
            "input_includes_cache",
            "output_excludes_reasoning",
        )
    )
    for agent in AGENTS:
        writer.writerow(
            (
                agent.agent_type,
                agent.display_name,
                agent.vendor,
                agent.interface,
                str(agent.input_includes_cache).lower(),
                str(agent.output_excludes_reasoning).lower(),
            )
        )
    return text.getvalue()
