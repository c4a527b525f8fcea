"""docs/numbers.md: its worked example and its comparison say what the models say."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.prices import export, overrides, plans
from tests.models.raw import line, request
from tests.models.test_ccusage import theirs
from tests.models.workbench import ARRIVAL, Workbench

PAGE = (Path(__file__).parents[2] / "docs" / "numbers.md").read_text(encoding="utf-8")
EXAMPLE = PAGE[PAGE.index("## An example with every figure") :]


def cells(text: str, first: str) -> list[str]:
    """The cells of the table row that begins with `first`."""
    for row in text.splitlines():
        if row.startswith(f"| {first} |"):
            return [cell.strip() for cell in row.strip("|").split("|")]
    raise AssertionError(f"docs/numbers.md has no row {first}")


def dollars(amount: Decimal | None) -> str:
    return "n/a" if amount is None else f"${amount.normalize():f}"


@pytest.fixture
def day(bench: Workbench, tmp_path: Path) -> Workbench:
    """The example's day."""
    declared = tmp_path / "plans.yaml"
    declared.write_text(
        "plans:\n- {vendor: anthropic, plan: Max, monthly: 200, developers: [alice@acme.dev], from: 2026-11-20}\n"
    )
    bench.take(
        export.changed_plan_rows(bench.database.cursor(), ARRIVAL, plans.load(declared)),
        line(
            1,
            model="claude-opus-5",
            input_tokens=4,
            cache_read_tokens=18_000,
            cache_write_1h_tokens=1200,
            output_tokens=210,
        ),
        line(2, model="claude-sonnet-4-5", input_tokens=150_000, cache_read_tokens=50_001, output_tokens=0),
        request(3, cache_write_tokens=800, cost_usd=Decimal("0.0155")),
        request(4, model="corp-opus"),
    )
    bench.build()
    return bench


def test_the_calls_of_the_example(day: Workbench) -> None:
    found = day.rows(
        "select model_name, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, cost_usd"
        " from staging.stg_api_requests order by ts"
    )
    for number, (model, *tokens, cost) in enumerate(found, start=1):
        row = cells(EXAMPLE, str(number))
        assert row[1] == model
        assert [cell.split(" ")[0].rstrip(",") for cell in row[2:6]] == [f"{count:,}" for count in tokens]
        assert row[6] == dollars(cost)
    assert len(found) == 4


def test_the_sum_and_the_reconciliation_of_the_example(day: Workbench) -> None:
    names = ("reported", "priced", "difference", "no_client_cost", "cache_split", "cost", "covered", "metered", "paid")
    found: dict[str, Any] = dict(
        zip(
            names,
            day.row(f"select {', '.join(name + '_usd' for name in names)} from mart.fct_cost_reconciliation"),
            strict=True,
        )
    )
    rows = {
        "reported": "reported",
        "priced": "priced",
        "difference": "difference",
        "of it: client reports no cost (calls 1 and 2)": "no_client_cost",
        "of it: cache split unknown (call 3)": "cache_split",
        "API-equivalent": "cost",
        "of it covered by the plan": "covered",
        "metered": "metered",
    }
    assert {first: cells(EXAMPLE, first)[1] for first in rows} == {
        first: dollars(found[name]) for first, name in rows.items()
    }
    assert f"The day is **{dollars(found['cost'])}** and 1,100 unpriced tokens" in EXAMPLE
    unpriced, billed, cause = day.row(
        "select unpriced_tokens, billed_usd, billed_cause from mart.fct_cost_reconciliation"
    )
    assert (unpriced, cells(EXAMPLE, "billed")[1]) == (1100, f"{dollars(billed)}, *{cause}*")
    # The month's days are whole parts of a dollar's twelfth digit, of which two days in three get one more.
    paid = cells(EXAMPLE, "paid for the plan that day (200 / 30)")[1]
    assert abs(Decimal(paid.removeprefix("$")) - found["paid"]) <= Decimal("1e-12")


def test_what_the_example_says_in_passing(bench: Workbench) -> None:
    tokens = {"model": "claude-opus-5", "input_tokens": 4, "cache_read_tokens": 18_000, "output_tokens": 210}
    bench.take(
        line(1, cache_write_5m_tokens=1200, **tokens),
        line(2, model="claude-sonnet-4-5", input_tokens=150_000, cache_read_tokens=50_000, output_tokens=0),
        request(3, cache_write_tokens=800),
    )
    bench.build()
    costs = [row[0] for row in bench.rows("select cost_usd from staging.stg_api_requests order by ts")]
    for cost in costs:
        assert dollars(cost) in EXAMPLE, cost
    assert costs == [Decimal("0.02177"), Decimal("0.465"), Decimal("0.0125")]


def test_the_comparison_with_ccusage_has_its_figures() -> None:
    sums = {key[0]: value for key, value in theirs("captures").items() if key[0] in ("gemini_cli", "qwen_code")}
    assert cells(PAGE, "Gemini CLI, output")[1] == f"{sums['gemini_cli'].output:,}"
    assert cells(PAGE, "Qwen Code, input")[1] == f"{sums['qwen_code'].input:,}"
    assert cells(PAGE, "Qwen Code, cost")[1] == dollars(sums["qwen_code"].cost)


def test_the_files_that_the_page_shows_are_right(tmp_path: Path) -> None:
    shown = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "shown.yaml"
    path.write_text(shown[0])
    (price,) = overrides.load(path).prices
    assert (price.provider, price.tier_above, price.cache_write_1h) == ("corp-gateway", 200_000, Decimal(8))
    assert price.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    path.write_text(shown[1])
    seats = plans.load(path).seats
    assert [seat.developer for seat in seats] == ["alice@acme.dev", "bob@acme.dev", None]
    assert {seat.monthly_usd for seat in seats} == {Decimal(200)}
