"""Typing: the filter with its live check, and the `:` line.

Owns what typed text means and what stands under it while it is wrong. Refuses keys: the prompt has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from console.keymap import ACTIONS, BY_ID, SCREENS, applies
from console.screens.page import check_filter
from console.settings import THEMES, nearest
from console.themes import choose
from console.views.line import Line, Span, cell_width, cut
from console.widgets.prompt import Prompt
from engine.filters import BY_NAME, FIELDS, FilterError

if TYPE_CHECKING:
    from console.screens.main import MainScreen

PREVIEW_SECONDS = 0.25


class Typing:
    """Part of the screen: filter and commands."""

    prompt: Prompt

    def action_filter(self: MainScreen) -> None:
        if self.refused("filter"):
            return
        self._before = self.page.filter
        text = self.page.filter
        self.prompt.begin("/", f"{text} " if text and not text.endswith(" ") else text)
        self.draw()

    def action_command(self: MainScreen) -> None:
        self.prompt.begin(":", "")
        self.draw()

    def coloured(self, text: str) -> Line:
        """A filter with its field names set apart."""
        spans: list[Span] = []
        for index, word in enumerate(text.split(" ")):
            if index:
                spans.append(Span(" "))
            name = word.removeprefix("-").partition(":")[0].partition(">")[0].partition("<")[0]
            length = len(word) - len(word.removeprefix("-")) + len(name)
            if name in BY_NAME and length < len(word):
                spans += [Span(word[:length], "field"), Span(word[length:], "input")]
            elif word:
                spans.append(Span(word, "input"))
        return tuple(spans)

    def typed_line(self: MainScreen, width: int) -> Line:
        """The line being typed, with its caret; a long one shows the part around the caret."""
        editor = self.prompt.editor
        room = max(8, width - 4)
        start = max(0, editor.caret - room)
        before, after = editor.text[start : editor.caret], editor.text[editor.caret :]
        under, rest = after[:1] or " ", after[1:]
        return (
            Span(f"{self.prompt.mode} ", "key"),
            Span(before, "input"),
            Span(under, "caret"),
            Span(cut(rest, max(0, room - cell_width(before))), "input"),
        )

    def typing_problem(self: MainScreen, width: int) -> Line | None:
        """The line under the typed text: carets and what is wrong, or what can follow."""
        if self.prompt.mode == ":":
            return (Span("  "), Span(cut(self.command_help(), width - 2), "dim"))
        if self.prompt.mode != "/":
            return None
        text = self.prompt.editor.text
        error = check_filter(text)
        if error is None or self._unfinished(error):
            return (Span("  "), Span(cut(self.field_help(), width - 2), "dim"))
        place = min(error.column - 1 + 2, width - 2)
        words = f"{error.sentence}; {error.hint}" if error.hint else error.sentence
        caret = "^" * min(error.length, 12)
        if place + len(caret) + 1 + cell_width(words) <= width:
            return (Span(" " * place), Span(caret, "error"), Span(f" {words}", "error"))
        left = max(0, place - cell_width(words) - 1)
        return (Span(" " * left), Span(cut(words, width - len(caret) - 2), "error"), Span(" "), Span(caret, "error"))

    def _unfinished(self: MainScreen, error: FilterError) -> bool:
        """A value still to be typed is no mistake yet."""
        return error.sentence == "a value is missing" and error.column > len(self.prompt.editor.text)

    def field_help(self: MainScreen) -> str:
        """What the word at the caret can become."""
        word = self.prompt.editor.word().removeprefix("-")
        name = word.partition(":")[0].partition(">")[0].partition("<")[0]
        known = BY_NAME.get(name.lower())
        if known is not None and name != word:
            return f"{known.name}: {known.help}"
        fitting = (
            [field.name for field in FIELDS if field.name.startswith(word.lower())]
            if word
            else [f.name for f in FIELDS]
        )
        return "  ".join(fitting) if fitting else "text: any column that contains it"

    def command_help(self: MainScreen) -> str:
        """What the command can become."""
        word, _, rest = self.prompt.editor.text.strip().partition(" ")
        if rest or (word in SCREENS and self.prompt.editor.text.endswith(" ")):
            return f"{word}: with a filter, such as dev:alice since:7d"
        fitting = [name for name in commands() if name.startswith(word)]
        return "  ".join(fitting) if fitting else f"unknown; {nearest(word, tuple(commands()))}"

    def on_prompt_completing(self: MainScreen) -> None:
        editor = self.prompt.editor
        word = editor.word()
        if self.prompt.mode == ":":
            words = list(commands()) if " " not in editor.text.strip() else []
            prefix, stem, tail = "", word, " "
        else:
            prefix, stem = ("-", word[1:]) if word.startswith("-") else ("", word)
            field, colon, value = stem.partition(":")
            if colon:
                words, prefix, stem, tail = self.known_values(field), f"{prefix}{field}:", value, " "
            else:
                words, tail = [known.name for known in FIELDS], ":"
        fitting = [each for each in words if each.lower().startswith(stem.lower())]
        if len(fitting) == 1:
            editor.replace_word(f"{prefix}{fitting[0]}{tail}")
        elif fitting:
            common = fitting[0]
            while not all(each.lower().startswith(common.lower()) for each in fitting):
                common = common[:-1]
            editor.replace_word(prefix + common)
        self.on_prompt_edited()

    def known_values(self: MainScreen, field: str) -> list[str]:
        """Values of a field seen in the rows on screen."""
        known = BY_NAME.get(field)
        if known is None:
            return []
        if known.choices:
            return list(known.choices)
        attribute = {"dev": "developer_name", "agent": "agent_type", "project": "project_name", "branch": "branch"}.get(
            known.name
        )
        if known.name == "model":
            return sorted({name for row in self.page.sheet.rows("rows") for name in getattr(row, "models", ())})
        seen = {getattr(row, attribute, None) for row in self.page.sheet.rows("rows")} if attribute else set()
        return sorted(f'"{value}"' if " " in value else value for value in seen if value)

    def on_prompt_edited(self: MainScreen) -> None:
        """A valid filter applies while it is typed."""
        if self.prompt.mode == "/" and check_filter(self.prompt.editor.text) is None:
            self.page.filter = " ".join(self.prompt.editor.text.split())
            if self._preview is not None:
                self._preview.stop()
            self._preview = self.set_timer(PREVIEW_SECONDS, self.poke)
        self.draw()

    def on_prompt_done(self: MainScreen, message: Prompt.Done) -> None:
        self.table.focus()
        if message.mode == "/":
            if not message.kept:
                self.page.filter = self._before
            else:
                error = check_filter(message.text)
                if error is not None:
                    self.prompt.begin("/", message.text)
                    self.draw()
                    return
                self.page.filter = " ".join(message.text.split())
            self.draw()
            self.poke()
            return
        self.draw()
        if message.kept and message.text.strip():
            self.obey(message.text.strip())

    def obey(self: MainScreen, text: str) -> None:
        """A `:` command: a screen with a filter, a theme, or an action by its id."""
        word, _, rest = text.partition(" ")
        if word in SCREENS:
            error = check_filter(rest)
            if error is not None:
                self.say(error.line(), "bad")
                return
            self.go(SCREENS[word], rest.strip() or None)
        elif word == "theme":
            if rest in THEMES:
                import os

                self.app.set_palette(choose(rest, os.environ))
            else:
                self.say(f"themes are {', '.join(THEMES)}", "bad")
        elif word in ("q", "quit"):
            self.app.exit(0)
        elif word in BY_ID:
            if not applies(BY_ID[word], self.page.name):
                self.refused(word)
            else:
                getattr(self, f"action_{word}")()
        else:
            self.say(f"unknown command {word}; {nearest(word, tuple(commands()))}", "bad")


def commands() -> list[str]:
    """Every word the `:` line knows: screens, then actions."""
    return [
        *SCREENS,
        "theme",
        "q",
        *(action.id for action in ACTIONS if action.id not in SCREENS and action.group != "Move"),
    ]
