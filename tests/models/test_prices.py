"""Money: the SQL and genai-prices agree on every request, and what has no price says so."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import ModelPrice
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.prices import book, export
from engine.store.rows import RawRows
from tests.models.raw import OPUS, at, request
from tests.models.workbench import ARRIVAL, Workbench

AGENTS = {"anthropic", "openai", "google", "aws", "x-ai", "deepseek", "moonshotai", "zai", "mistral", "github-copilot"}
PRICED = "select cost_priced_usd, cost_reported_usd, cost_usd, cost_basis from staging.stg_api_requests"
FIRST_DAY = datetime(2025, 1, 1, tzinfo=UTC)


def known_models() -> list[tuple[str, Any]]:
    """(provider, model of genai-prices) whose prices the book holds without loss and that have text prices."""
    prices = book.load().prices
    whole = {(p.provider, p.model_id) for p in prices if p.input is not None and p.output is not None}
    rounded = {
        (p.provider, p.model_id)
        for p in prices
        if any(a is not None and a != a.quantize(Decimal("1e-6")) for a in p.amounts())
    }
    return [
        (provider.id, model)
        for provider in providers
        if provider.id in AGENTS
        for model in provider.models
        if (provider.id, model.id) in whole - rounded
        and (isinstance(model.prices, ModelPrice) or not any(_times_of_day(rule) for rule in model.prices))
        and not _other_units(model)
    ]


def _times_of_day(rule: Any) -> bool:
    return type(rule.constraint).__name__ == "TimeOfDateConstraint"


def _other_units(model: Any) -> bool:
    """Kinds of output that are priced apart from text change what plain output costs."""
    rules = [model.prices] if isinstance(model.prices, ModelPrice) else [rule.prices for rule in model.prices]
    return any(getattr(prices, "output_reasoning_mtok", None) is not None for prices in rules)


MODELS = known_models()
SPEEDS = {
    "standard": None,
    "fast": {"speed": "fast", "service_tier": "fast"},
    "batch": {"processing": "batch"},
    "priority": {"service_tier": "priority"},
    "flex": {"service_tier": "flex"},
}
SIZES = st.one_of(st.integers(0, 50_000), st.sampled_from([0, 1, 100_000, 100_001, 200_000, 200_001, 272_001, 10**6]))
CASES = st.tuples(
    st.sampled_from(range(len(MODELS))),
    st.integers(0, 700 * 86_400),
    st.sampled_from(sorted(SPEEDS)),
    st.tuples(SIZES, SIZES, SIZES, SIZES, SIZES),
)


def test_there_are_many_known_models() -> None:
    assert len(MODELS) > 300


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases=st.lists(CASES, min_size=80, max_size=200))
def test_sql_prices_like_genai_prices(
    priced_file: Path, tmp_path_factory: pytest.TempPathFactory, cases: list[tuple[int, int, str, tuple[int, ...]]]
) -> None:
    folder = tmp_path_factory.mktemp("prices")
    shutil.copyfile(priced_file, folder / priced_file.name)
    bench = Workbench(folder)
    try:
        lines, names = RawRows(), RawRows()
        for index, (chosen, seconds, speed, (whole, read, short, long, output)) in enumerate(cases):
            provider, model = MODELS[chosen]
            names.append(
                "model_names",
                {
                    "dedup_key": f"{chosen:032x}",
                    "model_name": f"{provider} {model.id}",
                    "provider": provider,
                    "model_id": model.id,
                },
            )
            lines.append(
                "transcript_usage",
                {
                    "dedup_key": f"{index:032x}",
                    "timestamp": FIRST_DAY + timedelta(seconds=seconds),
                    "agent_type": "claude_code",
                    "session_id": f"s{index}",
                    "model": f"{provider} {model.id}",
                    "input_tokens": whole,
                    "cache_read_tokens": read,
                    "cache_write_5m_tokens": short,
                    "cache_write_1h_tokens": long,
                    "output_tokens": output,
                    "speed": speed,
                },
            )
        bench.take(names, lines)
        bench.build()
        found = dict(
            bench.rows("select cast(right(session_id, -1) as integer), cost_priced_usd from staging.stg_api_requests")
        )
        for index, (chosen, seconds, speed, (whole, read, short, long, output)) in enumerate(cases):
            provider, model = MODELS[chosen]
            usage = Usage(
                input_tokens=whole + read + short + long,
                cache_read_tokens=read,
                cache_write_tokens=short + long,
                cache_write_5m_tokens=short,
                cache_write_1h_tokens=long,
                output_tokens=output,
            )
            prices = model.get_prices(FIRST_DAY + timedelta(seconds=seconds), SPEEDS[speed])
            assert found[index] == prices.calc_price(usage)["total_price"], (provider, model.id, cases[index])
    finally:
        bench.close()


NAMED = (
    ("claude-opus-4-8[1m]", "anthropic", "claude-opus-4-8"),
    ("anthropic/claude-opus-5", "anthropic", "claude-opus-5"),
    ("claude-opus-4-6", "anthropic", "claude-opus-4-6"),
    ("claude-sonnet-4-20250514", "anthropic", "claude-sonnet-4-20250514"),
    ("claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5-20250929"),
    ("us.anthropic.claude-opus-4-8-v1:0", "aws", "us.anthropic.claude-opus-4-8-v1:0"),
    ("gpt-5.1-codex", "openai", "gpt-5.1-codex"),
    ("gpt-5.5", "openai", "gpt-5.5"),
    ("o3", "openai", "o3"),
    ("gemini-2.5-pro", "google", "gemini-2.5-pro"),
)
"""Names as agents say them, and what genai-prices is asked for."""
CALLS = st.tuples(
    st.sampled_from(NAMED),
    st.integers(0, 700 * 86_400),
    st.sampled_from(sorted(SPEEDS)),
    st.tuples(SIZES, SIZES, SIZES, SIZES, SIZES),
)


@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(CALLS, min_size=100, max_size=250))
def test_names_dates_speeds_and_sizes_cost_what_genai_prices_calculates(
    priced_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
    calls: list[tuple[tuple[str, str, str], int, str, tuple[int, ...]]],
) -> None:
    """Independent of our book, our names and our SQL: genai-prices is asked for each call by itself."""
    folder = tmp_path_factory.mktemp("calls")
    shutil.copyfile(priced_file, folder / priced_file.name)
    bench = Workbench(folder)
    try:
        lines, expected = RawRows(), {}
        for index, ((name, provider, model), seconds, speed, (whole, read, short, long, output)) in enumerate(calls):
            instant = FIRST_DAY + timedelta(seconds=seconds)
            lines.append(
                "transcript_usage",
                {
                    "dedup_key": f"{index:032x}",
                    "timestamp": instant,
                    "agent_type": "claude_code",
                    "session_id": f"s{index}",
                    "model": name,
                    "input_tokens": whole,
                    "cache_read_tokens": read,
                    "cache_write_5m_tokens": short,
                    "cache_write_1h_tokens": long,
                    "output_tokens": output,
                    "speed": speed,
                },
            )
            usage = Usage(
                input_tokens=whole + read + short + long,
                cache_read_tokens=read,
                cache_write_tokens=short + long,
                cache_write_5m_tokens=short,
                cache_write_1h_tokens=long,
                output_tokens=output,
            )
            expected[index] = calc_price(
                usage, model, provider_id=provider, genai_request_timestamp=instant, price_context=SPEEDS[speed]
            ).total_price
        bench.take(lines)
        bench.build()
        found = dict(
            bench.rows("select cast(right(session_id, -1) as integer), cost_priced_usd from staging.stg_api_requests")
        )
        assert found == expected
    finally:
        bench.close()


def test_a_price_cut_holds_from_its_day(bench: Workbench) -> None:
    """o3 fell from 10 to 2 dollars on 10 June 2025."""
    cut = datetime(2025, 6, 10, tzinfo=UTC)
    bench.take(
        request(model="o3", timestamp=cut - timedelta(microseconds=1), input_tokens=1_000_000, output_tokens=0),
        request(model="o3", timestamp=cut, input_tokens=1_000_000, output_tokens=0),
    )
    bench.build()
    assert bench.rows("select cost_priced_usd from staging.stg_api_requests order by ts") == [
        (Decimal(10),),
        (Decimal(2),),
    ]


def test_the_tier_is_that_of_the_request_and_never_of_a_sum(bench: Workbench) -> None:
    """Thirty requests of 100,000 tokens stay below the 200,000 tier of claude-sonnet-4-5."""
    sonnet = {"model": "claude-sonnet-4-5", "output_tokens": 0}
    bench.take(*(request(index * 60, input_tokens=100_000, **sonnet) for index in range(30)))
    bench.take(request(0, session_id="s2", input_tokens=150_000, cache_read_tokens=50_001, **sonnet))
    bench.build()
    assert bench.rows("select cost_usd from mart.fct_sessions order by session_id") == [
        (Decimal("9.00"),),
        (Decimal("0.9300006"),),
    ]


def test_an_unknown_model_has_no_price_and_keeps_its_clients_guess_apart(bench: Workbench) -> None:
    bench.take(request(model="corp-opus", cost_usd=Decimal("0.5")))
    bench.build()
    assert bench.row(PRICED) == (None, Decimal("0.5"), None, "unpriced")
    assert bench.row("select cost_usd, unpriced_tokens, cost_basis from mart.fct_daily_usage") == (
        None,
        1100,
        "unpriced",
    )


def test_the_clients_figure_counts_for_a_known_model(bench: Workbench) -> None:
    bench.take(request(cost_usd=Decimal("0.5")))
    bench.build()
    assert bench.row(PRICED) == (Decimal("0.0075"), Decimal("0.5"), Decimal("0.5"), "reported")


def test_reported_and_priced_requests_together_are_mixed(bench: Workbench) -> None:
    bench.take(request(0, cost_usd=Decimal("0.5")), request(9), request(20, model="corp-opus"))
    bench.build()
    assert bench.row("select cost_usd, unpriced_tokens, cost_basis from mart.fct_sessions") == (
        Decimal("0.5075"),
        1100,
        "mixed",
    )


def test_names_learned_later_price_what_was_unpriced(bench: Workbench) -> None:
    bench.take(request(model="corp-opus"))
    bench.build()
    bench.take(
        RawRows(),
        _name("corp-opus", "anthropic", "claude-opus-4-8"),
    )
    bench.build()
    assert bench.row(PRICED) == (Decimal("0.0075"), None, Decimal("0.0075"), "priced")


def test_a_newer_book_wins_and_own_prices_win_over_it(bench: Workbench, tmp_path: Path) -> None:
    bench.take(request())
    newer = export.price_rows(ARRIVAL)
    columns = newer.tables["model_prices"]
    columns["price_source"] = ["genai-prices 99" if s.startswith("genai") else s for s in columns["price_source"]]
    columns["input_usd_per_mtok"] = [None if p is None else p * 2 for p in columns["input_usd_per_mtok"]]
    columns["dedup_key"] = [f"{index:032x}" for index in range(len(columns["dedup_key"]))]
    bench.take(newer)
    bench.build()
    assert bench.row("select cost_usd, price_source from staging.stg_api_requests") == (
        Decimal("0.0125"),
        "genai-prices 99",
    )
    own = tmp_path / "prices.yaml"
    own.write_text(f"prices:\n- model: {OPUS}\n  input: 0.1\n  output: 0\n  until: 2027-01-01\n")
    bench.take(export.changed_price_rows(bench.database.cursor(), ARRIVAL + timedelta(hours=1), own))
    bench.build()
    assert bench.row("select cost_usd from staging.stg_api_requests") == (Decimal("0.0001"),)
    own.unlink()
    bench.take(export.changed_price_rows(bench.database.cursor(), ARRIVAL + timedelta(hours=2), own))
    bench.build()
    assert bench.row("select cost_usd from staging.stg_api_requests") == (Decimal("0.0075"),)


def test_nothing_is_published_when_nothing_changed(bench: Workbench) -> None:
    assert not export.changed_price_rows(bench.database.cursor(), ARRIVAL)
    bench.take(request(0), request(5))
    assert export.new_model_names(bench.database.cursor()) == [("claude_code", OPUS)]
    bench.take_names()
    assert export.new_model_names(bench.database.cursor()) == []
    assert at(0) < ARRIVAL


def _name(name: str, provider: str, model_id: str) -> RawRows:
    rows = RawRows()
    rows.append(
        "model_names",
        {
            "dedup_key": "f" * 32,
            "model_name": name,
            "agent_type": "claude_code",
            "provider": provider,
            "model_id": model_id,
        },
    )
    return rows
