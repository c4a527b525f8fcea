"""Going and typing: between pages, the filter with its live check, and the `:` line.

Owns what typed text means. Refuses keys while typing (the prompt has them) and the words under the line (views).
"""

from __future__ import annotations

from typing import Any

from textual.timer import Timer

from console.keymap import ACTIONS, BY_ID, SCREENS
from console.screens.canvas import Canvas
from console.screens.pages import PAGES
from console.settings import THEMES, Options, nearest
from console.views import filterline
from console.views.line import Line
from console.widgets.prompt import Prompt
from engine.filters import BY_NAME, FIELDS

PREVIEW_SECONDS = 0.25
SEEN_IN = {"dev": "developer_name", "agent": "agent_type", "project": "project_name", "branch": "branch"}
"""Attributes of rows from which values of a field are completed."""


class TypingScreen(Canvas):
    """The canvas, and a way to say where to go and what to show."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._preview: Timer | None = None
        self._before = ""
        self._seen: tuple[Any, ...] = ()

    # Going

    def go(self, name: str, filter: str | None = None) -> None:
        """To a screen; a filter makes it a new visit."""
        page = self.navigator.find(name) if filter is None else None
        if page is None or page is not self.page:
            self.navigator.visit(page or PAGES[name](filter=filter))
            self.changed_page()

    def action_open(self) -> None:
        row = self.page.current(self.context)
        inner = self.page.open(row, self.context) if row is not None else None
        if inner is not None:
            self.navigator.enter(inner)
            self.changed_page()
        elif row is not None:
            self.say("this is the innermost: esc goes back", "dim")

    def action_back(self) -> None:
        if self.page.narrowed:
            self.page.filter = self.page.first_filter
            self.changed_page()
        elif self.navigator.leave():
            self.changed_page()

    def action_coverage(self) -> None:
        self.go("coverage")

    def action_live(self) -> None:
        self.go("live")

    def action_cost(self) -> None:
        self.go("cost")

    def action_commits(self) -> None:
        self.go("commits")

    def action_developers(self) -> None:
        self.go("developers")

    def action_last(self) -> None:
        if self.navigator.swap():
            self.changed_page()

    def action_older(self) -> None:
        if self.navigator.turn(-1):
            self.changed_page()

    def action_newer(self) -> None:
        if self.navigator.turn(1):
            self.changed_page()

    # Typing

    def action_filter(self) -> None:
        if not self.refused("filter"):
            self._before = self.page.filter
            # What was there before typing: half a filter may leave no rows to take values from.
            self._seen = self.page.sheet.rows("rows")
            self.prompt.begin("/", f"{self.page.filter} " if self.page.filter else "")
            self.draw()

    def action_command(self) -> None:
        self.prompt.begin(":", "")
        self.draw()

    def advice(self, width: int) -> Line | None:
        if self.prompt.mode == ":":
            return filterline.command_advice(self.prompt.editor, commands(), tuple(SCREENS), width)
        return filterline.filter_advice(self.prompt.editor, width) if self.prompt.mode == "/" else None

    def on_prompt_completing(self) -> None:
        editor = self.prompt.editor
        word = editor.word()
        if self.prompt.mode == ":":
            filterline.complete(editor, commands(), word, "", " ")
        else:
            sign, stem = ("-", word[1:]) if word.startswith("-") else ("", word)
            field, colon, value = stem.partition(":")
            if colon:
                filterline.complete(editor, self.known_values(field), value, f"{sign}{field}:", " ")
            else:
                filterline.complete(editor, [known.name for known in FIELDS], stem, sign, ":")
        self.on_prompt_edited()

    def known_values(self, field: str) -> list[str]:
        """Values of a field: its choices, else those seen in the rows on screen."""
        known = BY_NAME.get(field)
        if known is None:
            return []
        if known.choices:
            return list(known.choices)
        rows = self._seen
        if known.name == "model":
            seen = {name for row in rows for name in getattr(row, "models", ())}
        else:
            seen = {getattr(row, SEEN_IN.get(known.name, ""), None) or "" for row in rows}
        return sorted(f'"{value}"' if " " in value else value for value in seen if value)

    def on_prompt_edited(self) -> None:
        """A valid filter applies while it is typed."""
        if self.prompt.mode == "/" and filterline.check(self.prompt.editor.text) is None:
            self.page.filter = self.prompt.editor.text.strip()
            if self._preview is not None:
                self._preview.stop()
            self._preview = self.set_timer(PREVIEW_SECONDS, self.poke)
        self.draw()

    def on_prompt_done(self, message: Prompt.Done) -> None:
        text = message.text.strip()
        if message.mode == ":":
            self.table.focus()
            self.draw()
            if message.kept and text:
                self.obey(text)
            return
        if message.kept and filterline.check(text) is not None:
            # A wrong filter is not left standing: it stays open with its carets.
            self.prompt.begin("/", message.text)
            self.draw()
            return
        self.page.filter = text if message.kept else self._before
        self.table.focus()
        self.changed_question()

    def obey(self, text: str) -> None:
        """A `:` command: a screen with a filter, a theme, or an action by its id."""
        word, _, rest = text.partition(" ")
        if word in SCREENS:
            error = filterline.check(rest)
            if error is not None:
                self.say(error.line(), "bad")
            else:
                self.go(SCREENS[word], rest.strip() or None)
        elif word == "theme":
            if rest.strip() in THEMES:
                self.app.use_theme(rest.strip())
            else:
                self.say(f"themes are {', '.join(THEMES)}", "bad")
        elif word in ("q", "quit"):
            self.app.exit(0)
        elif word in BY_ID:
            if not self.refused(word):
                getattr(self, f"action_{word}")()
        else:
            self.say(f"unknown command {word}; {nearest(word, tuple(commands()))}", "bad")


def commands() -> list[str]:
    """Every word the `:` line knows: screens, then actions."""
    actions = [action.id for action in ACTIONS if action.id not in SCREENS and action.group != "Move"]
    return [*SCREENS, "theme", "q", *actions]
