"""Which columns fit: the least important leave first, the key and the cost never."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.screens.pages import PAGES
from console.views import commits, costs, developers, records, session, sessions
from console.views.columns import GAP, Column, place

TABLES = {
    "live": sessions.LIVE_COLUMNS,
    "sessions": sessions.LIST_COLUMNS,
    "commits": commits.COLUMNS,
    "developers": developers.COLUMNS,
    "tools": developers.TOOL_COLUMNS,
    "timeline": session.COLUMNS,
    "record": records.COLUMNS,
    **{f"cost by {by}": costs.table_columns(by) for by, _, _ in costs.GROUPS},
}


@pytest.mark.parametrize("name", TABLES)
@given(width=st.integers(57, 300), everything=st.booleans())
def test_columns_fit_the_width(name: str, width: int, everything: bool) -> None:
    placed = place(TABLES[name], width, everything=everything)
    assert sum(each.width for each in placed) + GAP * (len(placed) - 1) <= width


@pytest.mark.parametrize("name", TABLES)
def test_what_never_leaves_fits_the_smallest_terminal(name: str) -> None:
    kept = [column for column in TABLES[name] if column.priority == 0]
    assert kept
    assert set(kept) <= {each.column for each in place(TABLES[name], 57)}


@pytest.mark.parametrize("name", ["live", "sessions", "commits", "developers", "cost by developer"])
def test_cost_is_always_there(name: str) -> None:
    assert "cost" in {each.column.id for each in place(TABLES[name], 57)}


def test_widths_do_not_depend_on_the_rows() -> None:
    assert place(sessions.LIVE_COLUMNS, 77) == place(sessions.LIVE_COLUMNS, 77)


def test_wide_brings_the_hidden_columns() -> None:
    usual = {each.column.id for each in place(sessions.LIVE_COLUMNS, 250)}
    wide = {each.column.id for each in place(sessions.LIVE_COLUMNS, 250, everything=True)}
    assert wide - usual == {"requests", "basis"}


@pytest.mark.parametrize("name", TABLES)
def test_ids_and_menu_letters_are_unique(name: str) -> None:
    columns: list[Column] = list(TABLES[name])
    letters = [column.letter for column in columns if column.sort]
    assert len({column.id for column in columns}) == len(columns)
    assert all(letters)
    assert len(set(letters)) == len(letters)
    assert not {"j", "k", "q", "g", "G"} & set(letters) - {"g", "k"}


@pytest.mark.parametrize("name", PAGES)
def test_the_default_order_is_a_column(name: str) -> None:
    page = PAGES[name]()
    assert page.sort in {column.sort for column in page.columns}
