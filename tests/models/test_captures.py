"""What real agents sent and wrote, in any order and twice: the totals are those of the model API that answered them."""

from __future__ import annotations

import json
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import recognise
from engine.ingest import otlp
from engine.ingest.payloads import SenderContext
from engine.ingest.transcript_rows import RowBuilder
from engine.projects import ProjectIdentity
from engine.store.rows import RawRows
from tests.models.raw import rows
from tests.models.workbench import ARRIVAL, Workbench

CAPTURES = Path(__file__).parents[1] / "fixtures" / "telemetry"
SCENARIOS = sorted(
    str(path.parent.relative_to(CAPTURES))
    for agent in ("claude", "codex", "copilot", "gemini", "qwen")
    for path in CAPTURES.glob(f"{agent}/*/truth.json")
)
ALICE = SenderContext(developer_id="alice@acme.dev")
WEB = ProjectIdentity("github.com/acme/web", "web", None, None)
REQUESTS = (
    "select ts, model_name, input_tokens, cache_read_tokens, cache_write_5m_tokens + cache_write_unknown_tokens,"
    " cache_write_1h_tokens, output_tokens, cost_priced_usd, cost_reported_usd from staging.stg_api_requests"
)


def telemetry(scenario: str, tables: tuple[str, ...] | None = None) -> list[RawRows]:
    """Every OTLP request of a scenario, decoded; only some raw tables of it if asked."""
    found = []
    for described in sorted((CAPTURES / scenario).glob("*.meta.json")):
        signal = json.loads(described.read_text())["signal"]
        for suffix, encoding in ((".pb", "protobuf"), (".json", "json")):
            body = described.with_name(described.name.removesuffix(".meta.json") + suffix)
            if not body.exists():
                continue
            content = body.read_bytes()
            if content[:2] == b"\x1f\x8b":
                content = otlp.gunzip(content, 1 << 26)
            decoded = otlp.decode(signal, content, encoding=encoding, received_at=ARRIVAL, context=ALICE)  # type: ignore[arg-type]
            taken = RawRows()
            wanted = decoded.rows.tables if tables is None else tables
            taken.tables = {name: made for name, made in decoded.rows.tables.items() if name in wanted}
            found.append(taken)
    return found


def transcripts(scenario: str) -> list[RawRows]:
    """Every local history of a scenario, one group each."""
    found = []
    for path in sorted((CAPTURES / scenario / "transcripts").glob("*.jsonl")):
        lines = path.read_bytes().splitlines()
        source = recognise(lines)
        if source is None:
            continue
        facts: list[Any] = []
        source.reader(Workplace(find_project=lambda folder: WEB), None).read(lines, facts)
        builder = RowBuilder("alice@acme.dev")
        builder.add(source.agent_type, facts)
        found.append(builder.take())
    return found


def truth(*scenarios: str) -> tuple[int, int, int, int]:
    """(input, cache read, cache write, output) that the model API really returned."""
    totals = [json.loads((CAPTURES / scenario / "truth.json").read_text())["expected"] or {} for scenario in scenarios]
    names = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens")
    first, second, third, fourth = (sum(int(total.get(name, 0)) for total in totals) for name in names)
    return first, second, third, fourth


def answered(*scenarios: str) -> int:
    """How many requests the model API answered with usage."""
    totals = [json.loads((CAPTURES / scenario / "truth.json").read_text())["expected"] or {} for scenario in scenarios]
    return sum(int(total.get("requests", 0)) for total in totals)


def counted(bench: Workbench) -> tuple[int, int, int, int]:
    """The same of the models."""
    row = bench.row(
        "select coalesce(sum(input_tokens), 0), coalesce(sum(cache_read_tokens), 0),"
        " coalesce(sum(cache_write_tokens), 0), coalesce(sum(output_tokens), 0) from staging.stg_api_requests"
    )
    return row[0], row[1], row[2], row[3]


def price(row: tuple[Any, ...]) -> Decimal | None:
    """What genai-prices says of a request of `REQUESTS`; None where it does not know the model."""
    instant, model, whole, read, short, long, output = row[:7]
    usage = Usage(
        input_tokens=whole + read + short + long,
        cache_read_tokens=read,
        cache_write_tokens=short + long,
        cache_write_1h_tokens=long,
        output_tokens=output,
    )
    try:
        return calc_price(usage, model, genai_request_timestamp=instant).total_price
    except LookupError:
        return None


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_in_any_order_and_twice(bench: Workbench, scenario: str) -> None:
    groups = (telemetry(scenario) + transcripts(scenario)) * 2
    random.Random(scenario).shuffle(groups)
    bench.take(*groups)
    bench.build()
    assert counted(bench) == truth(scenario)
    assert bench.row("select count(*) from staging.stg_api_requests where success") == (answered(scenario),)
    for row in bench.rows(REQUESTS + " where success"):
        assert row[7] == price(row)
        assert row[8] is None or row[8] == row[7]


@pytest.mark.parametrize("scenario", [name for name in SCENARIOS if name.startswith(("gemini", "qwen"))])
def test_cumulative_counters_alone_give_the_same_tokens(bench: Workbench, scenario: str) -> None:
    bench.take(*telemetry(scenario, ("otel_metrics",)))
    bench.build()
    assert counted(bench) == truth(scenario)


@pytest.mark.parametrize(
    ("scenario", "sources"), [("gemini/subagent", ["main", "subagent"]), ("copilot/subagent", ["main", "subagent"])]
)
def test_sub_agents_of_other_agents_are_told_apart(bench: Workbench, scenario: str, sources: list[str]) -> None:
    bench.take(*telemetry(scenario))
    bench.build()
    assert [row[0] for row in bench.rows("select distinct query_source from staging.stg_api_requests order by 1")] == (
        sources
    )


@pytest.mark.parametrize(
    ("scenario", "tools"),
    [
        ("gemini/tool-grpc", [("run_shell_command", None), ("write_file", ".txt")]),
        ("qwen/tool-http", [("run_shell_command", None), ("write_file", ".txt")]),
        ("copilot/tool-httppb", [("bash", None), ("bash", None)]),
    ],
)
def test_tool_calls_of_every_agent(bench: Workbench, scenario: str, tools: list[tuple[str, str | None]]) -> None:
    bench.take(*telemetry(scenario))
    bench.build()
    found = bench.rows("select tool_name, file_extension from staging.stg_agent_tool_calls where success order by all")
    assert found == tools


def test_what_only_spans_or_only_the_history_tells_counts_once(bench: Workbench) -> None:
    history = transcripts("copilot/commit")[0]
    usage = history.tables["transcript_usage"]
    for column in usage.values():
        del column[0]
    spans = telemetry("copilot/commit", ("otel_spans",))
    bench.take(history, *spans)
    bench.build()
    assert counted(bench) == truth("copilot/commit")
    found = bench.rows("select sources, count(*) from staging.stg_api_requests group by all order by all")
    assert found == [(["span"], 1), (["span", "transcript"], 3)]


@pytest.mark.parametrize("scenario", ["gemini/commit", "qwen/commit", "copilot/commit", "opencode/commit"])
def test_a_commit_made_by_a_tool_is_seen(bench: Workbench, scenario: str) -> None:
    bench.take(*telemetry(scenario))
    bench.build()
    assert bench.row("select count(*) from staging.stg_agent_tool_calls where is_git_commit") == (1,)


@pytest.mark.parametrize("scenario", ["claude/tool-grpc", "claude/subagent", "claude/traces", "claude/v2.0.42-commit"])
def test_counters_alone_give_the_same_tokens_and_money(bench: Workbench, scenario: str) -> None:
    bench.take(*telemetry(scenario, ("otel_metrics",)))
    bench.build()
    assert counted(bench) == truth(scenario)
    assert bench.row("select sum(cost_reported_usd) = sum(cost_priced_usd) from staging.stg_api_requests") == (True,)
    assert bench.row("select sum(request_count) from mart.fct_daily_usage") == (0,)


SESSIONLESS = [
    name for name in SCENARIOS if name.startswith(("copilot/", "codex/")) and telemetry(name, ("otel_metrics",))
]


@pytest.mark.parametrize("scenario", SESSIONLESS)
def test_counters_without_sessions_give_the_same_tokens(bench: Workbench, scenario: str) -> None:
    bench.take(*telemetry(scenario, ("otel_metrics",)))
    bench.build()
    assert counted(bench) == truth(scenario)
    assert bench.rows("select distinct grain, session_id, sources from staging.stg_api_requests") == [
        ("metric", None, ["metric"])
    ]
    assert bench.row("select count(*) from mart.fct_sessions") == (0,)


@pytest.mark.parametrize("scenario", ["claude/tool-grpc", "claude/long-delta"])
@pytest.mark.parametrize("restarts", [False, True])
def test_cumulative_counters_of_claude_give_the_same_tokens(bench: Workbench, scenario: str, restarts: bool) -> None:
    groups = cumulative(telemetry(scenario, ("otel_metrics",)), restarts=restarts)
    random.Random(scenario).shuffle(groups)
    bench.take(*groups)
    bench.build()
    assert counted(bench) == truth(scenario)


def cumulative(groups: list[RawRows], *, restarts: bool) -> list[RawRows]:
    """The same counters as running totals; with `restarts` they begin again now and then: they fall."""
    totals: dict[object, float] = {}
    starts: dict[object, object] = {}
    points = sorted(
        (point for group in groups for point in points_of(group) if point["kind"] == "sum"),
        key=lambda point: point["timestamp"],
    )
    made = []
    for number, point in enumerate(points):
        series = point["series_key"]
        total = totals.get(series, 0.0) + point["metric_value"]
        if restarts and number % 7 == 3 and point["metric_value"] < totals.get(series, 0.0):
            total = point["metric_value"]
        totals[series] = total
        point |= {
            "metric_value": total,
            "temporality": "cumulative",
            "start_time": starts.setdefault(series, point["start_time"]),
        }
        made.append(rows("otel_metrics", **{name: value for name, value in point.items() if name != "dedup_key"}))
    return made


def points_of(group: RawRows) -> list[dict[str, Any]]:
    columns = group.tables.get("otel_metrics", {})
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_spans_alone_give_the_same_tokens(bench: Workbench) -> None:
    bench.take(*telemetry("claude/traces", ("otel_spans",)))
    bench.build()
    assert counted(bench) == truth("claude/traces")


def test_every_scenario_together(bench: Workbench) -> None:
    groups = [group for scenario in SCENARIOS for group in telemetry(scenario) + transcripts(scenario)]
    random.Random(7).shuffle(groups)
    bench.take(*groups)
    bench.build(every_test=True)
    assert counted(bench) == truth(*SCENARIOS)
    assert bench.row("select count(*) from staging.stg_api_requests where success") == (answered(*SCENARIOS),)


def test_a_resumed_session_is_one_session_without_ghosts(bench: Workbench) -> None:
    bench.take(*telemetry("claude/resume-1"), *telemetry("claude/resume-2"))
    bench.build()
    assert bench.row("select count(*), sum(request_count) from mart.fct_sessions") == (
        1,
        answered("claude/resume-1", "claude/resume-2"),
    )


def test_sub_agents_are_told_apart(bench: Workbench) -> None:
    bench.take(*telemetry("claude/subagent"))
    bench.build()
    assert bench.rows("select query_source, count(*) from staging.stg_api_requests group by 1 order by 1") == [
        ("main", 2),
        ("subagent", 2),
    ]


def test_spans_of_opencode_tell_of_all_but_the_last_reply(bench: Workbench) -> None:
    bench.take(*telemetry("opencode/commit"))
    bench.build()
    told = json.loads((CAPTURES / "opencode/commit/truth.json").read_text())["requests"]
    usages = [request["usage"] for request in told[:-1]]
    expected = (
        sum(usage["input"] for usage in usages),
        sum(usage["cache_read"] for usage in usages),
        0,
        sum(usage["output"] for usage in usages),
    )
    assert counted(bench) == expected
    assert bench.row("select count(*) from raw.otel_spans where span_name not like 'ai.%'") == (0,)
