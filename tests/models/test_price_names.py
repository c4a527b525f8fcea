"""Names of models, the workspace's own prices, and the command that shows prices."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from engine.agents.registry import agents_csv
from engine.cli import main
from engine.errors import ConfigurationError
from engine.prices import overrides
from engine.prices.names import Model, find
from tests.models.workbench import PROJECT_FOLDER


@pytest.mark.parametrize(
    ("name", "provider", "model_id"),
    [
        ("claude-opus-4-8", "anthropic", "claude-opus-4-8"),
        ("claude-opus-4-8[1m]", "anthropic", "claude-opus-4-8"),
        ("Claude-Opus-4-8", "anthropic", "claude-opus-4-8"),
        ("anthropic/claude-opus-5", "anthropic", "claude-opus-5"),
        ("claude-sonnet-4-20250514", "anthropic", "claude-sonnet-4-0"),
        ("claude-sonnet-4@20250514", "anthropic", "claude-sonnet-4-0"),
        ("claude-haiku-4-5-20251001", "anthropic", "claude-haiku-4-5"),
        ("claude-3-7-sonnet-latest", "anthropic", "claude-3-7-sonnet-latest"),
        ("us.anthropic.claude-opus-4-8-v1:0", "aws", "regional.anthropic.claude-opus-4-8-v1:0"),
        (
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
            "aws",
            "regional.anthropic.claude-sonnet-4-20250514-v1:0",
        ),
        ("openrouter/anthropic/claude-opus-4.8", "openrouter", "anthropic/claude-opus-4.8"),
        ("gpt-5.1-codex", "openai", "gpt-5.1"),
        ("gpt-5.2-20251211", "openai", "gpt-5.2"),
        ("gemini-2.5-pro", "google", "gemini-2.5-pro"),
    ],
)
def test_known_names(name: str, provider: str, model_id: str) -> None:
    assert find(name) == Model(provider, model_id)


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4-15",
        "claude-opus-4-8-internal",
        "claude-opus-99",
        "my-claude-opus-4-8",
        "gateway/claude-opus-4-8",
        "gpt-5.1-codex-secret",
        "qwen3-coder-plus",
        "<synthetic>",
        "",
    ],
)
def test_what_only_looks_like_a_known_name_is_unknown(name: str) -> None:
    assert find(name) is None


def test_an_agent_that_bills_models_itself_has_its_own_prices() -> None:
    assert find("gpt-5.4", "github_copilot") == Model("github-copilot", "gpt-5.4")
    assert find("gpt-5.4", "codex") == Model("openai", "gpt-5.4")


def test_own_prices_name_models_that_nobody_else_knows(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(
        "prices:\n"
        "- {model: corp-opus, provider: corp, input: 4.10, output: 20, cache_read: 0.4, from: 2026-01-01}\n"
        "- {model: claude-opus-5, input: 1, output: 2, above: 200000}\n"
    )
    own = overrides.load(path)
    assert own.find("Corp-Opus[1m]", None) == Model("corp", "corp-opus")
    assert own.find("claude-opus-5", None) == Model("anthropic", "claude-opus-5")
    assert own.find("claude-opus-4-8", None) == Model("anthropic", "claude-opus-4-8")
    first, second = own.prices
    assert (first.input, first.cache_write_5m, first.valid_from.year) == (Decimal("4.1"), Decimal("4.1"), 2026)
    assert second.tier_above == 200_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prices:\n- {model: a, input: 1}\n", ":2: the price of a needs input and output"),
        ("prices:\n- {input: 1, output: 1}\n", ":2: a price needs a model"),
        ("prices:\n- model: a\n  inptu: 1\n", ":3: unknown key inptu; did you mean input?"),
        ("prices:\n- {model: a, input: x, output: 1}\n", ":2: input must be dollars per million tokens, not 'x'"),
        ("prices:\n- {model: a, input: -1, output: 1}\n", ":2: input must be dollars per million tokens, not '-1'"),
        ("prices:\n- {model: a, input: 1, output: 1, from: soon}\n", ":2: from must be a date"),
        ("prices:\n- {model: a, input: 1, output: 1, above: lots}\n", ":2: above must be a number of tokens"),
        ("prices: 5\n", ":1: expected a list under `prices:`"),
        ("prices: [", ":1"),
    ],
)
def test_wrong_own_prices_are_told_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        overrides.load(path)
    assert message in error.value.line()
    assert error.value.line().startswith(str(path))


def test_prices_show(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["prices", "show", "--model", "claude-opus-4-6", "--json", "--data-dir", str(tmp_path)]) == 0
    shown = json.loads(capsys.readouterr().out)
    standard = [row for row in shown if row["provider"] == "anthropic" and row["speed"] == "standard"]
    assert [(row["tier_above_input_tokens"], row["input_usd_per_mtok"]) for row in standard] == [
        (0, "5"),
        (200_000, "10"),
        (0, "5"),
    ]
    assert main(["prices", "show", "--model", "claude-opus-4-6", "--data-dir", str(tmp_path)]) == 0
    assert "200,000" in capsys.readouterr().out
    assert main(["prices", "show", "--model", "nobody-knows", "--data-dir", str(tmp_path)]) == 1


def test_the_seed_of_agents_is_the_registry() -> None:
    assert (PROJECT_FOLDER / "seeds" / "agents.csv").read_text(encoding="utf-8") == agents_csv()
