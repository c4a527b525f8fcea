"""Help: the keys of the page one is on, the others with the reason why they rest, and the filter grammar.

Owns the wording around the registries. Refuses lists of its own: actions come from the keymap, fields from the grammar.
"""

from __future__ import annotations

from collections.abc import Sequence

from console.keymap import ACTIONS, Group, applies
from console.views.frame import wrap
from console.views.line import Line, Span, fit, line
from engine.filters import FIELDS

GROUPS: tuple[Group, ...] = ("Go", "Find", "Look", "Take", "Move", "Program")


def help_lines(page: str, width: int) -> Sequence[Line]:
    """Everything one can press here."""
    lines: list[Line] = []
    for group in GROUPS:
        lines.append((Span(group, "header"),))
        for action in ACTIONS:
            if action.group != group:
                continue
            usable = applies(action, page)
            words = action.help if usable else f"{action.help} ({action.why_not})"
            first, *more = wrap(words, width - 14, "text" if usable else "dim")
            lines.append(line(Span(fit(f"  {action.shown}", 13), "key" if usable else "dim"), *first))
            lines += [line(Span(" " * 13), *rest) for rest in more]
        lines.append(())
    lines.append((Span("Filter", "header"),))
    lines += [
        line(Span("  "), *each)
        for each in wrap(
            "Terms are joined by AND, commas mean OR, - leaves out, * is a wildcard, quotes keep spaces: "
            "`dev:alice\u00a0agent:claude,codex\u00a0cost>5\u00a0-project:web\u00a0since:7d`",
            width - 4,
        )
    ]
    lines.append(())
    for each in FIELDS:
        names = ", ".join((each.name, *each.aliases))
        first, *more = wrap(f"{each.help}   `{each.example}`", width - 24)
        lines.append(line(Span(fit(f"  {names}", 23), "field"), *first))
        lines += [line(Span(" " * 23), *rest) for rest in more]
    return lines
