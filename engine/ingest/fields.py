"""Reading JSON objects that people and programs post: one field at a time, with a line per mistake.

Owns the conversions (whole number, money, instant, hash …) and the collection of problems with their JSON pointers.
Refuses to guess: a value of another kind is a problem, not a NULL.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.agents.casts import COUNT_LIMIT

LARGEST = COUNT_LIMIT
LONGEST_TEXT = 1024
_NUL = str.maketrans("", "", "\x00")
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Item:
    """One object of a posted document. Accessors return None for a missing or wrong field and note the latter."""

    def __init__(self, values: Mapping[str, Any], pointer: str, problems: list[tuple[str, str]]) -> None:
        self.pointer = pointer
        self._values = values
        self._problems = problems
        self._seen: set[str] = set()

    def wrong(self, name: str, sentence: str) -> None:
        """Note a mistake."""
        self._problems.append((f"{self.pointer}/{name}", sentence))

    def raw(self, *names: str, required: bool = False) -> tuple[str, Any]:
        """The first of several names that is there, and its value; null counts as missing."""
        self._seen.update(names)
        for name in names:
            if self._values.get(name) is not None:
                return name, self._values[name]
        if required:
            self.wrong(names[0], "is required")
        return names[0], None

    def text(self, *names: str, required: bool = False, longest: int = LONGEST_TEXT) -> str | None:
        """Text without NUL characters and lone surrogates; an empty one counts as missing."""
        name, value = self.raw(*names, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.wrong(name, f"must be text, not {_kind(value)}")
            return None
        if len(value) > longest:
            self.wrong(name, f"is longer than {longest} characters")
            return None
        cleaned = value.translate(_NUL).encode("utf-8", "replace").decode("utf-8")
        if not cleaned and required:
            self.wrong(name, "is empty")
        return cleaned or None

    def whole(self, *names: str, required: bool = False, least: int = 0, most: int = LARGEST) -> int | None:
        """A whole number; `3.0` and "3" are taken for 3, since shells send numbers as text."""
        name, value = self.raw(*names, required=required)
        if value is None:
            return None
        number: int | None = None
        if isinstance(value, str) and re.fullmatch(r"-?\d{1,20}", value.strip()):
            number = int(value)
        elif isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif isinstance(value, float) and value.is_integer():
            number = int(value)
        if number is None:
            self.wrong(name, f"must be a whole number, not {_kind(value)}")
            return None
        if not least <= number <= most:
            self.wrong(name, f"must be between {least} and {most}")
            return None
        return number

    def money(self, *names: str) -> Decimal | None:
        """US dollars, from a number or a decimal text."""
        name, value = self.raw(*names)
        if value is None:
            return None
        try:
            if isinstance(value, bool) or not isinstance(value, (int, float, str)):
                raise InvalidOperation
            amount = Decimal(str(value))
            if not amount.is_finite() or amount < 0 or amount >= Decimal(10) ** 20:
                raise InvalidOperation
            return amount.quantize(Decimal(1).scaleb(-12))
        except InvalidOperation:
            self.wrong(name, "must be an amount of dollars, 0 or more")
            return None

    def truth(self, *names: str) -> bool | None:
        """true or false."""
        name, value = self.raw(*names)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(name, f"must be true or false, not {_kind(value)}")
        return None

    def instant(self, *names: str, required: bool = False) -> datetime | None:
        """Unix seconds or milliseconds, or ISO 8601 with an offset."""
        name, value = self.raw(*names, required=required)
        if value is None:
            return None
        found: datetime | None = None
        if isinstance(value, str) and re.fullmatch(r"\d{1,16}(\.\d+)?", value.strip()):
            value = float(value) if "." in value else int(value)
        try:
            if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
                found = datetime.fromtimestamp(value / 1000 if value >= 1e11 else value, UTC)
            elif isinstance(value, str):
                parsed = datetime.fromisoformat(value)
                if parsed.tzinfo is None:
                    self.wrong(name, "needs an offset, such as Z")
                    return None
                found = parsed.astimezone(UTC)
        except (ValueError, OverflowError, OSError):
            found = None
        if found is None or not _EARLIEST <= found <= _LATEST:
            self.wrong(name, "must be Unix seconds or an ISO 8601 instant between 1970 and 2200")
            return None
        return found

    def day(self, *names: str, required: bool = False) -> date | None:
        """YYYY-MM-DD."""
        name, value = self.raw(*names, required=required)
        if value is None:
            return None
        try:
            return date.fromisoformat(value)
        except (ValueError, TypeError):
            self.wrong(name, "must be a day, written YYYY-MM-DD")
            return None

    def matching(self, pattern: re.Pattern[str], meaning: str, *names: str, required: bool = False) -> str | None:
        """Text, lower-cased, of one form."""
        text = self.text(*names, required=required)
        if text is None:
            return None
        if pattern.fullmatch(text.lower()) is None:
            self.wrong(names[0], f"must be {meaning}")
            return None
        return text.lower()

    def one_of(self, allowed: tuple[str, ...], *names: str, default: str) -> str:
        """One of a few words."""
        text = self.text(*names)
        if text is None:
            return default
        if text not in allowed:
            self.wrong(names[0], f"must be one of {', '.join(allowed)}")
            return default
        return text

    def items(self, name: str, most: int) -> list[Item]:
        """The objects of an array field."""
        _, value = self.raw(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most or not all(isinstance(entry, dict) for entry in value):
            self.wrong(name, f"must be an array of at most {most} objects")
            return []
        return [Item(entry, f"{self.pointer}/{name}/{index}", self._problems) for index, entry in enumerate(value)]

    def ignored(self) -> list[str]:
        """Pointers of the fields that nobody asked for. A newer client may send them; the answer names them."""
        return [f"{self.pointer}/{str(name)[:100]}" for name in self._values if name not in self._seen]


def _kind(value: object) -> str:
    kinds: dict[type, str] = {
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "an array",
        dict: "an object",
    }
    return kinds.get(type(value), "something else")
