"""LiteLLM's list of prices (model_prices_and_context_window.json) as prices of ours.

Owns the meaning of its keys (per token, tiers by suffix, batches, priority and flex) and the messages for a wrong file.
Refuses what is not priced by text tokens, and guesses: what it leaves out it counts. The list has no dates, so its
prices hold for all time.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.errors import ConfigurationError
from engine.prices.book import BEGINNING, DIGITS, STANDARD, Price
from engine.prices.names import PROVIDER_PREFIXES, find, plain

AMOUNTS = {
    "input": "input_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write_5m": "cache_creation_input_token_cost",
    "cache_write_1h": "cache_creation_input_token_cost_above_1hr",
    "output": "output_cost_per_token",
}
SPEEDS = {STANDARD: "", "batch": "_batches", "priority": "_priority", "flex": "_flex"}
MODES = frozenset({"chat", "completion", "responses"})
_TIER = re.compile(r"_above_(\d+)k_tokens")
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Listed:
    """A price, the name of its model as the file has it, and whether the price book knows this model already."""

    name: str
    price: Price
    known: bool


def read(path: Path, text: str) -> tuple[tuple[Listed, ...], Mapping[str, int]]:
    """Every price of the file, and how many models were left out, by why. Raises ConfigurationError."""
    try:
        content = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"{path}:{error.lineno}: {error.msg}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path}:1: expected an object of models")
    left_out: Counter[str] = Counter()
    listed: dict[tuple[object, ...], Listed] = {}
    owners: dict[str, str] = {}
    for name, entry in content.items():
        if name == "sample_spec":
            continue
        if not isinstance(entry, dict):
            raise ConfigurationError(f"{path}:{_line(text, name)}: {name}: expected keys and values")
        if entry.get("mode", "chat") not in MODES:
            left_out[f"mode {entry['mode']}"] += 1
            continue
        if AMOUNTS["input"] not in entry or AMOUNTS["output"] not in entry:
            left_out["no price of tokens"] += 1
            continue
        # Agents say a model's name without who serves it; of several who serve it, the first one is meant.
        bare = name.removeprefix(f"{entry.get('litellm_provider')}/")
        if owners.setdefault(plain(bare)[1], name) != name:
            left_out["a name that the list has before, of another provider"] += 1
            continue
        for one in _prices(path, text, name, bare, entry):
            price = one.price
            listed.setdefault((price.provider, price.model_id, price.speed, price.tier_above), one)
    if not listed:
        raise ConfigurationError(f"{path}:1: no model with a price of input and output tokens")
    return tuple(listed.values()), left_out


def _prices(path: Path, text: str, name: str, bare: str, entry: Mapping[str, Any]) -> Iterator[Listed]:
    known = find(bare)
    said = str(entry.get("litellm_provider") or "workspace")
    provider = known.provider if known else PROVIDER_PREFIXES.get(said, said)
    model_id = known.model_id if known else plain(bare)[1]
    tiers = {0} | {int(found.group(1)) * 1000 for key in entry if (found := _TIER.search(key))}

    def at(kind: str, tier: int, suffix: str) -> Decimal | None:
        above = f"_above_{tier // 1000}k_tokens" if tier else ""
        # What has no price of its own at a speed or tier costs what it costs otherwise.
        for key in (AMOUNTS[kind] + above + suffix, AMOUNTS[kind] + above, AMOUNTS[kind] + suffix, AMOUNTS[kind]):
            if entry.get(key) is not None:
                return _amount(entry[key], f"{path}:{_line(text, name, key)}: {key} of {name}")
        return None

    for speed, suffix in SPEEDS.items():
        if suffix and AMOUNTS["input"] + suffix not in entry:
            continue
        for tier in sorted(tiers):
            whole = at("input", tier, suffix)
            read = at("cache_read", tier, suffix)
            short = at("cache_write_5m", tier, suffix)
            long = at("cache_write_1h", tier, suffix)
            short = whole if short is None else short
            price = Price(
                *(provider, model_id, speed, BEGINNING, None, tier),
                input=whole,
                cache_read=whole if read is None else read,
                cache_write_5m=short,
                cache_write_1h=short if long is None else long,
                output=at("output", tier, suffix),
                request_usd=None,
            )
            yield Listed(bare, price, known is not None)


def _amount(value: Any, where: str) -> Decimal:
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        amount = Decimal(value) * _MILLION
        if amount.is_finite() and 0 <= amount < 10**9:
            return amount.quantize(DIGITS)
    shown = str(value) if isinstance(value, Decimal) else repr(value)
    raise ConfigurationError(f"{where} must be dollars per token, not {shown}")


def _line(text: str, name: str, key: str | None = None) -> int:
    """The line of a model, or of a key in it."""
    model = re.search(re.escape(json.dumps(name)) + r"\s*:", text)
    start = model.end() if model else 0
    inside = text.find(json.dumps(key), start) if key is not None else -1
    return text.count("\n", 0, inside if inside >= 0 else start) + 1
