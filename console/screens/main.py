"""The screen as one uses it: moving, ordering, looking.

Owns one method per action of the keymap (those about pages and typing are in `typing.py`, about taking in `taking.py`,
drawing in `canvas.py`). Refuses to know pages beyond what every page can do.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from console.keymap import ACTIONS, BY_ID, applies
from console.screens.taking import TakingScreen
from console.widgets.live_table import LiveTable
from console.widgets.popup import Item

RANGES = (
    ("h", "last hour", "1h"),
    ("t", "today", "today"),
    ("d", "24 hours", "24h"),
    ("w", "7 days", "7d"),
    ("f", "14 days", "14d"),
    ("m", "30 days", "30d"),
    ("q", "90 days", "90d"),
    ("y", "365 days", "365d"),
    ("a", "all time", ""),
)


class MainScreen(TakingScreen):
    """The one screen of the console."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), action.id, action.label, id=action.id, tooltip=action.help, show=False)
        for action in ACTIONS
    ]

    # Moving

    def _move(self, by: int) -> None:
        self.page.following = False
        self.page.cursor.move(by)
        self.draw()

    def action_down(self) -> None:
        self._move(1)

    def action_up(self) -> None:
        self._move(-1)

    def action_half_down(self) -> None:
        self._move(max(1, self.table.room // 2))

    def action_half_up(self) -> None:
        self._move(-max(1, self.table.room // 2))

    def action_page_down(self) -> None:
        self._move(self.table.room)

    def action_page_up(self) -> None:
        self._move(-self.table.room)

    def action_top(self) -> None:
        self._move(-len(self.page.cursor.keys))

    def action_bottom(self) -> None:
        self._move(len(self.page.cursor.keys))

    def on_live_table_wheeled(self, message: LiveTable.Wheeled) -> None:
        self.page.following = False
        self.page.cursor.scroll(message.rows)
        self.draw()

    def on_live_table_row_clicked(self, message: LiveTable.RowClicked) -> None:
        self.page.following = False
        self.page.cursor.go(message.index)
        if message.twice:
            self.action_open()
        else:
            self.draw()

    def on_live_table_header_clicked(self, message: LiveTable.HeaderClicked) -> None:
        if message.column.sort and applies(BY_ID["sort"], self.page.name):
            self.sort_by(message.column.id)

    # Ordering

    def action_sort(self) -> None:
        if self.refused("sort"):
            return
        arrow = "▼" if self.page.descending else "▲"
        items = []
        for column in self.page.columns:
            if column.sort:
                here = column.sort == self.page.sort
                items.append(Item(column.letter, column.title, column.id, arrow if here else "", here))
        if items:
            self.choose("sort by", items, self.sort_by)

    def sort_by(self, column_id: str) -> None:
        """Order by a column; the one in force turns around."""
        column = next(each for each in self.page.columns if each.id == column_id)
        if column.sort == self.page.sort:
            self.page.descending = not self.page.descending
        else:
            self.page.sort, self.page.descending = column.sort or "", column.descending
        self.changed_question()

    def action_reverse(self) -> None:
        if not self.refused("reverse"):
            self.page.descending = not self.page.descending
            self.changed_question()

    def action_range(self) -> None:
        if not self.refused("range"):
            items = [Item(letter, label, value, value, value == self.page.range) for letter, label, value in RANGES]
            self.choose("time range", items, self._set_range)

    def _set_range(self, since: str) -> None:
        self.page.set_range(since)
        self.changed_question()

    def action_group(self) -> None:
        if not self.refused("group"):
            items = [Item(letter, label, by, "", by == self.page.group_by) for by, label, letter in self.page.groups]
            self.choose("group by", items, self._set_group)

    def _set_group(self, by: str) -> None:
        self.page.group(by)
        self.changed_page()

    def action_next_error(self) -> None:
        self._go_to_error(1)

    def action_previous_error(self) -> None:
        self._go_to_error(-1)

    def _go_to_error(self, by: int) -> None:
        if self.refused("next_error"):
            return
        self.page.following = False
        if self.page.next_error(by):
            self.draw()
        else:
            self.say(f"no error further {'down' if by > 0 else 'up'}", "dim")

    # Looking

    def action_section(self) -> None:
        self._turn_section(1)

    def action_previous_section(self) -> None:
        self._turn_section(-1)

    def _turn_section(self, by: int) -> None:
        other = self.page.sibling(by)
        if other is not None:
            self.navigator.replace(other)
            self.changed_page()

    def action_pause(self) -> None:
        if self.app.refresher is not None:
            self.app.refresher.pause()
            self.draw()

    def action_follow(self) -> None:
        if not self.refused("follow"):
            self.page.following = not self.page.following
            self.say("following the newest row" if self.page.following else "no longer following", "dim")

    def action_details(self) -> None:
        if self.offers("demo"):
            self.run_worker(self.start_demo())
            return
        self.details_shown = not self.details_shown
        self.draw()

    def action_wide(self) -> None:
        self.wide = not self.wide
        self.table.forget()
        self.say("every column that fits" if self.wide else "the usual columns", "dim")

    def action_anonymise(self) -> None:
        self.anonymous = not self.anonymous
        self.say("people are shown under aliases" if self.anonymous else "people are shown by name", "dim")

    def action_reload(self) -> None:
        if self.app.problem is not None:
            self.run_worker(self.app.reconnect())
        elif self.app.refresher is not None:
            self.app.refresher.reload()

    def action_redraw(self) -> None:
        self.repaint()
        self.app.refresh(layout=True)

    def action_help(self) -> None:
        from console.views.help import help_lines

        width = min(100, self.size.width - 6)
        self.read(f"help: {self.page.label or self.page.name}", help_lines(self.page.name, width))

    def action_quit(self) -> None:
        self.app.exit(0)
