"""A table as lines: header, the visible rows, and the text that stands there when there are none.

Owns how a row looks (marker, cells, emphasis of what changed). Refuses state: the cursor, the scroll and what changed
are passed in by whoever keeps them (`console/cursor.py`, `widgets/live_table.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.views.chart import bar
from console.views.columns import GAP, Placed
from console.views.context import Context
from console.views.frame import box
from console.views.line import Line, Span, fit, fit_line, select

GUTTER = 2
MARK, NEW = "▌", "+"


class Keyed(Protocol):
    """A row that knows its key."""

    @property
    def key(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Look:
    """How a table is drawn now: the row under the cursor, the sorted column, what to emphasise."""

    cursor: str | None = None
    sort: str = ""
    descending: bool = True
    changed: Mapping[str, Collection[str]] | None = None
    fresh: Collection[str] = ()
    focused: bool = True


def header(placed: Sequence[Placed], look: Look) -> Line:
    """The line of titles; the sorted one carries an arrow."""
    spans = [Span(" " * GUTTER, "header")]
    for index, each in enumerate(placed):
        title = each.column.title
        if each.column.sort and each.column.sort == look.sort:
            title = f"{title} {'▼' if look.descending else '▲'}"
        spans.append(Span(fit(title, each.width, each.column.align), "header"))
        if index < len(placed) - 1:
            spans.append(Span(" " * GAP, "header"))
    return tuple(spans)


def row_line(row: Keyed, placed: Sequence[Placed], look: Look, context: Context, width: int) -> Line:
    """One row in `width` cells."""
    here = row.key == look.cursor
    mark = MARK if here and look.focused else ("▏" if here else (NEW if row.key in look.fresh else " "))
    spans = [Span(mark, "accent" if here else "good"), Span(" ")]
    changed = look.changed.get(row.key, ()) if look.changed else ()
    for index, each in enumerate(placed):
        cell = each.column.cell(row, context)
        emphasised = cell.bold or each.column.id in changed
        if each.column.part is not None:
            spans.append(Span(fit(cell.text, 4, "right"), cell.role, emphasised))
            spans.append(Span(f" {bar(each.column.part(row), each.width - 5)}", "chart"))
        else:
            shown = cell.text[-each.width :] if each.column.tail else cell.text
            spans.append(Span(fit(shown, each.width, each.column.align), cell.role, emphasised))
        if index < len(placed) - 1:
            spans.append(Span(" " * GAP))
    done = fit_line(spans, width)
    return select(done) if here else done


def table(
    rows: Sequence[Keyed],
    placed: Sequence[Placed],
    look: Look,
    context: Context,
    width: int,
    height: int,
    *,
    message: Sequence[Line] = (),
    frame: str | None = None,
) -> tuple[Line, ...]:
    """`height` lines: the header and as many of `rows` as fit; `message` instead of rows when there are none.

    `frame` draws a box with this title around it.
    """
    if frame is not None:
        inner = table(rows, placed, look, context, width - 2, height - 2, message=message)
        return box(frame, inner, width, height)
    lines: list[Line] = [fit_line(header(placed, look), width)]
    if rows:
        lines += [row_line(row, placed, look, context, width) for row in rows[: height - 1]]
    else:
        lines += [(Span(" " * width),), *(fit_line((Span("  "), *text), width) for text in message)]
    blank: Line = (Span(" " * width),)
    return tuple((lines + [blank] * height)[:height])


def cell_texts(row: Keyed, placed: Sequence[Placed], context: Context) -> dict[str, str]:
    """What a row's cells say, by column, without those that move by the clock: compared to find changes."""
    return {each.column.id: each.column.cell(row, context).text for each in placed if not each.column.moving}
