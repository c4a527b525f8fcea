"""Attributes of a point, record or span as parts of a row.

Owns the cache from encoded attributes to finished parts: an attribute that repeats (session, user, model) is decoded,
judged and cast once. A row is a template updated with the parts; parts that are no typed column carry a mark in
front of their key and are settled afterwards. Refuses to remember long or unique values, and forgets everything when
full, so that memory is bounded whatever is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from engine.agents.declaration import Agent
from engine.ingest import anyvalue, privacy
from engine.ingest.payloads import Signal
from engine.ingest.privacy import Fate

Part = tuple[str, Any]
Row = dict[str, Any]

IGNORED: Part = ("", None)
KEPT_MARK, DROPPED_MARK, FALLBACK_MARK = "=", "-", "?"

ENTRY_LIMIT = 16_384
ENTRY_BYTES = 200
"""Longest encoded attribute that is remembered."""
NAME_LIMIT = 4_096


class AttributeReader(dict[bytes, Part]):
    """Encoded attribute → part of a row, for one agent and signal. `reader[encoded]` always answers.

    Damaged bytes raise protobuf's DecodeError.
    """

    def __init__(self, agent: Agent, signal: Signal) -> None:
        super().__init__()
        self.agent = agent
        self.signal = signal
        self.typed = privacy.fields(agent, signal)
        self._plans: dict[bytes, tuple[Part | None, Callable[[bytes, Any], Part], bool]] = {}

    def __missing__(self, encoded: bytes) -> Part:
        end = anyvalue.name_end(encoded)
        value: Any = None
        if end:
            name = encoded[2:end]
        else:
            name, value = anyvalue.key_value(encoded)
        plan = self._plans.get(name)
        if plan is None:
            plan = self._plan(name)
        constant, make, remember = plan
        if constant is not None:
            return constant
        if end:
            value = anyvalue.short_value(encoded, end)
        part = make(name, value)
        if remember and len(encoded) <= ENTRY_BYTES:
            if len(self) >= ENTRY_LIMIT:
                self.clear()
            self[encoded] = part
        return part

    def _plan(self, name: bytes) -> tuple[Part | None, Callable[[bytes, Any], Part], bool]:
        """What to do with a name: a part whatever the value, or how to make one, and whether to remember it."""
        readable = anyvalue.text(name)
        verdict = privacy.verdict(self.agent, self.signal, self.typed, readable)
        column, cast = verdict.column, verdict.cast
        dropped: Part = (DROPPED_MARK + readable, None)
        constant: Part | None = None
        remember = not verdict.unique

        def to_column(_name: bytes, value: Any) -> Part:
            return column, cast(value)

        def to_attribute(_name: bytes, value: Any) -> Part:
            if not privacy.is_storable(value):
                return dropped
            return KEPT_MARK + readable, f"{anyvalue.to_json(readable)}:{anyvalue.to_json(value)}"

        def to_content(_name: bytes, value: Any) -> Part:
            return DROPPED_MARK + readable, value

        make = to_column
        match verdict.fate:
            case Fate.FALLBACK:
                column = FALLBACK_MARK + column
            case Fate.KEEP:
                make = to_attribute
            case Fate.EXAMINE:
                make, remember = to_content, False
            case Fate.REDUNDANT:
                constant = IGNORED
            case Fate.DROP:
                constant = dropped
        plan = (constant, make, remember)
        if len(self._plans) >= NAME_LIMIT:
            self._plans.clear()
        self._plans[name] = plan
        return plan

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
                content[key[1:]] = value
        elif row[key[1:]] is None:
            row[key[1:]] = value
    if fragments:
        row["attributes"] = "{" + ",".join(fragments) + "}"
    return content
