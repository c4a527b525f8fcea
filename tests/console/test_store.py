"""A window of rows: pages merged by key, never more than its bound."""

from __future__ import annotations

from console.feed import Answer, FeedError, Query
from console.navigator import Navigator
from console.rows import Metadata, Session
from console.screens.live import LivePage, SessionsPage
from console.store import MOST_ROWS, Sheet
from tests.console.team import NOW

ASKED = Query("sessions", sort="-cost_usd")


def answer(first: int, last: int, cursor: str | None = None) -> Answer[Session]:
    rows = tuple(Session(f"s{number}", "codex") for number in range(first, last))
    return Answer(rows, Metadata(total=1000, next_cursor=cursor))


def ids(sheet: Sheet) -> list[str]:
    return [row.session_id for row in sheet.rows("rows")]


def test_the_next_page_is_appended() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 3, "c1"), NOW)
    sheet.extend("rows", ASKED.after("c1"), answer(3, 5), NOW)
    assert ids(sheet) == ["s0", "s1", "s2", "s3", "s4"]
    assert sheet.metadata("rows").next_cursor is None


def test_a_row_that_moved_between_pages_is_there_once() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 3, "c1"), NOW)
    sheet.extend("rows", ASKED.after("c1"), answer(2, 5), NOW)
    assert ids(sheet) == ["s0", "s1", "s2", "s3", "s4"]


def test_a_page_of_another_question_is_dropped() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 3, "c1"), NOW)
    sheet.extend("rows", Query("sessions", sort="session_start").after("c1"), answer(3, 5), NOW)
    assert len(ids(sheet)) == 3


def test_a_refresh_of_the_top_keeps_the_rows_below_it() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 3, "c1"), NOW)
    sheet.extend("rows", ASKED.after("c1"), answer(3, 6, "c2"), NOW)
    sheet.take("rows", ASKED, answer(0, 3, "c1"), NOW)
    assert len(ids(sheet)) == 6
    assert sheet.metadata("rows").next_cursor == "c2"


def test_another_question_replaces_everything() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 5, "c1"), NOW)
    sheet.take("rows", Query("sessions", filter="dev:alice"), answer(7, 8), NOW)
    assert ids(sheet) == ["s7"]


def test_the_window_has_a_bound() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, MOST_ROWS - 1, "c1"), NOW)
    sheet.extend("rows", ASKED.after("c1"), answer(MOST_ROWS - 1, MOST_ROWS + 500, "c2"), NOW)
    assert len(ids(sheet)) == MOST_ROWS
    assert not sheet.wants_more("rows", MOST_ROWS - 1, 20)


def test_more_is_wanted_only_near_the_end() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 200, "c1"), NOW)
    assert not sheet.wants_more("rows", 10, 20)
    assert sheet.wants_more("rows", 185, 20)


def test_an_error_leaves_the_rows_and_goes_with_the_next_answer() -> None:
    sheet = Sheet()
    sheet.take("rows", ASKED, answer(0, 3), NOW)
    sheet.fail("rows", FeedError("failed", "broken"))
    assert len(ids(sheet)) == 3
    sheet.take("rows", ASKED, answer(0, 3), NOW)
    assert not sheet.errors


class TestNavigator:
    def test_one_step_in_and_out_finds_the_same_page(self) -> None:
        outer, inner = LivePage(), SessionsPage()
        navigator = Navigator(outer)
        navigator.enter(inner)
        assert navigator.page is inner
        assert navigator.leave()
        assert navigator.page is outer
        assert not navigator.leave()

    def test_history_goes_back_and_forth(self) -> None:
        first, second = LivePage(), SessionsPage()
        navigator = Navigator(first)
        navigator.visit(second)
        assert navigator.turn(-1)
        assert navigator.page is first
        assert navigator.turn(1)
        assert navigator.page is second
        assert not navigator.turn(1)

    def test_the_last_screen_is_one_key_away_both_ways(self) -> None:
        first, second = LivePage(), SessionsPage()
        navigator = Navigator(first)
        assert not navigator.swap()
        navigator.visit(second)
        assert navigator.swap()
        assert navigator.page is first
        assert navigator.swap()
        assert navigator.page is second
