"""Values on their way out.

Owns how each kind of column is written as JSON, CSV and Arrow: money as decimal text, instants as ISO 8601 in UTC with
Z, unknown as null. Refuses spreadsheets' formulas: text in CSV that a spreadsheet would calculate is made plain text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import orjson

from engine.api.views import Column

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def instant_text(instant: datetime) -> str:
    """ISO 8601 in UTC, ending in Z."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def money_text(amount: Decimal) -> str:
    """Plain decimal notation without needless zeros: 0.0123, never 1.23E-2."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def json_value(value: Any) -> Any:
    """The value as orjson takes it."""
    match value:
        case Decimal():
            return money_text(value)
        case datetime():
            return instant_text(value)
        case date():
            return value.isoformat()
        case _:
            return value


def json_rows(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> bytes:
    """A JSON array of objects."""
    converted = [index for index, column in enumerate(columns) if column.kind in ("money", "instant", "day")]
    names = [column.name for column in columns]
    told: list[dict[str, Any]] = []
    for row in rows:
        values = list(row)
        for index in converted:
            if values[index] is not None:
                values[index] = json_value(values[index])
        told.append(dict(zip(names, values, strict=True)))
    return orjson.dumps(told, default=_nested)


def _nested(value: Any) -> Any:
    """What stands inside a list or a structure."""
    return json_value(value) if isinstance(value, (Decimal, datetime)) else str(value)


def csv_value(column: Column, value: Any) -> str:
    """The value as text; unknown is empty."""
    if value is None:
        return ""
    match column.kind:
        case "text":
            return f"'{value}" if value.startswith(FORMULA) else str(value)
        case "texts":
            joined = ";".join(str(item) for item in value)
            return f"'{joined}" if joined.startswith(FORMULA) else joined
        case "integers":
            return ";".join(str(item) for item in value)
        case "links":
            return orjson.dumps(value, default=_nested).decode()
        case "boolean":
            return "true" if value else "false"
        case _:
            return str(json_value(value))


def csv_header(columns: Sequence[Column]) -> bytes:
    return _csv([[column.name for column in columns]])


def csv_rows(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV (RFC 4180), without a header."""
    return _csv([csv_value(column, value) for column, value in zip(columns, row, strict=True)] for row in rows)


def _csv(lines: Iterable[Sequence[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue().encode("utf-8")
