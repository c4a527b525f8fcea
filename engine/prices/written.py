"""Writing prices.yaml: what is imported joins what is there.

Owns the text of entries and their place in the file: entries of the same model, provider, speed, date and tier are
replaced, all others and every comment outside of a replaced entry stay as they were. Refuses to write a file that it
could not read back with exactly these prices.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from engine.errors import StorageError
from engine.prices import overrides
from engine.prices.book import BEGINNING, STANDARD, Price
from engine.prices.overrides import key_of

Named = tuple[str, Price]


@dataclass(frozen=True, slots=True)
class Joined:
    """The file's new text, and how many prices are new in it, replaced and as before."""

    text: str
    added: int
    replaced: int
    same: int


def join(path: Path, imported: Sequence[Named]) -> Joined:
    """What `prices.yaml` at `path` would say with these prices. Raises ConfigurationError for a wrong file there."""
    mine = overrides.load(path)
    before = dict(zip(map(key_of, mine.prices), zip(mine.names, mine.prices, strict=True), strict=True))
    after = {key_of(price): (name, price) for name, price in imported}
    changed = {key: named for key, named in after.items() if key in before and before[key][1] != named[1]}
    added = {key: named for key, named in after.items() if key not in before}
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    fresh = [*changed.values(), *added.values()]
    numbers = [number for number, price in enumerate(mine.prices) if key_of(price) in changed]
    joined = _spliced(text, numbers, fresh) if fresh else text
    expected = {key: price for key, (_, price) in {**before, **changed, **added}.items()}
    if _read_back(path, joined) != expected:
        joined = "prices:\n" + "".join(render(name, price) for name, price in {**before, **changed, **added}.values())
        if _read_back(path, joined) != expected:
            raise StorageError(f"{path} cannot be written so that it would be read back the same")
    return Joined(joined, len(added), len(changed), len(after) - len(added) - len(changed))


def write(path: Path, text: str) -> None:
    """Put the text in place, whole or not at all. Raises StorageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, partial = tempfile.mkstemp(dir=path.parent, prefix=".prices-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def render(name: str, price: Price, indent: str = "  ") -> str:
    """One entry as YAML."""
    lines = [f"model: {_text(name)}", f"provider: {_text(price.provider)}"]
    if price.speed != STANDARD:
        lines.append(f"speed: {price.speed}")
    if price.valid_from != BEGINNING:
        lines.append(f"from: {_moment(price.valid_from)}")
    if price.valid_to is not None:
        lines.append(f"until: {_moment(price.valid_to)}")
    if price.tier_above:
        lines.append(f"above: {price.tier_above}")
    amounts: Mapping[str, Decimal | None] = dict(zip(overrides.AMOUNTS, price.amounts(), strict=False))
    lines += [f"{key}: {amount.normalize():f}" for key, amount in amounts.items() if amount is not None]
    return f"{indent}- {lines[0]}\n" + "".join(f"{indent}  {line}\n" for line in lines[1:])


def _spliced(text: str, replaced: Sequence[int], fresh: Sequence[Named]) -> str:
    """The text without the entries `replaced` and with the fresh ones at its end."""
    import yaml

    root = yaml.compose(text, Loader=yaml.SafeLoader)
    items = root.value[0][1] if isinstance(root, yaml.MappingNode) and root.value else None
    if not isinstance(items, yaml.SequenceNode) or items.flow_style or not items.value:
        head = "" if items is not None or not text.strip() else text.rstrip("\n") + "\n"
        return head + "prices:\n" + "".join(render(*named) for named in fresh)
    lines = text.splitlines(keepends=True)
    indent = " " * (items.value[0].start_mark.column - 2)
    for number in reversed(replaced):
        node = items.value[number]
        # The mark of the end lies behind blank lines and comments: those belong to what follows.
        last = max(mark.end_mark.line for pair in node.value for mark in pair)
        del lines[node.start_mark.line : last + 1]
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return "".join(lines) + "".join(render(name, price, indent) for name, price in fresh)


def _read_back(path: Path, text: str) -> dict[overrides.Key, Price] | None:
    """The prices that this text would mean; None when it would be refused."""
    from engine.errors import ConfigurationError

    with tempfile.TemporaryDirectory() as folder:
        tried = Path(folder) / path.name
        tried.write_text(text, encoding="utf-8")
        try:
            return {key_of(price): price for price in overrides.load(tried).prices}
        except ConfigurationError:
            return None


def _moment(moment: datetime) -> str:
    return moment.date().isoformat() if moment.time() == BEGINNING.time() else moment.isoformat()


def _text(value: str) -> str:
    """As it is where YAML reads it as text, else quoted."""
    import yaml

    plain = value.isprintable() and value == value.strip() and yaml.safe_load(f"- {value}") == [value]
    return value if plain and "#" not in value and ": " not in value else json.dumps(value)
