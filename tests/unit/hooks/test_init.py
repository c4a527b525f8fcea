"""aa-hooks init and uninstall: what they change, and that it can be undone to the byte."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.unit.hooks.conftest import Engine, Machine

KEY = "aa_prod_abcdefgh12345678"


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a folder: content and permissions."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode & 0o7777)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def furnished(machine: Machine) -> Machine:
    """A machine with both agents and settings of its user."""
    claude = machine.home / ".claude"
    claude.mkdir()
    (claude / "settings.json").write_text(
        json.dumps(
            {
                "model": "opus",
                "env": {"EDITOR": "vi"},
                "hooks": {
                    "SessionStart": [{"matcher": "startup", "hooks": [{"type": "command", "command": "echo hi"}]}]
                },
            },
            indent=4,
        )
    )
    codex = machine.home / ".codex"
    codex.mkdir()
    (codex / "config.toml").write_text('model = "gpt-5"  # mine\n\n[tools]\nweb_search = true')
    return machine


def settings(machine: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((machine.home / ".claude" / "settings.json").read_text())
    return found


def test_everything_is_set_up(furnished: Machine) -> None:
    repository = furnished.repository()
    done = furnished.hooks("init", "--yes", "--backend-url", "https://aa.example.com", "--api-key", KEY, cwd=repository)
    assert done.returncode == 0, done.stderr
    found = settings(furnished)
    assert found["model"] == "opus"
    assert found["env"]["EDITOR"] == "vi"
    assert found["env"]["CLAUDE_CODE_ENABLE_TELEMETRY"] == "1"
    assert found["env"]["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf"
    assert found["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "https://aa.example.com"
    assert found["env"]["OTEL_EXPORTER_OTLP_HEADERS"] == f"Authorization=Bearer {KEY}"
    assert found["hooks"]["SessionStart"][0]["hooks"][0]["command"] == "echo hi"
    assert found["hooks"]["SessionEnd"][0]["hooks"][0]["command"].endswith("session --agent claude_code")
    codex = tomllib.loads((furnished.home / ".codex" / "config.toml").read_text())
    assert codex["model"] == "gpt-5"
    assert codex["otel"]["exporter"]["otlp-http"]["endpoint"] == "https://aa.example.com/v1/logs"
    assert codex["otel"]["metrics_exporter"]["otlp-http"]["headers"] == {"Authorization": f"Bearer {KEY}"}
    assert codex["notify"][-3:] == ["session", "--agent", "codex"]
    assert os.access(repository / ".git" / "hooks" / "post-commit", os.X_OK)


def test_files_that_hold_a_key_are_the_users_alone(furnished: Machine) -> None:
    furnished.hooks("init", "--yes", "--backend-url", "https://aa.example.com", "--api-key", KEY)
    for name in (".agent-analytics/config.yaml", ".agent-analytics/state.json", ".claude/settings.json"):
        assert (furnished.home / name).stat().st_mode & 0o777 == 0o600, name


def test_a_second_run_changes_nothing_and_says_so(furnished: Machine) -> None:
    repository = furnished.repository()
    words = ("init", "--yes", "--backend-url", "https://aa.example.com", "--api-key", KEY)
    furnished.hooks(*words, cwd=repository)
    before = snapshot(furnished.home)
    for again in (words, ("init", "--yes")):
        done = furnished.hooks(*again, cwd=repository)
        assert done.stdout.decode() == "nothing to change: everything is set up already\n"
    assert snapshot(furnished.home) == before


def test_a_dry_run_shows_everything_and_writes_nothing(furnished: Machine) -> None:
    repository = furnished.repository()
    before = snapshot(furnished.home)
    done = furnished.hooks(
        "init", "--dry-run", "--api-key", KEY, "--backend-url", "https://aa.example.com", cwd=repository
    )
    shown = done.stdout.decode()
    assert snapshot(furnished.home) == before
    for name in ("config.yaml", "settings.json", "config.toml", ".git/hooks/post-commit"):
        assert name in shown
    assert KEY not in shown


def test_uninstall_restores_every_byte(furnished: Machine) -> None:
    repository = furnished.repository()
    hook = repository / ".git" / "hooks" / "post-commit"
    hook.write_text("#!/bin/sh\necho mine\n")
    hook.chmod(0o750)
    before = snapshot(furnished.home)
    furnished.hooks("init", "--yes", "--api-key", KEY, "--backend-url", "https://aa.example.com", cwd=repository)
    furnished.hooks("init", "--yes", "--developer", "ada", cwd=repository)
    done = furnished.hooks("uninstall", "--yes")
    assert done.returncode == 0, done.stderr
    assert snapshot(furnished.home) == before


def test_uninstall_keeps_what_was_edited_since_and_takes_only_ours(furnished: Machine) -> None:
    repository = furnished.repository()
    furnished.hooks("init", "--yes", cwd=repository)
    path = furnished.home / ".claude" / "settings.json"
    path.write_text(json.dumps(settings(furnished) | {"theme": "dark"}))
    toml = furnished.home / ".codex" / "config.toml"
    toml.write_text(toml.read_text() + "[history]\npersistence = 'none'\n")
    hook = repository / ".git" / "hooks" / "post-commit"
    hook.write_text(hook.read_text() + "echo mine\n")
    furnished.hooks("uninstall", "--yes")
    found = settings(furnished)
    assert found["theme"] == "dark"
    assert found["env"] == {"EDITOR": "vi"}
    assert list(found["hooks"]) == ["SessionStart"]
    assert [group["hooks"][0]["command"] for group in found["hooks"]["SessionStart"]] == ["echo hi"]
    codex = tomllib.loads(toml.read_text())
    assert codex == {"model": "gpt-5", "tools": {"web_search": True}, "history": {"persistence": "none"}}
    assert hook.read_text() == "#!/bin/sh\necho mine\n"


def test_an_edit_between_two_runs_survives_uninstall(furnished: Machine) -> None:
    furnished.hooks("init", "--yes")
    path = furnished.home / ".claude" / "settings.json"
    path.write_text(json.dumps(settings(furnished) | {"theme": "dark"}))
    furnished.hooks("init", "--yes", "--developer", "ada")
    furnished.hooks("uninstall", "--yes")
    assert settings(furnished)["theme"] == "dark"
    assert settings(furnished)["env"] == {"EDITOR": "vi"}


def test_without_an_installation_there_is_nothing_to_undo(machine: Machine) -> None:
    done = machine.hooks("uninstall", "--yes")
    assert (done.returncode, done.stdout) == (0, b"nothing is set up here\n")


def test_telemetry_that_goes_elsewhere_is_left_alone(furnished: Machine) -> None:
    path = furnished.home / ".claude" / "settings.json"
    path.write_text(json.dumps({"env": {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://other.example.com"}}))
    before = path.read_bytes()
    done = furnished.hooks("init", "--yes")
    assert done.returncode == 1
    assert b"already sends its telemetry to https://other.example.com" in done.stderr
    assert path.read_bytes() == before
    assert "otel" in tomllib.loads((furnished.home / ".codex" / "config.toml").read_text())
    assert furnished.hooks("init", "--yes", "--replace").returncode == 0
    assert settings(furnished)["env"]["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4318"


def test_an_otel_table_of_the_users_own_is_left_alone(furnished: Machine) -> None:
    toml = furnished.home / ".codex" / "config.toml"
    toml.write_text('[otel]\nenvironment = "prod"\n')
    done = furnished.hooks("init", "--yes")
    assert done.returncode == 1
    assert toml.read_text() == '[otel]\nenvironment = "prod"\n'


@pytest.mark.parametrize(
    ("name", "content"), [(".claude/settings.json", "{ broken"), (".codex/config.toml", "= broken")]
)
def test_settings_that_cannot_be_read_are_left_alone(furnished: Machine, name: str, content: str) -> None:
    (furnished.home / name).write_text(content)
    done = furnished.hooks("init", "--yes")
    assert done.returncode == 1
    assert name in done.stderr.decode()
    assert (furnished.home / name).read_text() == content


def test_a_linked_settings_file_stays_a_link(furnished: Machine) -> None:
    path = furnished.home / ".claude" / "settings.json"
    target = furnished.home / "dotfiles.json"
    path.rename(target)
    path.symlink_to(target)
    furnished.hooks("init", "--yes")
    assert path.is_symlink()
    assert "OTEL_LOGS_EXPORTER" in target.read_text()


def test_agents_can_be_chosen(furnished: Machine) -> None:
    before = (furnished.home / ".codex" / "config.toml").read_bytes()
    furnished.hooks("init", "--yes", "--agents", "claude")
    assert "env" in settings(furnished)
    assert (furnished.home / ".codex" / "config.toml").read_bytes() == before


@pytest.mark.parametrize(
    "words",
    [
        ("--agents", "clod"),
        ("--backend-url", "aa.example.com"),
        ("--backend-url", "http://"),
        ("--backend-url", "https://aa.example.com:port"),
        ("--api-key", "aa_live_x\ny"),
        ("--nonsense",),
    ],
)
def test_wrong_flags_are_told_and_change_nothing(furnished: Machine, words: tuple[str, ...]) -> None:
    before = snapshot(furnished.home)
    done = furnished.hooks("init", "--yes", *words)
    assert done.returncode == 2
    assert len(done.stderr.decode().splitlines()) == 1
    assert snapshot(furnished.home) == before


def test_a_broken_configuration_names_file_and_line(furnished: Machine) -> None:
    furnished.folder.path.mkdir()
    furnished.folder.config.write_text("api_key: x\n  bad: [\n")
    done = furnished.hooks("init", "--yes")
    assert done.returncode == 2
    assert "config.yaml:" in done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\napi_kee: x\n", "config.yaml:2: api_kee is not known; did you mean api_key?"),
        (
            "git:\n  track_comits: true\n",
            "config.yaml:2: git.track_comits is not known; did you mean git.track_commits?",
        ),
        ("git: 3\n", "config.yaml:1: git must be keys and values, not 3"),
        ("enabled_agents: [clod]\n", "config.yaml:1: enabled_agents: unknown agent 'clod'"),
        ("backend_url: nowhere\n", "config.yaml:1: backend_url: 'nowhere' is no address"),
        ("telemetry:\n  export_interval: -5\n", "config.yaml:2: telemetry.export_interval: -5 is not from 1 to"),
        ("git:\n  correlation_window: soon\n", "config.yaml:2: git.correlation_window must be a whole number"),
        ("- a\n", "config.yaml:1: expected keys and values"),
    ],
)
def test_a_wrong_configuration_names_file_line_and_what_is_right(furnished: Machine, text: str, says: str) -> None:
    furnished.folder.path.mkdir()
    furnished.folder.config.write_text(text)
    done = furnished.hooks("init", "--yes", "--dry-run")
    assert (done.returncode, done.stdout) == (2, b"")
    assert says in done.stderr.decode()


def test_keys_of_the_configuration_that_we_do_not_know_survive(furnished: Machine) -> None:
    furnished.hooks("init", "--yes")
    config = furnished.folder.config
    config.write_text(config.read_text() + "github_org: acme\n")
    furnished.hooks("init", "--yes", "--developer", "ada")
    assert "github_org: acme" in config.read_text()
    assert "developer_id: ada" in config.read_text()


# --- git hooks ----------------------------------------------------------------------------------------------------


def noted(machine: Machine) -> list[str]:
    """Commits in the spool or delivered out of it, whatever stage they are in."""
    done = machine.hooks("flush")
    assert done.returncode in (0, 1)
    outbox = machine.folder.spool / "outbox"
    return [json.loads(path.read_bytes())["commit_hash"] for path in sorted(outbox.glob("*.json"))]


def test_an_existing_hook_runs_as_before(machine: Machine) -> None:
    repository = machine.repository()
    hook = repository / ".git" / "hooks" / "post-commit"
    hook.write_text("#!/usr/bin/env bash\nset -e\necho ran >> ran.txt\nexit 3\n")
    hook.chmod(0o755)
    machine.hooks("init", "--yes", cwd=repository)
    commit = machine.commit(repository)
    assert (repository / "ran.txt").read_text() == "ran\n"
    assert noted(machine) == [commit]


def test_an_existing_hook_in_another_language_runs_as_before(machine: Machine) -> None:
    repository = machine.repository()
    hook = repository / ".git" / "hooks" / "post-commit"
    hook.write_text("#!/usr/bin/env python3\nopen('ran.txt', 'a').write('ran\\n')\n")
    hook.chmod(0o755)
    before = snapshot(machine.home)
    machine.hooks("init", "--yes", cwd=repository)
    commit = machine.commit(repository)
    assert (repository / "ran.txt").read_text() == "ran\n"
    assert noted(machine) == [commit]
    hooks_before = {name: content for name, content in before.items() if ".git/hooks/" in name}
    machine.hooks("init", "--yes", cwd=repository)
    machine.hooks("uninstall", "--yes")
    assert {name: c for name, c in snapshot(machine.home).items() if ".git/hooks/" in name} == hooks_before


def test_a_hook_that_was_switched_off_stays_off(machine: Machine) -> None:
    repository = machine.repository()
    hook = repository / ".git" / "hooks" / "post-commit"
    hook.write_text("#!/bin/sh\necho ran >> ran.txt\n")
    hook.chmod(0o644)
    machine.hooks("init", "--yes", cwd=repository)
    commit = machine.commit(repository)
    assert not (repository / "ran.txt").exists()
    assert noted(machine) == [commit]


def test_a_hooks_path_of_the_user_is_respected(machine: Machine) -> None:
    repository = machine.repository()
    (repository / ".githooks").mkdir()
    hook = repository / ".githooks" / "post-commit"
    hook.write_text("#!/bin/sh\necho ran >> ran.txt\n")
    hook.chmod(0o755)
    machine.git(repository, "config", "core.hooksPath", ".githooks")
    machine.hooks("init", "--yes", cwd=repository)
    commit = machine.commit(repository)
    assert (repository / "ran.txt").read_text() == "ran\n"
    assert not (repository / ".git" / "hooks" / "post-commit").exists()
    assert noted(machine) == [commit]


def test_husky_finds_its_own_hook(machine: Machine) -> None:
    repository = machine.repository()
    inner = repository / ".husky" / "_"
    inner.mkdir(parents=True)
    (inner / "h").write_text(
        'n=$(basename "$0")\ns=$(dirname "$(dirname "$0")")/$n\n[ ! -f "$s" ] && exit 0\nsh -e "$s" "$@"\nexit $?\n'
    )
    (inner / "post-commit").write_text('#!/usr/bin/env sh\n. "$(dirname "$0")/h"')
    (inner / "post-commit").chmod(0o755)
    (repository / ".husky" / "post-commit").write_text("echo ran >> ran.txt\n")
    machine.git(repository, "config", "core.hooksPath", ".husky/_")
    machine.hooks("init", "--yes", cwd=repository)
    commit = machine.commit(repository)
    assert (repository / "ran.txt").read_text() == "ran\n"
    assert noted(machine) == [commit]


def test_what_git_hands_to_an_existing_post_rewrite_arrives_there(machine: Machine) -> None:
    repository = machine.repository()
    hook = repository / ".git" / "hooks" / "post-rewrite"
    hook.write_text('#!/bin/sh\nwhile read old new; do echo "$1 $old $new" >> ran.txt; done\n')
    hook.chmod(0o755)
    old = machine.commit(repository)
    machine.hooks("init", "--yes", cwd=repository)
    machine.git(repository, "commit", "-q", "--amend", "-m", "better")
    new = machine.git(repository, "rev-parse", "HEAD")
    assert (repository / "ran.txt").read_text() == f"amend {old} {new}\n"
    assert noted(machine) == [new, new], "the commit, and which one it replaces"


def test_a_folder_that_is_no_repository_is_told(machine: Machine) -> None:
    done = machine.hooks("init", "--yes", "--repo", str(machine.home / "nowhere"))
    assert done.returncode == 1
    assert "nowhere" in done.stderr.decode()


def test_status_and_doctor_tell_how_things_are(machine: Machine, engine: Engine) -> None:
    repository = machine.repository()
    assert json.loads(machine.hooks("status", "--json").stdout)["set_up"] is False
    assert machine.hooks("doctor").returncode == 1
    machine.hooks("init", "--yes", "--backend-url", engine.url, cwd=repository)
    machine.commit(repository)
    assert machine.hooks("flush").returncode == 0
    told = json.loads(machine.hooks("status", "--json").stdout)
    assert (told["set_up"], told["target"], told["spool"]["waiting"]) == (True, engine.url, 0)
    assert told["repositories"] == [str(repository)]
    assert machine.hooks("doctor").returncode == 0
    (repository / ".git" / "hooks" / "post-commit").unlink()
    assert machine.hooks("doctor").returncode == 1


def test_doctor_finds_an_engine_that_does_not_answer(machine: Machine, engine: Engine) -> None:
    machine.hooks("init", "--yes", "--no-repo", "--backend-url", engine.url)
    assert f"engine: {engine.url} answers" in machine.hooks("doctor").stdout.decode()
    machine.hooks("init", "--yes", "--no-repo", "--backend-url", "http://127.0.0.1:9")
    done = machine.hooks("doctor")
    assert done.returncode == 1
    assert "engine: http://127.0.0.1:9 does not answer" in done.stdout.decode()


@pytest.mark.parametrize("figure", ["--timestamp", "--lines-added"])
@pytest.mark.parametrize("text", ["-1", "x", "9" * 30])
def test_figures_of_a_commit_are_whole_numbers(machine: Machine, figure: str, text: str) -> None:
    done = machine.hooks("log-commit", "--hash", "a" * 40, "--timestamp", "1", figure, text)
    assert done.returncode == 2
    assert len(done.stderr.decode().splitlines()) == 1


def test_everything_that_leaves_the_machine_is_listed(machine: Machine) -> None:
    done = machine.hooks("whoami", "--data")
    assert done.returncode == 0
    for word in ("commit_message", "session id", "no file name"):
        assert word in done.stdout.decode()
