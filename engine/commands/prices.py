"""The verb `prices`: the price book as a table or JSON.

Owns the flags and the look. Refuses to change prices: the workspace's own stand in `prices.yaml` in the data directory.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.prices.book import Price

COLUMNS = ("input", "cache read", "write 5m", "write 1h", "output")


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of `prices`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="prices in US dollars per million tokens",
        description="Prices in US dollars per million tokens; `above` is the size of the whole input from which a row "
        "holds.",
        epilog="Example: aa-engine prices show --model 'claude-opus-*'",
    )
    show.add_argument("--model", metavar="GLOB", default="*", help="only models whose id matches (default: all)")
    show.add_argument("--provider", metavar="NAME", help="only this provider")
    show.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the prices; exit 1 when no model matches."""
    from engine import settings
    from engine.prices import book, overrides

    configured = settings.load(arguments.data_dir, arguments.config)
    loaded = book.load()
    mine = overrides.load(configured.data_dir / overrides.FILE_NAME)
    chosen = [
        (price, source)
        for prices, source in ((mine.prices, mine.source), (loaded.prices, loaded.source))
        for price in prices
        if fnmatch.fnmatchcase(price.model_id.lower(), arguments.model.lower())
        and (arguments.provider is None or price.provider == arguments.provider)
    ]
    if arguments.json:
        print(json.dumps([_object(price, source) for price, source in chosen], indent=2))
    elif chosen:
        _table(chosen)
    if not chosen:
        print(f"aa-engine: no model matches {arguments.model}; try --model '*opus*'", file=sys.stderr)
        return 1
    return 0


def _object(price: Price, source: str) -> dict[str, object]:
    def text(amount: Decimal | None) -> str | None:
        return None if amount is None else f"{amount.normalize():f}"

    return {
        "provider": price.provider,
        "model_id": price.model_id,
        "speed": price.speed,
        "valid_from": price.valid_from.isoformat(),
        "valid_to": price.valid_to.isoformat() if price.valid_to else None,
        "tier_above_input_tokens": price.tier_above,
        "input_usd_per_mtok": text(price.input),
        "cache_read_usd_per_mtok": text(price.cache_read),
        "cache_write_5m_usd_per_mtok": text(price.cache_write_5m),
        "cache_write_1h_usd_per_mtok": text(price.cache_write_1h),
        "output_usd_per_mtok": text(price.output),
        "usd_per_thousand_requests": text(price.request_usd),
        "price_source": source,
    }


def _table(chosen: list[tuple[Price, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("provider", "model", "speed", "from", "until", "above"):
        table.add_column(title, no_wrap=True, justify="right" if title == "above" else "left")
    for title in COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("source", no_wrap=True)
    for price, source in chosen:
        since = "" if price.valid_from.year == 1970 else price.valid_from.date().isoformat()
        until = price.valid_to.date().isoformat() if price.valid_to else ""
        table.add_row(
            price.provider,
            price.model_id,
            price.speed,
            since,
            until,
            f"{price.tier_above:,}" if price.tier_above else "",
            *("n/a" if amount is None else f"{amount.normalize():f}" for amount in price.amounts()[:5]),
            source,
        )
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(table)
