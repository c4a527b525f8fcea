"""Styled text as a value: spans with a role, lines of spans, and the arithmetic of terminal cells.

Owns padding, cutting and joining without ever breaking a wide character. Refuses colours: a role says what a text is
("bad", "dim"), a theme says how that looks.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple, get_args

Role = Literal[
    "text", "dim", "strong", "accent", "good", "warn", "bad", "header", "border", "title", "key", "chart", "chart_dim",
    "field", "error", "banner", "tab", "input", "caret", "chart2", "chart3", "chart4",
    "chart5",
]  # fmt: skip
ROLES: tuple[Role, ...] = get_args(Role)


class Span(NamedTuple):
    """A run of text with one look. `bold` marks a changed cell, `selected` the row under the cursor."""

    text: str
    role: Role = "text"
    bold: bool = False
    selected: bool = False


Line = tuple[Span, ...]
EMPTY: Line = ()


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """The text without anything that could steer a terminal or change direction: controls become one space."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") else char for char in text
    )


@lru_cache(maxsize=8192)
def cell_width(text: str) -> int:
    """How many terminal cells a text takes; East Asian wide characters and emoji take two."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def cut(text: str, width: int) -> str:
    """At most `width` cells, the last one `…` when something had to go."""
    if cell_width(text) <= width:
        return text
    if width <= 0:
        return ""
    kept: list[str] = []
    used = 0
    for char in text:
        size = cell_width(char)
        if used + size > width - 1:
            break
        kept.append(char)
        used += size
    return "".join(kept) + "…"


def fit(text: str, width: int, align: Literal["left", "right", "center"] = "left") -> str:
    """Exactly `width` cells: cut or padded."""
    text = cut(text, width)
    spare = width - cell_width(text)
    if align == "right":
        return " " * spare + text
    if align == "center":
        return " " * (spare // 2) + text + " " * (spare - spare // 2)
    return text + " " * spare


def line(*parts: Span | str) -> Line:
    """A line from spans and plain texts."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts if part)


def width_of(spans: Iterable[Span]) -> int:
    """Cells of a line."""
    return sum(cell_width(span.text) for span in spans)


def cut_line(spans: Sequence[Span], width: int) -> Line:
    """At most `width` cells of a line."""
    kept: list[Span] = []
    left = width
    for span in spans:
        size = cell_width(span.text)
        if size > left:
            text = cut(span.text, left)
            if text:
                kept.append(span._replace(text=text))
            break
        kept.append(span)
        left -= size
    return tuple(kept)


def fit_line(spans: Sequence[Span], width: int) -> Line:
    """Exactly `width` cells of a line."""
    kept = cut_line(spans, width)
    spare = width - width_of(kept)
    return (*kept, Span(" " * spare)) if spare > 0 else kept


def spread(left: Sequence[Span], right: Sequence[Span], width: int) -> Line:
    """Left and right parts at the two ends; when both do not fit, the left one is cut."""
    room = width - width_of(right)
    if room <= 0:
        return fit_line(right, width)
    return (*fit_line(left, room), *right)


def plain(lines: Iterable[Line]) -> str:
    """The text of lines without looks, trailing spaces removed: what tests and `--print` read."""
    return "\n".join("".join(span.text for span in spans).rstrip() for spans in lines)


def faded(spans: Line) -> Line:
    """The same line as stale data: everything dim."""
    return tuple(span if span.role in ("border", "banner") else span._replace(role="dim") for span in spans)


def select(spans: Line) -> Line:
    """The same line under the cursor."""
    return tuple(span._replace(selected=True) for span in spans)
