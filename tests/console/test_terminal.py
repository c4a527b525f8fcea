"""The real program in a real terminal (tmux), on a tiny engine: start, look around, leave."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.console.server import TinyEngine, serving

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """A window of a tmux server of its own."""

    def __init__(self, folder: Path, command: list[str], environment: dict[str, str], columns: int, lines: int) -> None:
        self.socket = folder / "tmux.sock"
        words = [f"{name}={value}" for name, value in environment.items()]
        inner = shlex.join(["env", "-i", *words, *command])
        options = ("set-option", "-g", "remain-on-exit", "on", ";", "set-option", "-g", "status", "off")
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(lines), "sleep 600", ";", *options)
        self.tmux("new-window", "-c", str(folder), inner)

    def tmux(self, *words: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", str(self.socket), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-l", text)

    def until(self, text: str, seconds: float = 30.0) -> str:
        """The screen once it shows a text."""
        end = time.monotonic() + seconds
        while text not in (shown := self.screen()):
            assert time.monotonic() < end, f"{text!r} never appeared:\n{shown}"
            time.sleep(0.05)
        return shown

    def until_ended(self, seconds: float = 30.0) -> None:
        """Wait until the program has left."""
        end = time.monotonic() + seconds
        while self.tmux("display-message", "-p", "#{pane_dead}").strip() != "1":
            assert time.monotonic() < end, "the program does not leave"
            time.sleep(0.05)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[TinyEngine]:
    with serving(TinyEngine(), tmp_path / "engine.sock") as served:
        yield served


def opened(folder: Path, engine: TinyEngine, *flags: str, size: tuple[int, int] = (80, 24), **more: str) -> Terminal:
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        "TZ": "UTC",
        **more,
    }
    command = [sys.executable, "-m", "console.cli", "--engine", engine.url, "--data-dir", str(folder), *flags]
    return Terminal(folder, command, environment, *size)


@pytest.fixture
def terminal(tmp_path: Path, engine: TinyEngine) -> Iterator[Terminal]:
    made = opened(tmp_path, engine, "--filter", "since:2026-11-01")
    yield made
    made.tmux("kill-server")


def test_start_drill_back_filter_and_leave(terminal: Terminal, engine: TinyEngine) -> None:
    terminal.until("● LIVE")
    terminal.until("Alice Fischer")
    terminal.press("4")
    terminal.until("aa  Developers")
    terminal.press("/")
    terminal.type("dev:bob*")
    terminal.press("Enter")
    terminal.until("1 developers")
    terminal.press("Enter")
    terminal.until("Developers › Bob Nakamura")
    terminal.until("▌ ")
    terminal.press("Enter")
    terminal.until("TIME")
    terminal.until(" model ")
    terminal.press("g")
    terminal.press("Enter")
    terminal.until("total tokens")
    for crumb in ("TIME", "[Sessions", "1 developers"):
        terminal.press("Escape")
        terminal.until(crumb)
    terminal.press("q")
    terminal.until_ended()


def test_a_change_appears_without_a_key(terminal: Terminal, engine: TinyEngine) -> None:
    terminal.until("Alice Fischer")
    row = engine.feed.recorded["sessions"][0]
    row["cost_usd"] = "123.45"
    engine.tell("change", {"as_of": "2026-11-20T14:14:10Z", "batch_id": 2, "sessions": [row["session_id"]]}, 2)
    terminal.until("$123.45")


def test_without_colour_and_at_200_columns(tmp_path: Path, engine: TinyEngine) -> None:
    made = opened(tmp_path, engine, "--view", "cost", size=(200, 60), NO_COLOR="1")
    try:
        made.until("by model")
        made.until("where it went")
        assert "\x1b[38" not in made.tmux("capture-pane", "-p", "-e")
    finally:
        made.tmux("kill-server")
