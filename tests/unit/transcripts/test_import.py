"""Importing whole histories: what is found, what is skipped, and going on after a stop."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.agents.transcripts.registry import claude_code_roots, codex_roots
from engine.errors import StorageError, UsageError
from engine.ingest import transcript_files
from engine.ingest.transcript_state import FILE_NAME
from tests.unit.transcripts.conftest import Machine
from tests.unit.transcripts.support import (
    FIXTURES,
    append_lines,
    codex_meta,
    line,
    prompt,
    reply,
    requests_of,
    token_count,
    tool_result,
    tool_use,
    totals,
    usage,
    write_lines,
)


def lay_out_captures(machine: Machine) -> None:
    """The captured histories where the agents put them: sub-agents below their session."""
    for source in (FIXTURES / "telemetry/claude").glob("*/transcripts/*.jsonl"):
        folder = machine.projects / "-home-dev-app"
        if source.stem.startswith("subagent-"):
            folder /= "b30e7070-c770-4f28-b733-f74a56d1ab72/subagents"
        write_lines(folder / source.name.removeprefix("subagent-"), source.read_bytes().splitlines())
    for source in (FIXTURES / "telemetry/codex").glob("*/transcripts/*.jsonl"):
        write_lines(machine.sessions / "2026/11/20" / source.name, source.read_bytes().splitlines())


def test_all_histories_of_a_machine_are_read(machine: Machine) -> None:
    lay_out_captures(machine)
    summary = machine.import_()
    assert (summary.files_read, summary.lines_skipped, summary.files_unfinished) == (22, 0, 0)
    assert summary.requests_by_agent == {"claude_code": 48, "codex": 14}
    assert (summary.sessions, summary.tool_calls, summary.commits, summary.projects) == (19, 40, 3, 1)
    told = [row for row in requests_of(machine.recorder.rows("transcript_usage")) if row["success"]]
    assert totals(told)["requests"] == 61
    assert {row["developer_id"] for row in told} == {"dev@example.org"}


def test_a_second_import_reads_nothing(machine: Machine) -> None:
    lay_out_captures(machine)
    machine.import_()
    calls = machine.recorder.calls
    summary = machine.import_()
    assert (summary.files_read, summary.files_unchanged, summary.bytes_read) == (0, 22, 0)
    assert machine.recorder.calls == calls


def test_reading_again_changes_no_total(machine: Machine) -> None:
    lay_out_captures(machine)
    machine.import_()
    before = machine.recorder.rows("transcript_usage")
    assert machine.import_(again=True).files_read == 22
    assert machine.recorder.rows("transcript_usage") == before


def test_only_what_was_appended_is_read_after_a_restart(machine: Machine) -> None:
    path = write_lines(
        machine.projects / "p/a.jsonl", [prompt(0), reply(1, 1, content=[tool_use("t", "Bash", command="ls")])]
    )
    machine.import_()
    new = [tool_result(3, "t", "x"), reply(4, 2)]
    append_lines(path, new)
    summary = machine.import_()
    assert summary.bytes_read == sum(len(part) + 1 for part in new)
    assert machine.requests() == ["msg_1", "msg_2"]
    assert [row["duration_ms"] for row in machine.recorder.rows("transcript_tool_calls")] == [2000]
    assert [row["event"] for row in machine.recorder.rows("session_context")] == ["start", "prompt"]


def test_an_unfinished_last_line_waits_for_its_end(machine: Machine) -> None:
    whole = reply(2, 2)
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1), whole[:150]], ended=False)
    summary = machine.import_()
    assert (summary.requests, summary.files_unfinished, summary.lines_skipped) == (1, 1, 0)
    with path.open("ab") as stream:
        stream.write(whole[150:] + b"\n")
    assert machine.import_().requests == 1
    assert machine.requests() == ["msg_1", "msg_2"]


def test_a_complete_last_line_needs_no_line_feed(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1), reply(2, 2)], ended=False)
    assert machine.import_().requests == 2
    append_lines(path, [b"", reply(3, 3)])
    assert machine.import_().requests == 1


def test_garbage_lines_are_counted_and_the_rest_is_read(machine: Machine) -> None:
    lines = [reply(1, 1), b"garbage", b'{"type":"user",', b"\xff\xfe\x00", b"[1]", b'{"assistant"}', reply(2, 2)]
    write_lines(machine.projects / "p/a.jsonl", lines)
    summary = machine.import_()
    assert (summary.requests, summary.lines_skipped) == (2, 5)


def test_a_garbage_file_is_counted_and_the_rest_is_read(machine: Machine) -> None:
    folder = machine.projects / "p"
    folder.mkdir(parents=True)
    (folder / "garbage.jsonl").write_bytes(os.urandom(5000))
    write_lines(folder / "a.jsonl", [reply(1, 1)])
    summary = machine.import_()
    assert summary.requests == 1
    assert summary.lines_skipped > 0


def test_bytes_that_are_no_utf_8_do_not_hide_a_request(machine: Machine) -> None:
    broken = reply(1, 1, content=[{"type": "text", "text": "MARK"}]).replace(b"MARK", b"\xc3\x28")
    lonely = reply(2, 2, content=[{"type": "text", "text": "\ud800"}])
    write_lines(machine.projects / "p/a.jsonl", [broken, lonely])
    summary = machine.import_()
    assert (summary.requests, summary.lines_skipped) == (2, 0)


def test_a_file_that_cannot_be_opened_is_named_and_the_rest_is_read(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = write_lines(machine.projects / "p/gone.jsonl", [reply(1, 1)])
    write_lines(machine.projects / "p/a.jsonl", [reply(2, 2)])
    find = transcript_files.find

    def find_then_lose(*arguments: object) -> object:
        found = find(*arguments)  # type: ignore[arg-type]
        gone.unlink()
        return found

    monkeypatch.setattr("engine.ingest.transcripts.find", find_then_lose)
    summary = machine.import_()
    assert summary.unreadable == ((str(gone), "No such file or directory"),)
    assert machine.requests() == ["msg_2"]


def test_a_line_that_never_ends_is_passed_over(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript_files, "LONGEST_LINE", 3000)
    monkeypatch.setattr(transcript_files, "CHUNK_BYTES", 1000)
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1), b"{" + b"x" * 10_000], ended=False)
    assert machine.import_().requests == 1
    append_lines(path, [b"x" * 5000 + b"}", reply(2, 2)])
    summary = machine.import_()
    assert machine.requests() == ["msg_1", "msg_2"]
    assert summary.lines_skipped <= 1


def test_a_file_that_was_replaced_is_read_from_its_beginning(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1), reply(2, 2)])
    machine.import_()
    write_lines(path, [reply(3, 3), reply(4, 4), reply(5, 5)])
    machine.import_()
    assert machine.requests() == ["msg_1", "msg_2", "msg_3", "msg_4", "msg_5"]


def test_a_file_that_was_cut_is_read_from_its_beginning(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(number, number) for number in range(1, 9)])
    machine.import_()
    write_lines(path, [reply(1, 1)])
    append_lines(path, [reply(20, 20)])
    machine.import_()
    assert machine.requests()[-1] == "msg_20"


def test_a_file_that_was_moved_goes_on_where_it_stood(machine: Machine) -> None:
    path = write_lines(machine.sessions / "2026/rollout-1.jsonl", [codex_meta(), token_count(1, usage(10, 0, 1))])
    machine.import_()
    archived = machine.home / ".codex/archived_sessions/rollout-1.jsonl"
    archived.parent.mkdir()
    path.rename(archived)
    append_lines(archived, [token_count(2, usage(30, 0, 3))])
    assert machine.import_().requests == 1
    assert [row["output_tokens"] for row in machine.recorder.rows("transcript_usage")] == [1, 2]


def test_beside_another_database_everything_is_read_again(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    machine.import_()
    machine.settings.database.write_bytes(b"another")
    assert machine.import_().requests == 1


def test_rows_that_were_not_taken_are_read_again(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    machine.recorder.fail = StorageError("the disk is full")
    with pytest.raises(StorageError):
        machine.import_()
    assert machine.import_().requests == 1
    assert machine.requests() == ["msg_1"]


def test_newer_files_are_read_first(machine: Machine) -> None:
    for number in (1, 2, 3):
        path = write_lines(machine.projects / f"p/{number}.jsonl", [reply(number, number)])
        os.utime(path, (1000 * number, 1000 * number))
    summary_roots = transcript_files.find([transcript_files.Root(machine.projects, None)])
    assert [Path(file.path).stem for file in summary_roots] == ["3", "2", "1"]


def test_a_large_history_is_recorded_in_parts(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(number / 100, number) for number in range(9_000)])
    assert machine.import_().requests == 9_000
    assert machine.recorder.calls > 1
    assert machine.recorder.largest < 7_000


def test_memory_stays_flat_however_long_a_history_is(machine: Machine) -> None:
    filler = line({"type": "file-history-snapshot", "snapshot": "x" * 100_000})
    write_lines(machine.projects / "p/a.jsonl", [filler] * 500)
    tracemalloc.start()
    try:
        assert machine.import_().bytes_read > 50_000_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_other_json_lines_are_no_history(machine_with: Callable[..., Machine], tmp_path: Path) -> None:
    write_lines(tmp_path / "more/notes.jsonl", [line({"text": "hello"})])
    write_lines(tmp_path / "more/a.jsonl", [reply(1, 1)])
    summary = machine_with(**{"transcripts.paths": (str(tmp_path / "more"),)}).import_()
    assert summary.unknown == (str(tmp_path / "more/notes.jsonl"),)
    assert summary.requests == 1


def test_a_named_path_that_does_not_exist_is_wrong_usage(machine: Machine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        machine.import_(tmp_path / "nothing")


def test_the_same_folder_by_two_names_is_read_once(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    (machine.home / ".config").mkdir()
    (machine.home / ".config/claude").symlink_to(machine.home / ".claude")
    assert machine.import_().files_found == 1


def test_a_project_is_told_once_and_without_its_place(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1), reply(2, 2, gitBranch="topic")])
    write_lines(machine.projects / "p/b.jsonl", [reply(3, 3)])
    machine.import_()
    (project,) = machine.recorder.rows("repositories")
    assert (project["project_name"], project["root_path"], project["watched"]) == ("app", None, False)


def test_positions_can_be_read_by_their_owner_alone(machine: Machine) -> None:
    machine.import_()
    assert (machine.settings.data_dir / FILE_NAME).stat().st_mode & 0o077 == 0


def test_agents_keep_their_histories_where_their_variables_say() -> None:
    home = Path("/home/dev")
    assert claude_code_roots({}, home) == (home / ".claude/projects", home / ".config/claude/projects")
    assert claude_code_roots({"CLAUDE_CONFIG_DIR": "/a, /b/projects"}, home) == (
        Path("/a/projects"),
        Path("/b/projects"),
    )
    assert codex_roots({}, home) == (home / ".codex/sessions", home / ".codex/archived_sessions")
    assert codex_roots({"CODEX_HOME": "/c"}, home) == (Path("/c/sessions"), Path("/c/archived_sessions"))
