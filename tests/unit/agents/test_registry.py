"""Agents are found by what they send, by type and by alias; the seed of the models is the registry's."""

from __future__ import annotations

from pathlib import Path

import pytest

import sql_models
from engine.agents import registry

SEED = Path(next(iter(sql_models.__path__))) / "seeds" / "agents.csv"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("claude-code", "claude_code"),
        ("Claude-Code", "claude_code"),
        ("claude-code-desktop", "claude_code"),
        ("codex_exec", "codex"),
        ("codex_cli_rs", "codex"),
        ("gemini-cli", "gemini_cli"),
        ("qwen-code", "qwen_code"),
        ("github-copilot", "github_copilot"),
        ("copilot-chat", "github_copilot"),
        ("cursor", "cursor"),
        ("opencode", "opencode"),
        ("claudette", "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_the_service_name_tells_the_agent(service: str | None, expected: str) -> None:
    assert registry.by_telemetry(service).agent_type == expected


def test_the_scope_tells_it_where_the_service_name_does_not() -> None:
    assert registry.by_telemetry("team", "com.anthropic.claude_code").agent_type == "claude_code"
    assert registry.by_telemetry("team", "codex_otel.log_only").agent_type == "codex"
    assert registry.by_telemetry("codex_exec", "com.anthropic.claude_code").agent_type == "codex"


@pytest.mark.parametrize(
    ("name", "expected"), [("copilot", "github_copilot"), ("claude", "claude_code"), ("Claude-Code", "claude_code")]
)
def test_aliases_name_an_agent(name: str, expected: str) -> None:
    agent = registry.by_type(name)
    assert agent is not None
    assert agent.agent_type == expected


def test_nobody_is_found_for_an_unknown_name() -> None:
    assert registry.by_type("nobody") is None


def test_names_are_unique() -> None:
    names = [name for agent in registry.AGENTS for name in (agent.agent_type, *agent.aliases)]
    services = [name for agent in registry.AGENTS for name in agent.service_names]
    assert len(names) == len(set(names))
    assert len(services) == len(set(services))


def test_other_is_last() -> None:
    assert registry.AGENTS[-1] is registry.OTHER


def test_the_seed_of_the_models_is_the_registrys() -> None:
    assert SEED.read_text(encoding="utf-8") == registry.agents_csv()
