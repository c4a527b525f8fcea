"""Sessions: which exist, when they began and ended, what they held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.models.raw import NOON, OPUS, at, commit, context, line, log, request, rows
from tests.models.workbench import Workbench


def test_a_session_without_any_start_signal_exists(bench: Workbench) -> None:
    bench.take(request(0), request(30))
    bench.build(every_test=True)
    assert bench.row(
        "select session_start, session_end, boundary_source, has_end, duration_seconds from mart.fct_sessions"
    ) == (NOON, at(30), "event", False, Decimal(30))


def test_the_end_hook_ends_a_session(bench: Workbench) -> None:
    bench.take(context(0, event="start"), request(10), context(60, event="end", reason="exit"), log("user_prompt", 61))
    bench.build()
    assert bench.row("select session_start, session_end, boundary_source, has_end from mart.fct_sessions") == (
        NOON,
        at(60),
        "hook",
        True,
    )


def test_a_session_resumed_after_its_end_hook_goes_on(bench: Workbench) -> None:
    bench.take(context(0, event="start"), context(60, event="end"), request(4000))
    bench.build()
    assert bench.row("select session_end, has_end from mart.fct_sessions") == (at(4000), False)


def test_throw_away_ids_of_a_resume_make_no_session(bench: Workbench) -> None:
    point = {
        "timestamp": NOON,
        "agent_type": "claude_code",
        "metric_name": "claude_code.session.count",
        "kind": "sum",
        "metric_value": 1.0,
        "temporality": "delta",
        "session_id": "ghost",
        "series_key": "0" * 32,
    }
    bench.take(
        rows("otel_metrics", **point),
        log("hook_registered", session_id="ghost"),
        log("plugin_loaded", session_id="ghost"),
        request(1),
    )
    bench.build()
    assert bench.rows("select session_id from mart.fct_sessions") == [("s1",)]


def test_active_time_is_the_gaps_of_at_most_five_minutes(bench: Workbench) -> None:
    bench.take(request(0), request(100), request(1000), request(1200))
    bench.build()
    assert bench.row("select duration_seconds, active_seconds from mart.fct_sessions") == (Decimal(1200), Decimal(300))


def test_active_time_is_what_the_agent_reports_where_it_does(bench: Workbench) -> None:
    point = {
        "timestamp": at(60),
        "agent_type": "claude_code",
        "metric_name": "claude_code.active_time.total",
        "kind": "sum",
        "temporality": "delta",
        "session_id": "s1",
        "series_key": "0" * 32,
    }
    bench.take(
        request(0), rows("otel_metrics", metric_value=12.5, **point), rows("otel_metrics", metric_value=2.25, **point)
    )
    bench.build()
    assert bench.row("select active_seconds from mart.fct_sessions") == (Decimal("14.75"),)


def test_two_models_in_a_session_are_priced_apart_and_counted_once(bench: Workbench) -> None:
    bench.take(
        request(0, input_tokens=1_000_000, output_tokens=0, model="claude-opus-4-8"),
        request(60, input_tokens=2_000_000, output_tokens=0, model="claude-haiku-4-5-20251001"),
    )
    bench.build()
    assert bench.rows("select model_name, session_cost_usd from intermediate.int_sessions_with_costs order by 1") == [
        ("claude-haiku-4-5-20251001", Decimal(2)),
        ("claude-opus-4-8", Decimal(5)),
    ]
    assert bench.row("select models, model_name, cost_usd, duration_seconds from mart.fct_sessions") == (
        ["claude-haiku-4-5", "claude-opus-4-8"],
        "claude-haiku-4-5-20251001",
        Decimal(7),
        Decimal(60),
    )
    assert bench.row("select sum(total_sessions), sum(total_duration_seconds) from mart.fct_daily_agent_usage") == (
        1,
        Decimal(60),
    )


def test_a_session_across_midnight_has_cost_on_both_days(bench: Workbench) -> None:
    half_day = 12 * 3600
    bench.take(
        request(half_day - 10, input_tokens=200_000, output_tokens=0),
        request(half_day + 10, input_tokens=400_000, output_tokens=0),
    )
    bench.build()
    assert bench.rows("select cast(date as varchar), cost_usd from mart.fct_daily_usage order by 1") == [
        ("2026-11-20", Decimal(1)),
        ("2026-11-21", Decimal(2)),
    ]
    assert bench.row("select cost_usd from mart.fct_sessions") == (Decimal(3),)
    assert bench.rows("select cast(date as varchar), total_sessions from mart.fct_daily_agent_usage order by 1") == [
        ("2026-11-20", 1),
        ("2026-11-21", 0),
    ]


def test_sub_agents_count_to_their_session(bench: Workbench) -> None:
    bench.take(
        request(0),
        request(5, query_source="agent:builtin:general-purpose", agent_name="general-purpose"),
        line(9, is_sidechain=True, output_tokens=7),
    )
    bench.build()
    assert bench.row("select request_count, subagent_request_count from mart.fct_sessions") == (3, 2)


def test_threads_of_sub_agents_count_to_the_session_at_their_root(bench: Workbench) -> None:
    codex: dict[str, Any] = {"agent_type": "codex", "model": "gpt-5.1-codex"}
    told = {**codex, "input_tokens": 300, "output_tokens": 30, "cache_read_tokens": 0}
    bench.take(
        log("user_prompt", 0, session_id="root", **codex),
        log("sse_event", 1, session_id="root", **{**told, "input_tokens": 700}),
        context(2, agent_type="codex", session_id="child", event="parent", parent_session_id="root"),
        context(3, agent_type="codex", session_id="grandchild", event="parent", parent_session_id="child"),
        log("conversation_starts", 3, session_id="child", **codex),
        log("user_prompt", 3, session_id="child", **codex),
        # One call told by telemetry and by the thread's own rollout, one by the rollout alone.
        log("sse_event", 4, session_id="child", **told),
        line(4, session_id="child", is_sidechain=True, **told),
        line(5, session_id="grandchild", is_sidechain=True, **{**told, "input_tokens": 500}),
        log("tool_result", 6, session_id="child", agent_type="codex", tool_name="shell", tool_use_id="t1"),
        # A fork is another session, whoever it was forked from.
        log("sse_event", 7, session_id="fork", **told),
        commit("c1", 8, agent_type="codex", agent_session_id="grandchild"),
    )
    bench.build()
    assert bench.rows(
        "select session_id, request_count, subagent_request_count, prompt_count, tool_call_count, commit_count"
        " from mart.fct_sessions order by 1"
    ) == [("fork", 1, 0, 0, 0, 0), ("root", 3, 2, 1, 1, 1)]
    assert bench.row("select session_id from intermediate.int_commit_session_links where method = 'client_hint'") == (
        "root",
    )


def test_tokens_that_nobody_tells_are_unknown(bench: Workbench) -> None:
    bench.take(
        context(0, session_id="hooked", event="start", source="hook"),
        context(0, session_id="composed", agent_type="cursor", event="context", source="transcript"),
        context(0, session_id="idle", event="start", source="transcript"),
        log("user_prompt", 0, session_id="asked"),
    )
    bench.build(every_test=True)
    assert bench.rows("select session_id, total_tokens, input_tokens, cost_usd from mart.fct_sessions order by 1") == [
        ("asked", 0, 0, None),
        ("composed", None, None, None),
        ("hooked", None, None, None),
        ("idle", 0, 0, None),
    ]


def test_tool_calls_of_telemetry_and_transcript_count_once(bench: Workbench) -> None:
    told = {"tool_name": "Bash", "tool_use_id": "t1", "success": False}
    call = {"timestamp": at(5), "agent_type": "claude_code", "session_id": "s1", "developer_id": "alice@acme.dev"}
    bench.take(
        request(0),
        log("tool_decision", 4, tool_name="Bash", tool_use_id="t1", decision="accept"),
        log("tool_result", 5, duration_ms=40, error_type="Error:Exit", **told),
        rows("transcript_tool_calls", **call, **told, file_extension="py"),
        rows("transcript_tool_calls", **{**call, "timestamp": at(9)}, tool_name="Edit", tool_use_id="t2"),
    )
    bench.build()
    assert bench.rows(
        "select tool_name, duration_ms, success, decision, file_extension from staging.stg_agent_tool_calls order by ts"
    ) == [("Bash", 40, False, "accept", "py"), ("Edit", None, None, None, None)]
    assert bench.row("select tool_call_count, tool_error_count from mart.fct_sessions") == (2, 1)


def test_calls_without_ids_meet_by_their_order(bench: Workbench) -> None:
    call = {"agent_type": "claude_code", "session_id": "s1", "tool_name": "Bash"}
    bench.take(
        log("tool_result", 5, tool_name="Bash"),
        log("tool_result", 9, tool_name="Bash"),
        rows("transcript_tool_calls", timestamp=at(5), tool_use_id="t1", **call),
        rows("transcript_tool_calls", timestamp=at(9), tool_use_id="t2", **call),
    )
    bench.build()
    assert bench.rows("select tool_use_id from staging.stg_agent_tool_calls order by ts") == [("t1",), ("t2",)]


def test_prompts_are_counted_by_whoever_tells(bench: Workbench) -> None:
    bench.take(request(0), context(1, event="prompt"), context(2, event="prompt"), log("user_prompt", 1))
    bench.build()
    assert bench.row("select prompt_count from mart.fct_sessions") == (2,)


def test_a_session_that_only_hooks_tell_of_has_no_cost_rather_than_none(bench: Workbench) -> None:
    bench.take(context(0, event="start"), context(50, event="end"))
    bench.build()
    assert bench.row("select request_count, cost_usd, cost_basis, branch from mart.fct_sessions") == (
        0,
        None,
        None,
        "main",
    )


def test_commits_and_lines_of_a_session(bench: Workbench) -> None:
    bench.take(context(0), request(1, model=OPUS), commit("a1", 2), commit("b2", 3, lines_added=5, lines_deleted=2))
    bench.build()
    assert bench.row("select commit_count, lines_added, lines_deleted from mart.fct_sessions") == (2, 15, 2)
