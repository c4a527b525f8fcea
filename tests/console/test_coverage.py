"""How far figures may be believed, in words: alarms, differences between sources, shares of a total."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from console.rows import Coverage, SessionSource, Trust
from console.views import coverage
from console.views.columns import place
from console.views.context import Context
from console.views.explain import ROWS, explain_lines
from console.views.figures import FIGURES
from console.views.line import plain, width_of
from console.views.table import GUTTER, Look, row_line
from engine.api.explain_accounts import NAMES
from engine.api.views import VIEWS

NOW = datetime(2026, 11, 20, 14, 0, tzinfo=UTC)
CONTEXT = Context(NOW, UTC)
QUIET = Coverage(
    "2026-11-20 alice claude_code",
    date(2026, 11, 20),
    "alice@acme.dev",
    "Alice",
    "claude_code",
    ("log", "transcript"),
    request_count=10,
    telemetry_request_count=10,
    transcript_request_count=10,
    total_tokens=1000,
    log_tokens=1000,
    span_tokens=0,
    transcript_tokens=1000,
    single_source_tokens=0,
    verdict="sources agree",
)
STOPPED = replace(
    QUIET,
    sources=("hook", "transcript"),
    log_tokens=0,
    telemetry_request_count=0,
    single_source_tokens=1000,
    verdict="telemetry stopped",
    alarm="telemetry stopped",
    alarm_since=NOW - timedelta(hours=3),
    last_told_at=NOW - timedelta(days=1),
    last_told_version="2.1.8",
    silent_version="2.2.0",
    silent_session_count=2,
    silent_tokens=1000,
    state="alarm",
)
TRUST = Trust("all", 14, 3, 3, 0, 0, 1_000_000, 4_000, 0, 0)


def cells(row: Coverage, width: int = 78) -> str:
    return plain([row_line(row, place(coverage.COLUMNS, width), Look(), CONTEXT, width + GUTTER)])


class TestADay:
    def test_a_source_that_did_not_speak_is_not_zero(self) -> None:
        assert cells(QUIET).split()[-5:] == ["1.0k", "1.0k", "1.0k", "✓", "sources", "agree"][-5:]
        assert " –  1.0k ! telemetry stopped" in cells(STOPPED)

    def test_counters_stand_for_telemetry_where_there_is_nothing_better(self) -> None:
        assert coverage.telemetry_tokens(replace(QUIET, sources=("metric",), metric_tokens=700)) == 700
        assert coverage.telemetry_tokens(replace(QUIET, sources=("log", "metric"), metric_tokens=700)) == 1000

    def test_an_alarm_says_since_when_what_is_missing_and_what_changed(self) -> None:
        assert coverage.alarm_sentence(STOPPED, CONTEXT) == (
            "telemetry stopped: last told Thu 14:00, silent since today 11:00 (2 sessions, 1.0k tokens);"
            " version 2.1.8 told, 2.2.0 does not"
        )

    def test_the_same_version_and_no_tokens_are_not_mentioned(self) -> None:
        row = replace(STOPPED, silent_version="2.1.8", silent_session_count=0, silent_tokens=0)
        assert coverage.alarm_sentence(row, CONTEXT).endswith("silent since today 11:00 (work goes on)")

    def test_an_alarm_of_the_past_is_told_without_colour(self) -> None:
        assert coverage.verdict(STOPPED).role == "bad"
        assert coverage.verdict(replace(STOPPED, state="past")).role == "dim"

    @pytest.mark.parametrize(("width", "height"), [(80, 5), (60, 30), (36, 12)])
    def test_details_fit_and_end_with_advice(self, width: int, height: int) -> None:
        lines = coverage.detail(STOPPED, CONTEXT, width, height)
        assert len(lines) <= height
        assert max(width_of(spans) for spans in lines) <= width
        assert "aa-hooks doctor" in plain(coverage.detail(STOPPED, CONTEXT, 80, 40))

    def test_a_clock_that_is_off_is_mentioned_and_seconds_are_not(self) -> None:
        late = replace(QUIET, clock_drift_seconds=Decimal("-7260"))
        assert "the sender's clock is 2h01m behind the engine's" in plain(coverage.detail(late, CONTEXT, 80, 8))
        prompt = replace(QUIET, clock_drift_seconds=Decimal("-4"))
        assert "clock" not in plain(coverage.detail(prompt, CONTEXT, 80, 8))

    def test_a_day_without_figures_says_who_saw_it(self) -> None:
        row = replace(QUIET, sources=("commit",), total_tokens=None, verdict="no figures")
        assert plain(coverage.detail(row, CONTEXT, 80, 8)) == "seen by commits: nothing tells of requests or tokens"

    def test_every_verdict_of_the_engine_has_a_sign(self) -> None:
        told = next(column for column in VIEWS["coverage"].columns if column.name == "verdict").help
        assert all(word in told or word in coverage.ADVICE for word in coverage.VERDICTS)


class TestASession:
    SOURCES = (
        SessionSource("1", source="counted", request_count=10, total_tokens=1000, only_tokens=50),
        SessionSource("2", source="log", request_count=9, total_tokens=950, difference_tokens=-50),
        SessionSource("3", source="transcript", request_count=10, total_tokens=1000, difference_tokens=0),
        SessionSource("4", source="hook", sign_count=4),
    )

    def test_differences_are_marked_and_agreement_is_said(self) -> None:
        assert plain(coverage.source_table(self.SOURCES, 50)).splitlines()[1:] == [
            "counted           10   1.0k",
            "log records        9    950     −50",
            "history           10   1.0k       =",
            "hooks              4",
        ]

    def test_one_line_is_enough_on_a_small_screen(self) -> None:
        row = coverage.source_row(self.SOURCES, 8, 80)
        assert plain([row]) == "told by log records 950 −50 · history 1.0k · hooks 4"


class TestATotal:
    def test_alarms_come_first_and_small_shares_are_not_nothing(self) -> None:
        shown = plain(coverage.trust_lines(TRUST, 120, 1))
        assert shown == "! 3 of 14 developers: telemetry stopped; 0.4 % of tokens from one source only"
        unpriced = replace(TRUST, stopped_developer_count=0, unpriced_tokens=20_000)
        assert plain(coverage.trust_lines(unpriced, 120, 1, ["glm-4.7", "x"])).startswith(
            "2.0 % of tokens without a price (glm-4.7 +1); "
        )
        tiny = replace(TRUST, stopped_developer_count=0, single_source_tokens=1, unpriced_tokens=999_999)
        assert plain(coverage.trust_lines(tiny, 120, 1)) == (
            "99.9 % of tokens without a price; <0.1 % of tokens from one source only"
        )

    def test_no_part_is_torn(self) -> None:
        lines = coverage.trust_lines(TRUST, 50, 2)
        assert [plain([spans]) for spans in lines] == [
            "! 3 of 14 developers: telemetry stopped",
            "0.4 % of tokens from one source only",
        ]
        assert len(coverage.trust_lines(TRUST, 50, 1)) == 1

    def test_nothing_known_says_nothing(self) -> None:
        assert coverage.trust_lines(None, 80, 2) == []
        assert coverage.trust_lines(Trust("all"), 80, 2) == []


class TestExplanations:
    def test_every_figure_offered_is_one_of_the_engine(self) -> None:
        for view, figures in FIGURES.items():
            shown = {column.name for column in VIEWS[view].shown}
            assert {column for column, _ in figures} <= shown, view

    def test_every_kind_of_row_has_its_columns(self) -> None:
        assert set(ROWS) == set(NAMES.values())

    @pytest.mark.parametrize("of", sorted(ROWS))
    def test_rows_of_any_kind_fit_the_width(self, of: str) -> None:
        told: dict[str, Any] = {
            "view": "developers",
            "row": "alice",
            "column": "session_count",
            "value": 3,
            "definition": "sessions",
            "sql": "select 1",
            "as_of": "2026-11-20T14:00:00Z",
            "batch_id": 1,
            "prices": [],
            "reason": None,
            "account": {
                "of": of,
                "total": 1,
                "measure": "count(*)",
                "sum": 3,
                "adds_up": True,
                "rows": [{"cache_read_tokens": None, "cache_write_tokens": None}],
            },
        }
        lines = explain_lines(told, CONTEXT, 74)
        assert max(width_of(spans) for spans in lines) <= 74
        assert f"1 {of}  they add up to exactly this: 3" in plain(lines)

    def test_a_figure_without_a_sum_says_why(self) -> None:
        told = {"view": "costs", "row": "x", "column": "share", "value": 0.5, "definition": "0 to 1", "sql": "select 1",
                "reason": "cost_usd of this row by that of all rows"}  # fmt: skip
        assert "no sum of rows: cost_usd of this row by that of all rows" in plain(explain_lines(told, CONTEXT, 100))
