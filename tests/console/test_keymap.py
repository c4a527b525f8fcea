"""One table of actions: everything has help, nothing needs a key that terminals swallow."""

from __future__ import annotations

import re

import pytest

from console.keymap import ACTIONS, OFFERS, Action, applies, hints_for
from console.screens.main import MainScreen
from console.screens.typing import commands
from console.views.frame import hints
from console.views.help import help_lines
from console.views.line import plain, width_of

PAGES = ("live", "cost", "commits", "developers", "developer", "sessions", "session", "record")


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.id)
class TestEveryAction:
    def test_is_obeyed(self, action: Action) -> None:
        assert callable(getattr(MainScreen, f"action_{action.id}"))

    def test_has_a_help_sentence(self, action: Action) -> None:
        assert len(action.help) > 5
        assert not action.help.endswith(".")

    def test_says_why_it_rests_elsewhere(self, action: Action) -> None:
        assert action.pages is None or action.why_not

    def test_needs_no_key_that_terminals_swallow(self, action: Action) -> None:
        for key in action.keys:
            assert not re.search(r"alt|meta|super|f\d+$|ctrl\+(shift|enter|[hjmi]$)|shift\+ctrl", key), key

    def test_stands_in_the_help_of_every_page(self, action: Action) -> None:
        for page in PAGES:
            assert action.help.split()[0] in plain(help_lines(page, 90))


def test_no_key_means_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


def test_offers_are_keys_too() -> None:
    assert {offer.id for offer in OFFERS} == {"demo", "import"}


def test_every_binding_carries_its_id() -> None:
    assert {binding.id for binding in MainScreen.BINDINGS} == {action.id for action in ACTIONS}  # type: ignore[union-attr]


def test_screens_that_do_not_exist_yet_are_dead_nowhere() -> None:
    keys = {key for action in ACTIONS for key in action.keys}
    assert not keys & set("56789")
    assert "alerts" not in commands()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_hints_fit_and_end_with_help(page: str, width: int) -> None:
    drawn = hints(hints_for(page, deep=True, width=width), width)
    assert width_of(drawn) == width
    assert plain([drawn]).endswith("? help")


def test_a_page_hints_only_at_what_it_can_do() -> None:
    for page in PAGES:
        words = {label for _, label in hints_for(page, deep=False, width=200)}
        assert all(applies(action, page) for action in ACTIONS if action.hint and action.label in words)
