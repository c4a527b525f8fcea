"""What the reader makes of Claude Code's lines."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.agents.transcripts.facts import CommitSeen, Fact, SessionMoment, ToolCall, Usage
from tests.unit.transcripts.support import (
    SESSION,
    claude_line,
    line,
    moment,
    prompt,
    read_facts,
    reply,
    rows_from,
    tool_result,
    tool_use,
)


def read(*lines: bytes) -> list[Fact]:
    return read_facts(lines, "claude_code")


def usages(*lines: bytes) -> list[Usage]:
    return [fact for fact in read(*lines) if isinstance(fact, Usage)]


def calls(*lines: bytes) -> list[ToolCall]:
    return [fact for fact in read(*lines) if isinstance(fact, ToolCall)]


def moments(*lines: bytes) -> list[tuple[str, str | None]]:
    return [(fact.event, fact.where.branch) for fact in read(*lines) if isinstance(fact, SessionMoment)]


def commits(*lines: bytes) -> list[tuple[str, str | None]]:
    return [
        (fact.commit_hash, fact.project.project_id if fact.project else None)
        for fact in read(*lines)
        if isinstance(fact, CommitSeen)
    ]


def commit(command: str, output: str = "[main a7436e3] Add f\n 1 file changed", **more: object) -> list[bytes]:
    return [
        reply(0, 1, content=[tool_use("t1", "Bash", command=command)]),
        tool_result(1, "t1", output, is_error=False, **more),
    ]


def test_tokens_keep_both_cache_lifetimes() -> None:
    (found,) = usages(reply(0, 1))
    assert (found.input_tokens, found.cache_read_tokens, found.output_tokens) == (10, 2000, 100)
    assert (found.cache_write_5m_tokens, found.cache_write_1h_tokens, found.cache_write_unknown_tokens) == (100, 200, 0)
    assert (found.model, found.speed, found.service_tier) == ("claude-opus-4-8", "standard", "standard")
    assert (found.timestamp, found.session_id) == (moment(0), SESSION)


def test_a_cache_write_without_split_stays_unknown() -> None:
    message = {"id": "m", "model": "x", "usage": {"input_tokens": 1, "cache_creation_input_tokens": 7}}
    (found,) = usages(claude_line("assistant", 0, message))
    assert (found.cache_write_5m_tokens, found.cache_write_1h_tokens, found.cache_write_unknown_tokens) == (0, 0, 7)


def test_lines_of_one_reply_with_equal_usage_are_one() -> None:
    assert len(usages(reply(0, 1), reply(0.1, 1), reply(0.2, 2), reply(0.3, 1))) == 2


def test_a_reply_that_grows_is_told_again_as_the_same_request() -> None:
    found = usages(reply(0, 1, output=8), reply(1, 1, output=210))
    assert [(fact.output_tokens, fact.sequence, fact.is_update) for fact in found] == [(8, 1, False), (210, 1, True)]


def test_parallel_replies_may_interleave() -> None:
    found = usages(reply(0, 1), reply(0.1, 2), reply(0.2, 1), reply(0.3, 2))
    assert [fact.message_id for fact in found] == ["msg_1", "msg_2"]


def test_replies_without_ids_count_each() -> None:
    message = {"model": "claude-2", "usage": {"input_tokens": 5, "output_tokens": 6}}
    old = [claude_line("assistant", second, message, version="1.0.3") for second in (0, 1)]
    keys = rows_from(read(*old), "claude_code").tables["transcript_usage"]["dedup_key"]
    assert len(set(keys)) == 2


def test_the_same_reply_in_another_file_has_the_same_key() -> None:
    first = rows_from(read(reply(0, 7), reply(1, 8)), "claude_code").tables["transcript_usage"]["dedup_key"]
    second = rows_from(read(reply(1.5, 8)), "claude_code").tables["transcript_usage"]["dedup_key"]
    assert first[1] == second[0]


def test_old_releases_tell_their_cost() -> None:
    (found,) = usages(reply(0, 1, costUSD=0.0123))
    assert found.cost_usd == Decimal("0.0123")


def test_synthetic_replies_are_no_requests() -> None:
    message = {"id": "m", "model": "<synthetic>", "usage": {"input_tokens": 0, "output_tokens": 0}}
    assert usages(claude_line("assistant", 0, message)) == []


@pytest.mark.parametrize(
    ("words", "more", "code"),
    [
        ('API Error: 529 {"type":"error"}', {}, "529"),
        ("Something else", {"error": "rate_limit"}, "rate_limit"),
        ("Something else", {"error": "a whole sentence of content"}, None),
    ],
)
def test_a_request_that_was_given_up_is_a_failure(words: str, more: dict[str, str], code: str | None) -> None:
    message = {"id": "m", "model": "<synthetic>", "content": [{"type": "text", "text": words}], "usage": {}}
    (found,) = usages(claude_line("assistant", 0, message, isApiErrorMessage=True, **more))
    assert (found.success, found.error_code, found.model, found.output_tokens) == (False, code, None, 0)


def test_a_failure_is_told_with_the_model_of_the_session() -> None:
    message = {"id": "m", "model": "<synthetic>", "content": "API Error: 500", "usage": {}}
    found = usages(reply(0, 1), claude_line("assistant", 1, message, isApiErrorMessage=True))
    assert [fact.model for fact in found] == ["claude-opus-4-8", "claude-opus-4-8"]


def test_a_side_chain_that_repeats_its_parents_reply_is_not_counted() -> None:
    replay = reply(60, 1, isSidechain=True, requestId="req_other")
    own = reply(61, 2, isSidechain=True)
    assert [fact.message_id for fact in usages(reply(0, 1), replay, own)] == ["msg_1", "msg_2"]


def test_a_sub_agent_is_recognised_by_its_lines() -> None:
    (found,) = usages(reply(0, 1, isSidechain=False, agentId="a1", attributionAgent="Explore"))
    assert (found.is_sidechain, found.agent_name, found.session_id) == (True, "Explore", SESSION)


def test_a_session_starts_once_and_goes_on_elsewhere() -> None:
    lines = [prompt(0), reply(1, 1), reply(2, 2, gitBranch="topic"), reply(3, 3, gitBranch="topic")]
    assert moments(*lines) == [("start", "main"), ("prompt", "main"), ("context", "topic")]


def test_no_branch_is_unknown() -> None:
    assert moments(reply(0, 1, gitBranch="HEAD")) == [("start", None)]


def test_the_project_comes_from_the_folder_without_its_place() -> None:
    (fact,) = [fact for fact in read(reply(0, 1)) if isinstance(fact, SessionMoment)]
    assert fact.where.project is not None
    assert (fact.where.project.project_id, fact.where.project.root) == ("example.org/team/app", None)
    assert fact.where.cwd_hash is not None
    assert len(fact.where.cwd_hash) == 16


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ("<local-command-stdout>done</local-command-stdout>", {}),
        ("[Request interrupted by user]", {}),
        ("a summary", {"isCompactSummary": True}),
        ("a caveat", {"isMeta": True}),
        ("for the sub-agent", {"isSidechain": True}),
    ],
)
def test_what_no_person_typed_is_no_prompt(words: str, more: dict[str, bool]) -> None:
    assert "prompt" not in [event for event, _ in moments(prompt(0, words, **more))]


def test_prompts_with_pictures_count() -> None:
    assert ("prompt", "main") in moments(prompt(0, [{"type": "image", "source": {}}, {"type": "text", "text": "see"}]))


def test_a_tool_call_takes_the_time_between_its_lines() -> None:
    (call,) = calls(
        reply(0, 1, content=[tool_use("t1", "Edit", file_path="/home/dev/app/a.py", old_string="a", new_string="b")]),
        tool_result(2.5, "t1", "ok"),
    )
    assert (call.tool_name, call.duration_ms, call.success, call.error_type) == ("Edit", 2500, True, None)
    assert (call.file_extension, call.is_git_commit, call.timestamp) == (".py", False, moment(2.5))


def test_the_same_arguments_hash_alike() -> None:
    lines = [
        reply(
            0, 1, content=[tool_use("t1", "Bash", command="ls", description="x"), tool_use("t2", "Bash", command="pwd")]
        ),
        reply(1, 2, content=[tool_use("t3", "Bash", description="x", command="ls")]),
        *(tool_result(2, name, "") for name in ("t1", "t2", "t3")),
    ]
    first, second, third = (call.arguments_hash for call in calls(*lines))
    assert first == third != second


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("The user doesn't want to proceed with this tool use. The tool use was rejected", "rejected"),
        ("Exit code 127\nls: not found", "exit_code_127"),
        ("<tool_use_error>InputValidationError: secret words</tool_use_error>", "InputValidationError"),
        ("secret words", "error"),
        ([{"type": "text", "text": "Exit code 1"}], "exit_code_1"),
    ],
)
def test_a_failed_call_says_how_in_one_word(output: object, kind: str) -> None:
    (call,) = calls(
        reply(0, 1, content=[tool_use("t1", "Bash", command="x")]), tool_result(1, "t1", output, is_error=True)
    )
    assert (call.success, call.error_type) == (False, kind)


def test_a_result_without_its_call_tells_nothing() -> None:
    assert calls(tool_result(1, "t1", "ok")) == []


@pytest.mark.parametrize(
    ("command", "project"),
    [
        ("git commit -m x", "app"),
        ("cd ../web && git add -A && git commit -m x", "web"),
        ("cd /srv/site; git commit -am x", "site"),
        ("git -C '/srv/lib' commit -m x", "lib"),
        ("cd $SOMEWHERE && git commit -m x", "app"),
    ],
)
def test_a_commit_belongs_to_the_folder_it_is_made_in(command: str, project: str) -> None:
    assert commits(*commit(command)) == [("a7436e3", f"example.org/team/{project}")]


def test_several_commits_of_one_command_are_evidence_each() -> None:
    output = "[main a7436e3] one\n 1 file\n[main (root-commit) b7436e3] two\n[detached HEAD c7436e34] three"
    assert [sha for sha, _ in commits(*commit("git commit -m 1; git commit -m 2", output))] == [
        "a7436e3",
        "b7436e3",
        "c7436e34",
    ]


def test_a_quiet_commit_is_named_by_the_agents_own_note() -> None:
    note = {"gitOperation": {"commit": {"sha": "a7436e3", "kind": "committed"}}}
    assert commits(*commit("git commit -qm x", "", toolUseResult=note)) == [("a7436e3", "example.org/team/app")]


def test_output_that_looks_like_a_commit_is_none_without_the_command() -> None:
    assert commits(*commit("cat log.txt")) == []


def test_lines_of_other_kinds_are_passed_over() -> None:
    others = [
        line({"type": "queue-operation", "sessionId": SESSION, "content": "x"}),
        line({"type": "file-history-snapshot", "snapshot": {"role": "assistant"}}),
        line({"type": "summary", "summary": 'a "user" said', "leafUuid": "x"}),
    ]
    assert read(*others) == []
