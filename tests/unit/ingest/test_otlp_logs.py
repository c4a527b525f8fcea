"""Log records as rows: names, times, numbers, identities."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from engine.ingest.otlp import SenderContext
from tests.unit.ingest.otlp_support import (
    MICROSECONDS,
    NANOSECONDS,
    RECEIVED,
    attributes,
    decoded,
    log_body,
    one_log,
    record,
    resource,
    rows,
)

ARRIVED = int(RECEIVED.timestamp() * 1e6)


def test_numbers_sent_as_text_become_numbers() -> None:
    row = one_log(
        {
            "event.name": "api_request",
            "input_tokens": "211",
            "output_tokens": "17",
            "cache_read_tokens": "0",
            "cost_usd": "0.00029600000000000004",
            "duration_ms": "272",
            "success": "true",
        }
    )
    assert (row["input_tokens"], row["output_tokens"], row["cache_read_tokens"]) == (211, 17, 0)
    assert (row["cost_usd"], row["duration_ms"], row["success"]) == (Decimal("0.000296000000"), 272, True)


@pytest.mark.parametrize("value", ["", "many", "-5", -5, 1e300, "nan", True, [1], {"a": 1}, None, 2**63 - 1 + 0.5])
def test_a_number_that_is_none_leaves_the_record_standing(value: Any) -> None:
    row = one_log({"event.name": "api_request", "input_tokens": value, "output_tokens": 7, "cost_usd": value})
    assert row["output_tokens"] == 7
    assert row["input_tokens"] is None or row["input_tokens"] >= 0


def test_the_model_stays_as_seen() -> None:
    assert one_log({"event.name": "api_request", "model": "claude-opus-4-8[1m]"})["model"] == "claude-opus-4-8[1m]"


@pytest.mark.parametrize(
    ("service", "name", "expected"),
    [
        ("claude-code", "claude_code.api_request", "api_request"),
        ("claude-code", "api_request", "api_request"),
        ("codex_exec", "codex.sse_event", "sse_event"),
        ("gemini-cli", "gemini_cli.api_response", "api_response"),
        ("qwen-code", "qwen-code.api_response", "api_response"),
        ("unknown", "my.event", "my.event"),
    ],
)
def test_events_are_named_without_the_agents_prefix(service: str, name: str, expected: str) -> None:
    assert one_log({"event.name": name}, service)["event_name"] == expected


def test_the_body_names_the_event_where_the_attribute_is_missing() -> None:
    assert one_log({}, body={"stringValue": "claude_code.api_request"})["event_name"] == "api_request"
    assert one_log({}, body={"stringValue": "Please explain this"})["event_name"] is None
    assert one_log({}, "unknown", body={"stringValue": "hello"})["event_name"] is None


def test_the_event_name_field_counts_unless_it_is_a_source_location() -> None:
    assert one_log({}, "unknown", eventName="gen_ai.choice")["event_name"] == "gen_ai.choice"
    assert one_log({}, "codex_exec", eventName="event.rs:703")["event_name"] is None


def test_a_record_without_its_own_time_has_the_observed_one() -> None:
    row = one_log({"event.name": "x"}, timeUnixNano="0", observedTimeUnixNano=str(NANOSECONDS + 5_000))
    assert row["timestamp"] == MICROSECONDS + 5


def test_then_the_event_timestamp_and_then_the_arrival() -> None:
    stamp = {"event.name": "x", "event.timestamp": "2026-11-20T16:00:00.250Z"}
    assert one_log(stamp, timeUnixNano=0)["timestamp"] == MICROSECONDS - 3_600_000_000 + 250_000
    assert one_log({"event.name": "x"}, timeUnixNano=None)["timestamp"] == ARRIVED


@pytest.mark.parametrize("nanoseconds", [1, 10**12, NANOSECONDS + 3 * 86_400 * 10**9, 2**64 - 1])
def test_an_impossible_clock_is_replaced_by_the_arrival(nanoseconds: int) -> None:
    assert one_log({"event.name": "x"}, timeUnixNano=str(nanoseconds))["timestamp"] == ARRIVED


def test_severity_in_words_or_by_number() -> None:
    assert one_log({}, severityText="WARN")["severity"] == "WARN"
    assert one_log({}, severityNumber=9)["severity"] == "INFO"
    assert one_log({}, severityNumber="SEVERITY_NUMBER_ERROR2")["severity"] == "ERROR"
    assert one_log({})["severity"] is None


def test_trace_context_is_kept_in_hexadecimal_digits() -> None:
    row = one_log({}, traceId="22" * 16, spanId="33" * 8)
    assert (row["trace_id"], row["span_id"]) == ("22" * 16, "33" * 8)


@pytest.mark.parametrize(
    ("context", "email", "expected"),
    [
        (SenderContext("key@x.test", "hint", "local"), "mail@x.test", "key@x.test"),
        (SenderContext(None, "hint", "local"), "Mail@X.test", "mail@x.test"),
        (SenderContext(None, "hint", "local"), None, "hint"),
        (SenderContext(None, " Ada@X.test ", "local"), None, "ada@x.test"),
        (SenderContext(None, " ", "local"), None, "local"),
        (SenderContext(None, None, "local"), None, "local"),
        (SenderContext(), None, None),
    ],
)
def test_developer_by_key_then_email_then_header_then_local_user(
    context: SenderContext, email: str | None, expected: str | None
) -> None:
    values = {"event.name": "x"} | ({} if email is None else {"user.email": email})
    result = decoded("logs", log_body(record(values)), "json", context)
    assert rows(result, "otel_logs")[0]["developer_id"] == expected


def test_two_senders_of_the_same_bytes_are_told_apart() -> None:
    body = log_body(record({"event.name": "x"}))
    found = [
        rows(decoded("logs", body, "json", SenderContext(developer_id=name)), "otel_logs")[0]["developer_id"]
        for name in ("a@x.test", "b@x.test", "a@x.test")
    ]
    assert found == ["a@x.test", "b@x.test", "a@x.test"]


def test_the_resource_gives_session_and_email_where_the_record_does_not() -> None:
    sender = resource("gemini-cli", session__id="s1", user__email="ada@x.test")
    body = log_body(record({"event.name": "x"}), record({"event.name": "y", "session.id": "s2"}), sender=sender)
    found = rows(decoded("logs", body, "json"), "otel_logs")
    assert [row["session_id"] for row in found] == ["s1", "s2"]
    assert {row["developer_id"] for row in found} == {"ada@x.test"}


def test_resources_are_stored_once_and_pointed_at() -> None:
    sender = resource("claude-code", service__version="2.1.197", team__id="platform", squad="private")
    result = decoded("logs", log_body(record({}), record({"a": 1}), sender=sender), "json")
    stored = rows(result, "resources")
    assert [(row["service_name"], row["service_version"], row["attributes"]) for row in stored] == [
        ("claude-code", "2.1.197", '{"team.id":"platform"}')
    ]
    assert {row["resource_id"] for row in rows(result, "otel_logs")} == {stored[0]["dedup_key"]}


def test_an_unknown_service_is_read_by_the_genai_conventions() -> None:
    row = one_log(
        {
            "event.name": "gen_ai.client.inference.operation.details",
            "gen_ai.conversation.id": "c1",
            "gen_ai.request.model": "requested",
            "gen_ai.usage.input_tokens": 12,
            "gen_ai.usage.output_tokens": 3,
            "gen_ai.operation.name": "chat",
        },
        "my-own-agent",
    )
    assert (row["agent_type"], row["session_id"], row["model"]) == ("other", "c1", "requested")
    assert (row["input_tokens"], row["output_tokens"]) == (12, 3)
    assert json.loads(row["attributes"]) == {"gen_ai.operation.name": "chat"}


@pytest.mark.parametrize("order", [("request", "response"), ("response", "request")])
def test_the_answering_model_wins_over_the_requested_one(order: tuple[str, str]) -> None:
    names = {f"gen_ai.{kind}.model": kind for kind in order}
    assert one_log({"event.name": "x", **names}, "my-own-agent")["model"] == "response"


def test_the_scope_reveals_an_agent_whose_service_name_was_changed() -> None:
    body = log_body(record({"event.name": "x"}), service="our-team", scope="com.anthropic.claude_code.events")
    assert rows(decoded("logs", body, "json"), "otel_logs")[0]["agent_type"] == "claude_code"


def test_records_that_differ_only_in_what_is_dropped_have_different_keys() -> None:
    one, other = (one_log({"event.name": "x", "prompt": text})["dedup_key"] for text in ("a", "b"))
    assert one != other


def test_a_result_in_the_parameters_does_not_hide_a_repeated_call() -> None:
    def hashed(parameters: dict[str, str]) -> Any:
        values = {"event.name": "tool_result", "tool_name": "Bash", "tool_parameters": json.dumps(parameters)}
        return one_log(values)["arguments_hash"]

    assert hashed({"full_command": "git commit"}) == hashed({"full_command": "git commit", "git_commit_id": "a7436e3"})


def test_a_request_without_records_is_empty_and_fine() -> None:
    for body in (b"{}", b'{"resourceLogs":[]}', b'{"resourceLogs":[{}]}'):
        result = decoded("logs", body, "json")
        assert (result.accepted, result.rejected, result.rows.length("otel_logs")) == (0, 0, 0)
    assert decoded("logs", b"").accepted == 0


def test_attributes_of_every_type_pass_through_an_opted_in_workspace() -> None:
    values = {"s": "t", "i": -5, "d": 1.5, "b": True, "l": ["a", 1, [2.5]], "m": {"k": {"n": False}}, "none": None}
    body = log_body({"timeUnixNano": NANOSECONDS, "attributes": attributes(values)})
    result = decoded("logs", body, "json", SenderContext(include_prompts=True))
    assert json.loads(rows(result, "otel_logs")[0]["attributes"]) == values
