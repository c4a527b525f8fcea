"""The form in which a view is declared.

Owns the questions that every view answers: its columns and their kinds, where conditions on rows go, its key and its
order. Refuses any particular view: those stand in rows.py and groups.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Literal

from engine.filters.to_sql import Target

Kind = Literal["text", "integer", "number", "money", "instant", "day", "boolean", "texts", "integers", "links"]
SORTABLE: frozenset[str] = frozenset({"text", "integer", "number", "money", "instant", "day", "boolean"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view.

    `sorted_by`: another column of the SQL whose order is meant when this one is sorted. `shown` False: it only serves
    the order. `ordered` False: rows cannot be put in its order.
    """

    name: str
    kind: Kind
    help: str
    sorted_by: str | None = None
    shown: bool = True
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Scope:
    """One place in a view's SQL, marked `/*filter:NAME*/ true`, where conditions on rows go.

    `targets` answer fields, `words` free words. `developer` and `project` are the columns by which a caller who may see
    only some rows is held to them. `narrows`: a condition here also leaves out rows of the view that have none
    of these facts.
    """

    name: str
    targets: Mapping[str, Target]
    words: Target | None = None
    developer: str | None = None
    project: str | None = None
    narrows: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """One view. `key` identifies a row; `totals` are summed over all rows into the metadata.

    `wholes`: totals that are more than the rows' sum, and the column of the SQL that tells them in every row.

    `measures` answer fields on the finished rows (a group's cost). `has_page`: `NAME_page.sql` adds columns to a page.
    `groups`: values of the parameter `by`. `clocked`: rows depend on the present instant.
    """

    name: str
    help: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    default_sort: str
    scopes: tuple[Scope, ...]
    measures: Mapping[str, Target] = field(default_factory=dict)
    totals: tuple[str, ...] = ()
    wholes: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    has_page: bool = False
    clocked: bool = False

    def column(self, name: str) -> Column | None:
        """The column of that name, shown or not."""
        return next((column for column in self.columns if column.name == name), None)

    @property
    def shown(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.shown)

    @property
    def sortable(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.shown if column.kind in SORTABLE and column.ordered)

    @property
    def fields(self) -> frozenset[str]:
        """Names of the filter fields that this view answers."""
        return frozenset(self.measures).union(*(scope.targets for scope in self.scopes))


@cache
def sql(name: str) -> str:
    """The text of one SQL file of this package."""
    return (resources.files("engine.api") / "sql" / f"{name}.sql").read_text(encoding="utf-8")
