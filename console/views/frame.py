"""What surrounds the rows: title bar, tabs, filter line, rules, boxes, key hints, status.

Owns the furniture of the screen as pure text. Refuses to know which screen it furnishes: titles and hints come in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from console.views import text
from console.views.context import Context
from console.views.line import Line, Role, Span, cell_width, cut, cut_line, fit_line, line, spread, width_of

LinkState = Literal["loading", "live", "slow", "offline", "replay"]


@dataclass(frozen=True, slots=True)
class Status:
    """How fresh the screen is. `lag` seconds from the engine's change to its arrival here; `since` for slow, offline.

    `withheld` counts changes that a pause keeps back; `asking` means rows are on their way.
    """

    state: LinkState = "loading"
    lag: float | None = None
    since: datetime | None = None
    retry_seconds: float | None = None
    paused: bool = False
    withheld: int = 0
    demo: bool = False
    asking: bool = False
    failed: bool = False


def status(state: Status, context: Context) -> Span:
    """Glyph and word, colour last: `● LIVE 0.4s`. Its text changes only when something happened."""
    elapsed = max(0.0, (context.now - state.since).total_seconds()) if state.since else 0.0
    if state.state == "offline":
        retry = "" if state.retry_seconds is None else f" retry {state.retry_seconds:.0f}s"
        return Span(f"○ OFFLINE {_minutes(elapsed)}{retry}", "bad")
    if state.paused:
        return Span(f"‖ PAUSED{f' +{state.withheld}' if state.withheld else ''}", "warn")
    if state.state == "slow":
        return Span(f"◐ SLOW {text.span(elapsed)}", "warn")
    if state.failed:
        return Span("○ NO ENGINE", "bad")
    if state.state == "loading":
        return Span("… connecting", "dim")
    lag = "" if state.lag is None else f" {min(max(state.lag, 0.0), 99.0):.1f}s"
    if state.state == "replay":
        return Span("▲ REPLAY", "accent")
    if state.demo:
        return Span(f"△ DEMO{lag}", "accent")
    return Span(f"● LIVE{lag}", "good")


def _minutes(seconds: float) -> str:
    # Ten-second steps: an outage is not a stopwatch, and each repaint costs bytes on the wire.
    whole = int(seconds // 10) * 10
    return f"{whole // 60:02d}:{whole % 60:02d}"


def title_bar(
    name: str, crumbs: Sequence[str], middle: Sequence[Span], state: Status, context: Context, width: int
) -> Line:
    """`aa  Live › all      4 live · $18.42      ● LIVE`; the middle is the first to give way, then the crumbs."""
    sign = status(state, context)
    right: list[Span] = [Span("  "), sign]
    if width >= 160:
        right.append(Span(context.now.astimezone(context.zone).strftime("   %H:%M"), "dim"))
    room = width - width_of(right)
    path = " › ".join(crumbs[:-1])
    left = [Span(name, "title"), Span("  ")]
    if path:
        left.append(Span(path + " › ", "dim"))
    left.append(Span(crumbs[-1], "strong"))
    left_line = cut_line(left, room)
    spare = room - width_of(left_line) - 2
    shown = cut_line(middle, spare) if spare >= 8 else ()
    if shown:
        # Near the status on the right, so that it does not move when the path grows.
        return (
            spread(left_line, (*shown, Span(" " * (4 if width < 120 else 6)), *right[1:]), width)
            if (width_of(shown) + width_of(left_line) + width_of(right) + 6 <= width)
            else spread(left_line, (*shown, *right), width)
        )
    return spread(left_line, right, width)


def tabs(names: Sequence[tuple[str, str]], current: str) -> Line:
    """`1 Live   2 Cost`: the digits and the screens, the current one emphasised."""
    spans: list[Span] = []
    for digit, label in names:
        here = label == current
        spans += [Span(digit, "key" if not here else "tab"), Span(f" {label}", "tab" if here else "dim"), Span("   ")]
    return tuple(spans[:-1])


def rule(title: str, width: int) -> Line:
    """`── alice · s_7f3a ─────`."""
    if not title:
        return (Span("─" * width, "border"),)
    shown = cut(title, width - 8)
    return (
        Span("── ", "border"),
        Span(shown, "strong"),
        Span(" " + "─" * max(0, width - 4 - cell_width(shown)), "border"),
    )


def box(title: str, lines: Sequence[Line], width: int, height: int) -> tuple[Line, ...]:
    """A frame with a title in its upper edge, filled with blank lines to `height`."""
    shown = cut(title, max(0, width - 6))
    top = (
        Span("┌ ", "border"),
        Span(shown, "strong"),
        Span(" " + "─" * max(0, width - 4 - cell_width(shown)) + "┐", "border"),
    ) if shown else (Span("┌" + "─" * (width - 2) + "┐", "border"),)  # fmt: skip
    edge = Span("│", "border")
    inner = width - 2
    body = [(edge, *fit_line(spans, inner), edge) for spans in list(lines)[: height - 2]]
    blank = (edge, Span(" " * inner), edge)
    body += [blank] * (height - 2 - len(body))
    return (top, *body, (Span("└" + "─" * inner + "┘", "border"),))


def hints(pairs: Sequence[tuple[str, str]], width: int) -> Line:
    """`enter open  / filter  …`: as many as fit, whole ones only; `? help` stays, and stays last."""
    kept: list[tuple[str, str]] = []
    last = [pair for pair in pairs if pair[0] == "?"]
    others = [pair for pair in pairs if pair[0] != "?"]
    room = width + 2 - sum(_hint_width(pair) for pair in last)
    for pair in others:
        if _hint_width(pair) > room:
            break
        room -= _hint_width(pair)
        kept.append(pair)
    spans: list[Span] = []
    for key, label in (*kept, *last):
        spans += [Span("  " if spans else ""), Span(key, "key"), Span(f" {label}", "dim")]
    return fit_line(tuple(span for span in spans if span.text), width)


def _hint_width(pair: tuple[str, str]) -> int:
    return cell_width(pair[0]) + cell_width(pair[1]) + 3


def wrap(words: str, width: int, role: Role = "text") -> tuple[Line, ...]:
    """A paragraph in lines of at most `width` cells; text in `backticks` is emphasised."""
    lines: list[list[Span]] = [[]]
    used = 0
    strong = False
    for word in words.split(" "):
        opens, closes = word.startswith("`"), word.rstrip(".,;:)").endswith("`")
        strong = strong or opens
        shown = word.replace("`", "")
        size = cell_width(shown)
        if used and used + 1 + size > width:
            lines.append([])
            used = 0
        if used:
            lines[-1].append(Span(" "))
            used += 1
        lines[-1].append(Span(cut(shown, width), "accent" if strong else role))
        used += size
        if closes:
            strong = False
    return tuple(tuple(spans) for spans in lines)


def too_small(width: int, height: int) -> Line:
    """The one line shown below 60x15."""
    return line(Span(cut(f"aa-console needs 60x15, this is {width}x{height}", width), "warn"))
