"""How roles look: dark, light, ansi (the terminal's own colours) and high-contrast.

Owns the one table from role to colour. Refuses blinking, and refuses to carry meaning by colour alone: each state has
its glyph and its word before it has a colour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from console.views.line import Role, Span

if TYPE_CHECKING:
    from rich.style import Style


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by role; `background` and `selected` are what lies under the text, `default` the terminal's own."""

    name: str
    dark: bool
    ansi: bool
    background: str
    selected: str
    roles: Mapping[Role, str]


DARK = Palette(
    "dark", True, False, "#14171c", "#26303d",
    {
        "text": "#c9d1d9", "dim": "#7d8896", "strong": "bold #e6edf3", "accent": "#79b8ff",
        "good": "#7ec699", "warn": "#e3b341", "bad": "#f47067", "header": "bold #9aa7b4",
        "border": "#3a4450", "title": "bold #79b8ff", "key": "bold #79b8ff", "chart": "#5aa9a0",
        "chart2": "#c49a6c", "chart3": "#8f8fd1", "chart4": "#b07aa1", "chart5": "#7d8896",
        "chart_dim": "#3a4450", "field": "#c792ea", "error": "bold #f47067", "banner": "#e3b341",
        "tab": "bold #e6edf3", "input": "#e6edf3", "caret": "reverse #e6edf3",
    },
)  # fmt: skip
LIGHT = Palette(
    "light", False, False, "#fbfbf8", "#dfe8f2",
    {
        "text": "#24292f", "dim": "#6a737d", "strong": "bold #0b1016", "accent": "#0550ae",
        "good": "#116329", "warn": "#7d4e00", "bad": "#b3261e", "header": "bold #4a5560",
        "border": "#bcc4cc", "title": "bold #0550ae", "key": "bold #0550ae", "chart": "#1f7a70",
        "chart2": "#a2642b", "chart3": "#5b5bb5", "chart4": "#8b4f7f", "chart5": "#6a737d",
        "chart_dim": "#bcc4cc", "field": "#6f42c1", "error": "bold #b3261e", "banner": "#7d4e00",
        "tab": "bold #0b1016", "input": "#0b1016", "caret": "reverse #0b1016",
    },
)  # fmt: skip
HIGH_CONTRAST = Palette(
    "high-contrast", True, False, "#000000", "#003a6b",
    {
        "text": "#ffffff", "dim": "#c4c4c4", "strong": "bold #ffffff", "accent": "bold #6fd3ff",
        "good": "bold #5dff8b", "warn": "bold #ffd84d", "bad": "bold #ff7a70", "header": "bold underline #ffffff",
        "border": "#8a8a8a", "title": "bold #6fd3ff", "key": "bold #ffd84d", "chart": "#6fd3ff",
        "chart2": "#ffd84d", "chart3": "#e0b0ff", "chart4": "#5dff8b", "chart5": "#c4c4c4",
        "chart_dim": "#8a8a8a", "field": "bold #e0b0ff", "error": "bold #ff7a70", "banner": "bold #ffd84d",
        "tab": "bold reverse #ffffff", "input": "#ffffff", "caret": "reverse #ffffff",
    },
)  # fmt: skip
ANSI = Palette(
    "ansi", True, True, "default", "default",
    {
        "text": "default", "dim": "dim default", "strong": "bold default", "accent": "cyan",
        "good": "green", "warn": "yellow", "bad": "red", "header": "bold default",
        "border": "dim default", "title": "bold cyan", "key": "bold cyan", "chart": "cyan",
        "chart2": "yellow", "chart3": "magenta", "chart4": "green", "chart5": "dim default",
        "chart_dim": "dim default", "field": "magenta", "error": "bold red", "banner": "yellow",
        "tab": "bold default", "input": "default", "caret": "reverse default",
    },
)  # fmt: skip
PALETTES: dict[str, Palette] = {palette.name: palette for palette in (DARK, LIGHT, ANSI, HIGH_CONTRAST)}


def choose(name: str, environment: Mapping[str, str]) -> Palette:
    """The palette by name; `auto` follows NO_COLOR, then COLORFGBG (set by terminals that tell), else dark."""
    if environment.get("NO_COLOR") is not None and name == "auto":
        # Only in the terminal's own colours does NO_COLOR mean none, instead of shades of grey.
        return ANSI
    if name in PALETTES:
        return PALETTES[name]
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in ("7", "15") else DARK


@lru_cache(maxsize=1024)
def style(palette_name: str, role: Role, bold: bool, selected: bool) -> Style:
    """The terminal style of a span. Never None: Textual 8.2.8 crashes under NO_COLOR on a segment without one."""
    from rich.style import Style

    palette = PALETTES[palette_name]
    look = f"{palette.roles[role]} on {palette.selected if selected else palette.background}"
    found = Style.parse(look)
    if bold:
        found += Style(bold=True, dim=False)
    if selected and palette.ansi:
        found += Style(bold=True, dim=False)
    return found


def style_of(palette_name: str, span: Span) -> Style:
    """The style of one span."""
    return style(palette_name, span.role, span.bold, span.selected)
