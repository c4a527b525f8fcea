"""The price book: genai-prices' bundled data as plain rows.

Owns the translation of its dates, tiers and variants into rows that SQL can join on, resolved by genai-prices' own
rules so that both always agree. Refuses conditions that such rows cannot express (times of day, routes, other units
than text tokens and requests): they are left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
STANDARD = "standard"
DIGITS = Decimal("0.000000001")
"""Precision of a price column; what the book says more precisely is rounded and counted."""

CONTEXTS: dict[str, Mapping[str, str]] = {
    "fast": {"speed": "fast", "service_tier": "fast"},
    "batch": {"processing": "batch"},
    "priority": {"service_tier": "priority"},
    "flex": {"service_tier": "flex"},
}
"""Speeds besides the standard one, and what genai-prices is told to get their prices."""

PRICE_KEYS = frozenset(
    {
        "input_mtok",
        "cache_read_mtok",
        "cache_write_mtok",
        "cache_write_5m_mtok",
        "cache_write_1h_mtok",
        "output_mtok",
        "requests_kcount",
    }
)


@dataclass(frozen=True, slots=True)
class Price:
    """Prices in US dollars per million tokens of one model, speed, validity and tier; None: the book names none.

    `valid_to` is exclusive. `tier_above` applies to requests whose whole input (cache included) is larger.
    `request_usd` is per thousand requests.
    """

    provider: str
    model_id: str
    speed: str
    valid_from: datetime
    valid_to: datetime | None
    tier_above: int
    input: Decimal | None
    cache_read: Decimal | None
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    output: Decimal | None
    request_usd: Decimal | None

    def amounts(self) -> tuple[Decimal | None, ...]:
        """The prices alone: input, cache read, cache write 5 minutes and 1 hour, output, requests."""
        return (
            self.input,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.output,
            self.request_usd,
        )


@dataclass(frozen=True, slots=True)
class Book:
    """Every price, its source, and how many conditions of the source could not be expressed, by what they are."""

    source: str
    prices: tuple[Price, ...]
    left_out: Mapping[str, int]


def load() -> Book:
    """The bundled book. Takes a fifth of a second and no network."""
    import genai_prices
    from genai_prices.data import providers

    return of_providers(providers, f"genai-prices {genai_prices.__version__}")


def of_providers(providers: Iterable[Any], source: str) -> Book:
    """The book of a list of genai-prices' providers, bundled or of another release."""
    left_out: Counter[str] = Counter()
    prices = tuple(
        price
        for provider in providers
        for model in provider.models
        for price in _model_prices(provider.id, model, left_out)
    )
    return Book(source, prices, dict(left_out))


def _model_prices(provider: str, model: Any, left_out: Counter[str]) -> Iterator[Price]:
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    conditional = [] if isinstance(model.prices, ModelPrice) else list(model.prices)
    variants = list(model.price_variants or ())
    for rule in [*conditional, *variants]:
        if isinstance(rule.constraint, TimeOfDateConstraint):
            left_out["time of day"] += 1
    if any(isinstance(rule.constraint, TimeOfDateConstraint) for rule in [*conditional, *variants]):
        model = _without_times_of_day(model)
        conditional = [] if isinstance(model.prices, ModelPrice) else list(model.prices)
        variants = list(model.price_variants or ())
    for variant in variants:
        if not any(_applies(variant.when, context) for context in CONTEXTS.values()):
            left_out["variant " + ", ".join(f"{key}={value}" for key, value in variant.when.items())] += 1
    starts = {
        datetime.combine(rule.constraint.start_date, time(), tzinfo=UTC)
        for rule in [*conditional, *variants]
        if isinstance(rule.constraint, StartDateConstraint)
    }
    moments = [BEGINNING, *sorted(start for start in starts if start > BEGINNING)]
    contexts: list[tuple[str, Mapping[str, str] | None]] = [(STANDARD, None)]
    contexts += [
        (speed, context)
        for speed, context in CONTEXTS.items()
        if any(_applies(variant.when, context) for variant in variants)
    ]
    for speed, context in contexts:
        resolved = [(moment, model.get_prices(moment, context)) for moment in moments]
        for index, (moment, amounts) in enumerate(resolved):
            if index and amounts == resolved[index - 1][1]:
                continue
            end = next((later for later, other in resolved[index + 1 :] if other != amounts), None)
            yield from _tiers(provider, model.id, speed, moment, end, amounts, left_out)


def _applies(when: Mapping[str, str], context: Mapping[str, str]) -> bool:
    return all(context.get(key) == value for key, value in when.items())


def _without_times_of_day(model: Any) -> Any:
    """The same model with only its rules of the calendar; the book's first price is its standard one."""
    import dataclasses

    from genai_prices.types import ModelPrice, TimeOfDateConstraint

    prices = model.prices
    if not isinstance(prices, ModelPrice):
        prices = [rule for rule in prices if not isinstance(rule.constraint, TimeOfDateConstraint)] or prices[0].prices
    variants = [
        rule for rule in model.price_variants or () if not isinstance(rule.constraint, TimeOfDateConstraint)
    ] or None
    return dataclasses.replace(model, prices=prices, price_variants=variants)


def _tiers(
    provider: str,
    model_id: str,
    speed: str,
    valid_from: datetime,
    valid_to: datetime | None,
    amounts: Any,
    left_out: Counter[str],
) -> Iterator[Price]:
    from genai_prices.types import TieredPrices

    named = {key: value for key, value in amounts.__dict__.items() if value is not None and not key.startswith("_")}
    for key in named.keys() - PRICE_KEYS:
        left_out["unit " + key] += 1
    thresholds = {0}
    for key, value in named.items():
        if key in PRICE_KEYS and isinstance(value, TieredPrices):
            thresholds.update(tier.start for tier in value.tiers)

    def at(key: str, threshold: int) -> Decimal | None:
        value = named.get(key)
        if isinstance(value, TieredPrices):
            steps = [tier.price for tier in value.tiers if tier.start <= threshold and threshold > 0]
            value = steps[-1] if steps else value.base
        if value is None:
            return None
        exact = Decimal(value)
        rounded = exact.quantize(DIGITS)
        if rounded != exact:
            left_out["digits beyond the ninth"] += 1
        return rounded

    for threshold in sorted(thresholds):
        whole_input = at("input_mtok", threshold)
        # Tokens of a kind without a price of its own are input like any other: genai-prices' rule.
        write = at("cache_write_mtok", threshold)
        write = whole_input if write is None else write
        read, short, long = (
            at("cache_read_mtok", threshold),
            at("cache_write_5m_mtok", threshold),
            at("cache_write_1h_mtok", threshold),
        )
        yield Price(
            provider,
            model_id,
            speed,
            valid_from,
            valid_to,
            threshold,
            whole_input,
            whole_input if read is None else read,
            write if short is None else short,
            write if long is None else long,
            at("output_mtok", threshold),
            at("requests_kcount", threshold),
        )
