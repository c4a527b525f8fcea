"""The console on the real engine, in a real terminal: what a lead does and sees."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.captures import captures, send_http
from tests.e2e.engine_process import EngineProcess, aa_engine, environment, eventually, running
from tests.e2e.terminal import Terminal, terminal


def console(engine: EngineProcess, *flags: str) -> list[str]:
    return [sys.executable, "-m", "console.cli", "--engine", f"unix:{engine.ready['socket']}", *flags]


def send(engine: EngineProcess, *scenarios: str) -> None:
    with engine.client() as client:
        for capture in captures(*scenarios):
            assert send_http(client, capture, "protobuf").status_code == 200


def git(folder: Path, home: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *words], env=environment(home), capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def depth(screen: Terminal) -> int:
    """How many steps in the breadcrumbs say one is."""
    return screen.screen().splitlines()[0].count("›")


def shows_depth(screen: Terminal, steps: int) -> bool:
    return depth(screen) == steps


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def screen(engine: EngineProcess, tmp_path: Path) -> Iterator[Terminal]:
    """A console of 80x24 that shows everything since the captures were made."""
    flags = ("--filter", "since:2026-11-01")
    with terminal(tmp_path, console(engine, *flags), environment(engine.home)) as opened:
        opened.wait_for("aa  Live")
        yield opened


def test_a_session_appears_while_one_looks(engine: EngineProcess, screen: Terminal) -> None:
    screen.wait_for("No")
    send(engine, "claude/oauth")
    assert "claude_code" in screen.line_with("claude_code")


def test_a_commit_appears_linked_without_a_key_pressed(engine: EngineProcess, screen: Terminal, tmp_path: Path) -> None:
    repository = tmp_path / "payments-api"
    repository.mkdir()
    git(repository, engine.home, "init", "-q", "-b", "main")
    git(repository, engine.home, "commit", "-q", "--allow-empty", "-m", "begin")
    added = aa_engine(tmp_path, "repos", "add", "--data-dir", str(engine.data_dir), str(repository))
    assert added.returncode == 0, added.stderr
    screen.press("3")
    screen.wait_for("begin")
    # A session in that repository is under way …
    with engine.local() as client:
        context = {"agent_type": "claude_code", "session_id": "open-session", "cwd": str(repository), "event": "start"}
        assert client.post("/v1/sessions/context", json=context).status_code == 200
    # … and its agent commits, while nobody touches the keyboard.
    (repository / "window.py").write_text("WINDOW = 30\n")
    git(repository, engine.home, "add", "window.py")
    git(repository, engine.home, "commit", "-q", "-m", "honour the window\n\nClaude-Session: open-session")
    sha = git(repository, engine.home, "rev-parse", "--short=7", "HEAD")
    # The link needs the trailer and the session, which come by two ways: wait until the line says so.
    eventually(lambda: "● 0.9" in screen.line_with(sha), "the commit is linked")


def test_one_drills_from_a_developer_to_a_request_and_back_to_the_same_row(
    engine: EngineProcess, screen: Terminal
) -> None:
    send(engine, "claude/oauth", "claude/tool-grpc", "codex/tool-grpc")
    screen.press("4")
    screen.wait_for("aa  Developers")
    screen.wait_for("2 developers")
    first = screen.line_with("▌")
    screen.press("j")
    eventually(lambda: screen.line_with("▌") != first, "the cursor is on the second developer")
    chosen = screen.line_with("▌")
    screen.press("Enter")
    screen.wait_for("Sessions ")
    screen.press("Enter")
    screen.wait_for("TIME")
    screen.wait_for("model")
    screen.press("g", "Enter")
    eventually(lambda: depth(screen) == 3, "a single record is open")
    for left in (2, 1, 0):
        screen.press("Escape")
        eventually(partial(shows_depth, screen, left), "one step out")
    back = screen.line_with("▌")
    assert back.split()[:2] == chosen.split()[:2]


def test_a_filter_narrows_the_list_and_escape_clears_it(engine: EngineProcess, screen: Terminal) -> None:
    send(engine, "claude/oauth", "codex/tool-grpc")
    screen.wait_for("codex")
    screen.press("/")
    screen.type(" agent:codex")
    screen.press("Enter")
    eventually(lambda: "claude_code" not in screen.screen() and "codex" in screen.screen(), "only Codex is left")


def test_a_wrong_filter_says_which_field_is_near(engine: EngineProcess, screen: Terminal) -> None:
    screen.press("/")
    screen.type(" agnt:codex")
    screen.wait_for("agent")


def test_q_leaves_the_terminal_as_it_was(screen: Terminal) -> None:
    screen.press("q")
    eventually(screen.ended, "the console has left")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_it_leaves_with_its_terminal_even_if_a_parent_keeps_the_signal(engine: EngineProcess, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    flags = ["--engine", f"unix:{engine.ready['socket']}"]
    program = f"""
import os, pathlib
from console.cli import main
pathlib.Path({str(told)!r}).write_text(str(os.getpid()))
main({flags!r})
"""
    # As under `make console`: the shell lives on after the hang-up and waits for its child.
    script = f"trap : HUP; {shlex.join([sys.executable, '-c', program])}; true"
    with terminal(tmp_path, ["sh", "-c", script], environment(engine.home)) as opened:
        opened.wait_for("aa  Live")
        pid = int(told.read_text())
    try:
        eventually(lambda: not is_running(pid), "the console has left with its terminal")
    finally:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
def test_a_machine_without_history_offers_three_ways_on(tmp_path: Path, size: tuple[int, int]) -> None:
    data_dir = tmp_path / "data"
    anywhere = {"AA_HTTP": "127.0.0.1:0", "AA_GRPC": "127.0.0.1:0"}
    command = [sys.executable, "-m", "console.cli", "--data-dir", str(data_dir)]
    with terminal(tmp_path, command, environment(tmp_path / "home") | anywhere, *size) as opened:
        shown = opened.wait_for("demo")
        embedded = json.loads((data_dir / "engine.json").read_text())["pid"]
        try:
            assert "i  import" in shown
            assert "aa-console --engine" in shown
        finally:
            # It would end by itself half a minute after its console; the test does not wait for that.
            os.kill(embedded, signal.SIGTERM)
