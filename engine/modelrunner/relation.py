"""Relations and columns as templates see them.

Owns the small values that Jinja code passes around: a relation that renders as quoted SQL, and a column with dbt's
questions. Refuses to ask a database anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from engine.modelrunner.nodes import quoted

PARTS = ("database", "schema", "identifier")


@dataclass(frozen=True)
class Relation(Mapping[str, Any]):
    """A table or view by name; its text is SQL.

    `limit` wraps the text in a subquery of so many rows (`--empty`: 0), `external` is SQL that stands for the name,
    `unquoted` and `left_out` are parts that are written without quotes, or not at all. As in dbt a relation is also a
    mapping, by which packages tell it from text.
    """

    database: str | None = None
    schema: str | None = None
    identifier: str | None = None
    type: str | None = None
    limit: int | None = None
    external: str | None = None
    unquoted: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()

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

    @classmethod
    def get_default_quote_policy(cls) -> dict[str, bool]:
        return dict.fromkeys(PARTS, True)

    get_default_include_policy = get_default_quote_policy

    def render(self) -> str:
        """The name, never limited."""
        if self.external is not None:
            return self.external
        found = []
        for part in PARTS:
            value = getattr(self, part)
            if value is not None and part not in self.left_out:
                found.append(str(value) if part in self.unquoted else quoted(str(value)))
        return ".".join(found)

    def render_limited(self) -> str:
        """The name, or as many rows of it as there may be."""
        if self.limit is None:
            return self.render()
        return f"(select * from {self.render()}{' where false' if self.limit == 0 else ''} limit {self.limit})"

    def __str__(self) -> str:
        return self.render_limited()

    def __html__(self) -> str:
        return self.render_limited()

    def __getitem__(self, key: str) -> Any:
        if key == "metadata":
            return {"type": "DuckDBRelation"}
        if key not in {item.name for item in fields(self)}:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return (item.name for item in fields(self))

    def __len__(self) -> int:
        return len(fields(self))

    @property
    def name(self) -> str | None:
        return self.identifier

    @property
    def table(self) -> str | None:
        return self.identifier

    @property
    def path(self) -> Mapping[str, str | None]:
        return {part: getattr(self, part) for part in PARTS}

    @property
    def is_view(self) -> bool:
        return self.type == "view"

    @property
    def is_table(self) -> bool:
        return self.type == "table"

    @property
    def is_cte(self) -> bool:
        return self.type == "cte"

    @property
    def can_be_renamed(self) -> bool:
        return False

    can_be_replaced = can_be_renamed

    def include(
        self, database: bool | None = None, schema: bool | None = None, identifier: bool | None = None
    ) -> Relation:
        """The same relation with parts of its name written or not."""
        return replace(self, left_out=_switched(self.left_out, database, schema, identifier))

    def quote(
        self, database: bool | None = None, schema: bool | None = None, identifier: bool | None = None
    ) -> Relation:
        """The same relation with parts of its name quoted or not."""
        return replace(self, unquoted=_switched(self.unquoted, database, schema, identifier))

    def quoted(self, identifier: str) -> str:
        return quoted(identifier)

    def incorporate(self, **changes: Any) -> Relation:
        """The same relation with another type or another `path` (database, schema, identifier)."""
        wanted = {key: value for key, value in dict(changes.pop("path", None) or {}).items() if key in PARTS}
        return replace(self, **wanted, **{key: value for key, value in changes.items() if key in ("type", "external")})

    def replace_path(self, **changes: Any) -> Relation:
        return self.incorporate(path=changes)

    def without_identifier(self) -> Relation:
        return replace(self, identifier=None)

    def matches(self, database: Any = None, schema: Any = None, identifier: Any = None) -> bool:
        """Whether every part that is given is this relation's."""
        asked = {"database": database, "schema": schema, "identifier": identifier}
        return all(value is None or getattr(self, part) == value for part, value in asked.items())

    def information_schema(self, view: Any = None) -> Relation:
        name = view if isinstance(view, str) else None
        return Relation(self.database, "information_schema", name, unquoted=frozenset({"schema", "identifier"}))

    def information_schema_only(self) -> Relation:
        return self.information_schema()


def _switched(
    old: frozenset[str], database: bool | None, schema: bool | None, identifier: bool | None
) -> frozenset[str]:
    """The parts that are off: those that were, as far as they are not switched now."""
    now = dict(zip(PARTS, (database, schema, identifier), strict=True))
    return frozenset(part for part in PARTS if (part in old if now[part] is None else not now[part]))


@dataclass(frozen=True)
class Column:
    """A column of a relation; `dtype` is DuckDB's name of the type. A struct's `fields` are columns too."""

    column: str
    dtype: str
    char_size: int | None = None
    numeric_precision: int | None = None
    numeric_scale: int | None = None
    fields: tuple[Column, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        inside = re.fullmatch(r"struct\((.*)\)", self.dtype, re.IGNORECASE | re.DOTALL)
        if inside and not self.fields:
            parts = [part.strip().split(" ", 1) for part in _apart(inside.group(1))]
            object.__setattr__(self, "fields", tuple(Column(part[0], part[1]) for part in parts if len(part) == 2))

    def __str__(self) -> str:
        return (
            f"DuckDBColumn(column={self.column!r}, dtype={self.dtype!r}, char_size={self.char_size},"
            f" numeric_precision={self.numeric_precision}, numeric_scale={self.numeric_scale},"
            f" fields=[{', '.join(map(str, self.fields))}])"
        )

    @property
    def name(self) -> str:
        return self.column

    @property
    def quoted(self) -> str:
        return quoted(self.column)

    @property
    def data_type(self) -> str:
        """The type as dbt spells it; DuckDB reads its length of texts and ignores it."""
        if self.is_string():
            return self.string_type(self.string_size())
        return self.numeric_type(self.dtype, self.numeric_precision, self.numeric_scale)

    @property
    def expanded_data_type(self) -> str:
        return self.data_type

    def is_string(self) -> bool:
        return self.dtype.lower() in ("text", "varchar", "character varying", "character")

    def is_number(self) -> bool:
        return self.is_integer() or self.is_float() or self.is_numeric()

    def is_integer(self) -> bool:
        return self.dtype.lower() in _INTEGERS

    def is_float(self) -> bool:
        return self.dtype.lower() in ("real", "float", "float4", "float8", "double")

    def is_numeric(self) -> bool:
        return self.dtype.lower() in ("decimal", "numeric")

    def is_struct(self) -> bool:
        return self.dtype.lower().startswith("struct")

    def flatten(self) -> list[Column]:
        """A struct's columns, named with their path; any other column itself."""
        if not self.is_struct():
            return [self]
        return [Column(f"{self.column}.{leaf.column}", leaf.dtype) for item in self.fields for leaf in item.flatten()]

    def string_size(self) -> int:
        return 256 if self.char_size is None else int(self.char_size)

    def can_expand_to(self, other: Column) -> bool:
        return self.is_string() and other.is_string() and other.string_size() > self.string_size()

    def literal(self, value: Any) -> str:
        return f"{value}::{self.data_type}"

    @classmethod
    def string_type(cls, size: int) -> str:
        return f"character varying({size})"

    @classmethod
    def numeric_type(cls, dtype: str, precision: Any, scale: Any) -> str:
        return dtype if precision is None or scale is None else f"{dtype}({precision},{scale})"

    @classmethod
    def translate_type(cls, dtype: str) -> str:
        return "TEXT" if dtype.upper() == "STRING" else dtype

    @classmethod
    def create(cls, name: str, label_or_dtype: str) -> Column:
        return cls(name, cls.translate_type(label_or_dtype))


_INTEGERS = frozenset(
    {
        "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
        "int1", "int2", "int4", "int8", "short", "int", "signed", "long",
    }
)  # fmt: skip


def _apart(text: str) -> list[str]:
    """A list between commas that stand in no parentheses."""
    found, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(text[start:place])
            start = place + 1
    return [*found, text[start:]]
