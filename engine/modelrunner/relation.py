"""Relations, columns and result tables as templates see them.

Owns the small values that Jinja code passes around: a relation that renders as quoted SQL, a column with dbt's
questions, a query result with rows and columns. Refuses to ask a database anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.modelrunner.nodes import quoted


@dataclass(frozen=True)
class Relation:
    """A table or view by name; its text is SQL. `limit` wraps it in a subquery of so many rows (`--empty`: 0)."""

    database: str | None
    schema: str | None
    identifier: str | None
    type: str | None = None
    limit: int | None = None

    @classmethod
    def create(
        cls,
        database: str | None = None,
        schema: str | None = None,
        identifier: str | None = None,
        type: str | None = None,
        **_: Any,
    ) -> Relation:
        return cls(database, schema, identifier, type)

    @staticmethod
    def scd_args(primary_key: str | Sequence[str], updated_at: str) -> list[str]:
        """What a snapshot's row is hashed from."""
        return [*([primary_key] if isinstance(primary_key, str) else primary_key), updated_at]

    def render(self) -> str:
        name = ".".join(quoted(part) for part in (self.database, self.schema, self.identifier) if part)
        if self.limit is None:
            return name
        where = " where false" if self.limit == 0 else ""
        return f"(select * from {name}{where} limit {self.limit}) _dbt_limit_subq_{self.identifier}"

    __str__ = render

    def __html__(self) -> str:
        return self.render()

    @property
    def name(self) -> str | None:
        return self.identifier

    @property
    def table(self) -> str | None:
        return self.identifier

    @property
    def is_view(self) -> bool:
        return self.type == "view"

    @property
    def is_table(self) -> bool:
        return self.type == "table"

    @property
    def is_cte(self) -> bool:
        return self.type == "cte"

    def include(
        self, database: bool | None = None, schema: bool | None = None, identifier: bool | None = None
    ) -> Relation:
        return replace(
            self,
            database=None if database is False else self.database,
            schema=None if schema is False else self.schema,
            identifier=None if identifier is False else self.identifier,
        )

    def incorporate(self, **changes: Any) -> Relation:
        path = changes.pop("path", None) or {}
        wanted = {**path, **{key: value for key, value in changes.items() if key in ("type",)}}
        return replace(self, **wanted)

    def without_identifier(self) -> Relation:
        return replace(self, identifier=None)

    def quote(self, **_: Any) -> Relation:
        return self

    def information_schema(self, view: str | None = None) -> str:
        return f"{quoted(self.database or '')}.information_schema{'.' + view if view else ''}"


class CteName(str):
    """An ephemeral model where it is referred to: the name of its common table expression."""

    __slots__ = ()


@dataclass(frozen=True)
class Column:
    """A column of a relation; `dtype` is DuckDB's name of the type."""

    column: str
    dtype: str
    char_size: int | None = None
    numeric_precision: int | None = None
    numeric_scale: int | None = None

    @property
    def name(self) -> str:
        return self.column

    @property
    def quoted(self) -> str:
        return quoted(self.column)

    @property
    def data_type(self) -> str:
        """The type as dbt spells it; DuckDB reads its length of texts and ignores it."""
        return "character varying(256)" if self.is_string() else self.dtype

    def is_string(self) -> bool:
        return self.dtype.lower() in ("text", "varchar", "character varying", "string")

    def is_number(self) -> bool:
        return self.is_integer() or self.is_float() or self.is_numeric()

    def is_integer(self) -> bool:
        return self.dtype.lower().lstrip("u") in ("tinyint", "smallint", "integer", "bigint", "hugeint")

    def is_float(self) -> bool:
        return self.dtype.lower() in ("float", "double", "real")

    def is_numeric(self) -> bool:
        return self.dtype.lower().startswith(("decimal", "numeric"))

    @classmethod
    def translate_type(cls, dtype: str) -> str:
        return dtype

    @classmethod
    def create(cls, name: str, dtype: str) -> Column:
        return cls(name, dtype)


class Row(Sequence[Any]):
    """One row of a result: by position, by column name, or iterated."""

    __slots__ = ("_names", "_values")

    def __init__(self, names: tuple[str, ...], values: tuple[Any, ...]) -> None:
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

    def keys(self) -> tuple[str, ...]:
        return self._names

    def values(self) -> tuple[Any, ...]:
        return self._values

    def items(self) -> list[tuple[str, Any]]:
        return list(zip(self._names, self._values, strict=True))

    def dict(self) -> dict[str, Any]:
        return dict(self.items())

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self._names else default


class ResultColumn(Sequence[Any]):
    """One column of a result."""

    __slots__ = ("_values", "name")

    def __init__(self, name: str, values: tuple[Any, ...]) -> None:
        self.name = name
        self._values = values

    def __getitem__(self, key: Any) -> Any:
        return self._values[key]

    def __len__(self) -> int:
        return len(self._values)

    def values(self) -> tuple[Any, ...]:
        return self._values

    def values_distinct(self) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(self._values))


class ResultColumns(Sequence[ResultColumn]):
    """The columns of a result, by position or by name."""

    def __init__(self, columns: tuple[ResultColumn, ...]) -> None:
        self._columns = columns

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            for column in self._columns:
                if column.name == key:
                    return column
            raise KeyError(key)
        return self._columns[key]

    def __len__(self) -> int:
        return len(self._columns)

    def keys(self) -> tuple[str, ...]:
        return tuple(column.name for column in self._columns)

    def values(self) -> tuple[ResultColumn, ...]:
        return self._columns


class ResultTable:
    """A query result as `run_query` gives it: `rows`, `columns`, `column_names`; iterating gives rows."""

    def __init__(self, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        self.column_names = tuple(names)
        self.rows = tuple(Row(self.column_names, tuple(row)) for row in rows)
        self.columns = ResultColumns(
            tuple(ResultColumn(name, tuple(row[place] for row in rows)) for place, name in enumerate(self.column_names))
        )

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> Row:
        return self.rows[place]

    def print_table(self, **_: Any) -> str:
        return "\n".join(
            [" | ".join(self.column_names), *(" | ".join(str(value) for value in row) for row in self.rows)]
        )
