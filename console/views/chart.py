"""Small charts from block characters: sparkline, horizontal bar, column chart with an axis.

Owns the scaling. Refuses colour and every library: these charts are drawn live, where a plot library would cost five
times the bytes (the large charts of Cost use `widgets/plot.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from console.views.line import Line, Span, cell_width, fit

UP = " ▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float | None], width: int) -> str:
    """The newest `width` values as one character each; nothing known: spaces."""
    shown = list(values)[-width:]
    top = max((value for value in shown if value), default=0)
    if not top:
        return " " * width
    # Seven eighths at most: in neighbouring rows full blocks would grow together.
    marks = [" " if not value else UP[max(1, round(value / top * 7))] for value in shown]
    return "".join(marks).rjust(width)


def bar(share: float | None, width: int) -> str:
    """A horizontal bar of at most `width` cells for a share between 0 and 1, half a cell fine.

    A line, not a block: bars in neighbouring rows stay apart.
    """
    if not share or share <= 0:
        return " " * width
    full, half = divmod(max(1, round(min(share, 1.0) * width * 2)), 2)
    return ("━" * full + "╸" * half).ljust(width)


def nice_ceiling(value: float) -> float:
    """The next of 1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10 × 10^n: what an axis ends at, its half being as plain."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10):
        if value <= step * power * 1.0000001:
            return step * power
    return 10 * power


def columns(
    values: Sequence[float | None],
    labels: Sequence[str],
    width: int,
    height: int,
    axis: Sequence[str] | None = None,
    scale: float | None = None,
) -> tuple[Line, ...]:
    """A column chart in `height` lines: height − 2 of bars, the axis, the labels.

    `axis` are the texts at half and full height. Columns are as wide as fits (at most four cells and a gap); when there
    are more values than cells, the newest stay. A missing value leaves a gap, a known small one shows a hair.
    """
    bars = height - 2
    if bars < 1 or width < 12:
        return ()
    top = scale or nice_ceiling(max((value for value in values if value), default=0.0))
    half_text, full_text = axis or (f"{top / 2:g}", f"{top:g}")
    gutter = max(cell_width(half_text), cell_width(full_text), 1) + 1
    room = width - gutter - 1
    step = max(1, min(6, room // max(1, len(values))))
    column = step - 1 if step > 1 else 1
    shown = list(values)[-(room // step) :]
    names = list(labels)[-len(shown) :] if shown else []
    lines: list[Line] = []
    for row in range(bars):
        level = bars - row
        text = full_text if row == 0 else half_text if bars >= 4 and row == bars // 2 else ""
        cells = []
        for value in shown:
            eighths = 0 if not value else max(1, round(value / top * bars * 8))
            filled = max(0, min(8, eighths - (level - 1) * 8))
            cells.append(UP[filled] * column + " " * (step - column))
        edge = "┤" if text else "│"
        lines.append(
            (Span(fit(text, gutter, "right"), "dim"), Span(edge, "border"), Span(fit("".join(cells), room), "chart"))
        )
    lines.append((Span(fit("0", gutter, "right"), "dim"), Span("└" + "─" * room, "border")))
    lines.append((Span(" " * (gutter + 1)), Span(fit(spaced_labels(names, step, room), room), "dim")))
    return tuple(lines)


def spaced_labels(labels: Sequence[str], step: int, width: int) -> str:
    """As many labels as fit under columns `step` cells wide, evenly spaced, never touching."""
    if not labels:
        return ""
    longest = max(cell_width(label) for label in labels) + 2
    every = max(1, math.ceil(longest / step))
    if every > 4:
        every = math.ceil(every / 7) * 7
    text = ""
    for index in range(0, len(labels), every):
        at = index * step
        if at + cell_width(labels[index]) > width:
            break
        text = text.ljust(at) + labels[index]
    return text
