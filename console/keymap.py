"""The one table of actions: bindings, key hints, help and `:` completion are made from it.

Owns ids, keys, words and where an action applies. Refuses behaviour: `screens/main.py` has one method per id, and a
test fails when the two differ.
"""

# ruff: noqa: E501  (one action, one line)
from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Group = Literal["Move", "Go", "Find", "Look", "Take", "Program"]


@dataclass(frozen=True, slots=True)
class Action:
    """`keys` are Textual's names, the first one is the one shown as `shown`. `pages` None: everywhere.

    `hint` > 0 puts it into the key hints, the smallest first; `label` is its word there.
    """

    id: str
    keys: tuple[str, ...]
    shown: str
    label: str
    help: str
    group: Group
    hint: int = 0
    pages: frozenset[str] | None = None
    why_not: str = ""


WIDE_HINTS = (60, 62, 65, 75, 85, 99)
"""Hints for which only a wide screen has room."""
LISTS = frozenset({"live", "cost", "commits", "developers", "developer", "sessions", "session", "coverage"})
ENGINE_SORTED = LISTS - {"session"}

ACTIONS: tuple[Action, ...] = (
    Action("down", ("j", "down"), "j ↓", "down", "one row down", "Move"),
    Action("up", ("k", "up"), "k ↑", "up", "one row up", "Move"),
    Action("top", ("g", "home"), "g", "top", "to the first row", "Move"),
    Action("bottom", ("G", "end"), "G", "end", "to the last row that is loaded; more are fetched on the way", "Move"),
    Action("half_down", ("ctrl+d",), "ctrl+d", "half down", "half a screen down", "Move"),
    Action("half_up", ("ctrl+u",), "ctrl+u", "half up", "half a screen up", "Move"),
    Action("page_down", ("pagedown",), "PgDn", "page down", "a screen down", "Move"),
    Action("page_up", ("pageup",), "PgUp", "page up", "a screen up", "Move"),
    Action("open", ("enter",), "enter", "open", "one step in: what this row is made of", "Go", hint=10),
    Action("back", ("escape",), "esc", "back", "one step out: close, clear the filter, or go back to the same row", "Go", hint=12),
    Action("live", ("1",), "1", "Live", "sessions, the live ones first", "Go"),
    Action("cost", ("2",), "2", "Cost", "what it costs, by developer, agent, model, repository, branch or day", "Go"),
    Action("commits", ("3",), "3", "Commits", "commits and how much an agent had part in them", "Go"),
    Action("developers", ("4",), "4", "Developers", "people, the most recently seen first", "Go"),
    Action("coverage", ("c",), "c", "coverage", "which sources told of each day; sources that fell silent first", "Go", hint=62),
    Action("command", ("colon", "ctrl+p"), ":", "go", "go to a screen by name, with a filter: `:cost dev:alice`", "Go", hint=90),
    Action("last", ("minus",), "-", "last screen", "back and forth between two screens", "Go"),
    Action("older", ("left_square_bracket",), "[", "older", "the screen before, in the history of screens", "Go"),
    Action("newer", ("right_square_bracket",), "]", "newer", "the screen after, in the history of screens", "Go"),
    Action("filter", ("slash",), "/", "filter", "edit the filter; it applies while you type", "Find", hint=20, pages=ENGINE_SORTED, why_not="a timeline is shown whole"),
    Action("sort", ("s",), "s", "sort", "choose the column that orders the rows", "Find", hint=30, pages=ENGINE_SORTED, why_not="a timeline is in order of time"),
    Action("reverse", ("S",), "S", "reverse", "turn the order around", "Find", pages=ENGINE_SORTED, why_not="a timeline is in order of time"),
    Action("range", ("t",), "t", "range", "choose the time range", "Find", hint=40, pages=ENGINE_SORTED, why_not="this page has a time of its own"),
    Action("group", ("b",), "b", "group", "choose what costs are grouped by", "Find", hint=15, pages=frozenset({"cost"}), why_not="only Cost groups its rows"),
    Action("next_error", ("n",), "n", "next error", "to the next error in the timeline", "Find", hint=25, pages=frozenset({"session"}), why_not="only a session's timeline has errors to go to"),
    Action("previous_error", ("N",), "N", "previous error", "to the error before in the timeline", "Find", pages=frozenset({"session"}), why_not="only a session's timeline has errors to go to"),
    Action("section", ("tab",), "tab", "section", "the next section of this page", "Look", hint=14, pages=frozenset({"developer"}), why_not="this page has one section"),
    Action("previous_section", ("shift+tab",), "shift+tab", "previous section", "the section before", "Look", pages=frozenset({"developer"}), why_not="this page has one section"),
    Action("pause", ("p",), "p", "pause", "hold the screen still; changes are counted and shown when you go on", "Look", hint=50),
    Action("follow", ("f",), "f", "follow", "keep the cursor on the newest row", "Look", hint=60, pages=LISTS, why_not="nothing to follow here"),
    Action("details", ("d",), "d", "details", "show or hide the details of the row", "Look", hint=65),
    Action("explain", ("i",), "i", "explain", "what stands behind a figure of this row: its meaning, the rows it is made of, prices, SQL", "Look", hint=75),
    Action("wide", ("w",), "w", "wide", "show the columns that are left out by default", "Look"),
    Action("anonymise", ("x",), "x", "anonymise", "show stable aliases instead of people's names", "Look", hint=85),
    Action("reload", ("ctrl+r",), "ctrl+r", "reload", "ask the engine again", "Look"),
    Action("redraw", ("ctrl+l",), "ctrl+l", "redraw", "draw the whole screen again", "Look"),
    Action("copy", ("y",), "y", "copy", "copy the row's id through the terminal (OSC 52)", "Take", hint=70),
    Action("copy_row", ("Y",), "Y", "copy row", "copy the whole row as JSON", "Take"),
    Action("export", ("e",), "e", "export", "write the whole view to a file: csv or json", "Take", hint=80, pages=ENGINE_SORTED, why_not="export the list this came from"),
    Action("help", ("question_mark",), "?", "help", "this help", "Program", hint=100),
    Action("quit", ("q", "ctrl+c"), "q", "quit", "leave the console", "Program", hint=99),
)  # fmt: skip
BY_ID: dict[str, Action] = {action.id: action for action in ACTIONS}

OFFERS: tuple[Action, ...] = (
    Action("demo", ("d",), "d", "demo", "start a simulated team in a data directory of its own", "Program"),
    Action("import", ("i",), "i", "import", "read the histories that agents keep on this machine", "Program"),
)
"""What an engine without any data is offered; these keys mean this only then."""

TABS: tuple[tuple[str, str], ...] = (("1", "Live"), ("2", "Cost"), ("3", "Commits"), ("4", "Developers"))

SCREENS: dict[str, str] = {
    "live": "live", "cost": "cost", "costs": "cost", "commits": "commits", "developers": "developers", "devs": "developers", "coverage": "coverage", "sources": "coverage",
}  # fmt: skip
"""Names that `:` and `--view` know, and the screen they mean."""


def applies(action: Action, page: str) -> bool:
    """Whether an action does something on a page."""
    return action.pages is None or page in action.pages


def hints_for(page: str, *, deep: bool, width: int) -> tuple[tuple[str, str], ...]:
    """Key hints of a page in their order; `esc` is shown where there is somewhere to go back to,
    and a wide screen shows more of them."""
    chosen = [action for action in ACTIONS if action.hint and applies(action, page)]
    if not deep:
        chosen = [action for action in chosen if action.id != "back"]
    if width < 120:
        chosen = [action for action in chosen if action.hint not in WIDE_HINTS]
    chosen.sort(key=lambda action: action.hint)
    return tuple((action.shown, action.label) for action in chosen)
