"""Histories of older releases of Gemini CLI: one JSON object a session, written anew with every message."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.transcripts.conftest import Machine
from tests.unit.transcripts.support import FIXTURES, requests_of, totals, until

SCENARIOS = ["commit", "tool-http", "tool-grpc"]


def document_of(scenario: str) -> dict[str, Any]:
    """A capture in the older form: the head, and each message as it was last written."""
    (path,) = sorted((FIXTURES / "telemetry" / "gemini" / scenario / "transcripts").glob("*.jsonl"))
    head, *entries = [json.loads(line) for line in path.read_bytes().splitlines()]
    messages = {entry["id"]: entry for entry in entries if "id" in entry}
    return {**head, "messages": [*messages.values()]}


def truth(scenario: str) -> dict[str, int]:
    told = json.loads((FIXTURES / "telemetry" / "gemini" / scenario / "truth.json").read_text())["expected"]
    return {name: told[name] for name in ("requests", "input_tokens", "cache_read_tokens", "output_tokens")}


@pytest.fixture
def path(machine: Machine) -> Path:
    found = machine.home / ".gemini" / "tmp" / "0f1e2d" / "chats" / "session-2025-09-18T02-45-3b44bc68.json"
    found.parent.mkdir(parents=True)
    return found


def counted(machine: Machine) -> dict[str, int]:
    found = totals(requests_of(machine.recorder.rows("transcript_usage")))
    return {name: found[name] for name in ("requests", "input_tokens", "cache_read_tokens", "output_tokens")}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_older_form_tells_what_the_model_api_returned(machine: Machine, path: Path, scenario: str) -> None:
    path.write_text(json.dumps(document_of(scenario), indent=2))
    summary = machine.import_()
    assert counted(machine) == truth(scenario)
    assert (summary.files_by_agent, summary.lines_skipped) == ({"gemini_cli": 1}, 0)


def test_a_document_is_recognised_wherever_it_lies(machine: Machine, tmp_path: Path) -> None:
    (tmp_path / "rescued").mkdir()
    (tmp_path / "rescued" / "session-1.json").write_text(json.dumps(document_of("commit"), indent=2))
    (tmp_path / "rescued" / "session-2.json").write_text('{"other": 1}')
    (tmp_path / "rescued" / "settings.json").write_text("{}")
    summary = machine.import_(tmp_path / "rescued")
    assert counted(machine) == truth("commit")
    assert [Path(name).name for name in summary.unknown] == ["session-2.json"]


def test_a_document_that_grew_tells_only_what_is_new(machine: Machine, path: Path) -> None:
    whole = document_of("commit")
    path.write_text(json.dumps({**whole, "messages": whole["messages"][:4]}))
    first = machine.import_()
    path.write_text(json.dumps(whole))
    second = machine.import_()
    assert first.requests + second.requests == truth("commit")["requests"]
    assert counted(machine) == truth("commit")


def test_a_document_that_is_being_written_is_read_when_it_is_whole(machine: Machine, path: Path) -> None:
    text = json.dumps(document_of("commit"))
    path.write_text(text[: len(text) // 2])
    assert (machine.import_().files_unfinished, counted(machine)["requests"]) == (1, 0)
    with machine.following():
        path.write_text(text)
        until(lambda: counted(machine) == truth("commit"), "the whole document is read")
