"""Where everything goes, for any size of terminal.

Owns the size rules: below 60x15 one line; 80x24 one table and its details; from 120 columns details beside it; from
160x40 all boxes. Refuses content: it deals in rectangles.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rect:
    """A part of the screen, in cells."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Needs:
    """What a page wants to show."""

    detail_height: int = 5
    chart_height: int = 0
    small_panes: int = 0
    large_panes: int = 0
    side_of_chart: bool = False
    problem: int = 0
    details: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """Rectangles by name; `framed` draws boxes around table, chart and details."""

    rects: dict[str, Rect] = field(default_factory=dict)
    framed: bool = False
    large: bool = False


def plan(width: int, height: int, needs: Needs) -> Plan:
    """The rectangles of one screen. They never overlap and cover every cell."""
    if width < 60 or height < 15:
        return Plan({"title": Rect(0, 0, width, height)})
    rects = {"title": Rect(0, 0, width, 1), "filter": Rect(0, 1, width, 1)}
    top = 2
    if needs.problem:
        rects["problem"] = Rect(0, top, width, needs.problem)
        top += needs.problem
    bottom = height - 1
    rects["hints"] = Rect(0, bottom, width, 1)
    if width >= 160 and height >= 40:
        return Plan(rects | _large(width, top, bottom, needs), framed=True, large=True)
    if width >= 120 and height >= 20:
        return Plan(rects | _medium(width, top, bottom, needs), framed=True)
    return Plan(rects | _small(width, top, bottom, needs))


def _small(width: int, top: int, bottom: int, needs: Needs) -> dict[str, Rect]:
    rects: dict[str, Rect] = {}
    if needs.chart_height and bottom - top >= 17:
        rects["chart"] = Rect(0, top, width, needs.chart_height)
        top += needs.chart_height
    room = bottom - top
    if needs.details and needs.small_panes and room >= 15:
        tall = 6 if room < 26 else 8
        bottom -= tall
        rects |= _row_of_panes(needs.small_panes, width, bottom, tall)
    elif needs.details and needs.detail_height and room >= needs.detail_height + 8:
        # The rule above the key hints closes the details.
        bottom -= 1
        rects["rule"] = Rect(0, bottom, width, 1)
        bottom -= needs.detail_height
        rects["detail"] = Rect(0, bottom, width, needs.detail_height)
    else:
        bottom -= 1
        rects["rule"] = Rect(0, bottom, width, 1)
    rects["table"] = Rect(0, top, width, bottom - top)
    return rects


def _medium(width: int, top: int, bottom: int, needs: Needs) -> dict[str, Rect]:
    rects: dict[str, Rect] = {}
    if needs.chart_height and bottom - top >= 22:
        tall = needs.chart_height + 2
        rects["chart"] = Rect(0, top, width, tall)
        top += tall
    if needs.small_panes and needs.details and bottom - top >= 22:
        bottom -= 9
        rects |= _row_of_panes(needs.small_panes, width, bottom, 9)
    return rects | _table_and_side(width, top, bottom, needs, max(40, min(60, width * 36 // 100)))


def _large(width: int, top: int, bottom: int, needs: Needs) -> dict[str, Rect]:
    rects: dict[str, Rect] = {}
    side = max(50, min(76, width * 32 // 100))
    if needs.chart_height:
        tall = max(12, (bottom - top) * 3 // 10)
        if needs.side_of_chart:
            rects["chart"] = Rect(0, top, width - side, tall)
            rects["pane0"] = Rect(width - side, top, side, tall)
        else:
            rects["chart"] = Rect(0, top, width, tall)
        top += tall
    if needs.large_panes and needs.details:
        tall = max(10, (bottom - top) // 4)
        bottom -= tall
        rects |= _row_of_panes(needs.large_panes, width, bottom, tall)
    return rects | _table_and_side(width, top, bottom, needs, side)


def _table_and_side(width: int, top: int, bottom: int, needs: Needs, side: int) -> dict[str, Rect]:
    if not needs.details or not needs.detail_height:
        return {"table": Rect(0, top, width, bottom - top)}
    return {
        "table": Rect(0, top, width - side, bottom - top),
        "detail": Rect(width - side, top, side, bottom - top),
    }


def _row_of_panes(count: int, width: int, top: int, height: int) -> dict[str, Rect]:
    rects, x = {}, 0
    for index in range(count):
        size = (width - x) // (count - index)
        rects[f"pane{index}"] = Rect(x, top, size, height)
        x += size
    return rects
