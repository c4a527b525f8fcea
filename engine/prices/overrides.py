"""The workspace's own prices: `prices.yaml` in the data directory.

Owns the form of the file and the messages for a wrong one (file, line, what is expected). Its prices win over the book,
and they may name models that the book does not know. Refuses to change the file.

    prices:
      - model: corp-opus            # as agents report it, or a name the price book knows
        provider: corp-gateway      # optional; the book's provider for known names, else `workspace`
        speed: standard             # optional: standard, fast, batch, priority or flex
        from: 2026-01-01            # optional, UTC; `until` is exclusive
        until: 2027-01-01
        above: 200000               # optional: for requests whose whole input is larger
        input: 4.00                 # US dollars per million tokens; what is missing is priced as input
        cache_read: 0.40
        cache_write_5m: 5.00
        cache_write_1h: 8.00        # missing: as cache_write_5m
        output: 20.00
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from engine.errors import ConfigurationError
from engine.prices import declared
from engine.prices.book import BEGINNING, CONTEXTS, DIGITS, STANDARD, Price
from engine.prices.declared import Entry
from engine.prices.names import Model, find, plain

FILE_NAME = "prices.yaml"
AMOUNTS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
KEYS = ("model", "provider", "speed", "from", "until", "above", *AMOUNTS)
SPEEDS = (STANDARD, *CONTEXTS)
Key = tuple[str, str, str, datetime, int]


@dataclass(frozen=True, slots=True)
class Overrides:
    """Own prices and the names that they give a meaning to; `source` changes with the file's content."""

    source: str
    prices: tuple[Price, ...]
    models: Mapping[str, Model] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    """As the file names the model of each price."""

    def find(self, name: str, agent_type: str | None) -> Model | None:
        """The model that a reported name means: by the workspace's own list first, then by the price book."""
        own = self.models.get(plain(name)[1])
        return own if own is not None else find(name, agent_type)


NONE = Overrides("prices.yaml none", ())


def key_of(price: Price) -> Key:
    """What distinguishes a price from all others of one list."""
    return price.provider, price.model_id, price.speed, price.valid_from, price.tier_above


def load(path: Path | None) -> Overrides:
    """Read the file; a missing one is no own prices. Raises ConfigurationError."""
    if path is None or not path.exists():
        return NONE
    found = declared.read(path, "prices", KEYS, as_text=AMOUNTS)
    prices: dict[Key, tuple[Price, str]] = {}
    names: list[str] = []
    models: dict[str, Model] = {}
    for entry in found.entries:
        price = _price(entry)
        if key_of(price) in prices:
            before = prices[key_of(price)][1]
            raise ConfigurationError(
                f"{entry.where}: {entry.values['model']} has this price's speed, date and tier twice, first at {before}"
            )
        prices[key_of(price)] = (price, entry.where)
        names.append(str(entry.values["model"]).strip())
        models[plain(str(entry.values["model"]))[1]] = Model(price.provider, price.model_id)
    if not prices:
        return NONE
    return Overrides(f"prices.yaml {found.mark}", tuple(price for price, _ in prices.values()), models, tuple(names))


def of(named: Sequence[tuple[str, Price]], source: str) -> Overrides:
    """Own prices that stand in no file yet."""
    models = {plain(name)[1]: Model(price.provider, price.model_id) for name, price in named}
    return Overrides(source, tuple(price for _, price in named), models, tuple(name for name, _ in named))


def _price(entry: Entry) -> Price:
    values = entry.values
    name = values.get("model")
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError(f"{entry.where}: a price needs a model")
    if "input" not in values or "output" not in values:
        raise ConfigurationError(f"{entry.where}: the price of {name} needs input and output")
    known = find(name)
    provider = values.get("provider") or (known.provider if known else "workspace")
    model_id = known.model_id if known and provider == known.provider else plain(name)[1]
    amounts = {
        key: declared.amount(values[key], f"{key} must be dollars per million tokens", DIGITS, entry.at(key))
        for key in AMOUNTS
        if key in values
    }
    above = values.get("above", 0)
    if isinstance(above, bool) or not isinstance(above, int) or above < 0:
        raise ConfigurationError(f"{entry.at('above')}: above must be a number of tokens, not {above!r}")
    speed = str(values.get("speed", STANDARD))
    if speed not in SPEEDS:
        raise ConfigurationError(f"{entry.at('speed')}: speed must be one of {', '.join(SPEEDS)}, not {speed!r}")
    since, until = _instant(entry, "from") or BEGINNING, _instant(entry, "until")
    if until is not None and until <= since:
        raise ConfigurationError(f"{entry.at('until')}: until must be later than from")
    write = amounts.get("cache_write_5m", amounts["input"])
    return Price(
        str(provider),
        model_id,
        speed,
        since,
        until,
        above,
        amounts["input"],
        amounts.get("cache_read", amounts["input"]),
        write,
        amounts.get("cache_write_1h", write),
        amounts["output"],
        None,
    )


def _instant(entry: Entry, key: str) -> datetime | None:
    value: Any = declared.day(entry.values.get(key), key, entry.at(key))
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return datetime.combine(value, time(), tzinfo=UTC) if isinstance(value, date) else None
