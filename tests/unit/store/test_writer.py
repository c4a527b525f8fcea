"""Rows become rows of the raw tables: typed, numbered, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest

from engine.store.catalogue import current
from engine.store.database import Database
from engine.store.migrations import migrate
from engine.store.rows import RawRows, dedup_key
from engine.store.writer import Writer

NOW = datetime.now(UTC).replace(microsecond=0)


def log_row(name: str, **more: Any) -> dict[str, Any]:
    return {
        "dedup_key": dedup_key("otel_logs", [name]),
        "timestamp": NOW,
        "agent_type": "claude_code",
        "event_name": name,
        **more,
    }


def logs(*rows: dict[str, Any]) -> RawRows:
    found = RawRows()
    for row in rows:
        found.append("otel_logs", row)
    return found


class Store:
    """A migrated database with its writer; offsets count up by one per write."""

    def __init__(self, path: Path) -> None:
        self.database = Database.open(path)
        migrate(self.database)
        self.writer = Writer(self.database)

    def write(self, rows: RawRows, received_at: datetime = NOW) -> int:
        offset = self.writer.journal_offset + 1
        applied = self.writer.write(self.writer.catalogue.to_arrow(rows, received_at), offset)
        return sum(applied.inserted.values())

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.cursor().execute(sql).fetchall()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "agent_analytics.duckdb")
    yield store
    store.database.close()


def test_values_arrive_in_the_tables_types(store: Store) -> None:
    store.write(
        logs(log_row("a", cost_usd=Decimal("0.000000000123"), attributes='{"k": 1}', success=True, input_tokens=2**62))
    )
    (row,) = store.ask("select dedup_key, timestamp, cost_usd, attributes, success, input_tokens from raw.otel_logs")
    assert row == (UUID(dedup_key("otel_logs", ["a"])), NOW, Decimal("0.000000000123"), '{"k": 1}', True, 2**62)


def test_instants_may_be_microseconds(store: Store) -> None:
    store.write(logs(log_row("a", timestamp=int(NOW.timestamp() * 1_000_000))))
    assert store.ask("select timestamp from raw.otel_logs") == [(NOW,)]


def test_batches_are_numbered_and_hold_their_journal_offset(store: Store) -> None:
    store.write(logs(log_row("a")))
    store.write(logs(log_row("b"), log_row("c")))
    assert store.ask("select batch_id, journal_offset, row_count from ops.batches") == [(1, 1, 1), (2, 2, 2)]
    assert store.ask("select event_name, batch_id from raw.otel_logs order by 1") == [("a", 1), ("b", 2), ("c", 2)]


def test_a_replay_adds_no_row(store: Store) -> None:
    assert store.write(logs(log_row("a"), log_row("b"))) == 2
    assert store.write(logs(log_row("b"), log_row("a"), log_row("c"))) == 1


def test_a_replay_inside_one_batch_adds_no_row(store: Store) -> None:
    assert store.write(logs(log_row("a", severity="first"), log_row("b"), log_row("a", severity="second"))) == 2
    assert store.ask("select severity from raw.otel_logs where event_name = 'a'") == [("first",)]


def test_a_replay_without_a_time_of_its_own_adds_no_row(store: Store) -> None:
    earlier = NOW - timedelta(hours=1)
    store.write(logs(log_row("a", timestamp=earlier, received_at=earlier)))
    assert store.write(logs(log_row("a", timestamp=NOW, received_at=NOW), log_row("b"))) == 1


def test_a_replay_of_old_records_among_new_ones_adds_no_row(store: Store) -> None:
    old = [log_row(f"old-{day}", timestamp=NOW - timedelta(days=day)) for day in range(30)]
    store.write(logs(*old))
    assert store.write(logs(log_row("new"), *old[::7])) == 1


def test_a_replay_after_the_window_is_left_to_the_models(store: Store) -> None:
    store.write(logs(log_row("a")), received_at=NOW - timedelta(hours=49))
    assert store.write(logs(log_row("a"))) == 1


def test_slow_tables_are_unique_for_ever(store: Store) -> None:
    rows = RawRows()
    rows.append("model_names", {"dedup_key": dedup_key("model_names", ["m"]), "model_name": "m"})
    assert store.write(rows, received_at=NOW - timedelta(days=400)) == 1
    assert store.write(rows) == 0


def test_a_state_can_be_told_again_after_it_changed(store: Store) -> None:
    def repository(watched: bool) -> RawRows:
        values = {"project_id": "p", "project_name": "p", "root_path": "/p", "watched": watched}
        rows = RawRows()
        rows.append("repositories", values | {"dedup_key": dedup_key("repositories", values.values())})
        return rows

    told = [store.write(repository(watched)) for watched in (True, True, False, True)]
    assert told == [1, 0, 1, 1]
    assert store.ask("select arg_max(watched, batch_id) from raw.repositories") == [(True,)]


def test_a_failed_batch_stores_nothing_and_takes_no_number(store: Store) -> None:
    with pytest.raises(duckdb.ConversionException):
        store.write(logs(log_row("a"), log_row("b", attributes="{not json")))
    assert store.ask("select count(*) from raw.otel_logs") == [(0,)]
    assert store.write(logs(log_row("a"))) == 1
    assert store.writer.batch_id == 1


def test_a_new_writer_goes_on_where_the_last_one_stopped(store: Store) -> None:
    store.write(logs(log_row("a")))
    again = Writer(store.database)
    assert (again.batch_id, again.journal_offset) == (1, 1)


def test_rows_that_fit_no_table_are_refused_by_name() -> None:
    catalogue = current()
    cases = {
        r"there is no table raw\.nowhere": ("nowhere", {"dedup_key": "00" * 16}),
        r"raw\.otel_logs has no column colour": ("otel_logs", log_row("a", colour="red")),
        r"raw\.otel_logs\.agent_type is required": ("otel_logs", log_row("a", agent_type=None)),
        r"raw\.otel_logs\.timestamp is required": ("otel_logs", {"dedup_key": "00" * 16, "agent_type": "x"}),
        r"raw\.otel_logs\.dedup_key is not a UUID": ("otel_logs", log_row("a", dedup_key="short")),
        r"raw\.otel_logs\.input_tokens \(BIGINT\)": ("otel_logs", log_row("a", input_tokens=2**63)),
        r"raw\.otel_logs\.event_name \(VARCHAR\)": ("otel_logs", log_row("a", event_name="\ud800")),
        r"raw\.otel_logs\.cost_usd \(DECIMAL": ("otel_logs", log_row("a", cost_usd=Decimal("1e-20"))),
    }
    for message, (table, row) in cases.items():
        rows = RawRows()
        rows.append(table, row)
        with pytest.raises(ValueError, match=message):
            catalogue.to_arrow(rows, NOW)


def test_rows_without_an_arrival_get_one() -> None:
    rows = logs(log_row("a"), log_row("b", received_at=NOW - timedelta(days=1)))
    table = current().to_arrow(rows, NOW)["otel_logs"]
    assert table.column("received_at").to_pylist() == [NOW, NOW - timedelta(days=1)]


def test_the_catalogue_without_a_file_is_that_of_a_migrated_one(store: Store) -> None:
    assert current() == store.writer.catalogue
