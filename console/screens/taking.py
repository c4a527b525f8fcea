"""Taking: copying, exporting, and the ways on from an empty engine.

Owns what leaves the program: text to the terminal's clipboard, files, child processes that the reader asked for.
Refuses to do any of it unasked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from console.clipboard import sequence
from console.feed import FeedError
from console.screens.typing import TypingScreen
from console.views.figures import LETTERS
from console.views.line import Span
from console.widgets.popup import Item

LONGEST_NOTICE = 60


class TakingScreen(TypingScreen):
    """The screen so far, and clipboard, export and offers."""

    def action_copy(self) -> None:
        row = self.page.current(self.context)
        if row is not None:
            self.send_to_clipboard(self.page.copy_text(row))

    def action_copy_row(self) -> None:
        from console.export import row_json

        row = self.page.current(self.context)
        if row is not None:
            self.send_to_clipboard(row_json(self.page.record(row)))

    def send_to_clipboard(self, text: str) -> None:
        """By OSC 52, which nobody acknowledges: the text is shown, too, for terminals that do not listen."""
        self.app.write_sequence(sequence(text))
        if "\n" in text or len(text) > LONGEST_NOTICE:
            self.read("sent to the terminal's clipboard", [(Span(each),) for each in text.splitlines()])
        else:
            self.say(f"sent to the terminal's clipboard: {text}")

    def action_export(self) -> None:
        if not self.refused("export"):
            items = [Item("c", "CSV", "csv", "for a spreadsheet"), Item("j", "JSON", "json", "every field")]
            self.choose(f"export {self.page.view}", items, lambda form: self.run_worker(self.export(form)))

    async def export(self, form: str) -> None:
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

    async def start_demo(self) -> None:
        """The same console on the demo's own engine."""
        await self.app.restart(replace(self.app.options, demo=True, engine=None, filter=None))

    async def import_history(self) -> None:
        """Read the histories of agents on this machine into our own engine."""
        from console.connect import run_import

        self.say("reading the histories of this machine's agents", "dim")
        told = await asyncio.to_thread(run_import, self.app.options.engine_dir)
        self.say(told)
        if self.app.refresher is not None:
            self.app.refresher.reload()

    # What stands behind a number

    def action_explain(self) -> None:
        """An engine that was never fed has nothing to explain: there this key is the offer to import."""
        if self.offers("import"):
            self.run_worker(self.import_history())
            return
        row = self.page.current(self.context)
        figures = self.page.figures(row) if row is not None else self.page.totals()
        if not figures:
            self.say("i: nothing here is a figure of the engine's; open the row for its figures", "dim")
            return
        items = [
            Item(LETTERS[place] if place < len(LETTERS) else "", figure.words, str(place))
            for place, figure in enumerate(figures)
        ]
        self.choose("explain", items, lambda chosen: self.run_worker(self.explain(figures[int(chosen)].asked)))

    async def explain(self, asked: Mapping[str, str]) -> None:
        """Ask the engine, and show what it says."""
        from console.views.explain import explain_lines

        refresher = self.app.refresher
        if refresher is None:
            return
        self.say("asking the engine", "dim")
        try:
            told = await refresher.feed.explain(asked)
        except FeedError as error:
            self.say(error.sentence, "bad")
            return
        self.notice = None
        self.read("what stands behind this", explain_lines(told, self.context, min(110, self.size.width - 6)))
