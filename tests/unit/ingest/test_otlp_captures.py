"""What real agents sent: every captured request decodes, and the totals are those the model API returned."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from engine.ingest.otlp import SenderContext, decode, gunzip
from tests.unit.ingest.otlp_support import (
    ALL,
    OTHERS,
    RECEIVED,
    SCENARIOS,
    Capture,
    Row,
    as_protobuf,
    captures,
    decoded,
    json_renderings,
    keys,
    log_body,
    record,
    rows,
)

REQUEST_EVENTS = {"claude_code": "api_request", "codex": "sse_event"}


def distinct(scenario: Path, table: str) -> list[Row]:
    """All rows of a scenario, one per dedup key."""
    found: dict[str, Row] = {}
    for capture in captures(scenario):
        for row in rows(decoded(capture.signal, capture.body, capture.encoding), table):
            found.setdefault(row["dedup_key"], row)
    return list(found.values())


def requests(scenario: Path) -> list[Row]:
    return [
        row
        for row in distinct(scenario, "otel_logs")
        if row["event_name"] == REQUEST_EVENTS[row["agent_type"]] and row["input_tokens"] is not None
    ]


@pytest.mark.parametrize("capture", ALL, ids=lambda capture: capture.name)
def test_every_captured_request_decodes_whole(capture: Capture) -> None:
    result = decoded(capture.signal, capture.body, capture.encoding)
    assert (result.rejected, result.reason) == (0, None)
    # opencode sends requests of nothing but internal spans, which are counted and dropped.
    everything_dropped = capture.name == "opencode/commit/003-traces"
    assert result.accepted == len(keys(result, capture.signal)) >= (0 if everything_dropped else 1)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_tokens_of_the_log_rows_are_what_the_model_api_returned(scenario: Path) -> None:
    expected = json.loads((scenario / "truth.json").read_text()).get("expected")
    found = Counter[str]()
    for row in requests(scenario):
        cached = row["cache_read_tokens"] if row["agent_type"] == "codex" else 0
        found["requests"] += 1
        found["input_tokens"] += row["input_tokens"] - cached
        for name in ("cache_read_tokens", "cache_write_tokens", "output_tokens"):
            found[name] += row[name]
    assert {name: found[name] for name in expected or {}} == (expected or {})
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_claude_token_metrics_agree_with_its_events(scenario: Path) -> None:
    if scenario.parent.name != "claude":
        return
    names = {"input": "input_tokens", "output": "output_tokens", "cacheRead": "cache_read_tokens"}
    from_metrics, from_events = Counter[str](), Counter[str]()
    for row in distinct(scenario, "otel_metrics"):
        if row["metric_name"] == "claude_code.token.usage" and row["token_type"] in names:
            from_metrics[names[row["token_type"]]] += row["metric_value"]
    for row in requests(scenario):
        for name in names.values():
            from_events[name] += row[name]
    assert from_metrics == from_events


@pytest.mark.parametrize("capture", ALL, ids=lambda capture: capture.name)
def test_every_rendering_of_a_request_gives_the_same_keys(capture: Capture) -> None:
    message = as_protobuf(capture)
    expected = keys(decoded(capture.signal, capture.body, capture.encoding), capture.signal)
    assert keys(decoded(capture.signal, message.SerializeToString()), capture.signal) == expected
    for body in json_renderings(message):
        assert keys(decoded(capture.signal, body, "json"), capture.signal) == expected


@pytest.mark.parametrize("capture", ALL, ids=lambda capture: capture.name)
def test_every_rendering_of_a_request_gives_the_same_rows(capture: Capture) -> None:
    message = as_protobuf(capture)
    expected = decoded(capture.signal, capture.body, capture.encoding).rows.tables
    for body in json_renderings(message):
        assert decoded(capture.signal, body, "json").rows.tables == expected


@pytest.mark.parametrize("capture", ALL, ids=lambda capture: capture.name)
def test_a_request_sent_again_by_anybody_at_any_time_has_the_same_keys(capture: Capture) -> None:
    first = decoded(capture.signal, capture.body, capture.encoding)
    again = decode(
        capture.signal,
        gunzip(gzip.compress(capture.body), 10**8),
        encoding=capture.encoding,
        received_at=RECEIVED + timedelta(hours=1),
        context=SenderContext(developer_id="somebody@example.test"),
    )
    for table in first.rows.tables:
        assert again.rows.tables[table]["dedup_key"] == first.rows.tables[table]["dedup_key"]


def test_threads_that_decode_at_once_get_what_one_gets() -> None:
    def tables(capture: Capture) -> object:
        return decoded(capture.signal, capture.body, capture.encoding).rows.tables

    work = ALL * 3
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(tables, work)) == [tables(capture) for capture in work]


def test_no_two_records_of_all_captures_share_a_key() -> None:
    seen = Counter(
        key for capture in ALL for key in keys(decoded(capture.signal, capture.body, capture.encoding), capture.signal)
    )
    assert [key for key, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_rows_name_agent_session_and_a_time_within_the_run(scenario: Path) -> None:
    agent_type = {"claude": "claude_code", "codex": "codex"}[scenario.parent.name]
    for row in distinct(scenario, "otel_logs"):
        assert row["agent_type"] == agent_type
        assert row["timestamp"] < RECEIVED.timestamp() * 1e6
        if row["event_name"] is not None:
            assert row["session_id"] is not None


def test_claude_oauth_login_names_the_developer() -> None:
    scenario = next(path for path in SCENARIOS if path.name == "oauth")
    assert {row["developer_id"] for row in distinct(scenario, "otel_logs")} == {"dev.one@example.test"}
    assert {row["user_email"] for row in distinct(scenario, "otel_metrics")} == {"dev.one@example.test"}


def test_claude_names_the_commit_when_details_are_on() -> None:
    scenario = next(path for path in SCENARIOS if path.name == "commit-details")
    calls = [row for row in distinct(scenario, "otel_logs") if row["event_name"] == "tool_result"]
    assert [(row["tool_name"], row["file_extension"], row["is_git_commit"], row["commit_sha"]) for row in calls] == [
        ("Write", ".py", None, None),
        ("Bash", None, True, "a7436e3"),
        ("Bash", None, False, None),
    ]
    assert len({row["arguments_hash"] for row in calls}) == 3


def test_claude_2_0_tells_a_commit_without_its_hash() -> None:
    scenario = next(path for path in SCENARIOS if path.name == "v2.0.42-commit")
    calls = [row for row in distinct(scenario, "otel_logs") if row["event_name"] == "tool_result"]
    assert [row["commit_sha"] for row in calls if row["is_git_commit"]] == [None]


def test_codex_names_the_commit_in_its_output() -> None:
    scenario = next(path for path in SCENARIOS if (path.parent.name, path.name) == ("codex", "commit"))
    calls = [row for row in distinct(scenario, "otel_logs") if row["event_name"] == "tool_result"]
    assert [(row["is_git_commit"], row["commit_sha"]) for row in calls] == [
        (False, None),
        (True, "c64ba2d"),
        (False, None),
    ]


def test_a_failed_tool_call_has_its_class_of_error_and_no_message() -> None:
    scenario = next(path for path in SCENARIOS if path.name == "toolfail")
    failed = [row for row in distinct(scenario, "otel_logs") if row["success"] is False]
    assert [row["error_type"] for row in failed] == ["ShellError"]


def test_claude_spans_carry_the_usage_of_their_request() -> None:
    scenario = next(path for path in SCENARIOS if path.name == "traces")
    spans = [row for row in distinct(scenario, "otel_spans") if row["span_name"] == "claude_code.llm_request"]
    assert sum(row["input_tokens"] for row in spans) == 3060
    assert all(row["request_id"] and row["model"] == "claude-opus-4-8[1m]" and row["parent_span_id"] for row in spans)


def test_spans_tell_of_tools_without_their_arguments() -> None:
    scenario = next(path for path in OTHERS if (path.parent.name, path.name) == ("copilot", "commit"))
    tools = [row for row in distinct(scenario, "otel_spans") if row["span_name"].startswith("execute_tool")]
    assert [row["tool_name"] for row in tools] == ["bash"] * 3
    assert [row["is_git_commit"] for row in tools] == [False, True, False]
    assert all(row["success"] for row in tools)
    assert len({row["arguments_hash"] for row in tools}) == 3
    assert "git commit" not in repr(tools)


def test_internal_spans_are_counted_and_dropped() -> None:
    scenario = next(path for path in OTHERS if path.parent.name == "opencode")
    spans = distinct(scenario, "otel_spans")
    assert {row["span_name"] for row in spans} == {"ai.streamText", "ai.streamText.doStream", "ai.toolCall"}
    assert [row["is_git_commit"] for row in spans if row["span_name"] == "ai.toolCall"] == [None, True, False]
    dropped = [row for row in distinct(scenario, "dropped_attributes") if row["attribute_name"] == "internal spans"]
    assert sum(row["dropped"] for row in dropped) > 100


def test_a_built_in_tools_result_is_input() -> None:
    counts = {"input_token_count": 100, "tool_token_count": 20, "output_token_count": 5}
    body = log_body(record({"event.name": "gemini_cli.api_response", **counts}), service="gemini-cli")
    (row,) = rows(decoded("logs", body, "json"), "otel_logs")
    assert row["input_tokens"] == 120


def test_background_agents_of_qwen_are_auxiliary() -> None:
    found = []
    for name in (None, "reviewer", "managed-auto-memory-extractor"):
        values = {"event.name": "qwen-code.api_response", "session.id": "one", "subagent_name": name}
        (row,) = rows(decoded("logs", log_body(record(values), service="qwen-code"), "json"), "otel_logs")
        found.append(row["query_source"])
    assert found == [None, "subagent", "auxiliary"]
