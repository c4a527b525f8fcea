"""Raw rows to compare on, and one dbt for all tests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.prices import export
from engine.store.rows import RawRows
from tests.equivalence.real_dbt import RealDbt
from tests.models import raw
from tests.models.team import Team
from tests.models.test_captures import SCENARIOS, telemetry, transcripts
from tests.models.test_live import a_teams_day
from tests.models.workbench import ARRIVAL, Workbench

VARIABLES: dict[str, Any] = {
    "report_timezone": "America/New_York",
    "internal_domains": ["acme.dev", "team.example"],
    "correlation_window": 120,
}
SESSIONS, CALLS = 20_000, 1.5


@pytest.fixture(scope="session")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDbt]:
    """Real dbt, started once."""
    real = RealDbt(tmp_path_factory.mktemp("dbt"), VARIABLES)
    yield real
    real.close()


def plans_and_bills() -> list[RawRows]:
    """A plan with an empty seat, and a bill in cents with a line in another currency."""
    paid: dict[str, Any] = {
        "vendor": "anthropic",
        "plan": "Max",
        "agent_types": "claude_code",
        "monthly_usd": Decimal(200),
        "valid_from": date(2026, 10, 17),
        "plan_source": "plans.yaml 1",
    }
    line = {"source": "anthropic.cost_report", "scope": "acme", "day": date(2026, 11, 19)}
    return [
        raw.rows("plans", developer="alice@acme.dev", **paid),
        raw.rows("plans", **paid),
        raw.rows("vendor_reports", report_key="1", payload='{"amount": "123.78912", "currency": "USD"}', **line),
        raw.rows("vendor_reports", report_key="2", payload='{"amount": "5", "currency": "EUR"}', **line),
    ]


@pytest.fixture(scope="session")
def raw_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real captures, the day that the tests of the models know, and 20,000 short sessions of a team: 250,000 rows."""
    bench = Workbench(tmp_path_factory.mktemp("raw"))
    bench.take(export.price_rows(ARRIVAL), *a_teams_day(), *plans_and_bills())
    bench.take(*(group for scenario in SCENARIOS for group in telemetry(scenario) + transcripts(scenario)))
    team = Team(SESSIONS, calls=CALLS, first_batch=bench.writer.batch_id + 1)
    team.write_history(bench.database.cursor())
    bench.writer.reopened()
    bench.take_names()
    bench.close()
    return bench.path
