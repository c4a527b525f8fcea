"""Signs in a commit itself that an agent had part in it.

Owns the reading of trailers, authors and git-ai's notes as evidence rows. Refuses to weigh them: confidence by kind is
a seed of the SQL models. How an agent signs its commits is declared with the agent (`engine.agents`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from engine.agents.registry import AGENTS
from engine.repos.log import Commit

CO_AUTHOR_KEYS = frozenset({"co-authored-by", "co-developed-by"})
TOOL_KEYS = frozenset({"assisted-by", "generated-by", "ai-assisted-by"})
"""Trailers that name a tool (Linux kernel: `Assisted-by: AGENT:MODEL`), so that a name without an address counts."""

SESSION_KEYS = {"claude-session": "claude_code"}
"""Trailers that name a session, and whose."""

GENERATED_WITH = re.compile(r"^\W*generated (?:with|by) \[?([^\]\n(]+)", re.IGNORECASE | re.MULTILINE)
SESSION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|session_[A-Za-z0-9]+")

NOTE_TOOLS = {
    "claude": "claude_code",
    "claude-code": "claude_code",
    "codex": "codex",
    "gemini": "gemini_cli",
    "gemini-cli": "gemini_cli",
    "qwen-code": "qwen_code",
    "cursor": "cursor",
    "github-copilot": "github_copilot",
    "copilot": "github_copilot",
    "opencode": "opencode",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observed sign. `kind` is a key of sql_models/seeds/evidence_kinds.csv; `value` what was seen."""

    commit_hash: str
    kind: str
    agent_type: str | None
    session_id: str | None
    value: str | None


def of_commit(commit: Commit) -> tuple[Evidence, ...]:
    """Every sign in author, committer, trailers and message; each once."""
    return tuple(dict.fromkeys(_of_commit(commit)))


def _of_commit(commit: Commit) -> Iterator[Evidence]:
    for name, email in ((commit.author_name, commit.author_email), (commit.committer_name, commit.committer_email)):
        signature = f"{name} <{email}>"
        agent = agent_of(signature)
        if agent is not None:
            yield Evidence(commit.commit_hash, "bot_author", agent, None, signature)
    for key, value in commit.trailers:
        lower = key.lower()
        if lower in SESSION_KEYS:
            found = SESSION_ID.search(value)
            session = found[0] if found else value.rstrip("/").rsplit("/", 1)[-1] or None
            yield Evidence(commit.commit_hash, "session_trailer", SESSION_KEYS[lower], session, value)
        elif lower in CO_AUTHOR_KEYS or lower in TOOL_KEYS:
            agent = agent_of(value) if lower in CO_AUTHOR_KEYS else agent_named(value)
            if agent is not None:
                yield Evidence(commit.commit_hash, "agent_trailer", agent, None, f"{key}: {value}")
    for match in GENERATED_WITH.finditer(commit.message):
        agent = agent_named(match[1])
        if agent is not None:
            yield Evidence(commit.commit_hash, "agent_trailer", agent, None, match[0].strip())


def of_note(commit_hash: str, note: str) -> tuple[Evidence, ...]:
    """The sessions of a git-ai note (`authorship/3.0.0`: attestations, `---`, JSON); nothing for what is not one."""
    _, divider, tail = f"\n{note}".partition("\n---\n")
    try:
        body = json.loads(tail if divider else note)
    except ValueError:
        return ()
    if not isinstance(body, dict):
        return ()
    found: dict[Evidence, None] = {}
    for group in ("sessions", "prompts"):
        entries = body.get(group)
        for entry in entries.values() if isinstance(entries, dict) else ():
            agent = entry.get("agent_id") if isinstance(entry, dict) else None
            if not isinstance(agent, dict) or not isinstance(agent.get("tool"), str):
                continue
            tool = agent["tool"].lower()
            session = agent.get("id")
            model = agent.get("model")
            evidence = Evidence(
                commit_hash,
                "git_ai_note",
                NOTE_TOOLS.get(tool, "other"),
                session if isinstance(session, str) and session else None,
                f"{tool} {model}" if isinstance(model, str) else tool,
            )
            found[evidence] = None
    return tuple(found)


def agent_of(signature: str) -> str | None:
    """The agent whose address stands in `Name <address>`, or None. A name alone proves nothing: people are called
    Claude too."""
    for agent_type, pattern in patterns():
        if pattern.search(signature):
            return agent_type
    return None


def agent_named(phrase: str) -> str | None:
    """The agent that a phrase about a tool names: `Claude Code`, `Claude:opus-5`, `Codex (gpt-5)`; or None."""
    name = re.split(r"[:(<\[]", phrase, maxsplit=1)[0].strip().lower()
    return names().get(name) or agent_of(phrase)


# What the declarations leave open: bots of hosted agents, names without an address, and tools that share `other`.
MORE_SIGNATURES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("claude_code", (r"^claude\b.*@anthropic\.com\b",)),
    ("codex", (r"\bcodex@openai\.com\b",)),
    ("github_copilot", (r"\bcopilot-swe-agent\b",)),
    ("cursor", (r"\bcursor\[bot\]",)),
    ("gemini_cli", (r"\bgemini-cli(?:\[bot\])?@", r"\+gemini-cli\b")),
    ("qwen_code", (r"\bqwen-coder@alibabacloud\.com\b",)),
    ("opencode", (r"\bnoreply@opencode\.ai\b",)),
    (
        "other",
        (
            r"\b(?:noreply|aider)@aider\.chat\b",
            r"^aider \(",
            r"\bdevin-ai-integration\[bot\]",
            r"\bopenhands@all-hands\.dev\b",
            r"\bamp@ampcode\.com\b",
        ),
    ),
)


@cache
def patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """(agent type, what its signatures look like), in the order in which they are tried."""
    declared = tuple((agent.agent_type, agent.trailer_patterns) for agent in AGENTS)
    return tuple(_compiled((*declared, *MORE_SIGNATURES)))


@cache
def names() -> dict[str, str]:
    """Agent type by the agent's name in lower case."""
    return {name.lower(): agent.agent_type for agent in AGENTS[:-1] for name in (agent.display_name, *agent.aliases)}


def _compiled(declared: Iterable[tuple[str, tuple[str, ...]]]) -> Iterator[tuple[str, re.Pattern[str]]]:
    for agent_type, expressions in declared:
        if expressions:
            yield agent_type, re.compile("|".join(f"(?:{part})" for part in expressions), re.IGNORECASE)
