"""What the collector may load and what it must share with the engine without importing it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import projects
from engine.repos import paths
from hooks import environment, project, written
from hooks.folder import State, home, read_state, state_text
from tests.unit.hooks.conftest import Machine

ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("yaml", "httpx", "duckdb", "textual", "engine", "console", "git", "watchfiles", "pyarrow", "rich")
ALSO_NOT_ON_THE_PATH_OF_A_COMMIT = ("subprocess", "http", "ssl", "urllib.request", "socket", "asyncio", "tempfile")


def loaded(machine: Machine, code: str, stdin: bytes = b"") -> set[str]:
    """Modules that a fresh interpreter has loaded after running `code`."""
    tail = "\nfinally:\n    print('\\n'.join(sys.modules), file=sys.stderr)"
    done = machine.run(
        sys.executable,
        "-P",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\ntry:\n    {code}{tail}",
        stdin=stdin,
    )
    return set(done.stderr.decode().split())


@pytest.mark.parametrize(
    "words",
    [
        ["session", "--agent", "claude_code"],
        ["log-commit", "--hash", "a" * 40, "--timestamp", "1700000000", "--message", "x"],
    ],
)
def test_what_runs_beside_an_agent_loads_next_to_nothing(machine: Machine, words: list[str]) -> None:
    code = f"import hooks.background as b; b.start = lambda *w: None; from hooks.cli import main; main({words!r})"
    found = loaded(machine, code, b'{"session_id": "s-1234", "cwd": "/"}')
    assert "hooks.spool" in found
    assert found.isdisjoint(HEAVY + ALSO_NOT_ON_THE_PATH_OF_A_COMMIT)


def test_delivery_needs_the_standard_library_alone(machine: Machine) -> None:
    found = loaded(machine, "from hooks.cli import main; main(['flush'])")
    assert "hooks.flush" in found
    assert found.isdisjoint(HEAVY)


def test_files_that_nobody_wrote_are_the_same_as_the_engines() -> None:
    assert written.NOT_WRITTEN.pattern == paths.NOT_WRITTEN.pattern
    assert written.NOT_WRITTEN.flags == paths.NOT_WRITTEN.flags


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(
            r"(https|ssh|git|file|git\+ssh)://([a-z]{1,4}(:[a-z]{1,3})?@)?[A-Za-z.]{1,8}(:\d{1,5})?/[\w./~-]{0,12}"
        ),
        st.from_regex(r"([a-z]+@)?[A-Za-z.]+:[\w./]+(\.git)?/?"),
    )
)
def test_a_remote_is_the_same_project_as_the_engines(url: str) -> None:
    assert project.normalise_remote(url) == projects.normalise_remote(url)
    assert project.without_credentials(url) == projects.without_credentials(url)


@pytest.mark.parametrize("form", ["plain", "remote", "worktree", "bare", "submodule", "subfolder", "local remote"])
def test_a_repository_is_the_same_project_as_the_engines(machine: Machine, form: str) -> None:
    repository = machine.repository()
    machine.commit(repository)
    folder = repository
    match form:
        case "remote":
            machine.git(repository, "remote", "add", "fork", "git@github.com:ada/web.git")
            machine.git(repository, "remote", "add", "origin", "https://ada:pw@github.com/acme/web.git")
        case "worktree":
            folder = machine.home / "elsewhere"
            machine.git(repository, "worktree", "add", "-q", str(folder))
        case "bare":
            folder = machine.home / "bare.git"
            machine.git(repository, "clone", "-q", "--bare", str(repository), str(folder))
            machine.git(folder, "remote", "remove", "origin")
        case "submodule":
            outer = machine.repository("outer")
            add = ("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(repository), "inner")
            machine.git(outer, *add)
            folder = outer / "inner"
        case "subfolder":
            folder = repository / "deep" / "er"
            folder.mkdir(parents=True)
        case "local remote":
            machine.git(repository, "remote", "add", "origin", "../elsewhere")
        case _:
            pass
    told = project.project_of(folder)
    expected = projects.identify(folder)
    assert (told.project_id, told.name) == (expected.project_id, expected.name)
    assert told.remote_url == expected.remote_url


@given(st.dictionaries(st.sampled_from(environment.VARIABLES), st.text(max_size=30), max_size=4))
def test_any_environment_is_read(variables: dict[str, str]) -> None:
    for sign in environment.evidence(variables):
        assert sign["kind"] in ("hook_environment", "agent_flag")
        assert environment.IDENTIFIER.fullmatch(sign.get("session_id", "none"))


def test_the_state_survives_writing_and_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = home()
    folder.path.mkdir()
    state = State("https://aa.example.com", "aa_test_1", "ada", None, "/data", False)
    folder.state.write_text(state_text(state))
    assert read_state(folder) == state


@pytest.mark.parametrize("content", ["", "{", "[]", '{"api_key": 5, "track_commits": "no", "unknown": 1}'])
def test_a_damaged_state_gives_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    home().path.mkdir()
    home().state.write_text(content)
    assert read_state(home()) == State()


@pytest.mark.parametrize("script", ["post-commit", "post-rewrite"])
def test_git_hooks_are_plain_posix_shell(script: str) -> None:
    text = (ROOT / "hooks" / "scripts" / script).read_text()
    assert text.startswith("#!/bin/sh\n")
    filled = text.replace("@SPOOL@", "'/nowhere'").replace("@COMMAND@", "'/nowhere'")
    assert subprocess.run(["sh", "-n"], input=filled.encode(), check=False, env=dict(os.environ)).returncode == 0
    for bashism in ("[[", "function ", "local ", "$'", "<<<"):
        assert bashism not in text
