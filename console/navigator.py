"""Where one is and how one got there: a stack of pages per visit, and the history of visits.

Owns in and out, the last screen, and back and forth through history. Refuses to build pages.
"""

from __future__ import annotations

from console.screens.page import Page

LONGEST = 30


class Navigator:
    """`page` is the one on screen. A visit is a stack: a screen and what was opened from it."""

    def __init__(self, page: Page) -> None:
        self._visits: list[list[Page]] = [[page]]
        self._at = 0

    @property
    def stack(self) -> list[Page]:
        """The pages of this visit, the outermost first."""
        return self._visits[self._at]

    @property
    def page(self) -> Page:
        return self.stack[-1]

    @property
    def depth(self) -> int:
        """0: nothing to go back to."""
        return len(self.stack) - 1

    def enter(self, page: Page) -> None:
        """One step in."""
        self.stack.append(page)

    def leave(self) -> bool:
        """One step out; False: this is the outermost."""
        if self.depth == 0:
            return False
        self.stack.pop()
        return True

    def replace(self, page: Page) -> None:
        """Another page in the place of this one (a section beside it)."""
        self.stack[-1] = page

    def visit(self, page: Page) -> None:
        """Another screen; what was newer in the history is forgotten."""
        del self._visits[self._at + 1 :]
        self._visits.append([page])
        del self._visits[: max(0, len(self._visits) - LONGEST)]
        self._at = len(self._visits) - 1

    def find(self, name: str) -> Page | None:
        """The newest visit's page of that name, so that going there again finds the same row and filter."""
        for visit in reversed(self._visits):
            if visit[0].name == name:
                return visit[0]
        return None

    def turn(self, by: int) -> bool:
        """Through the history: -1 older, 1 newer; False: it ends here."""
        if not 0 <= self._at + by < len(self._visits):
            return False
        self._at += by
        return True

    def swap(self) -> bool:
        """The last screen: back and forth between two."""
        if len(self._visits) < 2:
            return False
        other = self._at - 1 if self._at > 0 else 1
        here = self._visits[self._at]
        there = self._visits[other]
        self._visits[self._at], self._visits[other] = there, here
        return True
