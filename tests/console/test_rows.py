"""JSON from the engine becomes values, checked once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from console.feed import VIEWS
from console.rows import Commit, Cost, Metadata, Session, WrongAnswer, parse
from tests.console.team import recorded


def test_money_stays_exact() -> None:
    assert parse(Cost, {"key": "a", "cost_usd": "0.123456789012"}).cost_usd == Decimal("0.123456789012")


def test_instants_are_aware_utc() -> None:
    row = parse(Session, {"session_id": "s", "session_start": "2026-11-20T15:02:11+01:00"})
    assert row.session_start == datetime(2026, 11, 20, 14, 2, 11, tzinfo=UTC)


def test_null_and_absent_are_both_unknown() -> None:
    row = parse(Session, {"session_id": "s", "cost_usd": None})
    assert row.cost_usd is None
    assert row.total_tokens is None


def test_fields_of_a_newer_engine_are_ignored() -> None:
    assert parse(Session, {"session_id": "s", "mood": "good"}).session_id == "s"


def test_a_group_without_a_value_has_a_key_of_its_own() -> None:
    assert parse(Cost, {"key": None, "cost_usd": "1"}).key == "(none)"


def test_links_are_values_too() -> None:
    link = {"agent_type": "codex", "session_id": "s", "confidence": 0.98, "method": "telemetry_sha"}
    row = parse(Commit, {"commit_hash": "abc", "links": [link]})
    assert row.links[0].confidence == Decimal("0.98")


@pytest.mark.parametrize(
    "wrong",
    [
        {"session_id": "s", "total_tokens": "many"},
        {"session_id": "s", "total_tokens": 1.5},
        {"session_id": "s", "cost_usd": "cheap"},
        {"session_id": "s", "session_start": "yesterday"},
        {"session_id": "s", "models": "opus"},
        {"agent_type": "codex"},
        ["session_id"],
    ],
)
def test_what_is_not_the_contract_is_said(wrong: object) -> None:
    with pytest.raises(WrongAnswer):
        parse(Session, wrong)


def test_every_recorded_row_parses_and_keys_are_unique() -> None:
    for view, rows in recorded().items():
        if view in VIEWS:
            keys = [parse(VIEWS[view], row).key for row in rows]
            assert len(set(keys)) == len(keys) > 0


def test_totals_come_with_the_metadata() -> None:
    told = parse(Metadata, {"total": 3, "event_count": 9, "totals": {"cost_usd": "5.50"}})
    assert told.totals is not None
    assert told.totals.cost_usd == Decimal("5.50")
