"""No content gets through: prompts, responses, arguments, outputs and paths are dropped and counted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.agents import registry
from engine.agents.declaration import Agent
from engine.ingest import otlp_logs, otlp_metrics, otlp_spans, privacy
from engine.ingest.otlp import Decoded, SenderContext
from engine.ingest.payloads import Signal
from tests.unit.ingest.otlp_support import (
    ALL,
    Capture,
    attributes,
    decoded,
    log_body,
    metric_body,
    one_log,
    point,
    record,
    rows,
    span,
    span_body,
    total,
)

MARKER = "xyzzy secret sentence"
CONTENT: dict[str, Any] = {
    "prompt": MARKER,
    "response": MARKER,
    "error": MARKER,
    "error.message": MARKER,
    "tool_input": json.dumps({"command": f"git commit -m '{MARKER}'", "file_path": f"/{MARKER}/a.py"}),
    "tool_parameters": json.dumps({"full_command": f"git commit -m '{MARKER}'", "git_commit_id": MARKER}),
    "arguments": json.dumps({"cmd": f"git commit -m '{MARKER}'"}),
    "output": f"[main {MARKER}] {MARKER}",
    "user_prompt": MARKER,
    "full_command": MARKER,
    "file_path": MARKER,
    "request_text": MARKER,
    "function_args": MARKER,
    "gen_ai.input.messages": [MARKER, {"content": MARKER}],
    "gen_ai.output.messages": {"content": MARKER},
    "gen_ai.prompt": MARKER,
    "some.new.attribute": MARKER,
    "error_type": MARKER,
    "event.name": MARKER,
    f"name with {MARKER}": 1,
}
SERVICES = ("claude-code", "codex_exec", "gemini-cli", "github-copilot", "cursor", "opencode", "qwen-code", "unknown")


def stored(result: Decoded) -> str:
    """Everything that would be written, but for the names of what was dropped."""
    tables = {name: columns for name, columns in result.rows.tables.items() if name != "dropped_attributes"}
    return repr(tables)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("event", ["tool_result", "codex.tool_result", "api_error"])
def test_planted_content_is_in_no_column_of_logs(service: str, event: str) -> None:
    planted = record(
        {**CONTENT, "event.name": event}, body={"stringValue": MARKER}, eventName=MARKER, severityText="INFO"
    )
    assert MARKER not in stored(decoded("logs", log_body(planted, service=service), "json"))


@pytest.mark.parametrize("service", SERVICES)
def test_planted_content_is_in_no_column_of_metrics(service: str) -> None:
    described = {
        **total("m", point(1, CONTENT, exemplars=[{"filteredAttributes": attributes(CONTENT)}])),
        "description": MARKER,
    }
    assert MARKER not in stored(decoded("metrics", metric_body(described, service=service), "json"))


@pytest.mark.parametrize("service", SERVICES)
def test_planted_content_is_in_no_column_of_spans(service: str) -> None:
    planted = span(
        "chat",
        CONTENT,
        status={"code": 2, "message": MARKER},
        events=[{"name": MARKER, "attributes": attributes(CONTENT)}],
        traceState=MARKER,
    )
    assert MARKER not in stored(decoded("traces", span_body(planted, service=service), "json"))


@pytest.mark.parametrize("capture", ALL, ids=lambda capture: capture.name)
def test_nothing_of_the_captured_prompts_commands_and_paths_is_stored(capture: Capture) -> None:
    found = stored(decoded(capture.signal, capture.body, capture.encoding))
    for words in ("Please do", "SCN:", "MOCK", "git add", "Add feature", "def f()", "/home/dev", "feature.py"):
        assert words not in found


@pytest.mark.parametrize("service", SERVICES)
def test_command_lines_in_resources_are_dropped_and_counted(service: str) -> None:
    sender = {
        "attributes": attributes(
            {"service.name": service, "process.command_args": ["agent", "-p", MARKER], "process.command": MARKER}
        )
    }
    result = decoded("logs", log_body(record({"event.name": "x"}), sender=sender), "json")
    assert MARKER not in stored(result)
    dropped = {row["attribute_name"]: row["dropped"] for row in rows(result, "dropped_attributes")}
    assert dropped == {"process.command_args": 1, "process.command": 1}


def test_a_sentence_in_an_allowed_attribute_is_dropped_when_it_is_long() -> None:
    assert one_log({"event.name": "x", "effort": "high"})["attributes"] == '{"effort":"high"}'
    assert one_log({"event.name": "x", "effort": MARKER * 20})["attributes"] is None


def test_what_was_dropped_is_counted_by_name() -> None:
    body = log_body(
        record({"event.name": "claude_code.user_prompt", "prompt": "one"}),
        record({"event.name": "claude_code.user_prompt", "prompt": "two", "unknown": 1}),
    )
    result = decoded("logs", body, "json")
    assert [
        (row["signal"], row["agent_type"], row["attribute_name"], row["dropped"])
        for row in rows(result, "dropped_attributes")
    ] == [("logs", "claude_code", "prompt", 2), ("logs", "claude_code", "unknown", 1)]
    again = decoded("logs", body, "json")
    assert rows(again, "dropped_attributes") == rows(result, "dropped_attributes")


def test_content_that_the_agent_itself_left_out_is_not_counted() -> None:
    result = decoded("logs", log_body(record({"event.name": "user_prompt", "prompt": "<REDACTED>"})), "json")
    assert rows(result, "dropped_attributes") == []


def test_repeated_points_of_a_series_count_every_drop() -> None:
    series = [point(value, {"secret": "s"}, timeUnixNano=str(10**18 + value)) for value in range(1, 6)]
    result = decoded("metrics", metric_body(total("m", *series)), "json")
    assert [(row["attribute_name"], row["dropped"]) for row in rows(result, "dropped_attributes")] == [("secret", 5)]


def test_a_workspace_that_opted_in_keeps_everything() -> None:
    planted = record({"event.name": "user_prompt", "prompt": MARKER, "model": "m"}, body={"stringValue": "body"})
    result = decoded("logs", log_body(planted), "json", SenderContext(include_prompts=True))
    kept = json.loads(rows(result, "otel_logs")[0]["attributes"])
    assert kept == {"prompt": MARKER, "body": "body"}
    assert rows(result, "dropped_attributes") == []


def test_opting_in_changes_no_key() -> None:
    body = log_body(record({"event.name": "user_prompt", "prompt": MARKER}))
    opted = decoded("logs", body, "json", SenderContext(include_prompts=True))
    assert rows(opted, "otel_logs")[0]["dedup_key"] == rows(decoded("logs", body, "json"), "otel_logs")[0]["dedup_key"]


def test_an_email_is_in_its_own_column_and_not_in_attributes() -> None:
    row = one_log({"event.name": "x", "user.email": "Ada@Example.test", "terminal.type": "tmux"})
    assert (row["user_email"], row["attributes"]) == ("ada@example.test", '{"terminal.type":"tmux"}')


def test_the_workspace_key_decides_the_hash_of_arguments() -> None:
    body = log_body(record({"event.name": "tool_result", "tool_name": "Bash", "tool_parameters": '{"a": 1}'}))

    def hashed(key: bytes) -> str:
        result = decoded("logs", body, "json", SenderContext(hash_key=key))
        return str(rows(result, "otel_logs")[0]["arguments_hash"])

    assert hashed(b"one") == hashed(b"one") != hashed(b"two")


@pytest.mark.parametrize("agent", registry.AGENTS, ids=lambda agent: agent.agent_type)
@pytest.mark.parametrize(
    ("signal", "columns"),
    [("logs", otlp_logs.COLUMNS), ("metrics", otlp_metrics.COLUMNS), ("traces", otlp_spans.COLUMNS)],
)
def test_every_declared_column_exists(agent: Agent, signal: Signal, columns: tuple[str, ...]) -> None:
    assert {field.column for field in privacy.fields(agent, signal).values()} <= set(columns)


@pytest.mark.parametrize("agent", registry.AGENTS, ids=lambda agent: agent.agent_type)
def test_no_agent_may_keep_what_it_is_known_to_fill_with_content(agent: Agent) -> None:
    assert not agent.kept_attributes & set(CONTENT)
    assert not agent.kept_attributes & agent.examined_attributes
