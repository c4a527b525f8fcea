"""Taking: copying, exporting, and the ways on from an empty engine.

Owns what leaves the program: text to the terminal's clipboard, files, child processes that the reader asked for.
Refuses to do any of it unasked.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from console.feed import FeedError
from console.views.line import Span
from console.widgets.popup import Item

if TYPE_CHECKING:
    from console.screens.main import MainScreen


class Taking:
    """Part of the screen: clipboard, export, offers."""

    def action_copy(self: MainScreen) -> None:
        row = self.page.current(self.context)
        if row is not None:
            self.send_to_clipboard(self.page.copy_text(row))

    def action_copy_row(self: MainScreen) -> None:
        from console.export import row_json
        from console.screens.record import record_of

        row = self.page.current(self.context)
        if row is not None:
            self.send_to_clipboard(row_json(record_of(row)))

    def send_to_clipboard(self: MainScreen, text: str) -> None:
        """By OSC 52, which nobody acknowledges: the text is shown too where the terminal may not listen."""
        from console.clipboard import sequence

        driver = self.app._driver
        if driver is not None:
            driver.write(sequence(text))
        if "\n" in text or len(text) > 60:
            body = [(Span(each),) for each in text.splitlines()]
            self.popup.read("sent to the terminal's clipboard", body, self.popup_closed)
            self.draw()
            self.popup.focus()
        else:
            self.say(f"sent to the terminal's clipboard: {text}")

    def action_export(self: MainScreen) -> None:
        if self.refused("export"):
            return
        items = [Item("c", "CSV", "csv", "for a spreadsheet"), Item("j", "JSON", "json", "every field")]
        self.choose(f"export {self.page.view}", items, lambda form: self.run_worker(self.export(form)))

    async def export(self: MainScreen, form: str) -> None:
        """Write every row that matches to a file in the working directory."""
        from console.export import write_file

        refresher = self.app.refresher
        if refresher is None:
            return
        stamp = self.app.now().astimezone(self.app.zone).strftime("%Y%m%d-%H%M%S")
        path = Path.cwd() / f"{self.page.view}-{stamp}.{form}"
        self.say(f"writing {path.name}", "dim")
        try:
            count = await write_file(refresher.feed, self.page.base(), form, path)
        except FeedError as error:
            self.say(error.sentence, "bad")
        except OSError as error:
            self.say(f"{path}: {error.strerror}", "bad")
        else:
            self.say(f"{count:,} rows in {path}")

    # Ways on from an engine without data

    @property
    def is_local(self: MainScreen) -> bool:
        """Whether the engine runs on this machine, on our own data."""
        return self.app.options.engine is None and not self.app.options.demo

    def offers(self: MainScreen, what: str) -> bool:
        """Whether `demo` or `import` is offered now."""
        if self.app.options.demo:
            return False
        if self.app.problem is not None:
            return what == "demo"
        return self.is_empty and (what == "demo" or self.is_local)

    async def start_demo(self: MainScreen) -> None:
        """The same console on the demo's own engine."""
        await self.app.restart(replace(self.app.options, demo=True, engine=None, filter=None))

    async def import_history(self: MainScreen) -> None:
        """Read the histories of agents on this machine into our own engine."""
        from console.connect import run_import

        self.say("reading the histories of this machine's agents", "dim")
        told = await asyncio.to_thread(run_import, self.app.options.engine_dir)
        self.say(told, "accent")
        if self.app.refresher is not None:
            self.app.refresher.reload()

    def key_i(self: MainScreen) -> None:
        if self.offers("import"):
            self.run_worker(self.import_history())
