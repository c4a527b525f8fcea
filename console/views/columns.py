"""Columns: what a table can show, and which of it fits.

Owns the choice by priority (the lowest leave first, 0 never leaves) and the widths, which depend on the terminal alone
and never on the data: a live update cannot move a column. Refuses to sort; a column only names the field by which the
engine sorts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from console.views.context import Context
from console.views.line import Span

Cell = Callable[[Any, Context], Span]
GAP = 1


@dataclass(frozen=True, slots=True)
class Column:
    """`width` cells at least, up to `most` where there is room; `sort` is the engine's field, None: not sortable.

    `letter` chooses the column in the sort menu. `moving` marks texts that change by the clock alone (ages): they are
    never emphasised as changes. `descending` is the order that a first press of the column asks for. `tail` shows the
    end of a text that does not fit. `part`, a share of 1, is drawn as a bar behind the text.
    """

    id: str
    title: str
    width: int
    cell: Cell
    priority: int = 0
    align: Literal["left", "right"] = "left"
    most: int = 0
    sort: str | None = None
    letter: str = ""
    moving: bool = False
    descending: bool = True
    tail: bool = False
    part: Callable[[Any], float | None] | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown, and how wide."""

    column: Column
    width: int


OPTIONAL = 30
HIDDEN = 90
"""From OPTIONAL on a column joins only when the ones before it have all the room they can use, from HIDDEN on only when
the reader asks for wide columns."""


def place(columns: Sequence[Column], width: int, *, everything: bool = False) -> tuple[Placed, ...]:
    """The columns that fit into `width` cells, in their order.

    `everything` takes every column that can be had when all stay at their least (the key `w`).
    """
    kept: list[Column] = []
    for column in sorted(columns, key=lambda column: column.priority):
        if column.priority >= HIDDEN and not everything:
            continue
        comfortable = column.priority >= OPTIONAL and not everything
        before = _wanted(kept) if comfortable else _least(kept)
        if not column.priority or before + (GAP if kept else 0) + column.width <= width:
            kept.append(column)
    kept.sort(key=columns.index)
    spare = max(0, width - _least(kept))
    widths = {column.id: column.width for column in kept}
    # The important ones grow first.
    for priority in sorted({column.priority for column in kept}):
        growing = [column for column in kept if column.priority == priority and column.most > column.width]
        while spare > 0 and growing:
            for column in list(growing):
                if spare == 0:
                    break
                widths[column.id] += 1
                spare -= 1
                if widths[column.id] >= column.most:
                    growing.remove(column)
    return tuple(Placed(column, widths[column.id]) for column in kept)


def _least(columns: Sequence[Column]) -> int:
    return sum(column.width for column in columns) + GAP * max(0, len(columns) - 1)


def _wanted(columns: Sequence[Column]) -> int:
    return sum(max(column.width, column.most) for column in columns) + GAP * max(0, len(columns) - 1)


def text(value: str, *, bold: bool = False) -> Span:
    """An ordinary cell; `n/a` is dim."""
    return Span(value, "dim" if value == "n/a" else "text", bold)
