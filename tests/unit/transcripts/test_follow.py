"""Following histories live, with real notifications of the system."""

from __future__ import annotations

import os
import shutil

import pytest

from engine.errors import StorageError
from engine.ingest import transcript_follow
from engine.ingest.transcripts import Follower
from tests.unit.transcripts.conftest import Machine
from tests.unit.transcripts.support import (
    append_lines,
    codex_meta,
    reply,
    token_count,
    until,
    usage,
    write_lines,
)


def caught_up(follower: Follower) -> None:
    until(lambda: follower.status().is_caught_up and not follower.status().files_waiting, "the follower catches up")


def told(machine: Machine, *ids: str) -> None:
    until(lambda: set(ids) <= set(machine.requests()), f"{ids} are told; there are {machine.requests()}")


def test_what_was_there_is_read_at_the_start(machine: Machine) -> None:
    for number in (1, 2, 3):
        write_lines(machine.projects / f"p/{number}.jsonl", [reply(number, number)])
    with machine.following() as follower:
        caught_up(follower)
        assert machine.requests() == ["msg_1", "msg_2", "msg_3"]
        assert follower.status().error is None


def test_an_appended_line_is_told(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    with machine.following() as follower:
        caught_up(follower)
        append_lines(path, [reply(2, 2)])
        told(machine, "msg_2")


def test_half_a_line_waits_for_the_other_half(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    whole = reply(2, 2) + b"\n"
    with machine.following() as follower:
        caught_up(follower)
        for part in (whole[:200], whole[200:]):
            with path.open("ab") as stream:
                stream.write(part)
        append_lines(path, [reply(3, 3)])
        told(machine, "msg_2", "msg_3")
        assert follower.status().lines_skipped == 0


def test_a_new_file_in_a_new_folder_is_told(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    with machine.following() as follower:
        caught_up(follower)
        write_lines(machine.projects / "q/s/subagents/agent-1.jsonl", [reply(2, 2, isSidechain=True, agentId="1")])
        told(machine, "msg_2")


def test_an_agent_that_is_installed_later_is_found(machine: Machine) -> None:
    with machine.following() as follower:
        caught_up(follower)
        write_lines(machine.sessions / "2026/11/18/rollout-1.jsonl", [codex_meta(), token_count(1, usage(10, 0, 5))])
        until(lambda: bool(machine.recorder.rows("transcript_usage")), "the first rollout is told")


def test_a_file_that_is_replaced_and_one_that_is_deleted_do_no_harm(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1), reply(2, 2)])
    other = write_lines(machine.projects / "p/b.jsonl", [reply(3, 3)])
    with machine.following() as follower:
        caught_up(follower)
        other.unlink()
        replacement = write_lines(machine.home / "new.jsonl", [reply(4, 4)])
        os.replace(replacement, path)
        told(machine, "msg_4")
        append_lines(path, [reply(5, 5)])
        told(machine, "msg_5")
        assert follower.status().error is None


def test_a_folder_that_goes_and_comes_back_is_followed_again(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    with machine.following() as follower:
        caught_up(follower)
        shutil.rmtree(machine.projects)
        write_lines(machine.projects / "p/b.jsonl", [reply(2, 2)])
        told(machine, "msg_2")


def test_a_restart_reads_only_what_is_new(machine: Machine) -> None:
    path = write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    with machine.following() as follower:
        caught_up(follower)
    append_lines(path, [reply(2, 2)])
    with machine.following() as follower:
        told(machine, "msg_2")
        assert follower.status().requests == 1


def test_an_import_beside_a_follower_adds_nothing(machine: Machine) -> None:
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    with machine.following() as follower:
        caught_up(follower)
        assert machine.import_().files_unchanged == 1


def test_rows_that_were_not_taken_are_told_later(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcript_follow, "RETRY_SECONDS", 0.01)
    write_lines(machine.projects / "p/a.jsonl", [reply(1, 1)])
    machine.recorder.fail = StorageError("the disk is full")
    with machine.following() as follower:
        told(machine, "msg_1")
        until(lambda: follower.status().error is None, "the error is over")


def test_stopping_twice_and_before_the_start_is_harmless(machine: Machine) -> None:
    with machine.following() as follower:
        follower.stop()
    Follower(machine.recorder, machine.settings, None, environment={}, home=machine.home).stop()
