"""A request for a view, read and checked.

Owns the parameters (filter, since, until, sort, limit, cursor, format, by) and what is wrong with them. Refuses SQL and
data: statements.py writes the one, answers.py brings the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.access.problems import Problem
from engine.api.order import Key, read_sort
from engine.api.views import VIEWS, View
from engine.filters.errors import nearest
from engine.filters.parse import Filter, Term, Time, parse, render
from engine.filters.times import read_moment

LIMIT = 100
LARGEST_LIMIT = 1_000
PARAMETERS = ("filter", "since", "until", "sort", "limit", "cursor", "format", "by")
FORMATS = ("json", "csv", "arrow")


@dataclass(frozen=True, slots=True)
class Query:
    """A request for a view, read and checked. `filter` holds the parameters since and until as well."""

    view: View
    filter: Filter
    order: tuple[Key, ...]
    limit: int | None
    cursor: str | None = None
    by: str | None = None
    format: str = "json"

    @property
    def fingerprint(self) -> str:
        """Equal for all pages of the same rows in the same order."""
        order = ",".join(f"{key.column}{'-' if key.descending else ''}" for key in self.order)
        said = "\n".join((self.view.name, self.by or "", render(self.filter), order))
        return hashlib.blake2b(said.encode(), digest_size=6).hexdigest()


def read_query(name: str, parameters: Sequence[tuple[str, str]]) -> Query:
    """The query that a request asks. Raises FilterError, and Problem 404 or 422."""
    view = VIEWS.get(name)
    if view is None:
        meant = nearest(name, list(VIEWS))
        hint = f"did you mean {meant}?" if meant else f"one of {', '.join(VIEWS)}"
        raise Problem(404, f"there is no view {name}; {hint}", "not_found")
    given: dict[str, str] = {}
    for key, value in parameters:
        if key not in PARAMETERS or (key == "by" and not view.groups):
            meant = nearest(key, list(PARAMETERS))
            hint = f"; did you mean {meant}?" if meant and meant != key else ""
            raise Problem(422, f"unknown parameter {key}{hint}", "parameter")
        if key in given:
            raise Problem(422, f"{key} is given twice", "parameter")
        given[key] = value
    filter = parse(given.get("filter", ""))
    terms = [*filter.terms, *(_moment(name, given[name]) for name in ("since", "until") if given.get(name))]
    by = given.get("by") or (view.groups[0] if view.groups else None)
    if by is not None and by not in view.groups:
        raise Problem(422, f"by: {by} is none of {', '.join(view.groups)}", "parameter")
    chosen = given.get("format") or "json"
    if chosen not in FORMATS:
        raise Problem(422, f"format: {chosen} is none of {', '.join(FORMATS)}", "parameter")
    sort = given.get("sort") or ("-key" if by == "day" else None)
    return Query(
        view=view,
        filter=Filter(tuple(terms), filter.text),
        order=read_sort(view, sort),
        limit=_limit(given.get("limit"), chosen),
        cursor=given.get("cursor") or None,
        by=by,
        format=chosen,
    )


def _moment(name: str, text: str) -> Term:
    moment = read_moment(text)
    if moment is None:
        raise Problem(422, f"{name}: {text} is no time; write 24h, 7d, today or 2026-11-01", "parameter")
    return Term(name, ":", (Time(moment),))


def _limit(text: str | None, format: str) -> int | None:
    if not text:
        return LIMIT if format == "json" else None
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= LARGEST_LIMIT:
        raise Problem(422, f"limit: {text} is no number from 1 to {LARGEST_LIMIT}", "parameter")
    return int(text)
