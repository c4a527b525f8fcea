"""One line of text being edited.

Owns the text, the caret and the keys that change them (the usual ones of readline). Refuses to draw and to know what
the text means.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LineEditor:
    """`caret` is the place before which the next character goes."""

    text: str = ""
    caret: int = 0

    def set(self, text: str) -> None:
        """Another text, the caret behind it."""
        self.text, self.caret = text, len(text)

    def insert(self, piece: str) -> None:
        """Type or paste; line breaks become spaces."""
        clean = " ".join(piece.splitlines()) if len(piece) > 1 else piece
        self.text = self.text[: self.caret] + clean + self.text[self.caret :]
        self.caret += len(clean)

    def press(self, key: str) -> bool:
        """A key that edits or moves; False: it means nothing here."""
        match key:
            case "backspace" | "ctrl+h":
                self._cut(max(0, self.caret - 1), self.caret)
            case "delete" | "ctrl+d":
                self._cut(self.caret, min(len(self.text), self.caret + 1))
            case "left" | "ctrl+b":
                self.caret = max(0, self.caret - 1)
            case "right" | "ctrl+f":
                self.caret = min(len(self.text), self.caret + 1)
            case "home" | "ctrl+a":
                self.caret = 0
            case "end" | "ctrl+e":
                self.caret = len(self.text)
            case "ctrl+u":
                self._cut(0, self.caret)
            case "ctrl+k":
                self._cut(self.caret, len(self.text))
            case "ctrl+w":
                self._cut(self.word_start(), self.caret)
            case _:
                return False
        return True

    def word_start(self) -> int:
        """Where the word before the caret begins."""
        place = self.caret
        while place > 0 and self.text[place - 1].isspace():
            place -= 1
        while place > 0 and not self.text[place - 1].isspace():
            place -= 1
        return place

    def word(self) -> str:
        """The word that ends at the caret."""
        start = self.caret
        while start > 0 and not self.text[start - 1].isspace():
            start -= 1
        return self.text[start : self.caret]

    def replace_word(self, word: str) -> None:
        """Another word in its place (completion)."""
        start = self.caret - len(self.word())
        self.text = self.text[:start] + word + self.text[self.caret :]
        self.caret = start + len(word)

    def _cut(self, start: int, end: int) -> None:
        self.text = self.text[:start] + self.text[end:]
        self.caret = start
