"""One view on standard output: a table for people, csv or json for programs.

Owns the non-interactive console. Refuses Textual: it draws with the same views, without a screen.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import UTC, datetime
from shutil import get_terminal_size

from console.connect import find
from console.export import write
from console.feed import FeedError
from console.feed.http import HttpFeed
from console.keymap import SCREENS
from console.screens.pages import PAGES
from console.settings import Options, Unreachable, WrongUse
from console.views import table
from console.views.columns import place
from console.views.context import Context
from console.views.line import plain


def print_view(options: Options) -> int:
    """Print and go. Raises Unreachable and WrongUse."""
    engine = find(options, lambda message: None)
    try:
        return asyncio.run(_print(options, HttpFeed(engine.address)))
    except FeedError as error:
        # Printing asks once: what an open console would keep trying is over here.
        hint = "is the engine running there?" if error.kind == "offline" else error.hint
        sentence = f"{error.sentence}; {hint}" if hint else error.sentence
        if error.kind == "filter":
            raise WrongUse(sentence) from None
        raise Unreachable(sentence) from None


async def _print(options: Options, feed: HttpFeed) -> int:
    page = PAGES[SCREENS[options.view]](filter=options.filter)
    try:
        if options.format != "table":
            await write(feed, page.base(), options.format, sys.stdout)
            return 0
        query = page.base(1000)
        answer = await feed.ask(query)
        now = datetime.now(UTC)
        page.sheet.take("rows", query, answer, now)
        context = Context(now, datetime.now().astimezone().tzinfo or UTC)
        width = get_terminal_size((120, 40)).columns if sys.stdout.isatty() else int(os.environ.get("COLUMNS") or 120)
        rows = page.rows(context)
        placed = place(page.columns, width - table.GUTTER)
        look = table.Look(sort=page.sort, descending=page.descending)
        lines = [table.header(placed, look), *(table.row_line(row, placed, look, context, width) for row in rows)]
        print(plain(lines))
        total = answer.metadata.total
        if not rows:
            never = answer.metadata.event_count == 0
            print(
                "no data yet: the engine has received 0 events" if never else f"no {page.noun} match", file=sys.stderr
            )
        elif total is not None and total > len(rows):
            print(f"{len(rows):,} of {total:,} {page.noun}; --format csv prints all", file=sys.stderr)
        return 0
    finally:
        await feed.close()
