"""The filter and the `:` line as text: coloured, with a caret, with what is wrong or what can follow.

Owns the words under a line that is being typed. Refuses the grammar itself: that is `engine.filters`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from console.line_editor import LineEditor
from console.settings import nearest
from console.views.line import Line, Span, cell_width, cut
from engine.filters import BY_NAME, FIELDS, FilterError, parse

_FIELD = re.compile(r"(-?)([^\W\d][\w.]*)(:|>=|<=|>|<)")
PROMPT = 2
"""Cells before the typed text: its sign and a space."""


def check(filter: str) -> FilterError | None:
    """What is wrong with a filter, if anything."""
    try:
        parse(filter)
    except FilterError as error:
        return error
    return None


def coloured(filter: str) -> Line:
    """A filter with its field names set apart."""
    spans: list[Span] = []
    for piece in re.split(r"(\s+)", filter):
        found = _FIELD.match(piece)
        if found is not None and found[2].lower() in BY_NAME:
            spans += [Span(found[0], "field"), Span(piece[found.end() :], "input")]
        elif piece:
            spans.append(Span(piece, "input"))
    return tuple(span for span in spans if span.text)


def typed(sign: str, editor: LineEditor, width: int) -> Line:
    """The line being typed, with its caret; of a long one, the part around the caret."""
    room = max(8, width - PROMPT - 2)
    start = max(0, editor.caret - room)
    before, after = editor.text[start : editor.caret], editor.text[editor.caret :]
    rest = cut(after[1:], max(0, room - cell_width(before)))
    return (Span(f"{sign} ", "key"), Span(before, "input"), Span(after[:1] or " ", "caret"), Span(rest, "input"))


def filter_advice(editor: LineEditor, width: int) -> Line:
    """Under a filter: carets and what is wrong, else what can follow."""
    error = check(editor.text)
    unfinished = error is not None and error.sentence == "a value is missing" and error.column > len(editor.text)
    if error is None or unfinished:
        return (Span(" " * PROMPT), Span(cut(field_help(editor.word()), width - PROMPT), "dim"))
    place = min(error.column - 1 + PROMPT, width - 2)
    words = f"{error.sentence}; {error.hint}" if error.hint else error.sentence
    carets = "^" * min(error.length, 12, width - place)
    if place + len(carets) + 1 + cell_width(words) <= width:
        return (Span(" " * place), Span(carets, "error"), Span(f" {words}", "error"))
    words = cut(words, max(8, place - 1)) if place > width // 2 else cut(words, width - place - len(carets) - 1)
    if place > width // 2:
        return (Span(" " * (place - cell_width(words) - 1)), Span(f"{words} ", "error"), Span(carets, "error"))
    return (Span(" " * place), Span(carets, "error"), Span(f" {words}", "error"))


def field_help(word: str) -> str:
    """What the word at the caret means, or can become."""
    bare = word.removeprefix("-")
    found = _FIELD.match(bare)
    if found is not None and found[2].lower() in BY_NAME:
        known = BY_NAME[found[2].lower()]
        return f"{known.name}: {known.help}"
    fitting = [field.name for field in FIELDS if field.name.startswith(bare.lower())]
    return "  ".join(fitting) if fitting else "text: any column that contains it"


def command_advice(editor: LineEditor, commands: Sequence[str], screens: Sequence[str], width: int) -> Line:
    """Under a `:` line: what it can become."""
    word, space, _ = editor.text.lstrip().partition(" ")
    if space and word in screens:
        words = f"{word}, with a filter such as dev:alice since:7d"
    else:
        fitting = [name for name in commands if name.startswith(word)]
        words = "  ".join(fitting) if fitting else f"unknown; {nearest(word, tuple(commands))}"
    return (Span(" " * PROMPT), Span(cut(words, width - PROMPT), "dim"))


def complete(editor: LineEditor, words: Sequence[str], stem: str, prefix: str, tail: str) -> None:
    """Replace the word at the caret by the only word that fits, or by what all that fit have in common."""
    fitting = [each for each in words if each.lower().startswith(stem.lower())]
    if len(fitting) == 1:
        editor.replace_word(f"{prefix}{fitting[0]}{tail}")
    elif fitting:
        common = fitting[0]
        while not all(each.lower().startswith(common.lower()) for each in fitting):
            common = common[:-1]
        editor.replace_word(f"{prefix}{common}")
