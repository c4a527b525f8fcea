"""Single values are read tolerantly, and never raise."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.agents import casts

anything: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.from_regex(r"-?\d+(\.\d+)?(e-?\d+)?"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("211", 211),
        (211, 211),
        (211.4, 211),
        ("211.6", 212),
        (0, 0),
        (-1, None),
        ("", None),
        (True, None),
        ("x", None),
        (10**12, 10**12),
        (10**12 + 1, None),
        ("9223372036854775807", None),
        (1e308, None),
        (2**63, None),
    ],
)
def test_counts(value: Any, expected: int | None) -> None:
    assert casts.count(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.00029600000000000004, "0.000296000000"),
        ("0.0003", "0.000300000000"),
        (1, "1.000000000000"),
        (0.1 + 0.2, "0.300000000000"),
        (-0.01, None),
        (float("nan"), None),
        (float("inf"), None),
        ("free", None),
        (1e30, None),
        (None, None),
    ],
)
def test_money_is_exact_to_twelve_digits(value: Any, expected: str | None) -> None:
    assert casts.money(value) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("False", False), (True, True), ("1", True), ("maybe", None), (1, None)]
)
def test_flags(value: Any, expected: bool | None) -> None:
    assert casts.flag(value) is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("a\x00b", "ab"), ("", None), (5, "5"), (True, "true"), ([1], None), ("x" * 600, "x" * 512)]
)
def test_texts(value: Any, expected: str | None) -> None:
    assert casts.text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("ShellError", "ShellError"), ("a sentence", None), ("", None), (5, None)]
)
def test_words_are_names_and_no_sentences(value: Any, expected: str | None) -> None:
    assert casts.word(value) == expected


def test_emails_are_compared_in_lower_case() -> None:
    assert casts.email(" Ada@Example.test ") == "ada@example.test"
    assert casts.email("ada") is None


@given(anything)
def test_no_value_raises(value: Any) -> None:
    whole = casts.count(value)
    assert whole is None or 0 <= whole <= casts.BIGINT_MAX
    amount = casts.money(value)
    assert amount is None or (amount >= 0 and len(amount.as_tuple().digits) <= 38)
    for cast in (casts.text, casts.word, casts.email, casts.number, casts.integer, casts.flag):
        cast(value)
