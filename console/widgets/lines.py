"""A widget that shows lines and repaints only the cells that differ.

Owns the comparison of what is on screen with what should be: a frame that changes nothing sends nothing, a changed
figure sends its own cells. Refuses scrolling and content.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.color import Color
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from console.themes import style_of
from console.views.line import Line, Role, Span, cell_width, faded, fit_line

if TYPE_CHECKING:
    from console.app import ConsoleApp

SOLID: frozenset[Role] = frozenset({"caret", "tab", "header"})
"""Roles that some theme draws reversed or underlined, so that a blank shows them."""
NOTHING = Color(0, 0, 0)
"""What lies under a line: never seen, because every segment has a background of its own."""


class Lines(Widget):
    """Shows `height` lines. Give new ones with `show`."""

    DEFAULT_CSS = "Lines { width: 100%; height: 1; }"
    ALLOW_SELECT = False

    app: ConsoleApp

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: tuple[Line, ...] = ()

    def show(self, lines: Sequence[Line], *, stale: bool = False, size: tuple[int, int] | None = None) -> None:
        """Draw these lines; the cells that are already right are left alone.

        `size` is the size it is about to have, when the layout has not reached it yet.
        """
        width, height = size or self.size
        if not width:
            self.lines = tuple(lines)
            return
        new = tuple(fit_line(faded(each) if stale else each, width) for each in lines[:height])
        blank = fit_line((), width)
        new += (blank,) * (height - len(new))
        old = self.lines
        self.lines = new
        if len(old) != len(new):
            self.refresh()
            return
        dirty = [
            Region(start, y, end - start, 1)
            for y, (before, after) in enumerate(zip(old, new, strict=True))
            if before != after
            for start, end in (difference(before, after, width),)
        ]
        if dirty:
            self.refresh(*dirty)

    def repaint(self) -> None:
        """Forget what is on screen (another theme, a redraw)."""
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        palette = self.app.palette.name
        strips = []
        for y in range(crop.y, crop.bottom):
            spans = self.lines[y] if y < len(self.lines) else ()
            merged = joined(fit_line(spans, self.size.width))
            segments = [Segment(span.text, style_of(palette, span)) for span in merged]
            strip = Strip(segments, self.size.width)
            strips.append(strip.crop(crop.x, crop.right))
        for line_filter in self.app.get_line_filters():
            strips = [strip.apply_filter(line_filter, NOTHING) for strip in strips]
        return strips


def joined(spans: Line) -> Line:
    """The same line in as few spans as look the same: each one costs 40 bytes of colour on the wire.

    Blanks take the look of what stands before them, unless that look shows on a blank.
    """
    kept: list[Span] = []
    for span in spans:
        last = kept[-1] if kept else None
        if last is not None and last.selected == span.selected:
            blank = not span.text.strip() and span.role not in SOLID and last.role not in SOLID
            if blank or (last.role, last.bold) == (span.role, span.bold):
                kept[-1] = last._replace(text=last.text + span.text)
                continue
        kept.append(span)
    return tuple(kept)


def difference(before: Line, after: Line, width: int) -> tuple[int, int]:
    """The first and the last-plus-one cell that differ between two lines of the same width."""
    start = 0
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        start += cell_width(one.text)
    end = width
    for one, other in zip(reversed(before), reversed(after), strict=False):
        if one != other:
            break
        end -= cell_width(one.text)
    return (start, end) if start < end else (0, width)
