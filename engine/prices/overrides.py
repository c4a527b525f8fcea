"""The workspace's own prices: `prices.yaml` in the data directory.

Owns the form of the file and the messages for a wrong one (file, line, what is expected). Its prices win over the book,
and they may name models that the book does not know. Refuses to change the file.

    prices:
      - model: corp-opus            # as agents report it, or a name the price book knows
        provider: corp-gateway      # optional; the book's provider for known names, else `workspace`
        speed: standard             # optional
        from: 2026-01-01            # optional, UTC; `until` is exclusive
        until: 2027-01-01
        above: 200000               # optional: for requests whose whole input is larger
        input: 4.00                 # US dollars per million tokens; what is missing is priced as input
        cache_read: 0.40
        cache_write_5m: 5.00
        cache_write_1h: 8.00
        output: 20.00
"""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from engine.errors import ConfigurationError
from engine.prices.book import BEGINNING, DIGITS, STANDARD, Price
from engine.prices.names import Model, find, plain

FILE_NAME = "prices.yaml"
AMOUNTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
KEYS = ("model", "provider", "speed", "from", "until", "above", *AMOUNTS)


@dataclass(frozen=True, slots=True)
class Overrides:
    """Own prices and the names that they give a meaning to; `source` changes with the file's content."""

    source: str
    prices: tuple[Price, ...]
    models: dict[str, Model]

    def find(self, name: str, agent_type: str | None) -> Model | None:
        """The model that a reported name means: by the workspace's own list first, then by the price book."""
        own = self.models.get(plain(name)[1])
        return own if own is not None else find(name, agent_type)


NONE = Overrides("prices.yaml none", (), {})


def load(path: Path | None) -> Overrides:
    """Read the file; a missing one is no own prices. Raises ConfigurationError."""
    if path is None or not path.exists():
        return NONE
    import yaml

    try:
        content = path.read_bytes()
        root = yaml.compose(content.decode("utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise ConfigurationError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    prices: list[Price] = []
    models: dict[str, Model] = {}
    for entry, line in _entries(root, path):
        price = _price(entry, f"{path}:{line}")
        prices.append(price)
        models[plain(str(entry["model"]))[1]] = Model(price.provider, price.model_id)
    if not prices:
        return NONE
    return Overrides(f"prices.yaml {hashlib.blake2b(content, digest_size=6).hexdigest()}", tuple(prices), models)


def _entries(root: Any, path: Path) -> list[tuple[dict[str, Any], int]]:
    import yaml

    expected = ConfigurationError(f"{path}:1: expected a list under `prices:`")
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode) or len(root.value) != 1 or root.value[0][0].value != "prices":
        raise expected
    items = root.value[0][1]
    if not isinstance(items, yaml.SequenceNode):
        raise expected
    constructor = yaml.SafeLoader("")
    found = []
    for item in items.value:
        line = item.start_mark.line + 1
        if not isinstance(item, yaml.MappingNode):
            raise ConfigurationError(f"{path}:{line}: expected keys and values of one price")
        entry = {}
        for key, value in item.value:
            if key.value not in KEYS:
                near = difflib.get_close_matches(str(key.value), KEYS, n=1)
                hint = f"did you mean {near[0]}?" if near else "known: " + ", ".join(KEYS)
                raise ConfigurationError(f"{path}:{key.start_mark.line + 1}: unknown key {key.value}", hint=hint)
            # Amounts are read as text: 0.1 must stay a tenth.
            entry[key.value] = value.value if key.value in AMOUNTS else constructor.construct_object(value, deep=True)
        found.append((entry, line))
    return found


def _price(entry: dict[str, Any], where: str) -> Price:
    name = entry.get("model")
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{where}: a price needs a model")
    if "input" not in entry or "output" not in entry:
        raise ConfigurationError(f"{where}: the price of {name} needs input and output")
    known = find(name)
    provider = entry.get("provider") or (known.provider if known else "workspace")
    model_id = known.model_id if known and provider == known.provider else plain(name)[1]
    amounts = {key: _amount(entry[key], key, where) for key in AMOUNTS if key in entry}
    above = entry.get("above", 0)
    if isinstance(above, bool) or not isinstance(above, int) or above < 0:
        raise ConfigurationError(f"{where}: above must be a number of tokens, not {above!r}")
    write = amounts.get("cache_write_5m", amounts["input"])
    return Price(
        str(provider),
        model_id,
        str(entry.get("speed", STANDARD)),
        _instant(entry.get("from"), "from", where) or BEGINNING,
        _instant(entry.get("until"), "until", where),
        above,
        amounts["input"],
        amounts.get("cache_read", amounts["input"]),
        write,
        amounts.get("cache_write_1h", write),
        amounts["output"],
        None,
    )


def _amount(value: Any, key: str, where: str) -> Decimal:
    try:
        amount = Decimal(str(value))
        if not amount.is_finite() or amount < 0 or amount >= 10**9:
            raise InvalidOperation
        return amount.quantize(DIGITS)
    except InvalidOperation:
        raise ConfigurationError(f"{where}: {key} must be dollars per million tokens, not {value!r}") from None


def _instant(value: Any, key: str, where: str) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), tzinfo=UTC)
    raise ConfigurationError(f"{where}: {key} must be a date such as 2026-01-31, not {value!r}")
