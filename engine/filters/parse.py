"""Filter text to a tree, and back.

Owns the grammar: terms are joined by AND, commas are OR, `-` negates, quotes keep spaces, `*` is a wildcard. Refuses
SQL, clocks and columns (to_sql.py, times.py, views), and never guesses: what is not understood is a FilterError that
points at it. A filter's text is what people save and share, so `render` gives text that parses to the same tree.

    filter = [ term { space term } ]
    term   = [ "-" ] ( field operator values | values )
    values = value { "," value }
    value  = bare | '"' characters '"'          inside quotes: \\" \\\\ and \\* stand for themselves
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from decimal import Decimal

from engine.filters.errors import FilterError, nearest
from engine.filters.fields import BY_NAME, Field, names
from engine.filters.times import SECONDS, Moment, read_moment, write_moment

LONGEST = 2_000
"""Characters of one filter. A saved filter has tens; more is an accident or an attack."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text to match: the literal pieces between wildcards, so one piece means no wildcard."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A number, at most 24 digits before and 12 behind the point."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time in seconds."""

    seconds: Decimal


@dataclass(frozen=True, slots=True)
class Time:
    """A point in time, not yet resolved against a clock."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class Known:
    """`*`: any value at all (True), or `none`: no value (False)."""

    present: bool


Value = Text | Number | Duration | Time | Known


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: a field compared with any of `values`; without a field, any of the words in any text column.

    `column` (1-based) and `length` say where it stands; they are no part of its meaning.
    """

    field: str | None
    operator: str
    values: tuple[Value, ...]
    negated: bool = False
    column: int = dataclasses.field(default=1, compare=False)
    length: int = dataclasses.field(default=1, compare=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole filter: every term must hold. `text` is what was typed, for messages only."""

    terms: tuple[Term, ...] = ()
    text: str = dataclasses.field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class _Raw:
    """One value as it stands in the text: pieces between wildcards, and where."""

    pieces: tuple[str, ...]
    at: int
    end: int

    @property
    def text(self) -> str:
        return "*".join(self.pieces)


_FIELD = re.compile(r"([^\W\d][\w.]*)(>=|<=|:|>|<)")
_OTHER_OPERATOR = re.compile(r"([^\W\d][\w.]*)(==|!=|=|~)")
_NUMBER = re.compile(r"\$?([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(?:e([+-]?[0-9]{1,2}))?([kmgbt]?)", re.ASCII)
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w))+", re.ASCII)
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)", re.ASCII)
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?", re.ASCII)
_POWERS = {"": 0, "k": 3, "m": 6, "g": 9, "b": 9, "t": 12}
_UNREADABLE = re.compile("[\x00\ud800-\udfff]")
_NEEDS_QUOTES = re.compile(r'[\s",\\]')


def parse(text: str) -> Filter:
    """The tree of a filter text; empty text gives an empty filter. Raises FilterError and nothing else."""
    if len(text) > LONGEST:
        raise FilterError(f"a filter has at most {LONGEST} characters", text, LONGEST + 1)
    if unreadable := _UNREADABLE.search(text):
        raise FilterError("a character that is no text", text, unreadable.start() + 1)
    terms: list[Term] = []
    at = 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at == len(text):
            return Filter(tuple(terms), text)
        term, at = _term(text, at)
        terms.append(term)


def _term(text: str, start: int) -> tuple[Term, int]:
    at = start
    negated = text[at] == "-"
    if negated:
        at += 1
        if at == len(text) or text[at].isspace():
            raise FilterError("nothing follows the minus sign", text, start + 1, hint="-dev:bot leaves bot out")
    found = _FIELD.match(text, at)
    if found is None:
        _refuse_other_operator(text, at)
        raws, end = _values(text, at)
        words = tuple(Text(raw.pieces) for raw in raws)
        return Term(None, ":", words, negated, start + 1, end - start), end
    name, operator = found[1], found[2]
    asked = BY_NAME.get(name.lower())
    if asked is None:
        raise _unknown_field(text, name, at)
    if operator not in asked.operators:
        raise FilterError(
            f"{name} takes no {operator}", text, found.start(2) + 1, len(operator), f"write {asked.example}"
        )
    if negated and asked.kind == "time":
        hint = f"use {'until' if asked.name == 'since' else 'since'} for the other side"
        raise FilterError(f"{name} cannot be negated", text, start + 1, hint=hint)
    raws, end = _values(text, found.end(), asked)
    if asked.kind == "time" and len(raws) > 1:
        raise FilterError(f"{name} takes one moment", text, raws[1].at + 1, raws[1].end - raws[1].at)
    values = tuple(_value(text, asked, operator, raw) for raw in raws)
    return Term(asked.name, operator, values, negated, start + 1, end - start), end


def _unknown_field(text: str, name: str, at: int) -> FilterError:
    meant = nearest(name, names())
    hint = f"did you mean {meant}?" if meant else f"quote it to search for text, or use one of {', '.join(names())}"
    return FilterError(f"unknown field {name}", text, at + 1, len(name), hint)


def _refuse_other_operator(text: str, at: int) -> None:
    """`cost=5` would silently search for that text; say what to write instead."""
    found = _OTHER_OPERATOR.match(text, at)
    if found is not None and found[1].lower() in BY_NAME:
        instead = f"write -{found[1]}:" if found[2] == "!=" else f"write {found[1]}:"
        raise FilterError(f"{found[2]} is no operator", text, found.start(2) + 1, len(found[2]), instead)


def _values(text: str, at: int, asked: Field | None = None) -> tuple[list[_Raw], int]:
    """The values that begin at `at`, and where they end."""
    raws: list[_Raw] = []
    while True:
        raw = _quoted(text, at) if text[at : at + 1] == '"' else _bare(text, at)
        if raw.pieces == ("",):
            hint = f"write {asked.example}" if asked is not None else None
            raise FilterError("a value is missing", text, at + 1, hint=hint)
        raws.append(raw)
        at = raw.end
        if text[at : at + 1] != ",":
            break
        at += 1
    if at < len(text) and not text[at].isspace():
        raise FilterError("a space or a comma is missing", text, at + 1, hint="quote the whole value")
    return raws, at


def _bare(text: str, start: int) -> _Raw:
    end = start
    while end < len(text) and text[end] != "," and not text[end].isspace():
        if text[end] == '"':
            raise FilterError("a quote inside a word", text, end + 1, hint="quote the whole value")
        end += 1
    return _Raw(_collapse(text[start:end].split("*")), start, end)


def _quoted(text: str, start: int) -> _Raw:
    pieces = [""]
    at = start + 1
    while at < len(text):
        character = text[at]
        if character == '"':
            return _Raw(_collapse(pieces), start, at + 1)
        if character == "\\" and text[at + 1 : at + 2] in ('"', "\\", "*"):
            pieces[-1] += text[at + 1]
            at += 2
            continue
        if character == "*":
            pieces.append("")
        else:
            pieces[-1] += character
        at += 1
    raise FilterError("a quote is not closed", text, start + 1, len(text) - start, 'end it with "')


def _collapse(pieces: list[str]) -> tuple[str, ...]:
    """Two wildcards in a row mean one."""
    if len(pieces) == 1:
        return (pieces[0],)
    return (pieces[0], *(piece for piece in pieces[1:-1] if piece), pieces[-1])


def _value(text: str, asked: Field, operator: str, raw: _Raw) -> Value:
    """The value in the field's kind."""

    def wrong(sentence: str, hint: str | None = None) -> FilterError:
        return FilterError(sentence, text, raw.at + 1, raw.end - raw.at, hint or f"write {asked.example}")

    word = raw.text.lower()
    if asked.kind == "time":
        moment = read_moment(raw.text)
        if moment is None:
            raise wrong(f"{raw.text} is no time", "write 24h, 7d, today or 2026-11-01")
        return Time(moment)
    if raw.pieces == ("", ""):
        if operator != ":":
            raise wrong(f"{asked.name} cannot be compared with *")
        return Known(True)
    match asked.kind:
        case "text":
            return Text(raw.pieces)
        case "choice":
            choice = asked.synonyms.get(word, word)
            if choice not in asked.choices:
                meant = nearest(word, [*asked.choices, *asked.synonyms])
                hint = f"did you mean {meant}?" if meant else None
                raise wrong(f"{asked.name} is one of {', '.join(asked.choices)}", hint)
            return Text((choice,))
        case "number" | "duration":
            if word == "none":
                if operator != ":":
                    raise wrong(f"{asked.name} cannot be compared with none", f"write {asked.name}:none")
                return Known(False)
            if asked.kind == "number":
                number = read_number(word)
                if number is None:
                    raise wrong(f"{raw.text} is no number", "write 5, $5, 1.5M or 2e6")
                return Number(number)
            seconds = read_duration(word)
            if seconds is None:
                raise wrong(f"{raw.text} is no duration", "write 90s, 10m, 2h or 1h30m")
            return Duration(seconds)


def read_number(text: str) -> Decimal | None:
    """`5`, `$5`, `1.5M`, `2e6`: the number, or None when it is none or beyond 24 digits."""
    found = _NUMBER.fullmatch(text.lower())
    if found is None or len(found[1]) > 40:
        return None
    return _bounded(Decimal(f"{found[1]}e{int(found[2] or 0) + _POWERS[found[3]]}"))


def read_duration(text: str) -> Decimal | None:
    """`10m`, `1h30m`, `250ms` or bare seconds: seconds, or None when it is no duration."""
    word = text.lower()
    if len(word) > 40:
        return None
    if _SECONDS.fullmatch(word):
        return _bounded(Decimal(word))
    if _DURATION.fullmatch(word) is None:
        return None
    total = sum((Decimal(amount) * Decimal(SECONDS[unit]) for amount, unit in _DURATION_PART.findall(word)), Decimal(0))
    return _bounded(total)


def _bounded(value: Decimal) -> Decimal | None:
    """Plain notation within DECIMAL(38, 12), or None: no comparison in the database may overflow or round."""
    if abs(value) >= Decimal(10) ** 24:
        return None
    rounded = Decimal(f"{value:.12f}")
    return rounded.normalize() + 0 if rounded == value and len(rounded.normalize().as_tuple().digits) <= 28 else None


def render(filter: Filter) -> str:
    """The canonical text of a filter: `parse(render(f)) == f`."""
    return " ".join(_render_term(term) for term in filter.terms)


def _render_term(term: Term) -> str:
    values = ",".join(_render_value(value, free=term.field is None) for value in term.values)
    head = "" if term.field is None else f"{term.field}{term.operator}"
    return f"{'-' if term.negated else ''}{head}{values}"


def _render_value(value: Value, *, free: bool) -> str:
    match value:
        case Known(present):
            return "*" if present else "none"
        case Number(number):
            return f"{number:f}"
        case Duration(seconds):
            return f"{seconds:f}s"
        case Time(moment):
            return write_moment(moment)
        case Text(pieces):
            return _render_text(pieces, free=free)


def _render_text(pieces: tuple[str, ...], *, free: bool) -> str:
    """Quoted when it must be. A free word is quoted also where it would read as a minus sign or as a field."""
    bare = "*".join(pieces)
    plain = not any(_NEEDS_QUOTES.search(piece) or "*" in piece for piece in pieces)
    if plain and not (free and (bare.startswith("-") or _FIELD.match(bare) or _OTHER_OPERATOR.match(bare))):
        return bare
    escaped = (piece.replace("\\", "\\\\").replace('"', '\\"').replace("*", "\\*") for piece in pieces)
    return f'"{"*".join(escaped)}"'
