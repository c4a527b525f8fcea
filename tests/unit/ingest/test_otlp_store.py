"""Decoded rows fit the raw tables: every capture goes into a real database, and a replay adds nothing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.catalogue import current
from engine.store.database import Database
from engine.store.migrations import migrate
from engine.store.rows import RawRows
from engine.store.writer import Writer
from tests.unit.ingest.otlp_support import ALL, RECEIVED, SCENARIOS, decoded


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database.open(tmp_path / "agent_analytics.duckdb")
    migrate(opened)
    yield opened
    opened.close()


def everything() -> RawRows:
    rows = RawRows()
    for capture in ALL:
        rows.merge(decoded(capture.signal, capture.body, capture.encoding).rows)
    return rows


def test_all_captures_are_stored_and_a_replay_adds_nothing(database: Database) -> None:
    writer = Writer(database)
    rows = everything()
    first = writer.write(current().to_arrow(rows, RECEIVED), 1)
    again = writer.write(current().to_arrow(everything(), RECEIVED), 2)
    for table in ("otel_metrics", "otel_logs", "otel_spans"):
        assert first.inserted[table] == rows.length(table)
    assert first.inserted["dropped_attributes"] > 0
    assert set(again.inserted.values()) == {0}


def test_stored_values_are_typed(database: Database) -> None:
    Writer(database).write(current().to_arrow(everything(), RECEIVED), 1)
    found = database.cursor().execute(
        "select agent_type, count(*), sum(output_tokens), sum(cost_usd) is not null, bool_and(timestamp < received_at),"
        " count(*) filter (where json_valid(attributes::varchar) = false)"
        " from raw.otel_logs where input_tokens is not null and agent_type in ('claude_code', 'codex')"
        " group by all order by all"
    )
    truth = {agent: Counter[str]() for agent in ("claude", "codex")}
    for scenario in SCENARIOS:
        truth[scenario.parent.name].update(json.loads((scenario / "truth.json").read_text()).get("expected") or {})
    claude, codex = truth["claude"], truth["codex"]
    assert found.fetchall() == [
        ("claude_code", claude["requests"], claude["output_tokens"], True, True, 0),
        ("codex", codex["requests"], codex["output_tokens"], False, True, 0),
    ]


def test_every_row_points_at_a_stored_resource(database: Database) -> None:
    Writer(database).write(current().to_arrow(everything(), RECEIVED), 1)
    for table in ("otel_metrics", "otel_logs", "otel_spans"):
        missing = database.cursor().execute(
            f"select count(*) from raw.{table} anti join raw.resources r on {table}.resource_id = r.dedup_key"
        )
        assert missing.fetchall() == [(0,)]
