"""The same histories give what ccusage gives; every difference is one that docs/numbers.md tells.

tests/fixtures/ccusage/20.0.24.json is what that version printed for the captured histories (`captures`), laid out as
the agents keep them, and for the two of tests/fixtures/vendors (`examples`, without blanks: it reads no others).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import recognise
from engine.ingest.transcript_rows import RowBuilder
from engine.prices import export
from engine.projects import ProjectIdentity
from engine.store.rows import RawRows
from tests.models.workbench import ARRIVAL, Workbench

FIXTURES = Path(__file__).parents[1] / "fixtures"
TOLD: dict[str, Any] = json.loads((FIXTURES / "ccusage" / "20.0.24.json").read_text(encoding="utf-8"))
WEB = ProjectIdentity("github.com/acme/web", "web", None, None)
OURS = """
select agent_type, cast(date as varchar), model_name, sum(input_tokens), sum(cache_read_tokens),
    sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens), sum(cost_usd)
from mart.fct_daily_usage
where agent_type <> 'opencode'
group by all
"""


@dataclass(frozen=True)
class Sums:
    """Tokens and money of one agent, day and model."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    cost: Decimal | None


Key = tuple[str, str, str]


def theirs(part: str) -> dict[Key, Sums]:
    """What ccusage printed; it writes money as binary fractions, which twelve digits undo."""
    found = {}
    for agent, days in TOLD[part].items():
        for day in days:
            models = day.get("modelBreakdowns") or [
                {"modelName": name, "cost": day["costUSD"], **sums} for name, sums in day["models"].items()
            ]
            for model in models:
                found[agent, day["date"], model["modelName"]] = Sums(
                    model["inputTokens"],
                    model["cacheReadTokens"],
                    model["cacheCreationTokens"],
                    model["outputTokens"],
                    model.get("reasoningOutputTokens", 0),
                    Decimal(repr(model["cost"])).quantize(Decimal("1e-12")),
                )
    return found


def ours(bench: Workbench) -> dict[Key, Sums]:
    return {row[:3]: Sums(*row[3:]) for row in bench.rows(OURS) if sum(row[3:7])}


def history(path: Path) -> RawRows:
    lines = path.read_bytes().splitlines()
    source = recognise(lines)
    assert source is not None
    facts: list[Any] = []
    source.reader(Workplace(find_project=lambda folder: WEB), None).read(lines, facts)
    builder = RowBuilder("alice@acme.dev")
    builder.add(source.agent_type, facts)
    return builder.take()


def counted(folder: Path, *paths: Path) -> dict[Key, Sums]:
    """Our sums of these histories alone."""
    bench = Workbench(folder)
    try:
        bench.take(export.price_rows(ARRIVAL), *(history(path) for path in paths))
        bench.build()
        return ours(bench)
    finally:
        bench.close()


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> dict[Key, Sums]:
    paths = sorted((FIXTURES / "telemetry").glob("*/*/transcripts/*.jsonl"))
    assert len(paths) > 30
    return counted(tmp_path_factory.mktemp("captures"), *paths)


def of(agent: str, sums: dict[Key, Sums]) -> dict[Key, Sums]:
    return {key: value for key, value in sums.items() if key[0] == agent}


def without_reasoning(sums: dict[Key, Sums]) -> dict[Key, Sums]:
    """ccusage tells reasoning apart for Codex only."""
    return {key: replace(value, reasoning=0) for key, value in sums.items()}


def test_every_agent_day_and_model_is_there_on_both_sides(captures: dict[Key, Sums]) -> None:
    assert captures.keys() == theirs("captures").keys()
    assert len(captures) == 8


def test_claude_code_is_the_same_to_the_last_digit(captures: dict[Key, Sums]) -> None:
    assert of("claude_code", captures) == of("claude_code", theirs("captures"))


def test_codex_is_the_same_to_the_last_digit(captures: dict[Key, Sums]) -> None:
    assert of("codex", captures) == of("codex", theirs("captures"))


def test_copilot_is_the_same_to_the_last_digit(captures: dict[Key, Sums]) -> None:
    assert without_reasoning(of("github_copilot", captures)) == of("github_copilot", theirs("captures"))


def test_of_gemini_ccusage_leaves_thoughts_out_of_the_output_and_charges_them_all_the_same(
    captures: dict[Key, Sums],
) -> None:
    ((key, mine),) = of("gemini_cli", captures).items()
    assert mine.reasoning == 105
    assert theirs("captures")[key] == replace(mine, output=mine.output - mine.reasoning, reasoning=0)


def test_of_qwen_ccusage_counts_cached_input_twice_and_knows_a_price_that_our_book_does_not(
    captures: dict[Key, Sums],
) -> None:
    ((key, mine),) = of("qwen_code", captures).items()
    assert mine.cost is None
    their = theirs("captures")[key]
    assert their.input == mine.input + mine.cache_read
    assert their.cost is not None
    assert replace(their, input=mine.input, cost=None) == replace(mine, reasoning=0)


def test_repeated_and_replayed_lines_and_cache_writes_of_an_hour(tmp_path: Path) -> None:
    names = ("claude_code_transcript.jsonl", "codex_rollout.jsonl")
    mine = counted(tmp_path, *(FIXTURES / "vendors" / name for name in names))
    assert mine == theirs("examples")
    assert {key[0]: value.cost for key, value in mine.items()} == {
        "claude_code": Decimal("0.02627"),
        "codex": Decimal("0.007245"),
    }
