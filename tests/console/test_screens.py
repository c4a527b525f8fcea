"""Pictures of every screen and its main states, at 80x24 and at 200x60."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from textual.pilot import Pilot

from console.app import ConsoleApp
from console.feed import FeedError, Lost
from console.feed.replay import ReplayFeed
from engine.clock import FixedClock
from tests.console.conftest import LARGE, SMALL, Make, settled

Compare = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "200x60"])


def pressing(*keys: str) -> Callable[[Pilot[int]], Awaitable[None]]:
    """Press keys, each when the screen is at rest."""

    async def before(pilot: Pilot[int]) -> None:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)

    return before


@SIZES
class TestScreens:
    @pytest.mark.parametrize("view", ["live", "cost", "commits", "developers", "coverage"])
    def test_first_screens(self, view: str, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(view=view), terminal_size=size, run_before=pressing())

    @pytest.mark.parametrize("section", [0, 1, 2, 3, 4], ids=["sessions", "commits", "tools", "models", "sources"])
    def test_a_developer(self, section: int, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        keys = ["j", "enter", *["tab"] * section]
        assert snap_compare(console(view="developers"), terminal_size=size, run_before=pressing(*keys))

    def test_a_session(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(), terminal_size=size, run_before=pressing("enter"))

    def test_a_request(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(), terminal_size=size, run_before=pressing("enter", "g", "enter"))

    def test_a_commit(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(view="commits"), terminal_size=size, run_before=pressing("enter"))

    def test_cost_by_model(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(view="cost"), terminal_size=size, run_before=pressing("b", "m"))

    def test_a_menu(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(), terminal_size=size, run_before=pressing("s"))

    def test_what_can_be_explained(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(), terminal_size=size, run_before=pressing("enter", "g", "i"))

    def test_what_stands_behind_a_figure(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        keys = ("g", "i", "enter")
        assert snap_compare(console(view="cost"), terminal_size=size, run_before=pressing(*keys))

    def test_help(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(), terminal_size=size, run_before=pressing("question_mark"))


@SIZES
class TestStates:
    def test_nothing_ever(self, size: tuple[int, int], console: Make, clock: FixedClock, snap_compare: Compare) -> None:
        app = console(on=ReplayFeed({}, clock.now))
        assert snap_compare(app, terminal_size=size, run_before=pressing())

    def test_nothing_matches(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(filter="cost>50000"), terminal_size=size, run_before=pressing())

    def test_a_wrong_filter(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        keys = ["slash", *"agnt", "colon", *"codex"]
        assert snap_compare(console(), terminal_size=size, run_before=pressing(*keys))

    def test_offline(
        self, size: tuple[int, int], console: Make, feed: ReplayFeed, clock: FixedClock, snap_compare: Compare
    ) -> None:
        async def lose(pilot: Pilot[int]) -> None:
            await settled(pilot)
            feed.tell(Lost("connection refused", 8.0))
            await pilot.pause(0.05)
            clock.instant += timedelta(seconds=41)
            await settled(pilot)

        assert snap_compare(console(), terminal_size=size, run_before=lose)

    def test_refused(self, size: tuple[int, int], console: Make, feed: ReplayFeed, snap_compare: Compare) -> None:
        feed.error = FeedError("auth", "the key is not known", "`aa-engine keys create` makes one")
        assert snap_compare(console(), terminal_size=size, run_before=refused)

    def test_paused(self, size: tuple[int, int], console: Make, snap_compare: Compare) -> None:
        assert snap_compare(console(), terminal_size=size, run_before=pressing("p"))


async def refused(pilot: Pilot[int]) -> None:
    """Every question is answered by an error; asked again every few seconds, so never at rest."""
    await pilot.pause(0.3)
    app = pilot.app
    assert isinstance(app, ConsoleApp)
    app.main.draw()
    await pilot.pause()


@pytest.mark.parametrize("theme", ["light", "ansi", "high-contrast"])
def test_themes(theme: str, console: Make, snap_compare: Compare) -> None:
    assert snap_compare(console(theme=theme), terminal_size=SMALL, run_before=pressing("j"))


@pytest.mark.parametrize("view", ["live", "cost", "developers"])
@pytest.mark.parametrize("theme", ["auto", "dark"])
async def test_without_colour(
    view: str, theme: str, console: Make, monkeypatch: pytest.MonkeyPatch, feed: ReplayFeed
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app: Any = console(view=view, theme=theme)
    async with app.run_test(size=LARGE) as pilot:
        await settled(pilot)
        for key in ("slash", "escape", "question_mark", "escape", "s", "escape", "enter", "y"):
            await pilot.press(key)
            await pilot.pause(0.05)
        colours = {
            segment.style.color.name
            for strip in app.main._compositor.render_strips()
            for segment in strip
            if segment.style is not None and segment.style.color is not None
        }
        if theme == "auto":
            assert colours <= {"default"}
