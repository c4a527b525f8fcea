"""The order of rows and the place in it.

Owns `sort=-cost_usd,name`, the opaque cursor, and the condition that continues behind the last row of a page: by the
row's own values and not by counting, so that rows which arrive between two pages neither repeat nor hide others.
Unknown values come last in both directions. Refuses cursors of another query.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from engine.access.problems import Problem
from engine.api.views import Kind, View
from engine.filters.errors import nearest

SQL_TYPES: Mapping[str, str] = {
    "text": "varchar",
    "integer": "bigint",
    "number": "double",
    "money": "decimal(38, 12)",
    "instant": "timestamptz",
    "day": "date",
    "boolean": "boolean",
}


@dataclass(frozen=True, slots=True)
class Key:
    """One step of the order: a column of the view's SQL, its kind, its direction."""

    column: str
    kind: Kind
    descending: bool


def read_sort(view: View, text: str | None) -> tuple[Key, ...]:
    """The whole order of `sort`, made unique by the view's key. Raises Problem 422."""
    keys: list[Key] = []
    for word in (text or view.default_sort).split(","):
        descending = word.startswith("-")
        name = word.strip().lstrip("+-").strip()
        if name not in view.sortable:
            meant = nearest(name, list(view.sortable))
            hint = f"did you mean {meant}?" if meant else f"one of {', '.join(view.sortable)}"
            raise Problem(422, f"sort: {view.name} cannot be sorted by {name or 'nothing'}; {hint}", "sort")
        _append(keys, view, name, descending)
    # The direction of the last step goes on into the key, so that one index order would serve the whole.
    last = keys[-1].descending
    for name in view.key:
        _append(keys, view, name, last)
    return tuple(keys)


def _append(keys: list[Key], view: View, name: str, descending: bool) -> None:
    column = view.column(name)
    assert column is not None
    ordered = view.column(column.sorted_by) if column.sorted_by else column
    assert ordered is not None
    if all(key.column != ordered.name for key in keys):
        keys.append(Key(ordered.name, ordered.kind, descending))


def order_by(keys: Sequence[Key], table: str = "") -> str:
    """The ORDER BY list."""
    return ", ".join(f'{table}"{key.column}" {"desc" if key.descending else "asc"} nulls last' for key in keys)


def after(keys: Sequence[Key], values: Sequence[Any]) -> tuple[str, dict[str, Any]]:
    """The condition that rows come behind `values` in the order, and its parameters (`$k1` …)."""
    parameters = {f"k{number}": value for number, value in enumerate(values, 1)}
    alternatives: list[str] = []
    equal: list[str] = []
    for number, (key, value) in enumerate(zip(keys, values, strict=True), 1):
        bound = f"cast($k{number} as {SQL_TYPES[key.kind]})"
        column = f'"{key.column}"'
        if value is None:
            later = "false"
            equal_here = f"{column} is null"
            parameters.pop(f"k{number}")
        else:
            later = f"({column} {'<' if key.descending else '>'} {bound} or {column} is null)"
            equal_here = f"{column} = {bound}"
        alternatives.append(" and ".join([*equal, later]))
        equal.append(equal_here)
    return "(" + " or ".join(f"({alternative})" for alternative in alternatives) + ")", parameters


def write_cursor(fingerprint: str, values: Sequence[Any]) -> str:
    """The opaque text that continues behind a row with these values."""
    told = [value if isinstance(value, (bool, int, float, str)) or value is None else _text(value) for value in values]
    return base64.urlsafe_b64encode(orjson.dumps([fingerprint, *told])).decode().rstrip("=")


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def read_cursor(cursor: str, fingerprint: str, keys: Sequence[Key]) -> tuple[Any, ...]:
    """The values behind which to continue. Raises Problem 422 for a cursor that is not of this query."""
    wrong = Problem(422, "cursor: it does not belong to this query; start again without it", "cursor")
    try:
        told = orjson.loads(base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise wrong from None
    if not isinstance(told, list) or len(told) != len(keys) + 1 or told[0] != fingerprint:
        raise wrong
    try:
        return tuple(_value(key.kind, value) for key, value in zip(keys, told[1:], strict=True))
    except (ValueError, TypeError, InvalidOperation, OverflowError):
        raise wrong from None


def _value(kind: Kind, told: Any) -> Any:
    if told is None:
        return None
    match kind:
        case "integer":
            if not -(2**63) <= int(told) < 2**63:
                raise ValueError
            return int(told)
        case "number":
            return float(told)
        case "money":
            amount = Decimal(told)
            if not amount.is_finite() or abs(amount) >= Decimal(10) ** 26:
                raise ValueError
            return amount
        case "instant":
            instant = datetime.fromisoformat(told)
            if instant.tzinfo is None:
                raise ValueError
            return instant
        case "day":
            return date.fromisoformat(told)
        case "boolean":
            return bool(told)
        case _:
            if "\x00" in told:
                raise ValueError
            return str(told)
