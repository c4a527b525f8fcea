"""What agents beside Claude Code and Codex are told at init, and what Cursor's hooks tell us."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hooks.conftest import Engine, Machine, until
from tests.unit.hooks.test_init import KEY, snapshot

VENDORS = Path(__file__).parents[2] / "fixtures" / "vendors"
URL = "https://aa.example.com"
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "gemini_cli": (".gemini/settings.json", {"theme": "dark", "telemetry": {"traces": True}}),
    "qwen_code": (".qwen/settings.json", {"hooks": {"SessionStart": [{"hooks": [{"command": "echo hi"}]}]}}),
    "cursor": (".cursor/hooks.json", {"version": 1, "hooks": {"stop": [{"command": "./mine.sh"}]}}),
    "github_copilot": (".copilot/config.json", {"theme": "dark"}),
}


@pytest.fixture
def furnished(machine: Machine) -> Machine:
    """A machine with four agents, each with settings of its user."""
    for name, settings in SETTINGS.values():
        path = machine.home / name
        path.parent.mkdir()
        path.write_text(json.dumps(settings, indent=3))
    return machine


def settings_of(machine: Machine, agent: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((machine.home / SETTINGS[agent][0]).read_text())
    return found


def commands(entries: list[dict[str, Any]]) -> list[str]:
    """The hooks' command lines, shortened to what follows the program."""
    flat = [hook for entry in entries for hook in entry.get("hooks", [entry])]
    lines: list[str] = [hook.get("command") or hook["bash"] for hook in flat]
    return [line.rpartition(" session ")[2] for line in lines]


def test_agents_that_are_there_are_set_up(furnished: Machine) -> None:
    done = furnished.hooks("init", "--yes", "--backend-url", URL)
    assert done.returncode == 0, done.stderr
    gemini, qwen = settings_of(furnished, "gemini_cli"), settings_of(furnished, "qwen_code")
    wanted = {"enabled": True, "target": "local", "otlpEndpoint": URL, "otlpProtocol": "http", "logPrompts": False}
    assert (gemini["theme"], gemini["telemetry"]) == ("dark", {"traces": True, **wanted})
    assert commands(qwen["hooks"]["SessionStart"]) == ["echo hi", "--agent qwen_code"]
    assert commands(gemini["hooks"]["SessionEnd"]) == ["--agent gemini_cli"]
    hooks = settings_of(furnished, "cursor")["hooks"]
    assert commands(hooks["stop"]) == ["./mine.sh", "--agent cursor"]
    assert {*hooks} == {
        "sessionStart",
        "sessionEnd",
        "beforeSubmitPrompt",
        "afterFileEdit",
        "afterShellExecution",
        "stop",
    }
    copilot = json.loads((furnished.home / ".copilot" / "hooks" / "agent-analytics.json").read_text())
    assert commands(copilot["hooks"]["sessionEnd"]) == ["--agent github_copilot --event sessionEnd"]
    assert b"COPILOT_OTEL_ENABLED=true" in done.stderr


def test_keys_that_have_no_place_are_told_without_the_key(furnished: Machine) -> None:
    done = furnished.hooks("init", "--yes", "--backend-url", URL, "--api-key", KEY)
    assert b"gemini_cli: its settings have no place for a key" in done.stderr
    assert KEY.encode() not in done.stderr
    assert KEY not in (furnished.home / ".gemini" / "settings.json").read_text()


def test_a_second_run_changes_nothing(furnished: Machine) -> None:
    furnished.hooks("init", "--yes", "--backend-url", URL)
    before = snapshot(furnished.home)
    furnished.hooks("init", "--yes", "--backend-url", URL)
    assert snapshot(furnished.home) == before


def test_uninstall_restores_every_byte(furnished: Machine) -> None:
    before = snapshot(furnished.home)
    furnished.hooks("init", "--yes", "--backend-url", URL)
    furnished.hooks("uninstall", "--yes")
    assert snapshot(furnished.home) == before


def test_uninstall_keeps_what_was_edited_since_and_takes_only_ours(furnished: Machine) -> None:
    furnished.hooks("init", "--yes", "--backend-url", URL)
    for agent, (name, _) in SETTINGS.items():
        (furnished.home / name).write_text(json.dumps(settings_of(furnished, agent) | {"mine": 1}))
    furnished.hooks("uninstall", "--yes")
    for agent, (_, settings) in SETTINGS.items():
        assert settings_of(furnished, agent) == settings | {"mine": 1}


def test_telemetry_that_goes_elsewhere_is_left_alone(furnished: Machine) -> None:
    path = furnished.home / ".gemini" / "settings.json"
    path.write_text(json.dumps({"telemetry": {"enabled": True, "otlpEndpoint": "http://other:4317"}}))
    before = path.read_bytes()
    done = furnished.hooks("init", "--yes", "--backend-url", URL)
    assert (done.returncode, path.read_bytes()) == (1, before)
    assert b"Gemini CLI already sends its telemetry to http://other:4317" in done.stderr
    furnished.hooks("init", "--yes", "--backend-url", URL, "--replace")
    assert settings_of(furnished, "gemini_cli")["telemetry"]["otlpEndpoint"] == URL


@pytest.mark.parametrize("content", ["[]", "{", '{"hooks": 1}', '{"hooks": {"stop": 1}}'])
def test_hooks_that_cannot_be_read_are_left_alone(furnished: Machine, content: str) -> None:
    path = furnished.home / ".cursor" / "hooks.json"
    path.write_text(content)
    done = furnished.hooks("init", "--yes", "--agents", "cursor")
    assert (done.returncode, path.read_text()) == (1, content)
    assert str(path).encode() in done.stderr


# --- Cursor's hooks -------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(machine: Machine, engine: Engine) -> Path:
    machine.hooks("init", "--yes", "--backend-url", engine.url, "--no-repo")
    made = machine.repository()
    machine.git(made, "remote", "add", "origin", "git@github.com:acme/web.git")
    return made


def told(event: str, repository: Path, **more: Any) -> bytes:
    """The payload of a hook as Cursor sends it, in this repository."""
    name = event if (VENDORS / f"cursor_hook_{event}.json").exists() else "sessionStart"
    payload = json.loads((VENDORS / f"cursor_hook_{name}.json").read_text())
    return json.dumps(payload | {"hook_event_name": event, "workspace_roots": [str(repository)]} | more).encode()


def test_a_session_of_cursor_is_told_from_its_start_to_its_end(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    for event, more in (("sessionStart", {}), ("beforeSubmitPrompt", {"prompt": "MARKER"}), ("stop", {})):
        machine.hooks("session", stdin=told(event, repository, **more))
    machine.hooks("session", "--agent", "cursor", stdin=told("sessionEnd", repository, reason="completed"))
    until(lambda: len(engine.items("/v1/sessions/context")) == 4)
    items = engine.items("/v1/sessions/context")
    assert sorted(item["event"] for item in items) == ["context", "end", "prompt", "start"]
    assert {(item["agent_type"], item["session_id"], item["project_id"]) for item in items} == {
        ("cursor", "6ef2299e-a67f-432b-aa80-3d2fb4d28999", "github.com/acme/web")
    }
    assert {(item["service_version"], item["user_email"]) for item in items} == {("3.11.2", "alex@example.com")}
    assert [item["reason"] for item in items if item["event"] == "end"] == ["completed"]
    assert "MARKER" not in json.dumps(items)


def test_a_commit_that_a_command_of_cursor_made_names_its_session(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    made = machine.commit(repository)
    output = f"[main {made[:7]}] MARKER\n 1 file changed"
    machine.hooks("session", stdin=told("afterShellExecution", repository, output=output))
    until(lambda: engine.items("/v1/commits"))
    (item,) = engine.items("/v1/commits")
    (sign,) = item["evidence"]
    assert item["commit_hash"] == made
    assert (sign["kind"], sign["agent_type"]) == ("telemetry_sha", "cursor")
    assert sign["session_id"] == "6ef2299e-a67f-432b-aa80-3d2fb4d28999"
    assert "MARKER" not in json.dumps(item)


@pytest.mark.parametrize(
    ("command", "output"), [("echo hi", "[main {sha}] x"), ("git commit -q", ""), ("git commit", "[main fffffff] x")]
)
def test_commands_without_a_commit_of_this_repository_tell_of_none(
    machine: Machine, engine: Engine, repository: Path, command: str, output: str
) -> None:
    sha = machine.commit(repository)[:7]
    machine.hooks(
        "session", stdin=told("afterShellExecution", repository, command=command, output=output.format(sha=sha))
    )
    until(lambda: engine.items("/v1/sessions/context"))
    machine.hooks("flush")
    assert engine.items("/v1/commits") == []
    assert json.loads(machine.hooks("status", "--json").stdout)["spool"]["refused"] == 0


def test_the_share_of_a_commits_files_that_a_session_edited_is_told(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    machine.commit(repository)
    for name in ("a.py", "b.py", "c.py", "d.py"):
        (repository / name).write_text("x\n")
    for name, session in (("a.py", "one"), ("b.py", "one"), ("b.py", "two"), ("elsewhere.py", "two")):
        edit = told("afterFileEdit", repository, file_path=str(repository / name), conversation_id=session)
        machine.hooks("session", stdin=edit)
    assert "a.py" not in (machine.folder.spool / "edits.log").read_text()
    machine.git(repository, "add", "-A")
    machine.git(repository, "commit", "-q", "-m", "change")
    machine.hooks("log-commit", cwd=repository)
    until(lambda: engine.items("/v1/commits"))
    item = engine.items("/v1/commits")[-1]
    assert sorted((sign["kind"], sign["session_id"], sign["value"]) for sign in item["evidence"]) == [
        ("edited_files", "one", "0.5000"),
        ("edited_files", "two", "0.2500"),
    ]
    assert "agent_session_id" not in item


def test_edits_before_the_last_commit_are_not_the_next_ones(machine: Machine, engine: Engine, repository: Path) -> None:
    machine.hooks("session", stdin=told("afterFileEdit", repository, file_path=str(repository / "file")))
    for seconds in (1000, 2000):
        machine.commit(repository, GIT_COMMITTER_DATE=f"@{int(time.time()) + seconds} +0000")
    machine.hooks("log-commit", cwd=repository)
    until(lambda: engine.items("/v1/commits"))
    assert "evidence" not in engine.items("/v1/commits")[-1]
