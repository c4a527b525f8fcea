"""Result tables as templates see them.

Owns what `run_query` and `load_result` give: rows and columns by position or name, with values as dbt's tables hold
them (fractions as decimals, lists and structs as JSON). Refuses to run anything.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


class Named(Sequence[Item], Generic[Item]):
    """Values by position, by name, or iterated."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: tuple[str, ...], values: tuple[Item, ...]) -> None:
        self._names = names
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            try:
                return self._values[self._names.index(key)]
            except ValueError:
                raise KeyError(key) from None
        return self._values[key]

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def keys(self) -> tuple[str, ...]:
        return self._names

    def values(self) -> tuple[Item, ...]:
        return self._values

    def items(self) -> list[tuple[str, Item]]:
        return list(zip(self._names, self._values, strict=False))

    def dict(self) -> dict[str, Item]:
        return dict(self.items())

    def get(self, key: Any, default: Any = None) -> Any:
        try:
            return self[key]
        except (KeyError, IndexError):
            return default


class Row(Named[Any]):
    """One row of a result."""

    __slots__ = ()


class ResultColumn(Named[Any]):
    """One column of a result."""

    __slots__ = ("name",)

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        super().__init__((), values)
        self.name = name

    def values_distinct(self) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(self._values))

    def values_without_nulls(self) -> tuple[Any, ...]:
        return tuple(value for value in self._values if value is not None)

    def values_sorted(self) -> list[Any]:
        return [*sorted(self.values_without_nulls()), *(value for value in self._values if value is None)]


class ResultTable:
    """A query result: `rows`, `columns`, `column_names`; iterating gives rows."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.column_names = tuple(names)
        made = tuple(Row(self.column_names, tuple(row)) for row in rows)
        self.rows: Named[Row] = Named((), made)
        self.columns: Named[ResultColumn] = Named(
            self.column_names,
            tuple(
                ResultColumn(name, tuple(row[place] for row in made)) for place, name in enumerate(self.column_names)
            ),
        )

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Any:
        return self.rows[place]

    def select(self, key: str | Sequence[str]) -> ResultTable:
        """These columns."""
        wanted = [key] if isinstance(key, str) else list(key)
        return ResultTable(wanted, [[row[name] for name in wanted] for row in self.rows])

    def exclude(self, key: str | Sequence[str]) -> ResultTable:
        """All columns but these."""
        unwanted = {key} if isinstance(key, str) else set(key)
        return self.select([name for name in self.column_names if name not in unwanted])

    def where(self, test: Callable[[Row], bool]) -> ResultTable:
        """The rows for which `test` holds."""
        return ResultTable(self.column_names, [row for row in self.rows if test(row)])

    def limit(self, count: int) -> ResultTable:
        """The first rows."""
        return ResultTable(self.column_names, list(self.rows)[:count])

    def order_by(self, key: str, reverse: bool = False) -> ResultTable:
        """The rows by one column; those without a value come last."""
        told = [row for row in self.rows if row[key] is not None]
        missing = [row for row in self.rows if row[key] is None]
        ordered = sorted(told, key=lambda row: row[key], reverse=reverse)
        return ResultTable(self.column_names, [*missing, *ordered] if reverse else [*ordered, *missing])

    def rename(self, column_names: Any) -> ResultTable:
        """Other names: a list, or a mapping of old to new."""
        if isinstance(column_names, dict):
            names = [column_names.get(name, name) for name in self.column_names]
        else:
            names = list(column_names)
        return ResultTable(names, list(self.rows))

    def print_table(self, **_: Any) -> str:
        return "\n".join(
            [" | ".join(self.column_names), *(" | ".join(str(value) for value in row) for row in self.rows)]
        )

    def for_templates(self) -> ResultTable:
        """The same with values as dbt's tables hold them."""
        return ResultTable(self.column_names, [[told(value) for value in row] for row in self.rows])


def told(value: Any) -> Any:
    """A value of the database as a template gets it."""
    if value is None or isinstance(value, bool | int | str | Decimal | datetime.date):
        return value
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=str)
    return str(value)
