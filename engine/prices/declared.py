"""Lists that people declare in YAML: one key, under it a list of entries.

Owns reading such a file with the line of everything in it, and the messages for a wrong form. Refuses the meaning of
the entries: prices and plans know their own keys.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its values by key, and where each stands (`file:line`)."""

    values: Mapping[str, Any]
    where: str
    lines: Mapping[str, str]

    def at(self, key: str) -> str:
        """Where a key stands; an absent one where its entry begins."""
        return self.lines.get(key, self.where)


@dataclass(frozen=True, slots=True)
class Declared:
    """The entries of a file, and a mark that changes with its content."""

    entries: tuple[Entry, ...]
    mark: str


def read(path: Path, root_key: str, keys: Sequence[str], as_text: Sequence[str] = ()) -> Declared:
    """The entries under `root_key`; an empty file has none. Values of the keys `as_text` stay text.

    Raises ConfigurationError with file and line.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8 text") from None
    entries = tuple(_entries(text, path, root_key, keys, as_text))
    return Declared(entries, hashlib.blake2b(content, digest_size=6).hexdigest())


def _entries(text: str, path: Path, root_key: str, keys: Sequence[str], as_text: Sequence[str]) -> list[Entry]:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise ConfigurationError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    if root is None:
        return []
    expected = ConfigurationError(f"{path}:1: expected a list under `{root_key}:`")
    if not isinstance(root, yaml.MappingNode) or len(root.value) != 1 or root.value[0][0].value != root_key:
        raise expected
    items = root.value[0][1]
    if isinstance(items, yaml.ScalarNode) and items.tag == "tag:yaml.org,2002:null":
        return []
    if not isinstance(items, yaml.SequenceNode):
        raise expected
    return [_entry(item, path, keys, as_text) for item in items.value]


def _entry(item: Any, path: Path, keys: Sequence[str], as_text: Sequence[str]) -> Entry:
    import yaml

    where = f"{path}:{item.start_mark.line + 1}"
    if not isinstance(item, yaml.MappingNode):
        raise ConfigurationError(f"{where}: expected keys and values, such as {keys[0]}: …")
    constructor = yaml.SafeLoader("")
    values: dict[str, Any] = {}
    lines: dict[str, str] = {}
    for key, value in item.value:
        line = f"{path}:{key.start_mark.line + 1}"
        if key.value not in keys:
            near = difflib.get_close_matches(str(key.value), keys, n=1)
            hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(keys)
            raise ConfigurationError(f"{line}: unknown key {key.value}", hint=hint)
        if key.value in values:
            raise ConfigurationError(f"{line}: {key.value} stands here for the second time")
        lines[key.value] = line
        try:
            # Amounts are read as text: 0.1 must stay a tenth.
            values[key.value] = (
                value.value
                if key.value in as_text and isinstance(value, yaml.ScalarNode)
                else constructor.construct_object(value, deep=True)
            )
        except (yaml.YAMLError, ValueError) as error:
            raise ConfigurationError(f"{line}: {key.value}: {error}") from None
    return Entry(values, where, lines)


def amount(value: Any, what: str, digits: Decimal, where: str) -> Decimal:
    """A sum of money that is not negative. Raises ConfigurationError; `what` says what is expected."""
    try:
        found = Decimal(str(value))
        if not found.is_finite() or found < 0 or found >= 10**9:
            raise InvalidOperation
        return found.quantize(digits)
    except InvalidOperation:
        raise ConfigurationError(f"{where}: {what}, not {value!r}") from None


def day(value: Any, key: str, where: str) -> date | datetime | None:
    """A date or an instant, or None where nothing is said. Raises ConfigurationError."""
    if value is None or isinstance(value, date):
        return value
    raise ConfigurationError(f"{where}: {key} must be a date such as 2026-01-31, not {value!r}")
