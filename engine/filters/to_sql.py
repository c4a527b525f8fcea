"""A filter's tree to a condition on a view.

Owns the meaning of every kind of value as SQL, and refuses user text in it: what the user wrote travels only as a named
parameter, the SQL around it comes from the view's own declaration. A field that the view does not answer is an
error that names those it has, so that no filter is silently ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal

from engine.filters.errors import FilterError
from engine.filters.fields import BY_NAME
from engine.filters.parse import Duration, Filter, Known, Number, Term, Text, Time, Value
from engine.filters.times import Moment, begins, ends

Parameter = str | Decimal | datetime | date


@dataclass(frozen=True, slots=True)
class Target:
    """Where a view answers a field: `expressions` are SQL of the view's author, and any of them may match.

    `around` wraps the whole condition at its `{}`: a list's elements, or a semi-join. `by_day`: the column holds dates
    of the report time zone, and a moment means the day it falls on. `also`: further places, of which any may match;
    whether anything is known at all, the expressions here decide alone.
    """

    expressions: tuple[str, ...]
    around: str = "{}"
    by_day: bool = False
    also: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL without user text, and the parameters it names (`$f1`, `$f2` …)."""

    sql: str
    parameters: Mapping[str, Parameter]


@dataclass(frozen=True, slots=True)
class Range:
    """The time that a filter spans, in UTC: since is included, until is not; None is open."""

    since: datetime | None
    until: datetime | None


def time_range(filter: Filter, now: datetime, zone: tzinfo) -> Range:
    """The narrowest range that all `since:` and `until:` terms leave."""
    starts = [begins(m, now, zone) for m in _moments(filter, "since")]
    stops = [ends(m, now, zone) for m in _moments(filter, "until")]
    return Range(max(starts, default=None), min(stops, default=None))


def compile_filter(
    filter: Filter,
    targets: Mapping[str, Target],
    words: Target,
    *,
    view: str,
    now: datetime,
    zone: tzinfo,
    prefix: str = "f",
) -> Condition:
    """The condition that rows of `view` must meet.

    `targets` says by canonical field name where the view answers it, `words` which columns a free word searches.
    An empty filter gives `true`. Raises FilterError, at the term, for a field that the view lacks.
    """
    compiler = _Compiler(now, zone, prefix)
    parts: list[str] = []
    for term in filter.terms:
        target = words if term.field is None else targets.get(term.field)
        if target is None:
            had = ", ".join(sorted(targets))
            raise FilterError(
                f"{view} has no field {term.field}", filter.text, term.column, term.length, f"it has {had}"
            )
        parts.append(compiler.term(term, target))
    return Condition(" and ".join(parts) or "true", compiler.parameters)


class _Compiler:
    """Collects parameters while conditions are written."""

    def __init__(self, now: datetime, zone: tzinfo, prefix: str) -> None:
        self.now = now
        self.zone = zone
        self.prefix = prefix
        self.parameters: dict[str, Parameter] = {}

    def add(self, value: Parameter) -> str:
        name = f"{self.prefix}{len(self.parameters) + 1}"
        self.parameters[name] = value
        return f"${name}"

    def term(self, term: Term, target: Target) -> str:
        condition = self.place(term, target)
        if target.also:
            condition = " or ".join([condition, *(self.place(term, more, further=True) for more in target.also)])
        # An unknown value is not what was asked for, and so is not left out by a negation either.
        return f"not coalesce(({condition}), false)" if term.negated else f"({condition})"

    def place(self, term: Term, target: Target, *, further: bool = False) -> str:
        alternatives = [
            self.value(term, value, expression, target.by_day)
            for value in term.values
            for expression in target.expressions
        ]
        if not further and any(_means_nothing(term, value) for value in term.values):
            # Nothing is known only where no column knows anything.
            alternatives.append("(" + " and ".join(f"{expression} is null" for expression in target.expressions) + ")")
        return target.around.replace("{}", f"({' or '.join(alternatives) or 'false'})")

    def value(self, term: Term, value: Value, expression: str, by_day: bool) -> str:
        match value:
            case Known(present):
                return f"{expression} is not null" if present else "false"
            case Number(number) | Duration(number):
                compared = "=" if term.operator == ":" else term.operator
                return f"{expression} {compared} cast({self.add(number)} as decimal(38, 12))"
            case Time(_):
                return self.time(term, value, expression, by_day)
            case Text(pieces):
                return self.text(term, pieces, expression)

    def time(self, term: Term, value: Time, expression: str, by_day: bool) -> str:
        since = term.field == "since"
        instant = (begins if since else ends)(value.moment, self.now, self.zone)
        if not by_day:
            return f"{expression} {'>=' if since else '<'} cast({self.add(instant)} as timestamptz)"
        day = (instant if since else instant - timedelta(microseconds=1)).astimezone(self.zone).date()
        return f"{expression} {'>=' if since else '<='} cast({self.add(day)} as date)"

    def text(self, term: Term, pieces: tuple[str, ...], expression: str) -> str:
        asked = BY_NAME[term.field] if term.field is not None else None
        if asked is None:
            pieces = ("", *pieces, "")
        elif asked.prefix:
            pieces = (*pieces, "")
        if len(pieces) > 1:
            return f"{expression} ilike {self.add('%'.join(map(_escape, pieces)))} escape '\\'"
        word = pieces[0]
        condition = f"lower({expression}) = lower({self.add(word)})"
        if asked is not None and (synonym := asked.synonyms.get(word.lower())):
            condition += f" or lower({expression}) = lower({self.add(synonym)})"
        return condition


def _means_nothing(term: Term, value: Value) -> bool:
    """`none` asks for the unknown; in a choice it is a word like the others."""
    if isinstance(value, Known):
        return not value.present
    asks_text = term.field is not None and BY_NAME[term.field].kind == "text"
    return asks_text and isinstance(value, Text) and value.pieces in (("none",), ("None",), ("NONE",))


def _escape(piece: str) -> str:
    """Literal text inside a LIKE pattern."""
    return piece.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _moments(filter: Filter, field: str) -> list[Moment]:
    terms = [term for term in filter.terms if term.field == field]
    return [value.moment for term in terms for value in term.values if isinstance(value, Time)]
