"""What a CSV file holds: the names of its columns and the types of its values, as dbt sees them.

Owns dbt's inference (number, date, timestamp, boolean, text), the names of columns without one or with the same, and
the values behind the texts. Refuses to touch a database: seeds.py creates and fills the table.
"""

from __future__ import annotations

import csv
import datetime
import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine.modelrunner.problems import NodeProblem

EMPTY = ("", "null")
CURRENCIES = "؋$ƒ៛¥₡₱£€¢﷼₪₩₭₮₦฿₤₫"
_ISO = re.compile(r"\d{4}-?\d{2}-?\d{2}T\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?(Z|[+-]\d{2}(:?\d{2})?)?")
# One question to a whole column is much faster than one to each of its values.
_INTEGERS = re.compile(r"(?:[ \t]*(?:[-+]?[0-9]+)?[ \t]*\n)*")
_DECIMALS = re.compile(r"(?:[ \t]*(?:[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))?[ \t]*\n)*")
_FRACTION = re.compile(r"\.[0-9]*[1-9]")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_MOMENT = re.compile(r"\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}")


@dataclass(frozen=True, slots=True)
class Table:
    """A file that was read: the names of its columns, made different, and the texts of each column."""

    names: tuple[str, ...]
    columns: tuple[tuple[str, ...], ...]

    @property
    def rows(self) -> int:
        return len(self.columns[0]) if self.columns else 0


def read(path: Path, file: str, delimiter: str) -> Table:
    """The file's table. NodeProblem when it is empty, no UTF-8 text, or a row is longer than the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, delimiter=delimiter)
            header = next(rows, None)
            if not header:
                raise NodeProblem(f"{file}: the file is empty", hint="its first line names the columns")
            content = [row for row in rows if row]
    except (OSError, UnicodeDecodeError, csv.Error, TypeError) as error:
        raise NodeProblem(f"{file}: {error}") from None
    width = len(header)
    for number, row in enumerate(content, 1):
        if len(row) > width:
            raise NodeProblem(
                f"{file}: row {number} has {len(row)} values, the header {width}", hint="quote values with delimiters"
            )
    columns = tuple(itertools.zip_longest(*content, fillvalue="")) if content else ()
    columns += (tuple("" for _ in content),) * (width - len(columns))
    return Table(unlike(header), columns)


def unlike(header: Sequence[str]) -> tuple[str, ...]:
    """The header with letters for names that are empty, and numbers behind names that came before."""
    found: list[str] = []
    for place, given in enumerate(header):
        name = given or _letters(place)
        other = name
        for number in itertools.count(2):
            if other not in found:
                break
            other = f"{name}_{number}"
        found.append(other)
    return tuple(found)


def _letters(place: int) -> str:
    """a, b, …, z, aa, bb, …"""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return letters[place % 26] * (place // 26 + 1)


def inferred(values: Sequence[str]) -> str:
    """The type that dbt gives a column of these texts; empty and `null` say nothing."""
    lines = "\n".join(values) + "\n"
    if _INTEGERS.fullmatch(lines):
        return "integer"
    if _DECIMALS.fullmatch(lines):
        return "float8" if _FRACTION.search(lines) else "integer"
    told = [value for value in dict.fromkeys(values) if value.strip().lower() not in EMPTY]
    if all(_number(value) is not None for value in told):
        return "integer" if all(_is_whole(value) for value in told) else "float8"
    for kind, question in _QUESTIONS:
        if all(question(value) for value in told):
            return kind
    return "text"


def parsed(values: Sequence[str], kind: str) -> list[Any]:
    """The values of a column of this inferred type, for a seed that is not copied as it stands."""
    convert: Callable[[str], Any] = {
        "integer": _number,
        "float8": _number,
        "boolean": lambda value: value.replace(",", "").strip().lower() == "true",
    }.get(kind, str.strip if kind in ("date", "timestamp") else str)
    return [None if value.strip().lower() in EMPTY else convert(value) for value in values]


def types(table: Table, given: Mapping[str, str]) -> list[tuple[str, str]]:
    """(column, type) in the file's order; what `column_types` gives wins."""
    return [
        (name, given[name] if name in given else inferred(values))
        for name, values in zip(table.names, table.columns, strict=True)
    ]


def _number(value: str) -> Decimal | None:
    text = value.strip().strip("%")
    negative = text.startswith("-")
    text = text[1:] if negative else text
    try:
        number = Decimal(text.strip(CURRENCIES).replace(",", ""))
    except InvalidOperation:
        return None
    return -number if negative else number


def _is_whole(value: str) -> bool:
    number = _number(value)
    return number is not None and (not number.is_finite() or number == number.to_integral_value())


def _is_date(value: str) -> bool:
    return bool(_DATE.fullmatch(value.strip())) and _reads(value.strip(), "%Y-%m-%d")


def _is_timestamp(value: str) -> bool:
    return bool(_MOMENT.fullmatch(value.strip())) and _reads(value.strip(), "%Y-%m-%d %H:%M:%S")


def _reads(value: str, form: str) -> bool:
    try:
        datetime.datetime.strptime(value, form)  # noqa: DTZ007 - a question of form only
    except ValueError:
        return False
    return True


def _is_iso(value: str) -> bool:
    return bool(_ISO.fullmatch(value.strip()))


def _is_boolean(value: str) -> bool:
    return value.replace(",", "").strip().lower() in ("true", "false")


_QUESTIONS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("date", _is_date),
    ("timestamp", _is_timestamp),
    ("timestamp", _is_iso),
    ("boolean", _is_boolean),
)
