"""`aa-engine prices diff`: what other prices would change.

Owns the questions to the store and the look. Refuses to change anything: `prices import` does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.commands.asking import Source
    from engine.prices.book import Price
    from engine.prices.changes import Change, Money, Offered
    from engine.settings import Settings


def diff(settings: Settings, file: Path | None, *, everything: bool, as_json: bool) -> int:
    """Print what differs and what it would cost. Raises ConfigurationError, and StorageError without any data."""
    from engine.commands.asking import source
    from engine.prices import changes, overrides

    with source(settings) as asked, changes.offered(settings.data_dir / overrides.FILE_NAME, file) as then:
        stored = changes.stored_prices(_rows(asked, changes.sql("stored_prices")))
        seen = [(str(agent), str(name)) for agent, name in _rows(asked, changes.sql("seen_models"))]
        money = [
            changes.Money(*row) for row in _rows(asked, changes.sql("what_if"), changes.what_if_parameters(then, seen))
        ]
        used = {
            (model.provider, model.model_id) for model in (then.own.find(name, agent) for agent, name in seen) if model
        }
        found = changes.changes(stored, then.in_force())
    shown = [one for one in found if everything or one.own or (one.price.provider, one.price.model_id) in used]
    if as_json:
        print(json.dumps(_document(then, shown, len(found), money), indent=2))
        return 0
    _tell(then, shown, found, money, file)
    return 0


def _rows(asked: Source, sql: str, parameters: dict[str, str] | None = None) -> list[tuple[Any, ...]]:
    from engine.commands.writing import rows_of

    return [row for batch in asked.sql(sql, parameters or {}) for row in rows_of(batch)]


def _tell(then: Offered, shown: list[Change], found: list[Change], money: list[Money], file: Path | None) -> None:
    from engine.commands.prices import table

    offer = file.name if file is not None else f"{then.book.source} and {then.own.source}"
    if then.note is not None:
        print(f"aa-engine: {then.note}", file=sys.stderr)
    if not found:
        print(f"no price differs: the stored requests are priced by {offer}")
    else:
        kinds = ", ".join(f"{sum(1 for one in found if one.kind == kind)} {kind}" for kind in _kinds(found))
        print(f"{offer}: {kinds}")
        rows: list[tuple[str, Price, str]] = []
        for one in shown:
            whose = "own prices" if one.own else "price book"
            if one.before is not None:
                rows.append(("-", one.before, whose))
            if one.after is not None:
                rows.append(("+", one.after, whose))
        if rows:
            table(rows, first="±")
        if len(found) > len(shown):
            print(f"{len(found) - len(shown)} more of models that no stored request names; --all shows them")
    _tell_money(money)


def _tell_money(money: list[Money]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    different = [one for one in money if one.cost_now_usd != one.cost_then_usd]
    requests = sum(one.request_count for one in money)
    if not different:
        print(f"the {requests:,} stored requests would cost the same")
        return
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("agent", "model"):
        drawn.add_column(title, no_wrap=True)
    for title in ("requests", "cost now $", "cost then $", "difference $"):
        drawn.add_column(title, justify="right", no_wrap=True)
    for one in different:
        drawn.add_row(one.agent_type, one.model_name, f"{one.request_count:,}", *_sums([one]))
    drawn.add_section()
    drawn.add_row("all requests", "", f"{requests:,}", *_sums(money))
    Console(width=None if sys.stdout.isatty() else 200).print(drawn)


def _sums(money: Iterable[Money]) -> tuple[str, str, str]:
    listed = list(money)
    now = _sum(one.cost_now_usd for one in listed)
    then = _sum(one.cost_then_usd for one in listed)
    change = (then or Decimal(0)) - (now or Decimal(0))
    return _shown(now), _shown(then), f"{change:+,.6f}"


def _sum(amounts: Iterable[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known, Decimal(0)) if known else None


def _shown(amount: Decimal | None) -> str:
    return "n/a" if amount is None else f"{amount:,.6f}"


def _kinds(found: list[Change]) -> list[str]:
    return [kind for kind in ("added", "changed", "removed") if any(one.kind == kind for one in found)]


def _document(then: Offered, shown: list[Change], count: int, money: list[Money]) -> dict[str, Any]:
    from engine.commands.prices import amount_text, as_object

    def row(price: Price | None, source: str) -> dict[str, object] | None:
        return None if price is None else as_object(price, source)

    return {
        "book": then.book.source,
        "own": then.own.source,
        "change_count": count,
        "changes": [
            {
                "kind": one.kind,
                "now": row(one.before, "prices.yaml" if one.own else "price book"),
                "then": row(one.after, "prices.yaml" if one.own else "price book"),
            }
            for one in shown
        ],
        "money": [
            {
                "agent_type": one.agent_type,
                "model_name": one.model_name,
                "request_count": one.request_count,
                "cost_now_usd": amount_text(one.cost_now_usd),
                "cost_then_usd": amount_text(one.cost_then_usd),
                "priced_now_usd": amount_text(one.priced_now_usd),
                "priced_then_usd": amount_text(one.priced_then_usd),
            }
            for one in money
        ],
    }
