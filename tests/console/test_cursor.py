"""The cursor belongs to the reader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.cursor import Cursor

KEYS = st.lists(st.integers(0, 60), unique=True, max_size=40).map(lambda numbers: [f"s{number}" for number in numbers])


def cursor(count: int, height: int = 10) -> Cursor:
    made = Cursor(height=height)
    made.update([f"s{number}" for number in range(count)])
    return made


def test_it_starts_on_the_first_row() -> None:
    assert cursor(5).key == "s0"


def test_new_rows_above_do_not_move_it() -> None:
    here = cursor(50)
    here.go(20)
    line = 20 - here.top
    here.update(["new1", "new2", *here.keys])
    assert here.key == "s20"
    assert here.index is not None
    assert here.index - here.top == line


def test_a_row_that_moves_far_away_takes_the_cursor_along() -> None:
    here = cursor(50)
    here.go(20)
    here.update(["s20", *(key for key in here.keys if key != "s20")])
    assert here.key == "s20"
    assert here.top <= (here.index or 0) < here.top + here.height


def test_at_the_top_the_list_stays_at_its_top() -> None:
    here = cursor(50)
    here.go(3)
    here.update(["new", *here.keys])
    assert here.top == 0
    assert here.key == "s3"


def test_when_its_row_goes_the_next_one_takes_its_place() -> None:
    here = cursor(5)
    here.go(2)
    here.update(["s0", "s1", "s3", "s4"])
    assert here.key == "s3"


def test_when_the_last_row_goes_the_one_before_takes_its_place() -> None:
    here = cursor(5)
    here.go(4)
    here.update(["s0", "s1"])
    assert here.key == "s1"


def test_it_waits_for_its_row_while_the_list_is_empty() -> None:
    here = cursor(5)
    here.go(3)
    here.update([])
    assert here.index is None
    here.update(["s2", "s3"])
    assert here.key == "s3"


def test_the_wheel_moves_the_window_and_takes_the_cursor_only_at_the_edge() -> None:
    here = cursor(50)
    here.go(5)
    here.scroll(3)
    assert (here.top, here.key) == (3, "s5")
    here.scroll(9)
    assert (here.top, here.key) == (12, "s12")
    here.scroll(-100)
    assert (here.top, here.key) == (0, "s9")


@given(KEYS, KEYS, st.integers(0, 40), st.integers(1, 15))
def test_an_update_keeps_a_surviving_row_and_the_cursor_in_the_window(
    before: list[str], after: list[str], at: int, height: int
) -> None:
    here = Cursor(height=height)
    here.update(before)
    here.go(at)
    key = here.key
    here.update(after)
    if key in after:
        assert here.key == key
    if after:
        assert here.index is not None
        assert here.top <= here.index < here.top + height
        assert 0 <= here.top <= max(0, len(after) - height)
