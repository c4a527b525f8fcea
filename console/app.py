"""The application: theme, feed, clock, and the one screen.

Owns start and end: the first frame is drawn before an engine is looked for, and whatever was started for this console
ends with it. Refuses everything that a page or a widget can do.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING

from textual.app import App
from textual.color import Color
from textual.theme import Theme
from textual.worker import Worker

from console.feed import Feed
from console.refresher import Refresher
from console.screens.main import MainScreen
from console.settings import Options, Unreachable, WrongUse
from console.themes import PALETTES, Palette, choose

if TYPE_CHECKING:
    from console.connect import Engine

Find = Callable[[Options, Callable[[str], None]], "Engine"]


def local_zone() -> tzinfo:
    """The zone of this machine."""
    return datetime.now().astimezone().tzinfo or UTC


class ConsoleApp(App[int]):
    """`find` looks for an engine (in a thread); a test gives `feed` instead, and a clock that stands still."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Screen { layers: base above; overflow: hidden; } Screen > * { position: absolute; } #popup { layer: above; }"
    TITLE = "aa-console"

    def __init__(
        self,
        options: Options,
        *,
        find: Find | None = None,
        feed: Feed | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        zone: tzinfo | None = None,
    ) -> None:
        self.palette: Palette = choose(options.theme, os.environ)
        super().__init__(ansi_color=self.palette.ansi)
        self.options = options
        self.now = now
        self.zone = zone or local_zone()
        self.problem: str | None = None
        self._find, self._given = find, feed
        self._engine: Engine | None = None
        self._work: Worker[None] | None = None
        self._wanted = threading.Event()
        self.refresher: Refresher | None = None
        self.message = "connecting"
        for palette in PALETTES.values():
            if not palette.ansi:
                self.register_theme(_textual_theme(palette))
        self.theme = theme_name(self.palette)

    def get_default_screen(self) -> MainScreen:
        return MainScreen(self.options)

    @property
    def main(self) -> MainScreen:
        """The one screen."""
        screen = self.screen_stack[0]
        assert isinstance(screen, MainScreen)
        return screen

    def on_mount(self) -> None:
        """After the first frame: look for an engine."""
        self.set_palette(self.palette)
        self.call_after_refresh(self.call_after_refresh, self._begin)

    def _begin(self) -> None:
        """Find an engine and keep asking it. A worker, so that a mistake of ours ends the program and is seen."""
        self._wanted.set()
        self._work = self.run_worker(self._run(), name="feed", exit_on_error=True)

    async def _run(self) -> None:
        feed = self._given
        if feed is None:
            feed = await self._connect()
        if feed is None:
            return
        demo = self._engine is not None and self._engine.demo
        self.refresher = Refresher(feed, lambda: self.main.page, self.now, lambda: self.main.arrived(), demo=demo)
        self.refresher.poke()
        try:
            await self.refresher.run()
        finally:
            await feed.close()

    async def _connect(self) -> Feed | None:
        if self._find is None:
            from console.connect import find

            self._find = find
        try:
            self._engine = await asyncio.to_thread(self._find, self.options, self._say)
            # A second of importing on a slow machine, which must not hold up keys and frames.
            await asyncio.to_thread(importlib.import_module, "httpx")
            from console.feed.http import HttpFeed
        except (Unreachable, WrongUse) as error:
            self.problem = str(error)
            self.main.arrived()
            return None
        return HttpFeed(self._engine.address)

    def _say(self, message: str) -> None:
        """Progress of looking for an engine, told from its thread."""

        if not self._wanted.is_set():
            # Raised in the thread that looks for an engine: nobody waits for it any more.
            raise Unreachable("no longer wanted")

        def show() -> None:
            self.message = message
            self.main.arrived()

        self.call_from_thread(show)

    async def restart(self, options: Options) -> None:
        """Let go of this engine and look for another one (the demo)."""
        await self._stop()
        self.options, self.problem, self.message = options, None, "connecting"
        self._given = None
        self.main.reset(options)
        self._begin()

    async def reconnect(self) -> None:
        """Look for the engine again after it could not be found."""
        await self.restart(replace(self.options))

    async def _stop(self) -> None:
        self._wanted.clear()
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self.refresher = None
        self._engine = None

    async def on_unmount(self) -> None:
        """Let go of the engine."""
        await self._stop()

    def write_sequence(self, sequence: str) -> None:
        """Send an escape sequence to the terminal, past the screen."""
        driver = self._driver
        if driver is not None:
            driver.write(sequence)

    def use_theme(self, name: str) -> None:
        """A theme by its name."""
        self.set_palette(choose(name, os.environ))

    def set_palette(self, palette: Palette) -> None:
        """Another theme, at once."""
        self.palette = palette
        self.ansi_color = palette.ansi
        self.theme = theme_name(palette)
        self.screen.styles.background = Color.parse("ansi_default" if palette.ansi else palette.background)
        self.main.repaint()


def _textual_theme(palette: Palette) -> Theme:
    """Textual's own idea of a palette: it paints nothing of ours, but it must know light from dark."""
    background, accent = palette.background, palette.roles["accent"].removeprefix("bold ")
    return Theme(theme_name(palette), primary=accent, background=background, surface=background, dark=palette.dark)


def theme_name(palette: Palette) -> str:
    """The name under which Textual knows a palette; for the terminal's own colours it brings a theme of its own."""
    return "ansi-dark" if palette.ansi else f"aa-{palette.name}"
