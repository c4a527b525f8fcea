"""Every captured history gives the tokens that the model API really returned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.agents.transcripts.registry import recognise
from tests.unit.transcripts.support import (
    FIXTURES,
    MemoryRecorder,
    Row,
    read_facts,
    requests_of,
    rows_from,
    totals,
)

SCENARIOS = sorted(path.parent for path in (FIXTURES / "telemetry").glob("*/*/transcripts"))
WITHOUT_TITLES = "v2.0.42-commit"
"""This release kept the requests for titles out of its histories, except two."""


def read_scenario(folder: Path) -> MemoryRecorder:
    recorder = MemoryRecorder()
    for file in sorted((folder / "transcripts").glob("*.jsonl")):
        lines = file.read_bytes().splitlines()
        source = recognise(lines)
        assert source is not None
        recorder.record(rows_from(read_facts(lines), source.agent_type))
    return recorder


def successful(recorder: MemoryRecorder) -> list[Row]:
    return [row for row in requests_of(recorder.rows("transcript_usage")) if row["success"]]


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_tokens_equal_what_the_api_returned(folder: Path) -> None:
    expected = json.loads((folder / "truth.json").read_text())["expected"]
    found = totals(successful(read_scenario(folder)))
    if folder.name == WITHOUT_TITLES:
        assert found["cache_read_tokens"] == expected["cache_read_tokens"]
        assert found["requests"] == 6
    else:
        assert found == (expected or totals([]))


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_reading_twice_adds_nothing(folder: Path) -> None:
    once, twice = read_scenario(folder), MemoryRecorder()
    for _ in range(2):
        for table, rows in read_scenario(folder).tables.items():
            twice.tables.setdefault(table, {}).update(rows)
    assert {table: set(rows) for table, rows in once.tables.items()} == {
        table: set(rows) for table, rows in twice.tables.items()
    }


@pytest.mark.parametrize("scenario", ["claude/commit-details", "claude/v2.0.42-commit", "codex/commit"])
def test_a_commit_that_the_output_names_is_evidence(scenario: str) -> None:
    recorder = read_scenario(FIXTURES / "telemetry" / scenario)
    evidence = recorder.rows("git_commit_evidence")
    calls = [row for row in recorder.rows("transcript_tool_calls") if row["is_git_commit"]]
    assert len(evidence) == len(calls) == 1
    assert evidence[0]["kind"] == "telemetry_sha"
    assert evidence[0]["commit_hash"] == calls[0]["commit_sha"]
    assert evidence[0]["session_id"] == calls[0]["session_id"]
    assert evidence[0]["project_id"] == "example.org/team/app"


@pytest.mark.parametrize("scenario", ["copilot/commit", "gemini/commit", "qwen/commit"])
def test_a_commit_by_other_agents_is_seen(scenario: str) -> None:
    recorder = read_scenario(FIXTURES / "telemetry" / scenario)
    calls = [row for row in recorder.rows("transcript_tool_calls") if row["is_git_commit"]]
    assert [len(row["commit_sha"]) for row in calls] == [7]
    assert all(row["success"] for row in recorder.rows("transcript_tool_calls"))


def test_a_gemini_sub_agent_is_tied_to_its_parent() -> None:
    recorder = read_scenario(FIXTURES / "telemetry/gemini/subagent")
    (parent,) = [row for row in recorder.rows("session_context") if row["event"] == "parent"]
    of_child = [row for row in recorder.rows("transcript_usage") if row["is_sidechain"]]
    assert {row["session_id"] for row in of_child} == {parent["session_id"]}
    assert parent["parent_session_id"] in {row["session_id"] for row in recorder.rows("transcript_usage")}
    assert len(of_child) == 3


def test_sub_agents_of_copilot_are_marked() -> None:
    usage = read_scenario(FIXTURES / "telemetry/copilot/subagent").rows("transcript_usage")
    assert [row["is_sidechain"] for row in usage] == [False, True, True, False]


def test_sub_agents_count_to_their_parent_session() -> None:
    recorder = read_scenario(FIXTURES / "telemetry/claude/subagent")
    usage = recorder.rows("transcript_usage")
    assert len({row["session_id"] for row in usage}) == 1
    assert [row["agent_name"] for row in usage if row["is_sidechain"]] == ["general-purpose"] * 2
    assert [row["agent_name"] for row in usage if not row["is_sidechain"]] == [None] * 2
    assert [row["is_sidechain"] for row in recorder.rows("transcript_tool_calls")] == [True, False]


def test_a_tool_that_failed_says_how() -> None:
    calls = read_scenario(FIXTURES / "telemetry/claude/toolfail").rows("transcript_tool_calls")
    assert [(row["success"], row["error_type"]) for row in calls] == [(False, "exit_code_2"), (True, None)]


def test_a_turn_that_failed_is_a_failed_request() -> None:
    (failure,) = read_scenario(FIXTURES / "telemetry/codex/error-retry").rows("transcript_usage")
    assert (failure["success"], failure["error_code"], failure["model"]) == (False, "429", "gpt-5.1-codex")


@pytest.mark.parametrize("folder", SCENARIOS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_each_session_starts_once_and_tells_its_prompt(folder: Path) -> None:
    moments = [row for row in read_scenario(folder).rows("session_context") if row["event"] != "parent"]
    assert [row["event"] for row in moments] == ["start", "prompt"]
    # Gemini CLI's histories name no branch.
    assert {row["branch"] for row in moments} == ({None} if folder.parent.name == "gemini" else {"main"})


def test_the_documented_claude_code_example_is_one_request() -> None:
    lines = (FIXTURES / "vendors/claude_code_transcript.jsonl").read_bytes().splitlines()
    recorder = MemoryRecorder()
    recorder.record(rows_from(read_facts(lines), "claude_code"))
    (request,) = successful(recorder)
    assert sum(value for name, value in request.items() if name.endswith("_tokens") and value) == 19_414
    assert request["cache_write_1h_tokens"] == 1_200
    assert [row["success"] for row in recorder.rows("transcript_usage")] == [True, True, False]


def test_the_documented_codex_example_counts_differences() -> None:
    lines = (FIXTURES / "vendors/codex_rollout.jsonl").read_bytes().splitlines()
    usage = rows_from(read_facts(lines), "codex").tables["transcript_usage"]
    total = sum(usage["input_tokens"]) + sum(usage["cache_read_tokens"]) + sum(usage["output_tokens"])
    assert total == 3_300
    assert usage["sequence"] == [1, 2]
    assert usage["model"] == ["gpt-5.3-codex"] * 2
