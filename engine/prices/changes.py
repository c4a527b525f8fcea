"""What other prices would change: rows of the price list, and the money of requests that are stored.

Owns the comparison of what is in force with what is offered. Refuses to change anything and to price: what requests
would cost is asked in SQL, by the rules of the models.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from engine.errors import ConfigurationError
from engine.prices import book, litellm, overrides
from engine.prices.book import Book, Price
from engine.prices.names import find
from engine.prices.overrides import Key, Overrides, key_of
from engine.prices.written import Named

Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Offered:
    """A whole price list: the book and the workspace's own prices over it."""

    book: Book
    own: Overrides
    note: str | None = None

    def in_force(self) -> dict[tuple[int, Key], Price]:
        """Every price by (priority, key)."""
        own = {(1, key_of(price)): price for price in self.own.prices}
        return {(0, key_of(price)): price for price in self.book.prices} | own


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is there on one side only, or different; `source` is whose row it is."""

    kind: Kind
    own: bool
    before: Price | None
    after: Price | None

    @property
    def price(self) -> Price:
        """The row that says which model, speed, date and tier are meant."""
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class Money:
    """The requests of one agent for one model: API-equivalent US dollars now and then; None is unknown."""

    agent_type: str
    model_name: str
    request_count: int
    priced_now_usd: Decimal | None
    priced_then_usd: Decimal | None
    cost_now_usd: Decimal | None
    cost_then_usd: Decimal | None


@contextmanager
def offered(own_path: Path, file: Path | None) -> Iterator[Offered]:
    """What would be in force: bundled book and prices.yaml, or with `file` in place of one of them.

    A list of genai-prices' providers (its data.json) stands for the book, another prices.yaml for the own prices, and
    LiteLLM's list adds what `prices import` would take of it. Raises ConfigurationError.
    """
    if file is None:
        yield Offered(book.load(), overrides.load(own_path))
        return
    text = read_text(file)
    if text.lstrip().startswith("["):
        from genai_prices.data_snapshot import DataSnapshot, set_custom_snapshot

        providers = _providers(file, text)
        set_custom_snapshot(DataSnapshot(providers, from_auto_update=False))
        find.cache_clear()
        try:
            yield Offered(book.of_providers(providers, file.name), overrides.load(own_path))
        finally:
            set_custom_snapshot(None)
            find.cache_clear()
        return
    named, note = to_import(file, text)
    mine = overrides.load(own_path)
    joined = {key_of(price): (name, price) for name, price in zip(mine.names, mine.prices, strict=True)}
    joined |= {key_of(price): (name, price) for name, price in named}
    yield Offered(book.load(), overrides.of(list(joined.values()), file.name), note)


def read_text(file: Path) -> str:
    """The file's text. Raises ConfigurationError."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: not UTF-8 text") from None


def to_import(file: Path, text: str, *, everything: bool = False) -> tuple[list[Named], str | None]:
    """(name, price) of a file of prices, and a sentence about what is left out. Raises ConfigurationError.

    Of LiteLLM's list models that the price book knows are left out unless `everything`: the list has no dates, and
    would price all history by today's prices.
    """
    if not text.lstrip().startswith("{"):
        mine = overrides.load(file)
        if not mine.prices:
            raise ConfigurationError(f"{file}:1: no prices")
        return list(zip(mine.names, mine.prices, strict=True)), None
    listed, left_out = litellm.read(file, text)
    taken = [(one.name, one.price) for one in listed if everything or not one.known]
    known = len(listed) - len(taken)
    said = [f"{why} ({count})" for why, count in sorted(left_out.items())]
    if known:
        said.insert(0, f"prices of models that the price book knows, with their dates ({known}; --all takes them)")
    return taken, "left out: " + "; ".join(said) if said else None


def _providers(file: Path, text: str) -> list[Any]:
    from genai_prices.types import _providers_from_raw
    from pydantic import ValidationError

    try:
        return list(_providers_from_raw(json.loads(text)))
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{file}:{error.lineno}: {error.msg}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{file}: not a list of genai-prices' providers: {where}: {first['msg']}") from None


def changes(before: Mapping[tuple[int, Key], Price], after: Mapping[tuple[int, Key], Price]) -> list[Change]:
    """Every row that differs, own ones first, then by provider, model, speed, date and tier."""
    found = []
    for place in sorted(before.keys() | after.keys(), key=lambda place: (-place[0], place[1])):
        old, new = before.get(place), after.get(place)
        if old != new:
            kind: Kind = "added" if old is None else "removed" if new is None else "changed"
            found.append(Change(kind, place[0] == 1, old, new))
    return found


def stored_prices(rows: Iterable[Sequence[Any]]) -> dict[tuple[int, Key], Price]:
    """The price list in force from rows of `stored_prices.sql`."""
    found = {}
    for priority, provider, model_id, speed, since, until, tier, *amounts in rows:
        price = Price(provider, model_id, speed, _utc(since), until and _utc(until), tier, *amounts)
        found[int(priority), key_of(price)] = price
    return found


def what_if_parameters(then: Offered, seen: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Parameters of `what_if.sql` for the (agent, model name) pairs that were seen."""
    names, wanted = [], set()
    for agent_type, name in seen:
        model = then.own.find(name, agent_type)
        if model is not None:
            wanted.add((model.provider, model.model_id))
        names.append(
            {
                "agent_type": agent_type,
                "model_name": name,
                "provider": model and model.provider,
                "model_id": model and model.model_id,
            }
        )
    prices = [
        {
            "provider": price.provider,
            "model_id": price.model_id,
            "speed": price.speed,
            "valid_from": price.valid_from.isoformat(),
            "valid_to": price.valid_to.isoformat() if price.valid_to else None,
            "tier": price.tier_above,
            "priority": priority,
            **{
                key: None if amount is None else f"{amount:f}"
                for key, amount in zip((*overrides.AMOUNTS, "request_usd"), price.amounts(), strict=True)
            },
        }
        for (priority, _), price in then.in_force().items()
        if (price.provider, price.model_id) in wanted
    ]
    return {"prices": json.dumps(prices), "names": json.dumps(names)}


def sql(name: str) -> str:
    """The text of one SQL file of this package."""
    return files("engine.prices").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
