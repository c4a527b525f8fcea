"""Attributes of a point, record or span as parts of a row.

Owns the cache from encoded attributes to finished parts: an attribute that repeats (session, user, model) is decoded,
judged and cast once. A row is a template updated with the parts; parts that are no typed column carry a mark in
front of their key and are settled afterwards. Refuses to remember long or unique values, and forgets everything when
full, so that memory is bounded whatever is sent.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from engine.agents.declaration import Agent, Cast
from engine.ingest import anyvalue, privacy
from engine.ingest.payloads import Signal
from engine.ingest.privacy import Fate

Part = tuple[str, Any]
"""A column and its value; or, with a mark: kept, JSON text of name and value; dropped, None, or when examined a tuple
of the value; fallback, the column and a tuple of its value."""
Row = dict[str, Any]

IGNORED: Part = ("", None)
KEPT_MARK, DROPPED_MARK, FALLBACK_MARK = "=", "-", "?"

_double = struct.Struct("<d").unpack_from

PLACEHOLDERS = (b"<REDACTED>", b"[REDACTED]")
ENTRY_LIMIT = 16_384
ENTRY_BYTES = 200
"""Longest encoded attribute that is remembered."""
NAME_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with an attribute of one name.

    `constant`: the part, whatever the value. Else `key` and `cast` make a part, or `make` does. `remember`: the part
    is worth keeping.
    """

    constant: Part | None = None
    key: str = ""
    cast: Cast | None = None
    make: Callable[[Any], Part] | None = None
    remember: bool = False

    def part(self, value: Any) -> Part:
        """The part for a decoded value."""
        if self.constant is not None:
            return self.constant
        if self.make is not None:
            return self.make(value)
        return self.key, None if self.cast is None else self.cast(value)


class AttributeReader(dict[bytes, Part]):
    """Encoded attribute → part of a row, for one agent and signal. `reader[encoded]` always answers.

    Damaged bytes raise protobuf's DecodeError.
    """

    def __init__(self, agent: Agent, signal: Signal) -> None:
        super().__init__()
        self.agent = agent
        self.signal = signal
        self.typed = privacy.fields(agent, signal)
        self._plans: dict[bytes, Plan] = {}

    def __missing__(self, encoded: bytes) -> Part:
        """Decode by hand what is in the usual short form, because this is where most of the time goes.

        Usual: 0x0A, length and name (together the key of a plan), 0x12, length, then the value's tag: 0x0A with its
        length for text, 0x18 for an integer, 0x21 for a double; one-byte lengths that fit exactly.
        """
        try:
            end = encoded[1] + 2
            plan = self._plans.get(encoded[:end])
            if plan is None:
                return self._unusual(encoded)
            constant = plan.constant
            if constant is not None:
                if constant is not IGNORED and encoded.endswith(PLACEHOLDERS) and len(encoded) <= ENTRY_BYTES:
                    # The agent itself left the content out: there was nothing to drop.
                    self._keep(encoded, IGNORED)
                    return IGNORED
                return constant
            size = len(encoded)
            tag = encoded[end + 2]
            if encoded[end] != 0x12 or encoded[end + 1] + end + 2 != size:
                return self._unusual(encoded)
            value: Any
            if tag == 0x0A and encoded[end + 3] + end + 4 == size:
                try:
                    value = encoded[end + 4 :].decode()
                except UnicodeDecodeError:
                    value = anyvalue.text(encoded[end + 4 :])
            elif tag == 0x18 and encoded[-1] < 0x80 and size - end < 7:
                value = encoded[end + 3] & 0x7F
                if size - end > 4:
                    value |= (encoded[end + 4] & 0x7F) << 7
                    if size - end > 5:
                        value |= encoded[end + 5] << 14
            elif tag == 0x21 and size == end + 11:
                value = _double(encoded, end + 3)[0]
            else:
                return self._unusual(encoded)
        except IndexError:
            return self._unusual(encoded)
        cast = plan.cast
        part = plan.part(value) if cast is None else (plan.key, cast(value))
        if plan.remember:
            self._keep(encoded, part)
        return part

    def _unusual(self, encoded: bytes) -> Part:
        """Any other form, by protobuf; and the first attribute of a name."""
        name, value = anyvalue.key_value(encoded)
        plan = self._plan(anyvalue.text(name))
        if len(name) < 0x80:
            if len(self._plans) >= NAME_LIMIT:
                self._plans.clear()
            self._plans[bytes((0x0A, len(name))) + name] = plan
        part = plan.part(value)
        if plan.remember and len(encoded) <= ENTRY_BYTES:
            self._keep(encoded, part)
        return part

    def _keep(self, encoded: bytes, part: Part) -> None:
        if len(self) >= ENTRY_LIMIT:
            self.clear()
        self[encoded] = part

    def _plan(self, name: str) -> Plan:
        verdict = privacy.verdict(self.agent, self.signal, self.typed, name)
        dropped: Part = (DROPPED_MARK + name, None)
        match verdict.fate:
            case Fate.COLUMN:
                return Plan(key=verdict.column, cast=verdict.cast, remember=not verdict.unique)
            case Fate.FALLBACK:
                column, cast = FALLBACK_MARK + verdict.column, verdict.cast
                return Plan(make=lambda value: (column, (cast(value),)), remember=not verdict.unique)
            case Fate.EXAMINE:
                return Plan(make=lambda value: (DROPPED_MARK + name, (value,)))
            case Fate.REDUNDANT:
                return Plan(constant=IGNORED)
            case Fate.DROP:
                return Plan(constant=dropped)
            case Fate.KEEP:
                key, quoted = KEPT_MARK + name, anyvalue.to_json(name)

                def kept(value: Any) -> Part:
                    if type(value) is int:
                        return key, f"{quoted}:{value}"
                    if not privacy.is_storable(value):
                        return dropped
                    return key, f"{quoted}:{anyvalue.to_json(value)}"

                return Plan(make=kept, remember=True)

    def everything(self, encoded: Iterable[bytes], body: bytes = b"") -> str | None:
        """All attributes that are no typed column, and the body, as JSON: for workspaces that opted in."""
        found: dict[str, Any] = {}
        for item in encoded:
            name, value = anyvalue.key_value(item)
            readable = anyvalue.text(name)
            if readable not in self.typed:
                found[readable] = value
        if body:
            found["body"] = anyvalue.any_value(body)
        return anyvalue.to_json(found) if found else None


def settle(row: Row, width: int, drops: dict[str, int]) -> Row | None:
    """Move what follows the first `width` keys to where it belongs.

    Kept attributes become the JSON text of `attributes`, fallbacks fill empty columns, dropped names (with their
    mark) are counted in `drops`. Gives the examined content by name, or None when there is none.
    """
    beyond = list(islice(reversed(row.values()), len(row) - width))
    try:
        # Nearly always all of them are kept: their values, and no others, are text.
        row["attributes"] = "{" + ",".join(beyond) + "}"
    except TypeError:
        return _settle_each(row, width, drops)
    return None


def _settle_each(row: Row, width: int, drops: dict[str, int]) -> Row | None:
    fragments: list[str] = []
    content: Row | None = None
    for key, value in islice(row.items(), width, None):
        mark = key[0]
        if mark == KEPT_MARK:
            fragments.append(value)
        elif mark == DROPPED_MARK:
            drops[key] = drops.get(key, 0) + 1
            if value is not None:
                content = content or {}
                content[key[1:]] = value[0]
        elif row[key[1:]] is None:
            row[key[1:]] = value[0]
    if fragments:
        row["attributes"] = "{" + ",".join(reversed(fragments)) + "}"
    return content


def transposed(columns: tuple[str, ...], rows: list[Row]) -> dict[str, list[Any]]:
    """Rows as columns. All rows are copies of templates, so their first keys are `columns`, in this order."""
    values = zip(*(row.values() for row in rows), strict=False)
    return dict(zip(columns, map(list, values), strict=False))
