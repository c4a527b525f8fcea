"""What a screen says when it has no rows: still loading, nothing matches, nothing ever arrived, no engine, no right.

Owns these texts, each with the next step. Refuses to guess: every text follows from an answer or an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from console.feed import FeedError
from console.views import text
from console.views.context import Context
from console.views.frame import wrap
from console.views.line import Line, Span, clean, line


def loading(message: str) -> Sequence[Line]:
    """Only before the first answer."""
    return ((Span(f"… {clean(message)}", "dim"),),)


def nothing_matches(noun: str, filter: str, width: int, *, changed: bool) -> Sequence[Line]:
    """There are rows, but none of these."""
    shown = clean(filter).replace(" ", "\u00a0")
    if not filter.strip():
        return wrap(f"No {noun} yet.", width, "dim")
    ways = (("t", "another time range"), ("/", "another filter"), ("esc", "clears the filter"))
    return (
        *wrap(f"No {noun} match `{shown}`.", width),
        (),
        line(
            *(
                span
                for pair in ways
                if pair[0] != "esc" or changed
                for span in (Span(pair[0], "key"), Span(f" {pair[1]}   ", "dim"))
            )
        ),
    )


def nothing_ever(width: int, *, local: bool) -> Sequence[Line]:
    """The engine has never received anything: three ways on."""
    ways = (
        ("d", "demo", "a simulated team, living, in a data directory of its own"),
        ("i", "import", "the histories that agents keep on this machine"),
    )
    count = "Three" if local else "Two"
    lines: list[Line] = [
        (Span("No data yet: the engine has received 0 events.", "strong"),),
        (),
        *wrap(f"What your agents do from now on appears here by itself. {count} ways to see something at once:", width),
        (),
    ]
    for key, word, what in ways:
        if local or key == "d":
            lines.append(
                line(Span(f"  {key}", "key"), Span(f"  {word:<8}", "strong"), *wrap(what, max(20, width - 14))[0])
            )
    lines += [
        line(
            Span("     team    ", "strong"),
            Span("aa-console --engine URL", "accent"),
            Span("  shows your team's engine"),
        ),
        (),
        *wrap("To send telemetry from a developer's machine: `aa-hooks\u00a0init`", width, "dim"),
    ]
    return lines


def failed(error: FeedError, width: int) -> Sequence[Line]:
    """A question that could not be answered, and nothing older to show."""
    titles = {
        "offline": "The engine does not answer",
        "auth": "The engine wants a key",
        "forbidden": "This key may not see that",
        "filter": "The engine does not understand this filter",
        "limited": "Too many questions for this key",
        "version": "This console and this engine do not understand each other",
        "failed": "The engine could not answer",
    }
    lines: list[Line] = [(Span(titles[error.kind], "error"),), (), *wrap(clean(error.sentence), width)]
    if error.hint:
        lines += [(), *wrap(clean(error.hint), width, "dim")]
    retry = error.retry_seconds
    again = f"asks again in {retry:.0f} s" if retry else "asks again now"
    lines += [(), line(Span("ctrl+r", "key"), Span(f" {again}", "dim"))]
    return lines


def band(error: FeedError, width: int) -> Line:
    """The same in one line, above rows that are older."""
    hint = f"; {error.hint}" if error.hint else ""
    return (Span("! ", "error"), Span(clean(f"{error.sentence}{hint}"), "banner"))


def stale(as_of: datetime, context: Context) -> Line:
    """The engine is gone; the rows stay, and say how old they are."""
    words = f"the engine is gone; rows as of {text.clock(as_of, context.zone)}, the console keeps trying"
    return (Span("! ", "error"), Span(words, "banner"))


def could_not_start(reason: str, width: int) -> Sequence[Line]:
    """No engine was found and none could be started."""
    return (
        (Span("No engine", "error"),),
        (),
        *wrap(clean(reason), width),
        (),
        line(
            Span("  d", "key"), Span("  demo    ", "strong"), "a simulated team, living, in a data directory of its own"
        ),
        line(Span("     team    ", "strong"), Span("aa-console --engine URL", "accent"), "  shows your team's engine"),
        line(
            Span("     why     ", "strong"), Span("aa-engine serve", "accent"), "  says more when it is started by hand"
        ),
    )
