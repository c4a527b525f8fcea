"""What the reader makes of Codex's lines: running totals, records, forks and sub-agents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.agents.transcripts.facts import CommitSeen, Fact, SessionMoment, ToolCall, Usage
from tests.unit.transcripts.support import (
    THREAD,
    codex_line,
    codex_meta,
    codex_turn,
    moment,
    read_facts,
    rows_from,
    stamp,
    token_count,
    usage,
    usage_record,
)

PARENT = "01960000-0000-7000-8000-00000000000a"
OLD_TURN = "01960000-0001-7000-8000-00000000000b"
OWN_TURN = "01970000-0001-7000-8000-00000000000c"


def read(*lines: bytes) -> list[Fact]:
    return read_facts(lines, "codex")


def usages(*lines: bytes) -> list[Usage]:
    return [fact for fact in read(*lines) if isinstance(fact, Usage)]


def outputs(*lines: bytes) -> list[int]:
    return [fact.output_tokens for fact in usages(*lines)]


def calls(*lines: bytes) -> list[ToolCall]:
    return [fact for fact in read(*lines) if isinstance(fact, ToolCall)]


def events(*lines: bytes) -> list[str]:
    return [fact.event for fact in read(*lines) if isinstance(fact, SessionMoment)]


def call(second: float, name: str, arguments: object, **more: Any) -> bytes:
    given = arguments if isinstance(arguments, str) else json.dumps(arguments)
    payload = {"type": "function_call", "name": name, "arguments": given, "call_id": "c1"}
    return codex_line("response_item", second, payload | more)


def output(second: float, text: object, **more: Any) -> bytes:
    payload = {"type": "function_call_output", "call_id": "c1", "output": text}
    return codex_line("response_item", second, payload | more)


def meta_of(thread: str, second: float) -> bytes:
    return codex_meta(second, id=thread)


# -- tokens ----------------------------------------------------------------------------------------------------------


def test_input_is_told_without_its_cache() -> None:
    (found,) = usages(codex_meta(), codex_turn(1), token_count(2, usage(3000, 2000, 100, 40)))
    assert (found.input_tokens, found.cache_read_tokens, found.output_tokens) == (1000, 2000, 100)
    assert (found.reasoning_tokens, found.model, found.session_id) == (40, "gpt-5.1-codex", THREAD)


def test_cache_writes_are_taken_out_of_the_input_too() -> None:
    (found,) = usages(codex_meta(), token_count(2, usage(3000, 2000, 100) | {"cache_write_input_tokens": 300}))
    assert (found.input_tokens, found.cache_write_unknown_tokens) == (700, 300)


def test_a_total_that_is_repeated_counts_nothing() -> None:
    total, more = usage(1000, 400, 100), usage(3000, 1400, 300)
    lines = [
        token_count(1, total),
        token_count(2, total),
        token_count(3, more, usage(2000, 1000, 200)),
        token_count(4, more),
    ]
    assert outputs(codex_meta(), *lines) == [100, 200]


def test_a_total_that_fell_began_again() -> None:
    lines = [token_count(1, usage(1000, 0, 100)), token_count(2, usage(300, 0, 30)), token_count(3, usage(700, 0, 70))]
    assert outputs(codex_meta(), *lines) == [100, 30, 40]


def test_a_total_that_was_rolled_back_counts_the_last_response_only() -> None:
    lines = [token_count(1, usage(9000, 0, 900)), token_count(2, usage(5100, 0, 510), usage(100, 0, 10))]
    assert outputs(codex_meta(), *lines) == [900, 10]


def test_a_count_without_figures_is_passed_over() -> None:
    empty = codex_line("event_msg", 1, {"type": "token_count", "info": None, "rate_limits": {}})
    assert outputs(codex_meta(), empty, token_count(2, usage(10, 0, 1))) == [1]


def test_records_are_preferred_and_totals_then_count_nothing() -> None:
    one, two = usage(100, 0, 10), usage(200, 0, 20)
    both = usage(300, 0, 30)
    lines = [
        usage_record(1, "r1", one, one),
        token_count(2, one),
        usage_record(3, "r2", two, both),
        token_count(4, both),
    ]
    found = usages(codex_meta(), *lines)
    assert [(fact.request_id, fact.output_tokens, fact.sequence) for fact in found] == [("r1", 10, 1), ("r2", 20, 2)]


def test_a_total_written_before_its_record_is_counted_once() -> None:
    one, two = usage(100, 0, 10), usage(200, 0, 20)
    both = usage(300, 0, 30)
    lines = [
        token_count(1, one),
        usage_record(2, "r1", one, one),
        token_count(3, both),
        usage_record(4, "r2", two, both),
    ]
    assert outputs(codex_meta(), *lines) == [10, 20]


def test_a_history_that_a_newer_release_goes_on_with_counts_both_parts() -> None:
    old, new = usage(1000, 0, 100), usage(200, 0, 20)
    lines = [
        token_count(1, old),
        usage_record(60, "r1", new, usage(1200, 0, 120)),
        token_count(61, usage(1200, 0, 120)),
    ]
    assert outputs(codex_meta(), *lines) == [100, 20]


def test_a_record_that_is_repeated_counts_once() -> None:
    assert outputs(codex_meta(), *[usage_record(second, "r1", usage(1, 0, 1)) for second in (1, 2)]) == [1]


def test_equal_requests_of_one_thread_have_different_keys() -> None:
    one = usage(100, 0, 10)
    lines = [codex_meta(), token_count(1, one), token_count(2, usage(200, 0, 20), one)]
    assert len(set(rows_from(read(*lines), "codex").tables["transcript_usage"]["dedup_key"])) == 2


def test_the_model_is_that_of_the_turn() -> None:
    lines = [codex_turn(1, "a"), token_count(2, usage(1, 0, 1)), codex_turn(3, "b"), token_count(4, usage(2, 0, 2))]
    assert [fact.model for fact in usages(codex_meta(), *lines)] == ["a", "b"]


def test_a_history_whose_head_is_gone_still_counts() -> None:
    (found,) = usages(usage_record(1, "r1", usage(5, 0, 5)))
    assert found.session_id == THREAD


# -- copies of another thread's history ------------------------------------------------------------------------------


def fork(second: float = 100.0, **more: Any) -> bytes:
    return codex_meta(second, forked_from_id=PARENT, **more)


def test_copies_with_their_own_times_count_nothing() -> None:
    lines = [
        fork(100),
        meta_of(PARENT, 0),
        token_count(10, usage(1000, 0, 100)),
        token_count(50, usage(3000, 0, 300)),
        token_count(110, usage(3500, 0, 350)),
    ]
    assert outputs(*lines) == [50]


def test_copies_stamped_with_the_time_of_the_fork_count_nothing() -> None:
    lines = [
        fork(100),
        meta_of(PARENT, 100.1),
        token_count(100.1, usage(1000, 0, 100)),
        token_count(100.9, usage(3000, 0, 300)),
        token_count(108, usage(3500, 0, 350)),
    ]
    assert outputs(*lines) == [50]


def test_copies_are_told_by_the_age_of_their_turn() -> None:
    lines = [
        fork(100),
        codex_turn(100.1, turn_id=OLD_TURN),
        token_count(130, usage(1000, 0, 100)),
        codex_turn(100.2, turn_id=OWN_TURN, model="own"),
        token_count(100.3, usage(1500, 0, 150)),
    ]
    assert [(fact.output_tokens, fact.model) for fact in usages(*lines)] == [(50, "own")]


def test_copies_are_told_by_the_start_of_their_turn() -> None:
    began = moment(5) // 1_000_000
    started = codex_line("event_msg", 100.1, {"type": "task_started", "turn_id": "1", "started_at": began})
    own = codex_line("event_msg", 101, {"type": "task_started", "turn_id": "2", "started_at": began + 100})
    lines = [fork(100), started, token_count(160, usage(1000, 0, 100)), own, token_count(101.5, usage(1500, 0, 150))]
    assert outputs(*lines) == [50]


def test_copies_end_where_the_history_says_so() -> None:
    lines = [
        codex_meta(
            100, source={"subagent": {"thread_spawn": {"parent_thread_id": PARENT}}}, subagent_history_start_ordinal=4
        ),
        token_count(200, usage(1000, 0, 100), ordinal=2),
        token_count(201, usage(3000, 0, 300), ordinal=3),
        token_count(202, usage(3500, 0, 350), ordinal=4),
    ]
    assert outputs(*lines) == [50]


def test_copies_end_where_the_thread_names_itself_again() -> None:
    lines = [
        fork(100),
        token_count(100.1, usage(1000, 0, 100)),
        codex_meta(100.2),
        token_count(100.3, usage(1500, 0, 150)),
    ]
    assert outputs(*lines) == [50]


def test_an_empty_fork_counts_nothing() -> None:
    settings = codex_line("event_msg", 100.1, {"type": "thread_settings_applied", "thread_settings": {"model": "x"}})
    lines = [
        fork(100),
        token_count(100.1, usage(1, 0, 1)),
        settings,
        token_count(100.2, usage(9, 0, 9), usage(8, 0, 8)),
    ]
    assert outputs(*lines) == []


def test_records_of_the_parent_count_nothing() -> None:
    lines = [fork(100), usage_record(130, "p1", usage(9, 0, 9), thread=PARENT), usage_record(131, "c1", usage(5, 0, 5))]
    assert outputs(*lines) == [5]


def test_a_fork_that_copied_only_the_total_counts_its_last_response() -> None:
    assert outputs(fork(100), token_count(130, usage(90_000, 0, 9_000), usage(300, 0, 30))) == [30]


def test_a_sub_agent_that_copied_nothing_counts_from_its_first_answer() -> None:
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "agent_nickname": "scout"}}}
    lines = [codex_meta(100, source=spawned), token_count(101, usage(100, 0, 10)), token_count(109, usage(300, 0, 30))]
    found = usages(*lines)
    assert [fact.output_tokens for fact in found] == [10, 20]
    assert {(fact.is_sidechain, fact.parent_session_id, fact.agent_name) for fact in found} == {(True, PARENT, "scout")}


@pytest.mark.parametrize(
    "told",
    [
        {"source": {"subagent": {"thread_spawn": {"parent_thread_id": PARENT}}}},
        {"source": {"subagent": {"thread_spawn": {}}}, "parent_thread_id": PARENT},
        {"source": {"subagent": "review"}, "session_id": PARENT},
        {"source": {"subagent": {"other": "guardian"}}, "forked_from_id": PARENT},
        {"thread_source": "subagent", "parent_thread_id": PARENT},
    ],
)
def test_a_sub_agent_is_tied_to_the_thread_that_started_it(told: dict[str, Any]) -> None:
    found = [fact for fact in read(codex_meta(100, **told)) if isinstance(fact, SessionMoment)]
    assert [(fact.session_id, fact.event, fact.parent_session_id) for fact in found] == [(THREAD, "parent", PARENT)]


def test_a_fork_is_a_session_of_its_own() -> None:
    found = [fact for fact in read(fork(100)) if isinstance(fact, SessionMoment)]
    assert [(fact.session_id, fact.event, fact.parent_session_id) for fact in found] == [(THREAD, "start", None)]


def test_copied_prompts_and_calls_are_not_told_again() -> None:
    said = codex_line("event_msg", 10, {"type": "user_message", "message": "please"})
    copied = [call(11, "shell", {"command": ["ls"]}), output(12, "x")]
    lines = [fork(100), said, *copied]
    assert events(*lines) == ["start"]
    assert calls(*lines) == []


# -- sessions, tools, failures ---------------------------------------------------------------------------------------


def test_prompts_in_two_forms_count_once() -> None:
    new = codex_line("event_msg", 1, {"type": "item_completed", "item": {"type": "UserMessage", "content": []}})
    old = codex_line("event_msg", 1, {"type": "user_message", "message": "please"})
    assert events(codex_meta(), new, old, new, old) == ["start", "prompt", "prompt"]


def test_a_resumed_thread_starts_once() -> None:
    assert events(codex_meta(), codex_meta(60), codex_turn(61)) == ["start"]


def test_another_folder_is_another_context() -> None:
    assert events(codex_meta(), codex_turn(1), codex_turn(2, cwd="/home/dev/web")) == ["start", "context"]


@pytest.mark.parametrize(
    ("text", "success", "kind"),
    [
        ("Chunk ID: 1\nWall time: 0.1 seconds\nProcess exited with code 0\nOutput:\nx", True, None),
        ("Chunk ID: 1\nProcess exited with code 2\nOutput:\nProcess exited with code 0", False, "exit_code_2"),
        ("Exit code: 1\nWall time: 1 seconds\nOutput:\n", False, "exit_code_1"),
        ('{"output":"x","metadata":{"exit_code":3,"duration_seconds":0.1}}', False, "exit_code_3"),
        ({"content": "x", "success": False}, False, "error"),
        ("Plan updated", None, None),
    ],
)
def test_a_calls_success_is_what_its_output_says(text: object, success: bool | None, kind: str | None) -> None:
    (found,) = calls(codex_meta(), call(1, "shell", {"command": ["bash", "-lc", "ls"]}), output(2, text))
    assert (found.success, found.error_type, found.duration_ms) == (success, kind, 1000)


def test_an_exit_code_of_the_finished_item_decides() -> None:
    item = {"type": "CommandExecution", "id": "c1", "exit_code": 4, "aggregated_output": "x"}
    done = codex_line("event_msg", 1.5, {"type": "item_completed", "item": item})
    (found,) = calls(codex_meta(), call(1, "exec_command", {"cmd": "ls"}), done, output(2, "x"))
    assert (found.success, found.error_type) == (False, "exit_code_4")


def test_a_patch_tells_the_extension_of_its_file() -> None:
    patch = "*** Begin Patch\n*** Update File: src/app.py\n@@\n-a\n+b\n*** End Patch"
    given = {"type": "custom_tool_call", "name": "apply_patch", "input": patch, "call_id": "c1"}
    result = {
        "type": "custom_tool_call_output",
        "call_id": "c1",
        "output": '{"output":"ok","metadata":{"exit_code":0}}',
    }
    (found,) = calls(codex_meta(), codex_line("response_item", 1, given), codex_line("response_item", 2, result))
    assert (found.tool_name, found.file_extension, found.success) == ("apply_patch", ".py", True)


def test_a_commit_belongs_to_the_folder_of_the_call() -> None:
    lines = [
        codex_meta(),
        call(1, "exec_command", {"cmd": "git commit -m x", "workdir": "/srv/lib"}),
        output(2, "Process exited with code 0\nOutput:\n[main a7436e3] x\n"),
    ]
    (found,) = [fact for fact in read(*lines) if isinstance(fact, CommitSeen)]
    assert found.commit_hash == "a7436e3"
    assert found.project is not None
    assert found.project.project_id == "example.org/team/lib"


def test_a_turn_without_error_is_no_failure() -> None:
    assert usages(codex_meta(), codex_line("event_msg", 1, {"type": "task_complete", "last_agent_message": "x"})) == []


def test_lines_of_releases_without_envelope_are_passed_over() -> None:
    old = [b'{"id":"x","timestamp":"%s","instructions":null}' % stamp(0).encode(), b'{"record_type":"state"}']
    assert read(*old) == []
