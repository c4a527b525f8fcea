"""The figures that can be explained, by the view they come from: what `i` offers.

Owns the words for them and their order, the one asked for most first. Refuses figures that the engine does not tell; a
test compares this table with the engine's columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_TOKENS = (
    ("total_tokens", "tokens"),
    ("input_tokens", "input tokens"),
    ("cache_read_tokens", "cache read tokens"),
    ("cache_write_tokens", "cache write tokens"),
    ("output_tokens", "output tokens"),
)
_WORK = (
    ("session_count", "sessions"),
    ("request_count", "model requests"),
    ("unpriced_tokens", "tokens without a price"),
    ("commit_count", "commits"),
    ("assisted_commit_count", "commits with an agent"),
    ("lines_added", "lines added"),
)
FIGURES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "sessions": (
        ("cost_usd", "cost"),
        *_TOKENS,
        ("request_count", "model requests"),
        ("error_count", "failed requests"),
        ("tool_call_count", "tool calls"),
        ("tool_error_count", "failed tool calls"),
        ("prompt_count", "prompts"),
        ("commit_count", "commits"),
        ("lines_added", "lines added"),
        ("duration_seconds", "duration"),
        ("active_seconds", "active time"),
    ),
    "requests": (("cost_usd", "cost"), *_TOKENS, ("duration_ms", "duration")),
    "tools": (("duration_ms", "duration"),),
    "commits": (
        ("cost_usd", "cost"),
        ("confidence", "confidence"),
        ("tokens_used", "tokens"),
        ("lines_added", "lines added"),
        ("lines_deleted", "lines deleted"),
    ),
    "developers": (
        ("cost_usd", "cost"),
        ("total_tokens", "tokens"),
        *_WORK,
        ("cost_per_commit_usd", "cost per commit"),
        ("active_seconds", "active time"),
    ),
    "costs": (
        ("cost_usd", "cost"),
        *_TOKENS,
        ("session_count", "sessions"),
        ("request_count", "model requests"),
        ("unpriced_tokens", "tokens without a price"),
        ("cost_reported_usd", "cost as reported"),
        ("cost_priced_usd", "cost by the price book"),
        ("previous_cost_usd", "cost of the time before"),
        ("share", "share"),
    ),
    "coverage": (
        ("total_tokens", "tokens counted"),
        ("cost_usd", "cost"),
        ("request_count", "model requests"),
        ("log_tokens", "tokens of log records"),
        ("span_tokens", "tokens of spans"),
        ("metric_tokens", "tokens of counters"),
        ("transcript_tokens", "tokens of the history"),
        ("single_source_tokens", "tokens from one source only"),
        ("silent_tokens", "tokens in the silence"),
    ),
    "session_sources": (("total_tokens", "tokens"),),
    "trust": (
        ("cost_usd", "cost"),
        ("total_tokens", "tokens"),
        ("single_source_tokens", "tokens from one source only"),
        ("unpriced_tokens", "tokens without a price"),
        ("alarm_developer_count", "developers with a silent source"),
    ),
}
"""By view: column and words."""

LETTERS = "abcdefhilmnoprstuvwxyz"
"""Letters of a menu that no key of moving takes."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in words, and how the engine is asked about it."""

    words: str
    asked: Mapping[str, str]


def figures_of(place: Mapping[str, str] | None, whose: str = "", most: int = 99) -> tuple[Figure, ...]:
    """The figures of one row; `place` names view and row, and the question around them. None: the row has none."""
    if place is None:
        return ()
    return tuple(
        Figure(f"{whose}{words}", {**place, "column": column})
        for column, words in FIGURES.get(place["view"], ())[:most]
    )
