"""Where everything goes, for any size of terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.views.layout import Needs, plan

NEEDS = st.builds(
    Needs,
    detail_height=st.sampled_from([0, 4, 5]),
    chart_height=st.sampled_from([0, 7]),
    small_panes=st.sampled_from([0, 2]),
    large_panes=st.sampled_from([0, 2, 3]),
    problem=st.sampled_from([0, 1]),
    details=st.booleans(),
)


@given(st.integers(60, 260), st.integers(15, 90), NEEDS)
def test_rectangles_cover_every_cell_once(width: int, height: int, needs: Needs) -> None:
    covered = [[0] * width for _ in range(height)]
    for rect in plan(width, height, needs).rects.values():
        assert rect.width > 0
        assert rect.height > 0
        for y in range(rect.y, rect.y + rect.height):
            for x in range(rect.x, rect.x + rect.width):
                covered[y][x] += 1
    assert all(count == 1 for row in covered for count in row)


@given(st.integers(60, 260), st.integers(15, 90), NEEDS)
def test_the_table_keeps_room_for_a_header_and_rows(width: int, height: int, needs: Needs) -> None:
    assert plan(width, height, needs).rects["table"].height >= 6


@pytest.mark.parametrize(("width", "height"), [(59, 24), (80, 14), (20, 5)])
def test_too_small_a_terminal_has_one_line(width: int, height: int) -> None:
    assert set(plan(width, height, Needs()).rects) == {"title"}


def test_a_small_terminal_shows_one_table_and_its_details() -> None:
    assert set(plan(80, 24, Needs()).rects) == {"title", "filter", "table", "detail", "rule", "hints"}


def test_details_stand_beside_the_table_from_120_columns() -> None:
    rects = plan(120, 40, Needs()).rects
    assert rects["detail"].x == rects["table"].width


def test_a_large_terminal_shows_all_boxes() -> None:
    wanted = plan(200, 60, Needs(large_panes=3))
    assert wanted.large
    assert {"pane0", "pane1", "pane2", "detail"} <= set(wanted.rects)
