"""Numbers, money and time as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.views import text
from console.views.line import Span, cell_width, clean, cut_line, fit, fit_line, spread, width_of
from tests.console.team import NOW


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "n/a"),
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (12_345, "12k"),
        (902_400, "902k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (1_849_999, "1.8M"),
        (61_200_000, "61.2M"),
        (147_000_000, "147M"),
        (1_200_000_000, "1.2G"),
    ],
)
def test_tokens(value: int | None, shown: str) -> None:
    assert text.tokens(value) == shown


@given(st.integers(0, 10**14))
def test_tokens_never_take_more_than_six_cells(value: int) -> None:
    assert len(text.tokens(value)) <= 6


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "n/a"),
        ("0", "$0.00"),
        ("0.00001", "<$0.0001"),
        ("0.0042", "$0.0042"),
        ("0.5124", "$0.512"),
        ("4.21", "$4.210"),
        ("14.8", "$14.80"),
        ("1284.1", "$1,284.10"),
        ("123456.7", "$123,457"),
        ("-3.5", "−$3.500"),
    ],
)
def test_money(value: str | None, shown: str) -> None:
    assert text.money(None if value is None else Decimal(value)) == shown


def test_a_sum_below_a_cent_is_not_zero() -> None:
    assert text.cents(Decimal("0.004")) == "<$0.01"


def test_unknown_is_never_zero() -> None:
    assert text.count(None) == text.span(None) == text.hours(None) == text.percent(None, 5) == "n/a"
    assert text.signed_lines(None, None) == "n/a"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.34, "0.3s"), (18.4, "18s"), (720, "12m"), (4920, "1h22m"), (147_600, "41h"), (1_036_800, "12d")],
)
def test_spans(seconds: float, shown: str) -> None:
    assert text.span(seconds) == shown


@pytest.mark.parametrize(
    ("back", "shown"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=4), "now"),
        (timedelta(seconds=29), "20s"),
        (timedelta(minutes=12), "12m"),
        (timedelta(hours=3), "3h"),
        (timedelta(days=4), "4d"),
        (timedelta(days=90), "12w"),
    ],
)
def test_ages_are_coarse(back: timedelta, shown: str) -> None:
    assert text.ago(NOW - back, NOW) == shown


def test_instants_are_shown_in_the_readers_zone() -> None:
    berlin = timezone(timedelta(hours=1))
    at = datetime(2026, 11, 19, 23, 30, tzinfo=UTC)
    assert text.when(at, NOW, UTC) == "Thu    23:30"
    assert text.when(at, NOW, berlin) == "today  00:30"
    assert text.clock(at, berlin) == "00:30:00"
    assert text.when(NOW - timedelta(days=20), NOW) == "31 Oct 14:14"
    assert text.when(NOW - timedelta(days=400), NOW) == "2025-10-16"


def test_differences() -> None:
    assert text.difference(Decimal(131), Decimal(100)) == "+31%"
    assert text.difference(Decimal(96), Decimal(100)) == "−4%"
    assert text.difference(Decimal(5), Decimal(0)) == "new"
    assert text.difference(None, Decimal(1)) == "n/a"
    assert text.difference(Decimal(5000), Decimal(1)) == ">999%"


def test_models_lose_what_says_nothing_here() -> None:
    assert text.short_model("claude-sonnet-4-5-20250929") == "sonnet-4-5"
    assert text.short_model("anthropic/claude-opus-4-5") == "opus-4-5"
    assert text.short_model("gpt-5.6") == "gpt-5.6"
    assert text.short_model(None) == "n/a"


def test_what_could_steer_a_terminal_becomes_blank() -> None:
    assert clean("a\x1b]52;c;eA==\x07b\u202ec") == "a ]52;c;eA== b c"
    assert clean("Erin 木村") == "Erin 木村"


@given(
    st.text(alphabet=st.characters(exclude_categories=["C", "M", "Z"]) | st.sampled_from(" 木é"), max_size=40),
    st.integers(0, 50),
)
def test_fitting_gives_exactly_the_width(words: str, width: int) -> None:
    for align in ("left", "right", "center"):
        assert cell_width(fit(words, width, align)) == width


@given(st.lists(st.text(alphabet="ab 木", max_size=9), max_size=6), st.integers(0, 30))
def test_lines_are_cut_and_padded_to_the_width(words: list[str], width: int) -> None:
    spans = [Span(each) for each in words]
    assert width_of(fit_line(spans, width)) == width
    assert width_of(cut_line(spans, width)) <= width
    assert width_of(spread(spans, [Span("end")], max(3, width))) == max(3, width)
