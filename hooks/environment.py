"""What an agent leaves in the environment of the processes it starts.

Owns the table of variables and their meaning as evidence. Refuses everything that is not a plain identifier: the
values come from whoever started the commit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

VARIABLES = (
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_CHILD_SESSION",
    "CODEX_THREAD_ID",
    "CODEX_SANDBOX",
    "COPILOT_AGENT_SESSION_ID",
    "COPILOT_CLI",
    "GEMINI_CLI",
    "QWEN_CODE",
    "CURSOR_AGENT",
)
"""In the order in which the git hooks write them."""

SESSIONS = {
    "CLAUDE_CODE_SESSION_ID": "claude_code",
    "CODEX_THREAD_ID": "codex",
    "COPILOT_AGENT_SESSION_ID": "github_copilot",
}
FLAGS = {
    "CLAUDE_CODE_CHILD_SESSION": "claude_code",
    "CODEX_SANDBOX": "codex",
    "COPILOT_CLI": "github_copilot",
    "GEMINI_CLI": "gemini_cli",
    "QWEN_CODE": "qwen_code",
    "CURSOR_AGENT": "cursor",
}
IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{4,200}")
OFF = frozenset({"", "0", "false", "no", "off"})


def seen(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of the table that are set."""
    return {name: environment[name] for name in VARIABLES if environment.get(name)}


def evidence(variables: Mapping[str, str]) -> list[dict[str, str]]:
    """Sessions named by the environment, then agents that are only flagged."""
    found = []
    named = set()
    for name, agent in SESSIONS.items():
        value = variables.get(name, "")
        if IDENTIFIER.fullmatch(value):
            named.add(agent)
            found.append({"kind": "hook_environment", "agent_type": agent, "session_id": value, "value": name})
    for name, agent in FLAGS.items():
        if agent not in named and variables.get(name, "").lower() not in OFF:
            named.add(agent)
            found.append({"kind": "agent_flag", "agent_type": agent, "value": name})
    return found
