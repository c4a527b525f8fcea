"""The one Textual screen: draws the page one is on and obeys the keymap.

Owns the frame (what is drawn where, and when) and one method per action. Refuses to know any page: it asks a page for
lines and gives it keys. Typing (filter, `:`) is in `typing.py`, what leaves the program in `taking.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.timer import Timer

from console.keymap import ACTIONS, BY_ID, OFFERS, SCREENS, TABS, applies, hints_for
from console.navigator import Navigator
from console.screens.cost import CostPage
from console.screens.page import Page, Pane
from console.screens.pages import PAGES
from console.screens.session import SessionPage
from console.screens.taking import Taking
from console.screens.typing import Typing
from console.settings import Options
from console.views import frame, states
from console.views.context import Context
from console.views.layout import Needs, Plan, Rect, plan
from console.views.line import Line, Span, cut_line, spread, width_of
from console.widgets.lines import Lines
from console.widgets.live_table import LiveTable
from console.widgets.popup import Item, Popup
from console.widgets.prompt import Prompt

if TYPE_CHECKING:
    from console.app import ConsoleApp

TICK_SECONDS = 0.5
AGES_SECONDS = 10.0
NOTICE_SECONDS = 5.0
REST_SECONDS = 0.12
"""How long the cursor rests on a row before its details are asked for."""

PANES = ("title", "filter", "problem", "chart", "table", "detail", "pane0", "pane1", "pane2", "rule", "hints")


class MainScreen(Taking, Typing, Screen[None]):
    """Everything one sees."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(action.keys), action.id, action.label, id=action.id, tooltip=action.help, show=False)
        for action in ACTIONS
    ]
    app: ConsoleApp

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.navigator = Navigator(first_page(options))
        self.anonymous = False
        self.wide = False
        self.details_shown = True
        self.notice: Span | None = None
        self._notice_until = 0.0
        self._plan = Plan()
        self._drawn_at = 0.0
        self._aged_at = 0.0
        self._frame_due = False
        self._rest: Timer | None = None
        self._preview: Timer | None = None
        self._before = ""

    # What there is

    @property
    def page(self) -> Page:
        return self.navigator.page

    @property
    def context(self) -> Context:
        return Context(self.app.now(), self.app.zone, self.anonymous)

    @property
    def is_empty(self) -> bool:
        """Whether the engine has never received anything."""
        return self.page.sheet.metadata("rows").event_count == 0 and not self.page.sheet.rows("rows")

    def compose(self) -> ComposeResult:
        for name in PANES:
            if name == "table":
                yield LiveTable(id="table")
            elif name == "filter":
                yield Prompt(id="filter")
            else:
                yield Lines(id=name)
        yield Popup(id="popup")

    def on_mount(self) -> None:
        """Find the widgets once, then tick."""
        self.lines = {name: self.query_one(f"#{name}", Lines) for name in PANES}
        self.table = self.query_one("#table", LiveTable)
        self.prompt = self.query_one("#filter", Prompt)
        self.popup = self.query_one("#popup", Popup)
        self.popup.display = False
        self.table.focus()
        self.set_interval(TICK_SECONDS, self.tick)

    def reset(self, options: Options) -> None:
        """Begin again, on another engine."""
        self.navigator = Navigator(first_page(options))
        self.draw()

    # When to draw

    @property
    def _seconds(self) -> float:
        return self.app.now().timestamp()

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another plan."""
        self.call_after_refresh(self.draw)

    def arrived(self) -> None:
        """There is something new: draw it, at most twice a second."""
        import time

        if time.monotonic() - self._drawn_at >= TICK_SECONDS:
            self.draw()
        else:
            self._frame_due = True

    def tick(self) -> None:
        """Twice a second: nothing is drawn unless something is due."""
        seconds = self._seconds
        settled = self.table.settle(seconds)
        if self.notice is not None and seconds >= self._notice_until:
            self.notice = None
            settled = True
        if self._frame_due or settled or seconds - self._aged_at >= AGES_SECONDS:
            self.draw()
        elif self.app.refresher is not None:
            self._draw_title()

    def say(self, message: str, role: str = "accent") -> None:
        """A word in the line of key hints, for a few seconds."""
        self.notice = Span(message, role)  # type: ignore[arg-type]
        self._notice_until = self._seconds + NOTICE_SECONDS
        self.draw()

    def repaint(self) -> None:
        """Draw every cell again."""
        if self.is_mounted:
            self.draw()
            for widget in (*self.lines.values(), self.popup):
                widget.repaint()

    # The frame

    def draw(self) -> None:
        """One frame. Only cells that differ reach the terminal."""
        import time

        if not self.is_mounted or not self.size.width:
            return
        self._drawn_at, self._aged_at, self._frame_due = time.monotonic(), self._seconds, False
        width, height = self.size
        page, context = self.page, self.context
        problem = self._problem(width)
        large = width >= 160 and height >= 40
        panes = list(page.panes(context, large=large))
        beside = page.beside_chart(context) if large else None
        if beside is not None:
            panes = [beside]
        needs = Needs(
            page.detail_height,
            page.chart_height if page.sheet.answered("days") or not page.sheet.answered("rows") else 0,
            0 if large else len(panes),
            len(panes) if large and beside is None else 0,
            beside is not None,
            len(problem),
            self.details_shown,
        )
        self._arrange(plan(width, height, needs))
        if "table" not in self._plan.rects:
            self.lines["title"].show([frame.too_small(width, height)])
            return
        self._draw_table(page, context)
        self._draw_title()
        self._draw_filter(page, width)
        self.lines["problem"].show(problem)
        self._draw_around(page, context, panes)
        self._draw_hints(width)
        self._draw_popup(width, height)
        self._look_ahead(page)

    def _arrange(self, wanted: Plan) -> None:
        if wanted.rects == self._plan.rects:
            self._plan = wanted
            return
        self._plan = wanted
        for name, widget in self.lines.items():
            rect = wanted.rects.get(name)
            widget.display = rect is not None
            if rect is not None:
                _put(widget, rect)

    def _draw_table(self, page: Page, context: Context) -> None:
        rect = self._plan.rects["table"]
        rows = page.rows(context)
        before = page.cursor.key
        if page.following and rows:
            page.cursor.update([row.key for row in rows])
            page.cursor.go(len(rows) - 1 if isinstance(page, SessionPage) else 0)
        self.table.present(
            rows,
            page.columns,
            page.cursor,
            context,
            size=(rect.width, rect.height),
            question=(id(page), page.filter, page.sort, page.descending, self.anonymous),
            sort=page.sort,
            descending=page.descending,
            wide=self.wide,
            message=self._message(page, rect.width - 6),
            frame=page.heading(context) if self._plan.framed else None,
            stale=self.is_stale,
            seconds=self._seconds,
        )
        row = page.current(context)
        if row is None or page.details_of != row.key or before != page.cursor.key:
            if row is None or page.details_of != row.key:
                page.attend(None)
            self._rest_soon()

    @property
    def is_stale(self) -> bool:
        return self.app.refresher is not None and self.app.refresher.offline

    def _message(self, page: Page, width: int) -> Sequence[Line]:
        """What stands in the table when it has no rows."""
        if self.app.problem is not None:
            return states.could_not_start(self.app.problem, width)
        error = page.sheet.errors.get("rows")
        if error is not None and error.kind != "filter":
            return states.failed(error, width)
        if not page.sheet.answered("rows"):
            return states.loading(self.app.message if self.app.refresher is None else "loading")
        if self.is_empty:
            return states.nothing_ever(width, local=self.is_local)
        return states.nothing_matches(page.noun, page.filter, width)

    def _draw_title(self) -> None:
        rect = self._plan.rects.get("title")
        if rect is None or "table" not in self._plan.rects:
            return
        width = rect.width
        refresher = self.app.refresher
        status = refresher.status() if refresher is not None else frame.Status()
        name = "aa-console" if width >= 120 else "aa"
        crumbs = self.page.crumbs(self.context)
        middle = self.page.middle(self.context, width)
        self.lines["title"].show([frame.title_bar(name, crumbs, middle, status, self.context, width)])

    def _draw_filter(self, page: Page, width: int) -> None:
        if self.prompt.mode:
            self.prompt.draw(self.typed_line(width))
            return
        lead = page.lead(self.context)
        column = next((each for each in page.columns if each.sort and each.sort == page.sort), None)
        sort = f"sort {column.title} {'▼' if page.descending else '▲'}" if column is not None else ""
        shown, total = len(page.rows(self.context)), page.total()
        count = "" if total is None else f"{total:,}" if shown >= total else f"{shown:,} of {total:,}"
        right: Line = tuple(
            span for span in (Span(f"{sort}   " if sort else "", "dim"), Span(f"{count} {page.noun}" if count else "", "dim")) if span.text
        )  # fmt: skip
        filter = (Span("/ ", "key"), *self.coloured(page.filter)) if applies(BY_ID["filter"], page.name) else ()
        if self._plan.large:
            left: Line = frame.tabs(TABS, self.navigator.stack[0].label)
            middle = (*(lead or ()), Span("    " if lead else ""), *filter)
            room = width - width_of(left) - width_of(right) - 6
            shown_middle = cut_line(middle, max(0, room))
            line = spread((*left, Span("     "), *shown_middle), right, width)
        elif lead is not None:
            span = f"{page.range}" if page.range else ""
            right = (Span(f"{span}   " if span else "", "dim"), *right[-1:]) if width < 100 else right
            line = spread(lead, right if applies(BY_ID["filter"], page.name) else right[-1:], width)
        else:
            line = spread(filter, right, width)
        self.prompt.draw(line)

    def _problem(self, width: int) -> Sequence[Line]:
        """One line under the filter: what is wrong with it, or that rows are older than they should be."""
        wrong = self.typing_problem(width)
        if wrong is not None:
            return (wrong,)
        sheet = self.page.sheet
        error = sheet.errors.get("rows")
        if error is not None and error.kind == "filter":
            return (states.band(error, width),)
        if self.is_stale and sheet.as_of is not None:
            at = sheet.as_of.astimezone(self.app.zone).strftime("%H:%M:%S")
            return (
                (Span("! ", "error"), Span(f"the engine is gone; rows as of {at}, the console keeps trying", "banner")),
            )
        if error is not None and sheet.rows("rows"):
            return (states.band(error, width),)
        return ()

    def _draw_around(self, page: Page, context: Context, panes: Sequence[Pane]) -> None:
        rects, framed, stale = self._plan.rects, self._plan.framed, self.is_stale
        if (rect := rects.get("chart")) is not None:
            if framed:
                inner = page.chart(context, rect.width - 2, rect.height - 2)
                drawn = frame.box("cost per day", inner, rect.width, rect.height)
            else:
                drawn = tuple(page.chart(context, rect.width, rect.height))
            self.lines["chart"].show(drawn, stale=stale, size=(rect.width, rect.height))
        if (rect := rects.get("detail")) is not None:
            row = page.current(context)
            title = page.detail_title(row, context) if row is not None else ""
            room = (rect.width - 2, rect.height - 2) if framed else (rect.width, rect.height - 1)
            lines = page.detail(row, context, *room) if row is not None else ()
            drawn = (
                frame.box(title or "details", lines, rect.width, rect.height)
                if framed
                else (frame.rule(title, rect.width), *lines)
            )
            self.lines["detail"].show(drawn, stale=stale, size=(rect.width, rect.height))
        for index, pane in enumerate(panes[:3]):
            if (rect := rects.get(f"pane{index}")) is not None:
                lines = pane.draw(rect.width - 2, rect.height - 2)
                self.lines[f"pane{index}"].show(frame.box(pane.title, lines, rect.width, rect.height), stale=stale, size=(rect.width, rect.height))  # fmt: skip
        if (rect := rects.get("rule")) is not None:
            self.lines["rule"].show([frame.rule("", rect.width)], size=(rect.width, 1))

    def _draw_hints(self, width: int) -> None:
        if self.notice is not None:
            self.lines["hints"].show([(self.notice,)])
            return
        if self.prompt.mode:
            pairs: Sequence[tuple[str, str]] = (
                ("enter", "keep"),
                ("esc", "cancel"),
                ("tab", "complete"),
                ("↑ ↓", "earlier ones"),
            )
        elif self.is_empty or self.app.problem is not None:
            offered = [offer for offer in OFFERS if self.offers(offer.id)]
            pairs = (
                *((offer.shown, offer.label) for offer in offered),
                ("ctrl+r", "look again"),
                ("q", "quit"),
                ("?", "help"),
            )
        else:
            pairs = hints_for(self.page.name, deep=self.navigator.depth > 0 or self.page.narrowed, width=width)
        self.lines["hints"].show([frame.hints(pairs, width)])

    def _draw_popup(self, width: int, height: int) -> None:
        self.popup.display = self.popup.is_open
        if self.popup.is_open:
            wide, tall = self.popup.wanted(width, height)
            _put(self.popup, Rect((width - wide) // 2, max(1, (height - tall) // 2), wide, tall))
            self.popup.draw((wide, tall))

    def _look_ahead(self, page: Page) -> None:
        place = page.cursor.index
        if (
            place is not None
            and self.app.refresher is not None
            and page.sheet.wants_more("rows", place, self.table.room)
        ):
            self.app.refresher.more(page)

    def _rest_soon(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(REST_SECONDS, self._rested)

    def _rested(self) -> None:
        self._rest = None
        row = self.page.current(self.context)
        self.page.attend(row)
        self.poke()

    def poke(self) -> None:
        """Something else may be wanted from the engine now."""
        if self.app.refresher is not None:
            self.app.refresher.poke()

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
        self.page.following = False
        self.page.cursor.go(0)
        self.draw()

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

    # Going

    def changed_page(self) -> None:
        """Another page is on screen: draw what it has, ask for what it lacks."""
        self.table.forget()
        self.draw()
        self.poke()

    def action_open(self) -> None:
        row = self.page.current(self.context)
        if row is None:
            return
        inner = self.page.open(row, self.context)
        if inner is None:
            self.say("this is the innermost: esc goes back", "dim")
            return
        self.navigator.enter(inner)
        self.changed_page()

    def action_back(self) -> None:
        if self.page.narrowed:
            self.page.filter = self.page.first_filter
            self.changed_page()
        elif self.navigator.leave():
            self.changed_page()

    def go(self, name: str, filter: str | None = None) -> None:
        """To a screen; a filter makes it a new visit."""
        page = self.navigator.find(name) if filter is None else None
        if self.navigator.depth == 0 and page is self.page:
            return
        self.navigator.visit(page or PAGES[name](filter=filter))
        self.changed_page()

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

    def action_section(self) -> None:
        self._section(1)

    def action_previous_section(self) -> None:
        self._section(-1)

    def _section(self, by: int) -> None:
        other = self.page.sibling(by)
        if other is not None:
            self.navigator.replace(other)
            self.changed_page()

    # Finding

    def refused(self, action: str) -> bool:
        """Say why an action rests on this page; True: it does."""
        if applies(BY_ID[action], self.page.name):
            return False
        self.say(f"{BY_ID[action].shown}: {BY_ID[action].why_not}", "dim")
        return True

    def choose(self, title: str, items: Sequence[Item], chosen: Any) -> None:
        """Open a menu."""
        self.popup.menu(title, items, chosen, self.popup_closed)
        self.draw()
        self.popup.focus()

    def popup_closed(self) -> None:
        """Back to the table."""
        self.table.focus()
        self.draw()

    def action_sort(self) -> None:
        if self.refused("sort"):
            return
        items = [
            Item(
                column.letter,
                column.title,
                column.id,
                "▼" if self.page.descending else "▲",
                column.sort == self.page.sort,
            )
            if column.sort == self.page.sort
            else Item(column.letter, column.title, column.id)
            for column in self.page.columns
            if column.sort
        ]
        self.choose("sort by", items, self.sort_by)

    def sort_by(self, column_id: str) -> None:
        """Order by a column; the one in force turns around."""
        column = next(each for each in self.page.columns if each.id == column_id)
        if column.sort == self.page.sort:
            self.page.descending = not self.page.descending
        else:
            self.page.sort, self.page.descending = column.sort or "", column.descending
        self.draw()
        self.poke()

    def action_reverse(self) -> None:
        if not self.refused("reverse"):
            self.page.descending = not self.page.descending
            self.draw()
            self.poke()

    def action_range(self) -> None:
        if self.refused("range"):
            return
        ranges = (("h", "last hour", "1h"), ("t", "today", "today"), ("d", "24 hours", "24h"), ("w", "7 days", "7d"), ("f", "14 days", "14d"), ("m", "30 days", "30d"), ("q", "90 days", "90d"), ("y", "365 days", "365d"), ("a", "all time", ""))  # fmt: skip
        items = [Item(letter, label, value, value, value == self.page.range) for letter, label, value in ranges]
        self.choose("time range", items, self._ranged)

    def _ranged(self, since: str) -> None:
        self.page.set_range(since)
        self.draw()
        self.poke()

    def action_group(self) -> None:
        page = self.page
        if self.refused("group") or not isinstance(page, CostPage):
            return
        from console.views.costs import GROUPS

        items = [Item(letter, "repository" if by == "project" else by, by, "", by == page.by) for by, letter in GROUPS]

        def grouped(by: str) -> None:
            page.group(by)
            self.changed_page()

        self.choose("group by", items, grouped)

    def action_next_error(self) -> None:
        self._error(1)

    def action_previous_error(self) -> None:
        self._error(-1)

    def _error(self, by: int) -> None:
        page = self.page
        if self.refused("next_error") or not isinstance(page, SessionPage):
            return
        page.following = False
        if page.next_error(by):
            self.draw()
        else:
            self.say("no error further down" if by > 0 else "no error further up", "dim")

    # Looking

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
        self.say("all columns" if self.wide else "the usual columns", "dim")

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

    def action_quit(self) -> None:
        self.app.exit(0)

    def action_help(self) -> None:
        from console.views.help import help_lines

        width = min(100, self.size.width - 6)
        self.popup.read(
            f"help: {self.page.label or self.page.name}", help_lines(self.page.name, width), self.popup_closed
        )
        self.draw()
        self.popup.focus()


def first_page(options: Options) -> Page:
    """The page that the flags ask for."""
    return PAGES[SCREENS[options.view]](filter=options.filter)


def _put(widget: Lines, rect: Rect) -> None:
    widget.styles.offset = (rect.x, rect.y)
    widget.styles.width = rect.width
    widget.styles.height = rect.height
