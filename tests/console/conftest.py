"""A console on a recorded team, with a clock that moves only when a test moves it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC
from pathlib import Path

# Textual reads these when it is imported.
os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.pop("NO_COLOR", None)
os.environ.pop("COLORFGBG", None)

import pytest
from textual.pilot import Pilot

from console.app import ConsoleApp
from console.feed.replay import ReplayFeed
from console.settings import Options
from engine.clock import FixedClock
from tests.console.team import NOW, recorded

SMALL, LARGE = (80, 24), (200, 60)
Make = Callable[..., ConsoleApp]


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def feed(clock: FixedClock) -> ReplayFeed:
    return ReplayFeed(recorded(), clock.now)


@pytest.fixture
def console(feed: ReplayFeed, clock: FixedClock, tmp_path: Path) -> Make:
    """Makes consoles: `console(view="cost", theme="light")`, or with another `feed`."""

    def make(*, on: ReplayFeed | None = None, **options: object) -> ConsoleApp:
        chosen = Options(tmp_path, **options)  # type: ignore[arg-type]
        return ConsoleApp(chosen, feed=on or feed, now=clock.now, zone=UTC)

    return make


async def settled(pilot: Pilot[int]) -> None:
    """Wait until nothing is on its way any more, then draw: what the screen shows no longer depends on time."""
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    quiet = 0
    for _ in range(600):
        await pilot.pause(0.01)
        if not app.main.is_settled:
            quiet = 0
            continue
        # Drawing may begin to wait for details; only a second look tells.
        app.main.draw()
        await pilot.pause()
        quiet += 1
        if quiet == 2 and app.main.is_settled:
            return
    raise AssertionError("the console does not come to rest")


def screen_text(app: ConsoleApp) -> str:
    """What stands on the screen, as lines of text."""
    width, height = app.size
    rows = [[" "] * width for _ in range(height)]
    for widget in (*app.main.parts.values(), app.main.popup):
        if not widget.display:
            continue
        region = widget.region
        for y, spans in enumerate(widget.lines[: region.height]):
            text = "".join(span.text for span in spans)
            rows[region.y + y][region.x : region.x + len(text)] = text
    return "\n".join("".join(row).rstrip() for row in rows)


def line_under_cursor(app: ConsoleApp) -> str:
    return next(line for line in screen_text(app).splitlines() if "▌" in line)
