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
    never emphasised as changes. `descending` is the order that a first press of the column asks for.
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


@dataclass(frozen=True, slots=True)
class Placed:
    """A column that is shown, and how wide."""

    column: Column
    width: int


def place(columns: Sequence[Column], width: int, *, everything: bool = False) -> tuple[Placed, ...]:
    """The columns that fit into `width` cells, in their order.

    `everything` keeps all columns that can be had when growing columns stay at their least (the key `w`).
    """
    kept = list(columns)
    if not everything:
        kept = [column for column in kept if column.priority < 90]
    while _least(kept) > width and any(column.priority for column in kept):
        kept.remove(max(kept, key=lambda column: column.priority))
    spare = max(0, width - _least(kept))
    widths = {column.id: column.width for column in kept}
    growing = [column for column in kept if column.most > column.width]
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


def text(value: str, *, bold: bool = False) -> Span:
    """An ordinary cell; `n/a` is dim."""
    return Span(value, "dim" if value == "n/a" else "text", bold)
