"""The table that live data cannot disturb.

Owns what is emphasised (changed cells for one tick, new rows for three seconds), clicks, and the drawing of the rows
around a keyed cursor. Refuses to sort, to fetch and to move the cursor on its own. It does not build on ScrollView: a
window is at most one screen of lines, so it draws that and lets `Lines` repaint the cells that differ, where ScrollView
repaints everything on each scroll and knows rows by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.message import Message

from console.cursor import Cursor
from console.views.columns import GAP, Column, Placed, place
from console.views.context import Context
from console.views.line import Line
from console.views.table import GUTTER, Look, cell_texts, table
from console.widgets.lines import Lines

FRESH_SECONDS = 3.0


class LiveTable(Lines):
    """Rows under a header. `present` gives it rows; the cursor belongs to the page."""

    can_focus = True

    class HeaderClicked(Message):
        """A column title was clicked."""

        def __init__(self, column: Column) -> None:
            super().__init__()
            self.column = column

    class RowClicked(Message):
        """A row was clicked; `twice` opens it."""

        def __init__(self, index: int, twice: bool) -> None:
            super().__init__()
            self.index = index
            self.twice = twice

    class Wheeled(Message):
        """The wheel turned by so many rows."""

        def __init__(self, rows: int) -> None:
            super().__init__()
            self.rows = rows

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.placed: tuple[Placed, ...] = ()
        self._framed = False
        self._height = 2
        self._cursor: Cursor | None = None
        self._texts: dict[str, dict[str, str]] = {}
        self._known: frozenset[str] = frozenset()
        self._question: object = None
        self._changed: dict[str, set[str]] = {}
        self._fresh: dict[str, float] = {}

    @property
    def room(self) -> int:
        """How many rows fit below the header."""
        return max(1, self._height - 1 - (2 if self._framed else 0))

    def present(
        self,
        rows: Sequence[Any],
        columns: Sequence[Column],
        cursor: Cursor,
        context: Context,
        *,
        size: tuple[int, int],
        question: object,
        sort: str,
        descending: bool,
        wide: bool,
        message: Sequence[Line],
        frame: str | None,
        stale: bool,
        seconds: float,
    ) -> None:
        """Draw the rows around the cursor. `question` identifies what was asked: another one emphasises nothing."""
        self._framed, self._cursor, self._height = frame is not None, cursor, size[1]
        width = size[0] - (2 if self._framed else 0)
        self.placed = place(columns, width - GUTTER - 1, everything=wide)
        keys = [row.key for row in rows]
        cursor.update(keys)
        cursor.resize(self.room)
        shown = rows[cursor.top : cursor.top + self.room]
        self._notice(keys, shown, context, question, seconds)
        look = Look(cursor.key, sort, descending, self._changed, self._fresh)
        drawn = table(shown, self.placed, look, context, *size, message=message, frame=frame)
        self.show(drawn, stale=stale, size=size)

    def forget(self) -> None:
        """Another page is shown: nothing on it has changed."""
        self._question = None

    def settle(self, seconds: float) -> bool:
        """Take the emphasis of the last tick away; True when there was any, so that a frame is due."""
        over = [key for key, until in self._fresh.items() if until <= seconds]
        for key in over:
            del self._fresh[key]
        had = bool(self._changed) or bool(over)
        self._changed = {}
        return had

    def _notice(
        self, keys: Sequence[str], shown: Sequence[Any], context: Context, question: object, seconds: float
    ) -> None:
        texts = {row.key: cell_texts(row, self.placed, context) for row in shown}
        now_known = frozenset(keys)
        if question == self._question and self._known:
            for key, cells in texts.items():
                before = self._texts.get(key)
                if before is not None:
                    changed = {column for column, text in cells.items() if before.get(column, text) != text}
                    if changed:
                        self._changed[key] = changed
                elif key not in self._known:
                    self._fresh[key] = seconds + FRESH_SECONDS
        else:
            self._changed, self._fresh = {}, {}
        self._texts, self._known, self._question = texts, now_known, question

    def on_click(self, event: events.Click) -> None:
        """A title sorts, a row takes the cursor, a second click opens it."""
        edge = 1 if self._framed else 0
        x, y = event.x - edge - GUTTER, event.y - edge
        if y == 0:
            start = 0
            for each in self.placed:
                if start <= x < start + each.width + GAP:
                    self.post_message(self.HeaderClicked(each.column))
                    return
                start += each.width + GAP
        elif self._cursor is not None and 0 < y <= self.room:
            index = self._cursor.top + y - 1
            if index < len(self._cursor.keys):
                self.post_message(self.RowClicked(index, event.chain >= 2))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three rows down."""
        self.post_message(self.Wheeled(3))
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three rows up."""
        self.post_message(self.Wheeled(-3))
        event.stop()
