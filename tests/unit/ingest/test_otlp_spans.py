"""Spans as rows: ids, kinds, status, the GenAI conventions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.ingest.otlp_support import MICROSECONDS, Row, decoded, rows, span, span_body


def only(sent: dict[str, Any], service: str = "claude-code") -> Row:
    """The row of the only span."""
    return rows(decoded("traces", span_body(sent, service=service), "json"), "otel_spans")[0]


def test_a_span_has_its_ids_times_kind_and_status() -> None:
    row = only(span("claude_code.tool", {"session.id": "s"}, parentSpanId="00000000000000aa", status={"code": 2}))
    expected = {
        "trace_id": "0123456789abcdef0123456789abcdef",
        "span_id": "0123456789abcdef",
        "parent_span_id": "00000000000000aa",
        "span_name": "claude_code.tool",
        "kind": "client",
        "status": "error",
        "session_id": "s",
        "timestamp": MICROSECONDS,
        "end_time": MICROSECONDS + 1_000_000,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(("code", "expected"), [("STATUS_CODE_OK", "ok"), (2, "error"), (0, None), (None, None)])
def test_status_by_number_or_name(code: Any, expected: str | None) -> None:
    assert only(span("s", status={"code": code}))["status"] == expected


def test_a_generic_chat_span() -> None:
    row = only(
        span(
            "chat some-model",
            {
                "gen_ai.conversation.id": "c",
                "gen_ai.response.model": "some-model",
                "gen_ai.usage.input_tokens": 100,
                "gen_ai.usage.output_tokens": 20,
                "gen_ai.usage.cache_read.input_tokens": 50,
                "gen_ai.usage.cache_creation.input_tokens": 7,
                "gen_ai.usage.reasoning.output_tokens": 5,
                "gen_ai.response.id": "r",
                "error.type": "timeout",
            },
        ),
        "my-own-agent",
    )
    found = [row[name] for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")]
    assert found == [100, 20, 50, 7]
    assert (row["reasoning_tokens"], row["session_id"], row["model"]) == (5, "c", "some-model")
    assert (row["request_id"], row["error_type"], row["agent_type"]) == ("r", "timeout", "other")


@pytest.mark.parametrize("broken", [{"traceId": ""}, {"spanId": ""}, {"traceId": "abcd"}, {"spanId": None}])
def test_a_span_without_valid_ids_is_refused_and_counted(broken: dict[str, Any]) -> None:
    result = decoded("traces", span_body(span("good"), {**span("bad"), **broken}), "json")
    assert (result.accepted, result.rejected) == (1, 1)
    assert result.reason is not None
    assert [row["span_name"] for row in rows(result, "otel_spans")] == ["good"]


def test_a_span_that_has_not_ended_has_no_end() -> None:
    assert only(span("s", endTimeUnixNano=0))["end_time"] is None
