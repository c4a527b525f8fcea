"""The filter line: shows the filter, or lets one edit it, or takes a `:` command.

Owns the keys while somebody types. Refuses to judge the text: it tells what was typed, the screen answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from textual import events
from textual.message import Message

from console.line_editor import LineEditor
from console.views.line import Line
from console.widgets.lines import Lines

Mode = Literal["", "/", ":"]


class Prompt(Lines):
    """One line. `mode` is empty while nobody types."""

    can_focus = True

    class Edited(Message):
        """The text changed."""

    class Done(Message):
        """Enter (`kept`) or escape."""

        def __init__(self, mode: Mode, text: str, kept: bool) -> None:
            super().__init__()
            self.mode: Mode = mode
            self.text = text
            self.kept = kept

    class Completing(Message):
        """Tab was pressed."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.mode: Mode = ""
        self.editor = LineEditor()
        self.history: dict[str, list[str]] = {"/": [], ":": []}
        self._recalled = 0

    def begin(self, mode: Mode, text: str) -> None:
        """Start editing."""
        self.mode = mode
        self.editor.set(text)
        self._recalled = 0
        self.focus()

    def end(self) -> None:
        """Stop editing."""
        self.mode = ""

    def on_key(self, event: events.Key) -> None:
        """Everything typed stays here."""
        if not self.mode:
            return
        event.stop()
        event.prevent_default()
        key = event.key
        if key in ("enter", "escape", "ctrl+c"):
            mode, text, kept = self.mode, self.editor.text, key == "enter"
            if kept and text.strip():
                self.history[mode].append(text)
            self.end()
            self.post_message(self.Done(mode, text, kept))
        elif key == "tab":
            self.post_message(self.Completing())
        elif key in ("up", "down"):
            self._recall(-1 if key == "up" else 1)
        elif self.editor.press(key):
            if not (key == "backspace" and not self.editor.text and self.mode == ":"):
                self.post_message(self.Edited())
        elif event.character is not None and event.is_printable:
            self.editor.insert(event.character)
            self.post_message(self.Edited())

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text is typed text."""
        if self.mode:
            event.stop()
            self.editor.insert(event.text)
            self.post_message(self.Edited())

    def _recall(self, by: int) -> None:
        past: Sequence[str] = self.history[self.mode]
        place = self._recalled + by
        if past and -len(past) <= place < 0:
            self._recalled = place
            self.editor.set(past[place])
            self.post_message(self.Edited())

    def draw(self, drawn: Line) -> None:
        """Show this line."""
        self.show((drawn,))
