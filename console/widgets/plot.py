"""Money per day, drawn large: stacked columns by plotext.

Owns the one place that knows plotext (5.3.x; textual-plotext does not work with plotext 6), imported when a large
chart is first shown. Refuses live data at the pace of a table: a chart is drawn again only when its values change.
"""

from __future__ import annotations

import re

from console.views.daychart import DayChart, dollars, small
from console.views.frame import box
from console.views.line import Line, Role, Span, fit_line, width_of
from console.widgets.lines import Lines

SMALLEST_HEIGHT = 10
COLOURS: tuple[Role, ...] = ("chart", "chart2", "chart3", "chart4", "chart5")
SHADES = "█▓▒░▚"
"""Without colour the series differ by density."""
_PIECE = re.compile(r"\x1b\[([0-9;]*)m|([^\x1b]+)")


class Plot(Lines):
    """A day chart in whatever size there is: a few block columns, or stacked ones with a legend."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn: tuple[object, tuple[Line, ...]] | None = None

    def draw(self, chart: DayChart | None, width: int, height: int, *, framed: bool, stale: bool) -> None:
        """Show the chart; None: nothing is known yet."""
        colourless = self.app.palette.ansi and self.app.no_color
        what = (chart, width, height, framed, colourless)
        if self._drawn is None or self._drawn[0] != what:
            self._drawn = (what, self._lines(chart, width, height, framed, colourless))
        self.show(self._drawn[1], stale=stale, size=(width, height))

    @staticmethod
    def _lines(chart: DayChart | None, width: int, height: int, framed: bool, colourless: bool) -> tuple[Line, ...]:
        if not framed:
            return tuple(small(chart, width, height)) if chart is not None else ()
        if chart is None or not chart.days or height - 2 < SMALLEST_HEIGHT:
            inner = small(chart, width - 2, height - 2) if chart is not None else ()
            return box("cost per day", inner, width, height)
        inner = stacked(chart, width - 3, height - 2, colourless)
        framed_lines = box("cost per day", [(Span(" "), *each) for each in inner], width, height)
        return (legend(chart, width, colourless), *framed_lines[1:])


def legend(chart: DayChart, width: int, colourless: bool) -> Line:
    """The upper edge of the box, with the title and what each colour means."""
    spans = [Span("┌ ", "border"), Span("cost per day", "strong")]
    if len(chart.series) > 1:
        for at, series in enumerate(chart.series):
            mark = SHADES[at % len(SHADES)] if colourless else "■"
            spans += [Span("   "), Span(mark, COLOURS[at % len(COLOURS)]), Span(f" {series.name}", "dim")]
    spans.append(Span(" ", "border"))
    edge = "─" * max(0, width - width_of(spans) - 1)
    return fit_line((*spans, Span(f"{edge}┐", "border")), width)


def stacked(chart: DayChart, width: int, height: int, colourless: bool = False) -> tuple[Line, ...]:
    """Stacked columns, one per day, all equally wide: the size of the plot is a multiple of a column's."""
    import plotext

    gutter = max(len(dollars(chart.top)), len(dollars(chart.top / 2))) + 1
    step = max(2, min(6, (width - gutter) // max(1, len(chart.days))))
    chart = chart.newest((width - gutter) // step)
    count = len(chart.days)
    half = (step - 2) / 2 / step
    at = [day + half for day in range(count)]
    every = 7 if count > 14 else max(1, -(-8 // step))
    plotext.clear_figure()
    plotext.limit_size(False, False)
    plotext.theme("clear")
    plotext.plotsize(gutter + count * step, height)
    values = [list(series.values) for series in chart.series]
    plotext.stacked_bar(at, values, marker="sd", width=2 * half or 0.01, color=list(range(1, len(values) + 1)))
    # Both limits on whole cells: otherwise rounding makes some columns wider than others.
    plotext.xlim(0, (count * step - 1) / step)
    plotext.ylim(0, chart.top)
    plotext.xticks(at[::every], list(chart.labels)[::every])
    plotext.yticks([0, chart.top / 2, chart.top], ["0", dollars(chart.top / 2), dollars(chart.top)])
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    lines = [_line(drawn, colourless) for drawn in plotext.build().split("\n")[:height]]
    # The lowest row of bars is the third from below: under it are the axis and the labels.
    if len(lines) >= 4:
        lines[-3] = _grounded(lines[-3], lines[-4])
    return tuple(lines)


def _grounded(lowest: Line, above: Line) -> Line:
    """The lowest row of bars without holes: plotext lets a column float whose first series is nothing that day."""
    cells = [Span(char, span.role) for span in lowest for char in span.text]
    over = [Span(char, span.role) for span in above for char in span.text]
    return tuple(
        other if cell.text == " " and other.role in COLOURS else cell
        for cell, other in zip(cells, over + cells[len(over) :], strict=False)
    )


def _line(drawn: str, colourless: bool) -> Line:
    """One line of plotext's output, its colour numbers as roles."""
    spans: list[Span] = []
    series = 0
    for found in _PIECE.finditer(drawn):
        code, text = found[1], found[2]
        if code is not None:
            series = int(code.rpartition(";")[2]) if code.startswith("38;5;") else 0
        elif series:
            filled = SHADES[(series - 1) % len(SHADES)] * len(text) if colourless else text
            spans.append(Span(filled, COLOURS[(series - 1) % len(COLOURS)]))
        else:
            role: Role = "dim" if any(char.isalnum() for char in text) else "border"
            spans.append(Span(text, role))
    return tuple(spans)
