"""The screens by name: what `1`–`4`, `c`, `:` and `--view` open."""

from __future__ import annotations

from console.keymap import SCREENS
from console.screens.commits import CommitsPage
from console.screens.cost import CostPage
from console.screens.coverage import CoveragePage
from console.screens.developers import DevelopersPage
from console.screens.live import LivePage
from console.screens.page import Page

PAGES: dict[str, type[Page]] = {
    "live": LivePage,
    "cost": CostPage,
    "commits": CommitsPage,
    "developers": DevelopersPage,
    "coverage": CoveragePage,
}


def first_page(view: str, filter: str | None) -> Page:
    """The page that the flags ask for; `view` is a name that SCREENS knows."""
    return PAGES[SCREENS[view]](filter=filter)
