"""What is wrong with a filter, and where.

Owns the one error of the grammar: it points at the wrong characters and names what was probably meant. Refuses to
format for a terminal beyond plain text: the console and the API each show it in their own way.
"""

from __future__ import annotations

from engine.errors import UsageError


class FilterError(UsageError):
    """A filter text that says nothing we understand.

    `text` is the whole filter, `column` the 1-based position of the first wrong character, `length` how many
    characters are wrong (at least 1, and it may stand just behind the text's end).
    """

    code = "filter"

    def __init__(self, sentence: str, text: str, column: int, length: int = 1, hint: str | None = None) -> None:
        super().__init__(sentence, hint=hint)
        self.text = text
        self.column = column
        self.length = max(1, length)

    def line(self) -> str:
        """One line for a person, with the column."""
        place = f"filter, column {self.column}: {self.sentence}"
        return " ".join((place if self.hint is None else f"{place}; {self.hint}").split())

    def caret(self) -> str:
        """Two lines: the filter, and carets under what is wrong."""
        shown = "".join(" " if character in "\t\r\n\v\f" else character for character in self.text)
        return f"{shown}\n{' ' * (self.column - 1)}{'^' * self.length}"


def nearest(word: str, known: list[str]) -> str | None:
    """The known word that was probably meant, or None."""
    import difflib  # only an error needs it, and start-up of the console must not

    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return found[0] if found else None
