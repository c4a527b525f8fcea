"""stg_api_requests: one request counts once, whatever sources tell of it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.models.raw import NOON, at, context, counter, line, log, request, rows
from tests.models.workbench import ARRIVAL, Workbench

TOKENS = (
    "select input_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cache_write_unknown_tokens,"
    " output_tokens from staging.stg_api_requests"
)
COUNT = "select count(*) from staging.stg_api_requests"


def test_a_request_told_by_telemetry_and_transcript_counts_once(bench: Workbench) -> None:
    bench.take(request(0, request_id="r1", cost_usd=Decimal("0.0075"), duration_ms=900), line(-0.1, request_id="r1"))
    bench.build()
    assert bench.row("select sources, ts, duration_ms, cost_usd, cost_basis from staging.stg_api_requests") == (
        ["log", "transcript"],
        NOON,
        900,
        Decimal("0.0075"),
        "reported",
    )


def test_the_transcript_tells_the_cache_split(bench: Workbench) -> None:
    bench.take(
        request(request_id="r1", cache_write_tokens=500),
        line(request_id="r1", cache_write_5m_tokens=200, cache_write_1h_tokens=300),
    )
    bench.build()
    assert bench.rows(TOKENS) == [(1000, 0, 200, 300, 0, 100)]


def test_a_split_that_does_not_add_up_is_not_believed(bench: Workbench) -> None:
    bench.take(
        request(request_id="r1", cache_write_tokens=500),
        line(request_id="r1", cache_write_5m_tokens=1, cache_write_1h_tokens=1),
    )
    bench.build()
    assert bench.rows(TOKENS) == [(1000, 0, 0, 0, 500, 100)]


def test_without_request_ids_equal_requests_meet_in_their_order(bench: Workbench) -> None:
    bench.take(request(0), request(3), line(0.1), line(2.8))
    bench.build()
    assert bench.rows("select ts, sources from staging.stg_api_requests order by ts") == [
        (NOON, ["log", "transcript"]),
        (at(3), ["log", "transcript"]),
    ]


def test_a_lost_record_does_not_shift_later_ones(bench: Workbench) -> None:
    """Telemetry lost the first of two equal requests: two requests, not three."""
    bench.take(line(0), line(60), request(60.2))
    bench.build()
    assert bench.rows("select sources from staging.stg_api_requests order by ts") == [
        (["transcript"],),
        (["log", "transcript"],),
    ]


def test_equal_requests_far_apart_are_two(bench: Workbench) -> None:
    bench.take(request(0), line(30))
    bench.build()
    assert bench.row(COUNT) == (2,)


def test_equal_requests_of_two_sessions_are_two(bench: Workbench) -> None:
    bench.take(request(0), line(0, session_id="s2"))
    bench.build()
    assert bench.row(COUNT) == (2,)


def test_the_context_window_mark_does_not_part_a_request(bench: Workbench) -> None:
    bench.take(request(0), line(0.1, model="claude-opus-4-8[1m]"))
    bench.build()
    assert bench.row(COUNT) == (1,)


def test_lines_of_one_reply_count_once_with_the_most_tokens(bench: Workbench) -> None:
    bench.take(
        line(0, message_id="m1", request_id="r1", output_tokens=5),
        line(1, message_id="m1", request_id="r1", output_tokens=80),
        line(2, message_id="m1", request_id="r1", output_tokens=80, sequence=9),
    )
    bench.build()
    assert bench.rows(TOKENS) == [(1000, 0, 0, 0, 0, 80)]


def test_a_side_chain_replay_loses_to_its_parent(bench: Workbench) -> None:
    bench.take(
        line(5, message_id="m1", request_id="r1", is_sidechain=True, output_tokens=900),
        line(0, message_id="m1", request_id="r1"),
    )
    bench.build()
    assert bench.row("select output_tokens, query_source from staging.stg_api_requests") == (100, "main")


def test_history_copied_by_a_fork_counts_where_it_was_made(bench: Workbench) -> None:
    bench.take(
        line(0, message_id="m1", request_id="r1", sequence=1),
        line(0, message_id="m1", request_id="r1", sequence=1, session_id="s2"),
        line(9, message_id="m2", request_id="r2", sequence=2, session_id="s2"),
    )
    bench.build()
    assert bench.rows("select session_id, request_id from staging.stg_api_requests order by request_id") == [
        ("s1", "r1"),
        ("s2", "r2"),
    ]


def test_a_failed_request_has_no_tokens_and_costs_nothing(bench: Workbench) -> None:
    bench.take(log("api_error", model="claude-opus-4-8", status_code=529, request_id="r1"), request(2))
    bench.build()
    assert bench.row(
        "select total_tokens, success, error_code, cost_usd from staging.stg_api_requests where not success"
    ) == (0, False, "529", Decimal(0))
    assert bench.row("select request_count, error_count from mart.fct_sessions") == (2, 1)


@pytest.mark.parametrize(
    ("agent_type", "event", "told", "expected"),
    [
        ("claude_code", "api_request", (1000, 400, 100, 50, 10), (1000, 400, 100, 50)),
        ("codex", "sse_event", (1500, 400, 100, 50, 10), (1000, 400, 100, 50)),
        ("gemini_cli", "api_response", (1400, 400, 0, 50, 10), (1000, 400, 0, 60)),
        ("qwen_code", "api_response", (1400, 400, 0, 50, 10), (1000, 400, 0, 50)),
    ],
)
def test_vendors_meanings_of_tokens_become_one(
    bench: Workbench, agent_type: str, event: str, told: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
    bench.take(log(event, agent_type=agent_type, model="m", **dict(zip(names, told, strict=True))))
    bench.build()
    assert (
        bench.row(
            "select input_tokens, cache_read_tokens, cache_write_tokens, output_tokens from staging.stg_api_requests"
        )
        == expected
    )


@pytest.mark.parametrize(
    ("said", "agent_name", "expected"),
    [
        (None, None, "main"),
        ("sdk", None, "main"),
        ("repl_main_thread", None, "main"),
        ("agent:builtin:general-purpose", None, "subagent"),
        (None, "reviewer", "subagent"),
        ("generate_session_title", None, "auxiliary"),
    ],
)
def test_the_agents_words_become_a_query_source(
    bench: Workbench, said: str | None, agent_name: str | None, expected: str
) -> None:
    bench.take(request(query_source=said, agent_name=agent_name))
    bench.build()
    assert bench.row("select query_source from staging.stg_api_requests") == (expected,)


def test_counters_count_only_for_sessions_without_anything_better(bench: Workbench) -> None:
    bench.take(
        request(session_id="s1"),
        counter("input", 1000),
        counter("output", 100),
        counter("input", 700, session_id="s2"),
        counter("output", 70, session_id="s2"),
        counter("cacheRead", 0, session_id="s2"),
    )
    bench.build()
    assert bench.rows("select session_id, grain, total_tokens from staging.stg_api_requests order by 1") == [
        ("s1", "request", 1100),
        ("s2", "metric", 770),
    ]


def test_cumulative_counters_count_their_increases_and_survive_restarts(bench: Workbench) -> None:
    values = [(0, 100, NOON), (60, 250, NOON), (120, 250, NOON), (180, 40, NOON), (240, 90, at(200))]
    bench.take(
        *(
            counter("input", value, second, temporality="cumulative", start_time=start)
            for second, value, start in values
        )
    )
    bench.build()
    assert bench.row("select sum(input_tokens) from staging.stg_api_requests") == (100 + 150 + 40 + 90,)


def test_spans_count_where_an_agent_sends_no_logs(bench: Workbench) -> None:
    def span(name: str, **columns: object) -> object:
        return rows(
            "otel_spans",
            timestamp=NOON,
            end_time=at(1),
            agent_type="github_copilot",
            developer_id="alice@acme.dev",
            session_id="s9",
            trace_id="t",
            span_name=name,
            **columns,
        )

    bench.take(
        span("chat gpt-5.1", span_id="1", model="gpt-5.1", input_tokens=900, cache_read_tokens=400, output_tokens=9),  # type: ignore[arg-type]
        span("invoke_agent", span_id="2", model="gpt-5.1", input_tokens=900, cache_read_tokens=400, output_tokens=9),  # type: ignore[arg-type]
    )
    bench.build()
    assert bench.rows("select input_tokens, cache_read_tokens, sources from staging.stg_api_requests") == [
        (500, 400, ["span"])
    ]


def test_requests_without_a_session_count_in_totals_and_make_none(bench: Workbench) -> None:
    bench.take(request(session_id=None), request(5, session_id=None))
    bench.build()
    assert bench.row("select sum(request_count), sum(total_tokens) from mart.fct_daily_usage") == (2, 2200)
    assert bench.rows("select * from mart.fct_sessions") == []


def test_a_session_less_record_meets_its_transcript_by_the_request_id(bench: Workbench) -> None:
    bench.take(request(session_id=None, request_id="r1"), line(request_id="r1"))
    bench.build()
    assert bench.row("select session_id, sources from staging.stg_api_requests") == ("s1", ["log", "transcript"])


def test_a_request_belongs_to_where_the_session_was_working_then(bench: Workbench) -> None:
    bench.take(
        request(-5),
        context(0, project_id="p1", branch="main"),
        request(5),
        context(10, project_id="p1", branch="feature"),
        request(15),
    )
    bench.build()
    assert bench.rows("select project_id, branch from staging.stg_api_requests order by ts") == [
        ("p1", "main"),
        ("p1", "main"),
        ("p1", "feature"),
    ]


def test_a_day_is_the_report_time_zones_day_of_the_event(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench(report_timezone="America/New_York")
    midnight_there = datetime(2026, 11, 21, 5, tzinfo=UTC)
    bench.take(
        request(timestamp=midnight_there - timedelta(seconds=1)),
        request(timestamp=midnight_there + timedelta(seconds=1)),
    )
    bench.build()
    assert bench.rows("select cast(date as varchar), request_count from mart.fct_daily_usage order by 1") == [
        ("2026-11-20", 1),
        ("2026-11-21", 1),
    ]


def test_identities_make_one_developer_of_many_names(bench: Workbench) -> None:
    def identity(kind: str, value: str, source: str = "alias", removed: bool = False) -> object:
        return rows(
            "developer_identities", developer_id="alice", kind=kind, value=value, source=source, removed=removed
        )

    bench.take(
        request(developer_id="Alice@acme.dev"),
        request(5, developer_id=None, user_id="0f0f", session_id="s2"),
        request(9, developer_id=None, session_id="s3"),
        identity("email", "alice@acme.dev"),  # type: ignore[arg-type]
        identity("user_id", "0f0f"),  # type: ignore[arg-type]
        identity("email", "bob@acme.dev"),  # type: ignore[arg-type]
        identity("email", "bob@acme.dev", removed=True),  # type: ignore[arg-type]
        request(12, developer_id="bob@acme.dev", session_id="s4"),
    )
    bench.build()
    assert bench.rows("select session_id, developer_id from staging.stg_api_requests order by 1") == [
        ("s1", "alice"),
        ("s2", "alice"),
        ("s3", "unknown"),
        ("s4", "bob@acme.dev"),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_order_and_repetition_change_nothing(open_bench: Callable[..., Workbench], seed: int) -> None:
    told = [
        request(0, request_id="r1"),
        line(0.1, request_id="r1", message_id="m1"),
        request(5),
        request(8),
        line(5.1),
        counter("input", 1000),
        log("api_error", 20),
        context(0),
    ]
    first = open_bench()
    first.take(*told)
    first.build()
    shuffled = told * 2
    random.Random(seed).shuffle(shuffled)
    second = open_bench()
    second.take(*shuffled)
    second.build()
    assert second.snapshot() == first.snapshot()


def test_a_replay_after_the_dedup_window_moves_no_total(bench: Workbench) -> None:
    old = request(0, request_id="r1", received_at=ARRIVAL - timedelta(days=30))
    bench.take(old)
    bench.build()
    before = bench.rows(TOKENS)
    bench.database.cursor().execute(
        "insert into raw.otel_logs by name select * replace (batch_id + 50 as batch_id) from raw.otel_logs"
    )
    bench.build()
    assert bench.rows(TOKENS) == before


def test_counters_without_a_session_speak_only_where_nothing_else_does(bench: Workbench) -> None:
    day = 86_400
    told: dict[str, Any] = {"agent_type": "codex", "metric_name": "codex.turn.token_usage", "kind": "histogram"}
    bench.take(
        line(0, agent_type="codex", session_id="c1", input_tokens=10, output_tokens=0),
        counter("input", 11, 60, session_id=None, **told),
        counter("input", 13, 60, session_id=None, **told, developer_id="bob@acme.dev"),
        counter("input", 17, 3 * day, session_id=None, **told),
    )
    bench.build()
    assert bench.rows("select grain, input_tokens from staging.stg_api_requests order by 2") == [
        ("request", 10),
        ("metric", 13),
        ("metric", 17),
    ]
