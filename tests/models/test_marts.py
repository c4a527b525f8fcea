"""Daily facts and dimensions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from tests.models.raw import OPUS, at, commit, context, evidence, line, log, request, rows
from tests.models.workbench import Workbench

DAY = 86_400
MILLION = {"input_tokens": 1_000_000, "output_tokens": 0}


def test_daily_usage_keeps_every_dimension_apart(bench: Workbench) -> None:
    bench.take(
        context(0, project_id="p1", branch="main"),
        request(1),
        request(2, query_source="agent:x"),
        request(3, model="claude-haiku-4-5"),
        request(4, developer_id="bob@acme.dev", session_id="s2"),
    )
    bench.build(every_test=True)
    assert bench.rows(
        "select developer_id, model_id, project_id, query_source, request_count, session_count"
        " from mart.fct_daily_usage order by all"
    ) == [
        ("alice@acme.dev", "claude-haiku-4-5", "p1", "main", 1, 1),
        ("alice@acme.dev", "claude-opus-4-8", "p1", "main", 1, 1),
        ("alice@acme.dev", "claude-opus-4-8", "p1", "subagent", 1, 1),
        ("bob@acme.dev", "claude-opus-4-8", None, "main", 1, 1),
    ]


def test_averages_are_over_calendar_days_quiet_ones_included(bench: Workbench) -> None:
    bench.take(request(0, **MILLION), request(3 * DAY, session_id="s2", **MILLION))
    bench.build(every_test=True)
    assert bench.rows(
        "select date, daily_cost_usd, cumulative_cost_usd, wtd_cost_usd, mtd_cost_usd, round(avg_7day_cost_usd, 6),"
        " round(avg_30day_cost_usd, 6) from mart.fct_agent_costs order by date"
    ) == [
        (date(2026, 11, 20), Decimal(5), Decimal(5), Decimal(5), Decimal(5), 0.714286, 0.166667),
        (date(2026, 11, 21), Decimal(0), Decimal(5), Decimal(5), Decimal(5), 0.714286, 0.166667),
        (date(2026, 11, 22), Decimal(0), Decimal(5), Decimal(5), Decimal(5), 0.714286, 0.166667),
        (date(2026, 11, 23), Decimal(5), Decimal(10), Decimal(5), Decimal(10), 1.428571, 0.333333),
    ]


def test_a_developer_with_several_models_has_one_row_a_day(bench: Workbench) -> None:
    bench.take(request(0, **MILLION), request(5, model="claude-haiku-4-5", **MILLION))
    bench.build()
    assert bench.rows("select daily_cost_usd from mart.fct_agent_costs") == [(Decimal(6),)]


def test_assisted_commits_count_once_on_their_own_day(bench: Workbench) -> None:
    """Three commits, two models, one session: nothing is multiplied; the last commit is made the next day."""
    bench.take(
        request(0, **MILLION),
        request(9, model="claude-haiku-4-5", input_tokens=10, output_tokens=0),
        *(commit(name, seconds) for name, seconds in (("a1", 60), ("b2", 70), ("c3", DAY))),
        *(
            evidence(name.ljust(40, "0"), "hook_environment", agent_type="claude_code", session_id="s1")
            for name in ("a1", "b2", "c3")
        ),
    )
    bench.build()
    assert bench.rows(
        "select date, model_name, total_cost_usd, agent_assisted_commits, agent_assisted_lines_added"
        " from mart.fct_daily_agent_usage order by all"
    ) == [
        (date(2026, 11, 20), "claude-haiku-4-5", Decimal("0.00001"), 0, 0),
        (date(2026, 11, 20), OPUS, Decimal(5), 2, 20),
        (date(2026, 11, 21), OPUS, None, 1, 10),
    ]


def test_coverage_shows_every_source_beside_what_was_counted(bench: Workbench) -> None:
    bench.take(request(0, request_id="r1"), line(0, request_id="r1"), line(20, request_id="r2"))
    bench.build()
    assert bench.rows("select source, request_count, total_tokens from mart.fct_source_coverage order by 1") == [
        ("counted", 2, 2200),
        ("log", 1, 1100),
        ("transcript", 2, 2200),
    ]


def test_tool_usage(bench: Workbench) -> None:
    bench.take(
        log("tool_result", 1, tool_name="Bash", tool_use_id="1", success=True, duration_ms=100),
        log("tool_result", 2, tool_name="Bash", tool_use_id="2", success=False, duration_ms=300),
        log("tool_result", 3, tool_name="Edit", tool_use_id="3", success=True),
    )
    bench.build(every_test=True)
    assert bench.rows("select tool_name, call_count, error_count, duration_ms from mart.fct_tool_usage order by 1") == [
        ("Bash", 2, 1, 400),
        ("Edit", 1, 0, None),
    ]


def test_developers_are_internal_by_the_whole_domain(open_bench: Callable[..., Workbench]) -> None:
    bench = open_bench(internal_domains=["acme.dev"])
    bench.take(
        request(0),
        commit("a1", author_email="eve@notacme.dev", author_name="Eve"),
        commit("b2", author_email="bob@sub.acme.dev", author_name="Bob"),
        request(0, developer_id="key-7", session_id="s2"),
    )
    bench.build()
    assert bench.rows("select developer_id, developer_name, developer_type from mart.dim_developers order by 1") == [
        ("alice@acme.dev", "alice", "Internal"),
        ("bob@sub.acme.dev", "Bob", "External"),
        ("eve@notacme.dev", "Eve", "External"),
        ("key-7", "key-7", "Unknown"),
        ("unknown", "Unknown", "Unknown"),
    ]


def test_projects_and_agents_that_are_only_named_have_rows(bench: Workbench) -> None:
    bench.take(
        context(0, project_id="github.com/acme/web"),
        rows("repositories", project_id="github.com/acme/api", project_name="api", watched=True),
        request(1),
    )
    bench.build(every_test=True)
    assert bench.rows("select project_id, project_name, watched from mart.dim_projects order by 1") == [
        ("github.com/acme/api", "api", True),
        ("github.com/acme/web", "web", False),
    ]
    assert ("claude_code", "Claude Code", "Anthropic", "Terminal") in bench.rows("select * from mart.dim_agents")


def test_copilot_figures_of_a_day_are_the_last_reported(bench: Workbench) -> None:
    figures = {"date": date(2026, 11, 20), "scope": "org", "total_acceptances": 5}
    bench.take(
        rows("copilot_metrics", total_suggestions=10, **figures),
        rows("copilot_metrics", total_suggestions=20, **figures),
        rows("copilot_metrics", **{**figures, "scope": "user:octo", "total_suggestions": 0}),
    )
    bench.build(every_test=True)
    assert bench.rows("select developer_id, acceptance_rate_pct from staging.stg_copilot_metrics order by scope") == [
        ("org", 25.0),
        ("octo", None),
    ]


def test_no_data_makes_empty_models(bench: Workbench) -> None:
    bench.build(every_test=True)
    assert bench.rows("select * from mart.fct_sessions") == []
    assert bench.rows("select * from mart.dim_dates") == []
    assert at(0).year == 2026
