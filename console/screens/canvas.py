"""Drawing: which page is on screen, which part of it goes where, and when a frame is due.

Owns the widgets and the one function that fills them. Refuses keys (`main.py` and the layers between) and formatting
(views): it asks the page for lines and hands them to widgets, which repaint only what differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer

from console.keymap import BY_ID, OFFERS, TABS, applies, hints_for
from console.navigator import Navigator
from console.screens import furniture
from console.screens.page import Page, Pane
from console.screens.pages import first_page
from console.settings import Options
from console.views import filterline, frame, states
from console.views.context import Context
from console.views.layout import Needs, Plan, Rect, plan
from console.views.line import Line, Role, Span
from console.widgets.lines import Lines
from console.widgets.live_table import LiveTable
from console.widgets.plot import Plot
from console.widgets.popup import Item, Popup
from console.widgets.prompt import Prompt

if TYPE_CHECKING:
    from console.app import ConsoleApp

TICK_SECONDS = 0.5
AGES_SECONDS = 10.0
NOTICE_SECONDS = 5.0
REST_SECONDS = 0.12
"""How long the cursor rests on a row before its details are asked for."""


class Canvas(Screen[None]):
    """Everything one sees."""

    app: ConsoleApp

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.navigator = Navigator(first_page(options.view, options.filter))
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

    @property
    def page(self) -> Page:
        return self.navigator.page

    @property
    def context(self) -> Context:
        return Context(self.app.now(), self.app.zone, self.anonymous)

    @property
    def never_fed(self) -> bool:
        """Whether the engine has never received anything."""
        return self.page.sheet.metadata("rows").event_count == 0 and not self.page.sheet.rows("rows")

    @property
    def is_local(self) -> bool:
        """Whether the engine runs on this machine, on our own data."""
        return self.app.options.engine is None and not self.app.options.demo

    @property
    def is_stale(self) -> bool:
        return self.app.refresher is not None and self.app.refresher.offline

    def offers(self, what: str) -> bool:
        """Whether `demo` or `import` is offered now."""
        if self.app.options.demo:
            return False
        if self.app.problem is not None:
            return what == "demo"
        return self.never_fed and (what == "demo" or self.is_local)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is on its way: no question, and no row whose details are still to be asked for."""
        refresher = self.app.refresher
        return refresher is not None and refresher.is_idle and self._rest is None

    def compose(self) -> ComposeResult:
        self.table = LiveTable(id="table")
        self.prompt = Prompt(id="filter")
        self.plot = Plot(id="chart")
        self.popup = Popup(id="popup")
        self.parts: dict[str, Lines] = {"table": self.table, "filter": self.prompt, "chart": self.plot}
        for name in ("title", "problem", "detail", "pane0", "pane1", "pane2", "rule", "hints"):
            self.parts[name] = Lines(id=name)
        yield from self.parts.values()
        yield self.popup

    def on_mount(self) -> None:
        """Begin to tick."""
        self.popup.display = False
        self.table.focus()
        self.set_interval(TICK_SECONDS, self.tick)

    def reset(self, options: Options) -> None:
        """Begin again, on another engine."""
        self.navigator = Navigator(first_page(options.view, options.filter))
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
        if time.monotonic() - self._drawn_at >= TICK_SECONDS:
            self.draw()
        else:
            self._frame_due = True

    def tick(self) -> None:
        """Twice a second: nothing is drawn unless something is due."""
        seconds = self._seconds
        due = self.table.settle(seconds) or self._frame_due or seconds - self._aged_at >= AGES_SECONDS
        if self.notice is not None and seconds >= self._notice_until:
            self.notice, due = None, True
        if due:
            self.draw()
        elif self.app.refresher is not None:
            self._draw_title()

    def say(self, message: str, role: Role = "accent") -> None:
        """A word in the line of key hints, for a few seconds."""
        self.notice = Span(message, role)
        self._notice_until = self._seconds + NOTICE_SECONDS
        self.draw()

    def refused(self, action: str) -> bool:
        """Say why an action rests on this page; True: it does."""
        if applies(BY_ID[action], self.page.name):
            return False
        self.say(f"{BY_ID[action].shown}: {BY_ID[action].why_not}", "dim")
        return True

    def choose(self, title: str, items: Sequence[Item], chosen: Callable[[str], object]) -> None:
        """Open a menu."""
        self.popup.menu(title, items, chosen, self._popup_closed)
        self._show_popup()

    def read(self, title: str, body: Sequence[Line]) -> None:
        """Open a text to read."""
        self.popup.read(title, body, self._popup_closed)
        self._show_popup()

    def _show_popup(self) -> None:
        self.draw()
        self.popup.focus()

    def _popup_closed(self) -> None:
        self.table.focus()
        self.draw()

    def poke(self) -> None:
        """Something else may be wanted from the engine now."""
        if self.app.refresher is not None:
            self.app.refresher.poke()

    def changed_page(self) -> None:
        """Another page is on screen: draw what it has, ask for what it lacks."""
        self.table.forget()
        self.draw()
        self.poke()

    def changed_question(self) -> None:
        """The page asks something else: order, filter or time."""
        self.draw()
        self.poke()

    def repaint(self) -> None:
        """Draw every cell again."""
        if self.is_mounted:
            self.draw()
            for widget in (*self.parts.values(), self.popup):
                widget.refresh()

    # The frame

    def draw(self) -> None:
        """One frame. Only cells that differ reach the terminal."""
        if not self.is_mounted or not self.size.width:
            return
        self._drawn_at, self._aged_at, self._frame_due = time.monotonic(), self._seconds, False
        width, height = self.size
        page, context = self.page, self.context
        large = width >= 160 and height >= 40
        page.roomy = large
        problem = self._problem(width)
        beside = page.beside_chart(context) if large else None
        panes = [beside] if beside is not None else list(page.panes(context, large=large))
        needs = Needs(
            detail_height=page.detail_height,
            chart_height=page.chart_height,
            small_panes=0 if large else len(panes),
            large_panes=len(panes) if large and beside is None else 0,
            side_of_chart=beside is not None,
            problem=len(problem),
            # A message instead of rows has nothing to detail; while rows are on their way, nothing jumps.
            details=self.details_shown and self._has_details(page, context),
        )
        self._arrange(plan(width, height, needs))
        if "table" not in self._plan.rects:
            self.parts["title"].show([frame.too_small(width, height)], size=(width, height))
            return
        self._draw_table(page, context)
        self._draw_title()
        self._draw_filter(page, context, width)
        self.parts["problem"].show(problem, size=(width, 1))
        self._draw_around(page, context, panes)
        self._draw_hints(width)
        self._draw_popup(width, height)
        if self.app.refresher is not None and page.sheet.wants_more("rows", page.cursor.index or 0, self.table.room):
            self.app.refresher.more(page)

    def _has_details(self, page: Page, context: Context) -> bool:
        waiting = not page.sheet.answered("rows") and "rows" not in page.sheet.errors and self.app.problem is None
        return waiting or bool(page.rows(context))

    def _arrange(self, wanted: Plan) -> None:
        before, self._plan = self._plan, wanted
        if wanted.rects == before.rects:
            return
        for name, widget in self.parts.items():
            rect = wanted.rects.get(name)
            widget.display = rect is not None
            if rect is not None:
                _put(widget, rect)

    def _draw_table(self, page: Page, context: Context) -> None:
        rect = self._plan.rects["table"]
        rows = page.rows(context)
        if page.following and rows:
            page.cursor.update([row.key for row in rows])
            page.cursor.go(page.newest(len(rows)))
        self.table.present(
            rows,
            page.columns,
            page.cursor,
            context,
            size=(rect.width, rect.height),
            question=(id(page), page.filter, page.order(), self.anonymous, tuple(page.sheet.answers)),
            sort=page.sort,
            descending=page.descending,
            wide=self.wide,
            message=self._message(page, rect.width - 6),
            frame=page.heading(context) if self._plan.framed else None,
            stale=self.is_stale,
            seconds=self._seconds,
        )
        row = page.current(context)
        if page.details_of != (row.key if row is not None else None):
            # Details of another row must not stand beside this one.
            page.attend(None)
            if self._rest is not None:
                self._rest.stop()
            self._rest = self.set_timer(REST_SECONDS, self._rested)

    def _rested(self) -> None:
        self._rest = None
        self.page.attend(self.page.current(self.context))
        self.poke()

    def _message(self, page: Page, width: int) -> Sequence[Line]:
        """What stands in the table when it has no rows."""
        if self.app.problem is not None:
            return states.could_not_start(self.app.problem, width)
        if self.app.refresher is None:
            return states.loading(self.app.message)
        error = page.sheet.errors.get("rows")
        if (error is None or error.kind == "filter") and page.sheet.answered("rows"):
            if self.app.options.demo and not page.narrowed and not self.navigator.depth:
                return states.loading("the simulated team sends its first days")
            if self.never_fed:
                return states.nothing_ever(width, local=self.is_local)
        return furniture.message(page, width)

    def _draw_title(self) -> None:
        if "table" not in self._plan.rects:
            return
        width = self._plan.rects["title"].width
        refresher, context = self.app.refresher, self.context
        status = refresher.status() if refresher is not None else frame.Status(failed=self.app.problem is not None)
        name = "aa-console" if width >= 120 else "aa"
        middle = self.page.middle(context, width)
        bar = frame.title_bar(name, self.page.crumbs(context), middle, status, context, width)
        self.parts["title"].show([bar], size=(width, 1))

    def _draw_filter(self, page: Page, context: Context, width: int) -> None:
        if self.prompt.mode:
            drawn = filterline.typed(self.prompt.mode, self.prompt.editor, width)
        else:
            tabs = frame.tabs(TABS, self.navigator.stack[0].label) if self._plan.large else ()
            drawn = furniture.filter_line(page, context, width, tabs)
        self.prompt.show((drawn,), size=(width, 1))

    def _problem(self, width: int) -> Sequence[Line]:
        """One line under the filter: advice while typing, a filter that is not understood, rows that are stale."""
        advice = self.advice(width)
        if advice is not None:
            return (advice,)
        sheet = self.page.sheet
        error = sheet.errors.get("rows")
        if self.is_stale and sheet.as_of is not None:
            return (states.stale(sheet.as_of, self.context),)
        if error is not None and (error.kind == "filter" or sheet.rows("rows")):
            return (states.band(error, width),)
        return ()

    def advice(self, width: int) -> Line | None:
        """What stands under a line that is being typed."""
        return None

    def _draw_around(self, page: Page, context: Context, panes: Sequence[Pane]) -> None:
        rects, framed, stale = self._plan.rects, self._plan.framed, self.is_stale
        if (rect := rects.get("chart")) is not None:
            self.plot.draw(page.chart(context), rect.width, rect.height, framed=framed, stale=stale)
        if (rect := rects.get("detail")) is not None:
            row = page.current(context)
            title = page.detail_title(row, context) if row is not None else ""
            if framed:
                lines = page.detail(row, context, rect.width - 4, rect.height - 2) if row is not None else ()
                inset = [(Span(" "), *each) for each in lines]
                drawn: Sequence[Line] = frame.box(title or "details", inset, rect.width, rect.height)
            else:
                lines = page.detail(row, context, rect.width, rect.height - 1) if row is not None else ()
                drawn = (frame.rule(title, rect.width), *lines)
            self.parts["detail"].show(drawn, stale=stale, size=(rect.width, rect.height))
        for index, pane in enumerate(panes[:3]):
            if (rect := rects.get(f"pane{index}")) is not None:
                lines = pane.draw(rect.width - 2, rect.height - 2)
                drawn = frame.box(pane.title, lines, rect.width, rect.height)
                self.parts[f"pane{index}"].show(drawn, stale=stale, size=(rect.width, rect.height))
        if (rect := rects.get("rule")) is not None:
            self.parts["rule"].show([frame.rule("", rect.width)], size=(rect.width, 1))

    def _draw_hints(self, width: int) -> None:
        if self.notice is not None:
            drawn: Line = (self.notice,)
        elif self.prompt.mode:
            drawn = frame.hints((("enter", "keep"), ("esc", "cancel"), ("tab", "complete"), ("↑ ↓", "earlier")), width)
        elif self.offers("demo"):
            offered = tuple((offer.shown, offer.label) for offer in OFFERS if self.offers(offer.id))
            drawn = frame.hints((*offered, ("ctrl+r", "look again"), ("q", "quit"), ("?", "help")), width)
        else:
            deep = self.navigator.depth > 0 or self.page.narrowed
            drawn = frame.hints(hints_for(self.page.name, deep=deep, width=width), width)
        self.parts["hints"].show([drawn], size=(width, 1))

    def _draw_popup(self, width: int, height: int) -> None:
        self.popup.display = self.popup.is_open
        if self.popup.is_open:
            wide, tall = self.popup.wanted(width, height)
            _put(self.popup, Rect((width - wide) // 2, max(1, (height - tall) // 2), wide, tall))
            self.popup.draw((wide, tall))


def _put(widget: Lines, rect: Rect) -> None:
    widget.styles.offset = (rect.x, rect.y)
    widget.styles.width = rect.width
    widget.styles.height = rect.height
