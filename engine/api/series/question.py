"""A question for time series, read and checked.

Owns the two forms (a JSON object by POST, parameters by GET) and what is wrong with them. Refuses SQL and data.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.access.problems import Problem
from engine.api.series.registry import AGGREGATIONS, BY_NAME, OPERATORS, TAGS
from engine.filters.errors import nearest
from engine.filters.times import begins, read_moment

LIMIT = 1_000
LARGEST_LIMIT = 10_000
MOST_VALUES = 1_000
LONGEST_QUESTION = 1_000_000
"""Bytes of a body."""
FIELDS = ("timeRange", "metrics", "filters", "aggregation", "limit", "groupBy")
PARAMETERS = ("start", "end", "metric", "filter", "aggregation", "limit", "group_by")


@dataclass(frozen=True, slots=True)
class Held:
    """One filter: a tag, an operator of the registry, and its value or values."""

    field: str
    operator: str
    value: str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """From `start` until `end` (excluded), these metrics, these filters (all of them), by this aggregation."""

    start: datetime
    end: datetime
    metrics: tuple[str, ...]
    filters: tuple[Held, ...]
    aggregation: str
    group_by: tuple[str, ...]
    limit: int


def read_object(asked: Any, now: datetime, zone: ZoneInfo) -> Question:
    """The question in a JSON object. Raises Problem 422."""
    if not isinstance(asked, dict):
        raise _wrong("the body is no JSON object", "body")
    for name in asked:
        _known("field", name, FIELDS)
    span = asked.get("timeRange")
    if not isinstance(span, dict) or not set(span) <= {"start", "end"}:
        raise _wrong("timeRange is an object {start, end}", "timeRange")
    filters = asked.get("filters") or []
    if not isinstance(filters, list):
        raise _wrong("filters is an array of {field, op, value}", "filters")
    return _question(
        span.get("start"),
        span.get("end"),
        _texts("metrics", asked.get("metrics")),
        tuple(_held(each) for each in filters),
        asked.get("aggregation", "raw"),
        _texts("groupBy", asked.get("groupBy")),
        asked.get("limit", LIMIT),
        now,
        zone,
    )


def read_parameters(pairs: Sequence[tuple[str, str]], now: datetime, zone: ZoneInfo) -> Question:
    """The question in query parameters; metric, filter (field:op:value) and group_by may come several times.

    Raises Problem 422.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        _known("parameter", name, PARAMETERS)
        given.setdefault(name, []).append(value)
    for name in ("start", "end", "aggregation", "limit"):
        if len(given.get(name, ())) > 1:
            raise _wrong(f"{name} is given twice", name)

    def one(name: str) -> str | None:
        return given[name][0] if name in given else None

    filters = []
    for text in given.get("filter", ()):
        field, separator, rest = text.partition(":")
        operator, second, value = rest.partition(":")
        if not separator or not second:
            raise _wrong(f"filter: {text} is not field:op:value, such as project:eq:github.com/acme/web", "filter")
        values = value.split(",") if operator == "in" else value
        filters.append(_held({"field": field, "op": operator, "value": values}))
    limit = one("limit")
    if limit is not None and not re.fullmatch(r"[0-9]{1,9}", limit, re.ASCII):
        raise _wrong(f"limit: {limit} is no number", "limit")
    return _question(
        one("start"),
        one("end"),
        tuple(name for text in given.get("metric", ()) for name in text.split(",")),
        tuple(filters),
        one("aggregation") or "raw",
        tuple(name for text in given.get("group_by", ()) for name in text.split(",")),
        LIMIT if limit is None else int(limit),
        now,
        zone,
    )


def _question(
    start: Any,
    end: Any,
    metrics: tuple[str, ...],
    filters: tuple[Held, ...],
    aggregation: Any,
    group_by: tuple[str, ...],
    limit: Any,
    now: datetime,
    zone: ZoneInfo,
) -> Question:
    first = _instant("start", start, now, zone)
    last = now if end is None else _instant("end", end, now, zone)
    if first >= last:
        raise _wrong("start lies before end", "timeRange")
    for name in metrics:
        _known("metric", name, tuple(BY_NAME))
    _known("aggregation", aggregation, AGGREGATIONS)
    for tag in group_by:
        _known("tag", tag, TAGS)
    if group_by and aggregation == "raw":
        raise _wrong("groupBy needs an aggregation: raw values carry all their tags", "groupBy")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LARGEST_LIMIT:
        raise _wrong(f"limit is a number from 1 to {LARGEST_LIMIT}", "limit")
    names = tuple(dict.fromkeys(metrics)) or tuple(BY_NAME)
    return Question(first, last, names, filters, aggregation, tuple(dict.fromkeys(group_by)), limit)


def _instant(name: str, given: Any, now: datetime, zone: ZoneInfo) -> datetime:
    moment = read_moment(given) if isinstance(given, str) else None
    if moment is None:
        raise _wrong(f"{name}: {given!r} is no time; write 24h, 7d, today or 2026-11-01T12:00:00Z", "timeRange")
    return begins(moment, now, zone).astimezone(UTC)


def _held(given: Any) -> Held:
    if not isinstance(given, dict) or set(given) != {"field", "op", "value"}:
        raise _wrong("a filter is an object {field, op, value}", "filters")
    field, operator, value = given["field"], given["op"], given["value"]
    _known("filter field", field, TAGS)
    _known("operator", operator, tuple(OPERATORS))
    if operator == "in":
        return Held(field, operator, _texts("value", value))
    if not isinstance(value, str):
        raise _wrong(f"the value of {field} {operator} is a text", "filters")
    return Held(field, operator, value)


def _texts(name: str, given: Any) -> tuple[str, ...]:
    values = [] if given is None else given
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values) or len(values) > MOST_VALUES:
        raise _wrong(f"{name} is an array of at most {MOST_VALUES} texts", name)
    return tuple(values)


def _known(what: str, name: Any, known: Sequence[str]) -> None:
    if isinstance(name, str) and name in known:
        return
    meant = nearest(name, list(known)) if isinstance(name, str) else None
    hint = f"did you mean {meant}?" if meant else f"one of {', '.join(known)}"
    raise _wrong(f"unknown {what} {name!r}; {hint}", what)


def _wrong(sentence: str, code: str) -> Problem:
    return Problem(422, sentence, code)
