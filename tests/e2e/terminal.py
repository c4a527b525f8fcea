"""A real terminal for tests: a program in a private tmux server, keys typed, the screen read."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.engine_process import eventually


class Terminal:
    """One window of one tmux server of its own."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-S", str(self._socket), *words], capture_output=True, text=True, check=True
        )
        return done.stdout

    def screen(self) -> str:
        """What stands on the screen, line by line."""
        return self.tmux("capture-pane", "-p", "-t", "0")

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names (Enter, Escape, j …)."""
        self.tmux("send-keys", "-t", "0", *keys)

    def type(self, text: str) -> None:
        self.tmux("send-keys", "-t", "0", "-l", text)

    def wait_for(self, text: str, seconds: float = 30.0) -> str:
        """The screen once it shows the text."""
        shown = ""

        def there() -> bool:
            nonlocal shown
            shown = self.screen()
            return text in shown

        try:
            eventually(there, f"{text!r} on the screen", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{shown}") from None
        return shown

    def line_with(self, text: str) -> str:
        """The first line of the screen that holds the text."""
        return next(line for line in self.wait_for(text).splitlines() if text in line)

    def ended(self) -> bool:
        """Whether the program has left."""
        return self.tmux("list-panes", "-t", "0", "-F", "#{pane_dead}").strip() == "1"


@contextmanager
def terminal(
    folder: Path, command: list[str], environment: Mapping[str, str], columns: int = 80, lines: int = 24
) -> Iterator[Terminal]:
    """Run a command in a terminal of that size; the server ends with the block."""
    found = Terminal(folder / "tmux.sock")
    inner = [
        "env",
        "-i",
        *(f"{name}={text}" for name, text in {**environment, "TERM": "xterm-256color"}.items()),
        *command,
    ]
    found.tmux(
        *("new-session", "-d", "-x", str(columns), "-y", str(lines), "-c", str(folder)),
        shlex.join(inner),
        *(";", "set-option", "-g", "remain-on-exit", "on", ";", "set-option", "-g", "status", "off"),
    )
    try:
        yield found
    finally:
        found.tmux("kill-server")
