"""Where plans are declared, what is paid stands beside what the API would charge, under names of its own."""

from __future__ import annotations

from decimal import Decimal

from console.rows import Totals
from console.views import costs

NOTHING = Totals(total_tokens=10, unpriced_tokens=0, cost_usd=Decimal(3))
PAID = Totals(
    total_tokens=10, unpriced_tokens=0, cost_usd=Decimal(3), covered_usd=Decimal(2), paid_usd=Decimal("6.6667")
)


def said(totals: Totals) -> str:
    return " ".join("".join(span.text for span in line) for line in costs.unpriced_note(totals, (), 200))


def test_columns_of_plans_are_there_only_when_some_are_declared() -> None:
    titles = [column.title for column in costs.table_columns("developer")]
    assert "COST" in titles
    assert not {"PAID", "BY PLAN", "API-EQ"} & set(titles)
    declared = [column.title for column in costs.table_columns("developer", paid=True)]
    assert {"API-EQ", "PAID", "BY PLAN"} < set(declared)
    assert "COST" not in declared


def test_the_note_tells_the_two_apart() -> None:
    assert "plans cover $2.00 of it; PAID is what they cost" in said(PAID)
    assert "PAID" not in said(NOTHING)
    assert "what the API would charge" in said(NOTHING)
