"""The verb `prices`: the price book, what would change it, and prices from elsewhere.

Owns the flags and `show`. Refuses to change the book: what a workspace pays stands in `prices.yaml` in the data
directory, where `import` writes and anybody may edit.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.prices.book import Price
    from engine.settings import Settings

COLUMNS = ("input", "cache read", "write 5m", "write 1h", "output")


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags of `prices`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser(
        "show",
        help="prices in US dollars per million tokens",
        description="Prices in US dollars per million tokens; `above` is the size of the whole input from which a row "
        "holds, `source` the bundled book or the workspace's own prices.yaml, whose rows win.",
        epilog="Example: aa-engine prices show --model 'claude-opus-*'",
    )
    show.add_argument("--model", metavar="GLOB", default="*", help="only models whose id matches (default: all)")
    show.add_argument("--provider", metavar="NAME", help="only this provider")
    show.add_argument("--on", metavar="DATE", help="only what holds on this day (UTC), such as 2026-01-31")
    show.add_argument("--json", action="store_true", help="print JSON")
    diff = actions.add_parser(
        "diff",
        help="what other prices would change",
        description="Compares the prices that the stored requests are priced by with the bundled book and prices.yaml "
        "as they are now, or with FILE in their place: the rows that differ, and what the stored requests would cost.",
        epilog="Example: aa-engine prices diff model_prices_and_context_window.json",
    )
    diff.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a prices.yaml, LiteLLM's JSON, or data.json of a genai-prices release",
    )
    diff.add_argument("--all", action="store_true", help="also rows of models that no stored request names")
    diff.add_argument("--json", action="store_true", help="print JSON")
    paid = actions.add_parser(
        "plans",
        help="subscriptions and seats that are declared",
        description="Subscriptions and seats that plans.yaml of the data directory declares: what is paid whatever is "
        "used. It stands beside what the same calls would cost on the API, and is never added to it.",
        epilog="Example: aa-engine prices plans --json",
    )
    paid.add_argument("--json", action="store_true", help="print JSON")
    bring = actions.add_parser(
        "import",
        help="take prices of a file into prices.yaml",
        description="Takes the prices of FILE into prices.yaml of the data directory. Entries of the same model, "
        "provider, speed, date and tier are replaced. A running engine prices all history by them within seconds.",
        epilog="Example: aa-engine prices import model_prices_and_context_window.json --model 'qwen3-*'",
    )
    bring.add_argument("file", type=Path, metavar="FILE", help="a prices.yaml, or LiteLLM's JSON")
    bring.add_argument("--model", metavar="GLOB", default="*", help="only models whose name matches (default: all)")
    bring.add_argument("--all", action="store_true", help="of LiteLLM's list also models that the price book knows")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0; 1 when no model matches; 2 for a wrong file."""
    from engine import settings

    configured = settings.load(arguments.data_dir, arguments.config)
    match arguments.action:
        case "show":
            return _show(configured, arguments)
        case "diff":
            from engine.commands.prices_diff import diff

            return diff(configured, arguments.file, everything=arguments.all, as_json=arguments.json)
        case "plans":
            return _plans(configured, as_json=arguments.json)
        case _:
            return _import(configured, arguments)


def _show(settings: Settings, arguments: argparse.Namespace) -> int:
    from engine.prices import book, overrides

    on = _day(arguments.on) if arguments.on else None
    loaded = book.load()
    mine = overrides.load(settings.data_dir / overrides.FILE_NAME)
    chosen = [
        (price, source)
        for prices, source in ((mine.prices, mine.source), (loaded.prices, loaded.source))
        for price in prices
        if fnmatch.fnmatchcase(price.model_id.lower(), arguments.model.lower())
        and (arguments.provider is None or price.provider == arguments.provider)
        and (on is None or (price.valid_from.date() <= on and (price.valid_to is None or on < price.valid_to.date())))
    ]
    if arguments.json:
        print(json.dumps([as_object(price, source) for price, source in chosen], indent=2))
    elif chosen:
        table([("", price, source) for price, source in chosen])
    if not chosen:
        print(f"aa-engine: no model matches {arguments.model}; try --model '*opus*'", file=sys.stderr)
        return 1
    return 0


def _import(settings: Settings, arguments: argparse.Namespace) -> int:
    from engine.prices import overrides
    from engine.prices.changes import read_text, to_import
    from engine.prices.written import join, write

    named, note = to_import(arguments.file, read_text(arguments.file), everything=arguments.all)
    named = [(name, price) for name, price in named if fnmatch.fnmatchcase(name.lower(), arguments.model.lower())]
    if note is not None:
        print(f"aa-engine: {note}", file=sys.stderr)
    if not named:
        print(f"aa-engine: nothing to import for {arguments.model}", file=sys.stderr)
        return 1
    path = settings.data_dir / overrides.FILE_NAME
    joined = join(path, named)
    if joined.added or joined.replaced:
        write(path, joined.text)
    print(f"{path}: {joined.added} prices added, {joined.replaced} replaced, {joined.same} were there already")
    return 0


def _plans(settings: Settings, *, as_json: bool) -> int:
    from engine.commands.writing import print_table
    from engine.prices import plans

    path = settings.data_dir / plans.FILE_NAME
    seats = plans.load(path).seats
    names = ("vendor", "plan", "developer", "agents", "monthly_usd", "from", "until")
    rows = [
        (
            seat.vendor,
            seat.plan,
            seat.developer,
            list(seat.agents),
            amount_text(seat.monthly_usd),
            seat.since.isoformat(),
            seat.until.isoformat() if seat.until else None,
        )
        for seat in seats
    ]
    if as_json:
        print(json.dumps([dict(zip(names, row, strict=True)) for row in rows], indent=2))
    elif rows:
        print_table(names, rows)
    else:
        print(f"aa-engine: {path} declares no plan; docs/numbers.md shows its form", file=sys.stderr)
    return 0


def _day(text: str) -> date:
    from engine.errors import UsageError

    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--on must be a date such as 2026-01-31, not {text}") from None


def as_object(price: Price, source: str) -> dict[str, object]:
    """A price as JSON."""
    return {
        "provider": price.provider,
        "model_id": price.model_id,
        "speed": price.speed,
        "valid_from": price.valid_from.isoformat(),
        "valid_to": price.valid_to.isoformat() if price.valid_to else None,
        "tier_above_input_tokens": price.tier_above,
        "input_usd_per_mtok": amount_text(price.input),
        "cache_read_usd_per_mtok": amount_text(price.cache_read),
        "cache_write_5m_usd_per_mtok": amount_text(price.cache_write_5m),
        "cache_write_1h_usd_per_mtok": amount_text(price.cache_write_1h),
        "output_usd_per_mtok": amount_text(price.output),
        "usd_per_thousand_requests": amount_text(price.request_usd),
        "price_source": source,
    }


def amount_text(amount: Decimal | None) -> str | None:
    """An amount without needless zeros."""
    return None if amount is None else f"{amount.normalize():f}"


def table(rows: list[tuple[str, Price, str]], first: str = "") -> None:
    """Prices for people: (a word of the caller's, under `first`; the price; its source)."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    titles = ("provider", "model", "speed", "from", "until", "above")
    for title in (*([first] if first else []), *titles):
        drawn.add_column(title, no_wrap=True, justify="right" if title == "above" else "left")
    for title in COLUMNS:
        drawn.add_column(title, justify="right", no_wrap=True)
    drawn.add_column("source", no_wrap=True)
    for word, price, source in rows:
        since = "" if price.valid_from.year == 1970 else price.valid_from.date().isoformat()
        until = price.valid_to.date().isoformat() if price.valid_to else ""
        drawn.add_row(
            *([word] if first else []),
            price.provider,
            price.model_id,
            price.speed,
            since,
            until,
            f"{price.tier_above:,}" if price.tier_above else "",
            *(amount_text(amount) or "n/a" for amount in price.amounts()[:5]),
            source,
        )
    width = None if sys.stdout.isatty() else 200
    Console(width=width).print(drawn)
