"""Cells that several screens share: states, agents, shares, links.

Owns the glyph and the word for each state, so that the same thing looks the same everywhere and reads without colour.
Refuses layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from console.rows import Commit, Session
from console.views import text
from console.views.line import Role, Span, clean

STATES: dict[str, tuple[str, str, Role]] = {
    "live": ("●", "live", "good"),
    "idle": ("◐", "idle", "warn"),
    "ended": ("✓", "done", "dim"),
}
ACTIVITIES: dict[str, tuple[str, str, Role]] = {
    "waiting": ("?", "input", "warn"),
    "waiting_for_user": ("?", "input", "warn"),
    "tool": ("●", "tool", "good"),
    "thinking": ("●", "think", "good"),
}
METHODS = {
    "hook_session": "hook",
    "telemetry_sha": "telemetry",
    "git_note": "git note",
    "vendor_api": "vendor",
    "session_trailer": "trailer",
    "bot_author": "bot",
    "commit_tool_call": "commit call",
    "co_author_trailer": "trailer",
    "edited_files": "edited files",
    "time_window": "time",
    "developer_only": "developer",
}
"""Evidence kinds in a word or two; kinds unknown here are shown as they are named."""
ATTRIBUTIONS: dict[str, tuple[str, str, Role]] = {
    "assisted": ("●", "assisted", "good"),
    "possible": ("◐", "possible", "warn"),
    "none": ("–", "none", "dim"),
    "unknown": ("?", "unknown", "dim"),
}


SMALL_MODELS = ("haiku", "mini", "nano", "lite")


def state(session: Session) -> Span:
    """`● live`, `? input`, `✓ done`."""
    known = ACTIVITIES.get(session.activity or "") if session.state == "live" else None
    glyph, word, role = known or STATES.get(session.state, ("?", session.state, "dim"))
    return Span(f"{glyph} {word}", role)


def attribution(commit: Commit) -> Span:
    """`● assisted 0.98`, `◐ possible 0.45`, `– none`."""
    glyph, word, role = ATTRIBUTIONS.get(commit.attribution or "unknown", ("?", commit.attribution or "", "dim"))
    sure = "" if not commit.confidence else f" {commit.confidence:.2f}"
    return Span(f"{glyph} {word}{sure}", role)


def method(name: str | None) -> str:
    """An evidence kind in a word or two."""
    if not name:
        return text.UNKNOWN
    return METHODS.get(name, clean(name).replace("_", " "))


def maybe(value: str, role: Role = "text") -> Span:
    """A value; unknown is dim."""
    return Span(value, "dim" if value == text.UNKNOWN else role)


def whole(value: int | None) -> Span:
    """A count; zero is dim, so that what is there stands out."""
    return Span(text.count(value), "dim" if not value else "text")


def errors(value: int | None) -> Span:
    """A count of errors; any is red."""
    return Span("" if not value else text.count(value), "bad")


def cost(value: Decimal | None, unpriced: int | None = None) -> Span:
    """Money; `+?` says that some tokens have no known price."""
    if value is None:
        return Span(text.UNKNOWN, "dim")
    return Span(text.money(value) + ("+?" if unpriced else ""))


def models(names: Sequence[str]) -> str:
    """`sonnet-4-5`, `opus-4-1 +1`."""
    if not names:
        return text.UNKNOWN
    # Small models do side jobs beside the one that was chosen, so they are named last.
    first = min(names, key=lambda name: any(mark in name.lower() for mark in SMALL_MODELS))
    more = f" +{len(names) - 1}" if len(names) > 1 else ""
    return clean(text.short_model(first)) + more


def extension(value: str | None) -> str:
    """` .py`, with one dot however it was told; nothing for nothing."""
    return f".{clean(value).lstrip('.')}" if value else ""
