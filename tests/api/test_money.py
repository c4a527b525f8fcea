"""What is paid is never mixed up with what the same calls would cost on the API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.api.stream import Broadcaster
from engine.clock import FixedClock
from engine.prices import plans
from engine.prices.export import changed_plan_rows
from engine.store.rows import RawRows
from tests.api.conftest import Api, serve
from tests.api.workspace import ALICE, BOB, CAROL, NOW, Workspace, team

PLANS = """
plans:
- {vendor: anthropic, plan: Max, monthly: 300, developers: [alice@example.org], from: 2026-11-01}
- {vendor: openai, plan: Team, monthly: 30, developers: [carol@example.org], seats: 2, from: 2026-11-05}
"""


def declare(workspace: Workspace, path: Path, text: str, minute: int = 0) -> None:
    """What an engine does when plans.yaml was edited, so many minutes past noon."""
    path.write_text(text)
    told_at = NOW + timedelta(minutes=minute)
    workspace.write(changed_plan_rows(workspace.database.cursor(), told_at, plans.load(path)))


def bill(workspace: Workspace, day: str, source: str, payload: dict[str, Any], key: str = "1") -> None:
    """A line of a vendor's report."""
    rows = RawRows()
    rows.append(
        "vendor_reports",
        {
            "dedup_key": uuid.uuid4().hex,
            "received_at": NOW,
            "source": source,
            "scope": "acme",
            "day": date.fromisoformat(day),
            "report_key": key,
            "payload": json.dumps(payload),
        },
    )
    workspace.write(rows)


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The team with plans: Alice's covers her calls, Carol's stands beside calls of another agent."""
    folder = tmp_path_factory.mktemp("paid")
    workspace = Workspace(folder)
    workspace.write(team())
    declare(workspace, folder / "plans.yaml", PLANS)
    bill(workspace, "2026-11-05", "invoice", {"vendor": "openai", "amount_usd": "0.03"})
    bill(workspace, "2026-11-04", "anthropic.cost_report", {"currency": "USD", "amount": "12.5"}, "a")
    bill(workspace, "2026-11-04", "anthropic.cost_report", {"currency": "USD", "amount": "25"}, "b")
    bill(workspace, "2026-11-04", "anthropic.cost_report", {"currency": "EUR", "amount": "99"}, "c")
    clock = FixedClock(NOW)
    with serve(workspace, folder, Broadcaster(clock), clock) as api:
        yield api
    workspace.close()


def by_key(rows: list[dict[str, Any]], key: str = "key") -> dict[str, dict[str, Any]]:
    return {row[key]: row for row in rows}


def money(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def test_a_developers_plan_stands_beside_what_the_calls_would_cost(paid: Api) -> None:
    found = by_key(paid.rows("costs", by="developer"))
    assert (money(found[ALICE]["cost_usd"]), money(found[ALICE]["covered_usd"])) == (Decimal("3.6"), Decimal("3.6"))
    assert money(found[ALICE]["paid_usd"]) == Decimal("50")  # five of thirty days
    assert money(found[BOB]["cost_usd"]) == Decimal("0.0225")
    assert (found[BOB]["covered_usd"], found[BOB]["paid_usd"]) == (None, None)
    assert (found[CAROL]["covered_usd"], money(found[CAROL]["paid_usd"])) == (None, Decimal("1"))


def test_seats_that_nobody_sits_on_are_in_the_total(paid: Api) -> None:
    totals = paid.get("/api/v1/costs", by="developer").json()["metadata"]["totals"]
    assert Decimal(totals["paid_usd"]) == Decimal("52")  # Carol's and the empty seat, one day each
    assert Decimal(totals["covered_usd"]) == Decimal("3.6")


def test_days_and_agents_have_their_share(paid: Api) -> None:
    days = by_key(paid.rows("costs", by="day"))
    assert {day: money(days[day]["paid_usd"]) for day in ("2026-11-04", "2026-11-05")} == {
        "2026-11-04": Decimal(10),
        "2026-11-05": Decimal(12),
    }
    assert days["2026-10-30"]["paid_usd"] is None
    agents = by_key(paid.rows("costs", by="agent"))
    assert money(agents["claude_code"]["paid_usd"]) == Decimal(50)
    assert (money(agents["codex"]["paid_usd"]), agents["codex"]["covered_usd"]) == (Decimal(2), None)


@pytest.mark.parametrize("by", ["model", "project", "branch"])
def test_no_plan_is_paid_for_a_model_or_a_project(paid: Api, by: str) -> None:
    answer = paid.get("/api/v1/costs", by=by).json()
    assert {row["paid_usd"] for row in answer["data"]} == {None}
    assert answer["metadata"]["totals"]["paid_usd"] is None


@pytest.mark.parametrize("filter", ["model:opus*", "project:web", "branch:main", "kind:main", "claude"])
def test_a_filter_that_divides_a_plan_leaves_it_unknown(paid: Api, filter: str) -> None:
    assert {row["paid_usd"] for row in paid.rows("costs", by="developer", filter=filter)} == {None}


def test_filters_that_plans_answer_hold_for_them(paid: Api) -> None:
    found = by_key(paid.rows("costs", by="developer", filter="dev:alice since:2026-11-05"))
    assert {key: money(row["paid_usd"]) for key, row in found.items()} == {ALICE: Decimal(10)}
    (agent,) = paid.rows("costs", by="agent", filter="agent:codex")
    assert money(agent["paid_usd"]) == Decimal(2)


def test_who_sees_only_some_rows_sees_no_others_plans(paid: Api) -> None:
    own = paid.get("/api/v1/costs", "developer", by="day").json()
    assert Decimal(own["metadata"]["totals"]["paid_usd"]) == Decimal(50)
    assert {row["paid_usd"] for row in paid.rows("costs", "web", by="developer")} == {None}
    assert paid.rows("reconciliation", "developer") == [] == paid.rows("reconciliation", "web")


def test_bills_plans_and_price_book_side_by_side(paid: Api) -> None:
    found = by_key(paid.rows("reconciliation"), "reconciliation_key")
    night = found["2026-11-04 anthropic"]
    assert [money(night[name]) for name in ("reported_usd", "cost_usd", "covered_usd", "metered_usd", "paid_usd")] == [
        *(Decimal(1), Decimal(1), Decimal(1)),
        *(Decimal(0), Decimal(10)),
    ]
    assert (money(night["billed_usd"]), money(night["billed_difference_usd"])) == (Decimal("0.375"), Decimal("0.375"))
    assert night["billed_cause"] == "calls that no source told of, auxiliary ones or other machines"
    assert found["2026-11-05 anthropic"]["billed_cause"] == "not billed: subscription"
    codex = found["2026-11-05 openai"]
    assert (codex["cause"], codex["reported_usd"], money(codex["priced_usd"])) == (
        "client reports no cost",
        None,
        Decimal("0.0225"),
    )
    assert money(codex["billed_difference_usd"]) == Decimal("0.0075")
    assert (found["2026-10-30 anthropic"]["cause"], found["2026-10-30 anthropic"]["billed_cause"]) == (
        "unpriced model",
        "no bill read",
    )
    assert found["2026-11-02 anthropic"]["billed_cause"] == "nothing used"


def test_the_last_word_of_plans_counts_and_their_end_too(fresh: Api, tmp_path: Path) -> None:
    path = tmp_path / "plans.yaml"
    fresh.workspace.write(team())
    declare(fresh.workspace, path, PLANS)
    declare(fresh.workspace, path, PLANS.replace("monthly: 300", "monthly: 600"), 1)
    assert money(by_key(fresh.rows("costs", by="developer"))[ALICE]["paid_usd"]) == Decimal(100)
    declare(fresh.workspace, path, PLANS, 2)
    assert money(by_key(fresh.rows("costs", by="developer"))[ALICE]["paid_usd"]) == Decimal(50)
    declare(fresh.workspace, path, "plans: []\n", 3)
    assert {row["paid_usd"] for row in fresh.rows("costs", by="developer")} == {None}
    assert {row["covered_usd"] for row in fresh.rows("costs", by="developer")} == {None}


def test_without_bill_and_plans_nothing_is_made_up(asked: Api) -> None:
    rows = asked.rows("reconciliation")
    assert rows
    assert {(row["billed_usd"], row["paid_usd"], row["covered_usd"]) for row in rows} == {(None, None, None)}
    assert {row["billed_cause"] for row in rows} == {"no bill read"}
