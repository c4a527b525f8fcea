"""A box above everything: a menu whose items have letters, or a text to read.

Owns its keys while it is open. Refuses to stay: escape always closes it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from textual import events

from console.views.frame import box
from console.views.line import Line, Span, fit, width_of
from console.widgets.lines import Lines

FAR = 1_000_000


@dataclass(frozen=True, slots=True)
class Item:
    """A choice: its letter, what it is called, what it adds, and whether it is in force."""

    letter: str
    label: str
    value: str
    note: str = ""
    current: bool = False


class Popup(Lines):
    """Hidden until `menu` or `read` opens it."""

    can_focus = True

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.items: Sequence[Item] = ()
        self.body: Sequence[Line] = ()
        self.title = ""
        self.at = 0
        self._choose: Callable[[str], object] | None = None
        self._when_closed: Callable[[], None] | None = None
        self._highest = 0
        self._size_now = (0, 0)

    @property
    def is_open(self) -> bool:
        return bool(self.title)

    def menu(
        self, title: str, items: Sequence[Item], choose: Callable[[str], object], closed: Callable[[], None]
    ) -> None:
        """A menu; `choose` gets the value of the item taken."""
        self.title, self.items, self.body = title, items, ()
        self._choose, self._when_closed = choose, closed
        self.at = next((index for index, item in enumerate(items) if item.current), 0)

    def read(self, title: str, body: Sequence[Line], closed: Callable[[], None]) -> None:
        """A text to scroll through."""
        self.title, self.items, self.body, self.at = title, (), body, 0
        self._choose, self._when_closed = None, closed

    def wanted(self, width: int, height: int) -> tuple[int, int]:
        """The size of the box on a screen of this size."""
        if self.items:
            widest = max(len(item.label) + len(item.note) for item in self.items) + 12
            return min(width - 4, max(34, widest, len(self.title) + 8)), min(height - 2, len(self.items) + 2)
        widest = max((width_of(spans) for spans in self.body), default=20) + 4
        return min(width - 2, max(40, widest)), min(height - 2, len(self.body) + 2)

    def draw(self, size: tuple[int, int] | None = None) -> None:
        """Draw at the current size, or at the one it is about to have."""
        width, height = self._size_now = size or self._size_now
        if not self.title or width < 4 or height < 3:
            return
        inner = height - 2
        if self.items:
            top = max(0, min(self.at - inner + 1, len(self.items) - inner)) if self.at >= inner else 0
            lines = [self._item_line(index, width - 2) for index in range(top, min(len(self.items), top + inner))]
            self.show(box(self.title, lines, width, height), size=(width, height))
            return
        self._highest = max(0, len(self.body) - inner)
        self.at = max(0, min(self.at, self._highest))
        more = f"  {self.at + inner}/{len(self.body)} j k" if self._highest else ""
        lines = [(Span(" "), *spans) for spans in self.body[self.at : self.at + inner]]
        self.show(box(self.title + more, lines, width, height), size=(width, height))

    def _item_line(self, index: int, width: int) -> Line:
        item, here = self.items[index], index == self.at
        spans = [
            Span("▌ " if here else "  ", "accent", selected=here),
            Span(f"{item.letter}  ", "key", selected=here),
            Span(item.label, "strong" if item.current else "text", selected=here),
        ]
        right = Span(("● " if item.current else "") + item.note + " ", "dim", selected=here)
        room = width - width_of(spans) - width_of((right,))
        return (*spans, Span(fit("", max(0, room)), selected=here), right)

    def close(self) -> None:
        """Put it away."""
        closed, self.title, self._when_closed = self._when_closed, "", None
        if closed is not None:
            closed()

    def on_key(self, event: events.Key) -> None:
        """Letters choose, j and k move, escape closes; nothing reaches the screen below."""
        if not self.title:
            return
        event.stop()
        event.prevent_default()
        key, character = event.key, event.character
        page = max(1, self._size_now[1] - 3)
        moves = {
            **dict.fromkeys(("j", "down"), 1),
            **dict.fromkeys(("k", "up"), -1),
            **dict.fromkeys(("pagedown", "space", "ctrl+d"), page),
            **dict.fromkeys(("pageup", "ctrl+u"), -page),
            **dict.fromkeys(("g", "home"), -FAR),
            **dict.fromkeys(("G", "end"), FAR),
        }
        chosen = next((item for item in self.items if item.letter == character), None) if character else None
        if chosen is not None:
            self._take(chosen)
        elif key in ("escape", "q", "ctrl+c", "question_mark") or (key == "enter" and not self.items):
            self.close()
        elif key == "enter":
            self._take(self.items[self.at])
        elif key in moves or character in moves:
            step = moves.get(key) or moves[character or ""]
            last = len(self.items) - 1 if self.items else self._highest
            self.at = max(0, min(self.at + step, last))
            self.draw()

    def on_click(self, event: events.Click) -> None:
        """A click on an item takes it."""
        if self.items and 0 < event.y <= len(self.items):
            self._take(self.items[event.y - 1])

    def _take(self, item: Item) -> None:
        choose = self._choose
        self.close()
        if choose is not None:
            choose(item.value)
