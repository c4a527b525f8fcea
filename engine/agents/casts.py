"""From what an agent sent to the type of a column.

Owns the tolerant reading of single values: agents send numbers as strings, booleans as words and ids of any length.
Refuses to raise: a value that is not what the column wants is None, and the record goes on without it.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

TEXT_LIMIT = 512
"""Longest text in a typed column; what is longer is not an identifier and is cut."""

BIGINT_MAX = 2**63 - 1
INTEGER_MAX = 2**31 - 1
COUNT_LIMIT = 10**12
"""Above this a number counts nothing that an agent does (tokens, milliseconds, lines). A few garbled numbers below it
can be added up in 64 bits; one near the end of a bigint would stop every total that it is part of."""
MONEY_STEP = Decimal("0.000000000001")
MONEY_LIMIT = 10**15
"""Above this an amount is no cost (and would not fit 28 digits with its 12 decimals)."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/\-]{0,127}\Z")
_TRUE = frozenset({"true", "1", "yes", "ok", "success"})
_FALSE = frozenset({"false", "0", "no", "error", "failure"})


def text(value: Any) -> str | None:
    """Text of at most 512 characters without NUL; numbers and booleans by their usual text; empty is None."""
    if type(value) is not str:
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, (int, float)):
            value = str(value)
        else:
            return None
    if "\x00" in value:
        value = value.replace("\x00", "")
    return value[:TEXT_LIMIT] or None


def word(value: Any) -> str | None:
    """A name without blanks (an event, an error class); prose is None, so that no sentence gets into a typed column."""
    return value if isinstance(value, str) and _WORD.match(value) else None


def email(value: Any) -> str | None:
    """An e-mail address in lower case."""
    found = text(value)
    return found.strip().lower() if found is not None and "@" in found else None


def number(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, int):
        return float(value) if abs(value) <= BIGINT_MAX else None
    return value if isinstance(value, float) and math.isfinite(value) else None


def _whole(value: Any, low: int, high: int) -> int | None:
    if type(value) is str:
        try:
            value = int(value)
        except ValueError:
            value = number(value)
    if type(value) is not int:
        found = number(value)
        if found is None:
            return None
        value = round(found)
    return value if low <= value <= high else None


def count(value: Any) -> int | None:
    """A whole number from 0 to COUNT_LIMIT; fractions are rounded (durations in milliseconds)."""
    if type(value) is int and 0 <= value <= COUNT_LIMIT:
        return value
    return _whole(value, 0, COUNT_LIMIT)


def integer(value: Any) -> int | None:
    """A whole number of 32 bits."""
    return _whole(value, -INTEGER_MAX - 1, INTEGER_MAX)


def flag(value: Any) -> bool | None:
    """A boolean, or a word for one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        lowered = value.lower()
        if lowered in _TRUE:
            return True
        if lowered in _FALSE:
            return False
    return None


def money(value: Any) -> Decimal | None:
    """US dollars with 12 decimals, never below zero. A float is taken by its shortest text, not by its binary value."""
    if type(value) is float:
        return Decimal(repr(value)).quantize(MONEY_STEP) if 0 <= value < MONEY_LIMIT else None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    try:
        amount = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        return None
    if not amount.is_finite() or amount < 0 or amount >= MONEY_LIMIT:
        return None
    return amount.quantize(MONEY_STEP)
