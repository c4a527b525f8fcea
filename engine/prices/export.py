"""Prices, plans and model names on their way to the raw tables.

Owns which rows are published and when: the whole book when its version changed, the workspace's own prices and plans
when their files changed, a name of a model when it is first seen. Refuses to write: the caller records the rows like
all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from engine.prices import book, overrides, plans
from engine.prices.book import Price
from engine.prices.names import Model
from engine.prices.overrides import Overrides
from engine.prices.plans import Plans
from engine.store.rows import RawRows, dedup_key

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

BOOK_PRIORITY = 0
OWN_PRIORITY = 1


def price_rows(received_at: datetime, own: Path | None = None) -> RawRows:
    """Every price: the bundled book and `prices.yaml` at `own`, if there. About 3,300 rows of raw.model_prices."""
    loaded = book.load()
    rows = RawRows()
    _add(rows, received_at, loaded.source, BOOK_PRIORITY, loaded.prices)
    _add_own(rows, received_at, overrides.load(own))
    return rows


def changed_price_rows(
    cursor: DuckDBPyConnection, received_at: datetime, own: Path | Overrides | None = None
) -> RawRows:
    """Only what differs from the sources in force in this database: at most starts nothing, and the book stays shut."""
    current = dict(cursor.execute(_sql("current_sources")).fetchall())
    rows = RawRows()
    if current.get(BOOK_PRIORITY) != book_source():
        loaded = book.load()
        # Told anew even when an earlier start told the same: the source told last is the one in force.
        _add(rows, received_at, loaded.source, BOOK_PRIORITY, loaded.prices, told_at=received_at)
    mine = own if isinstance(own, Overrides) else overrides.load(own)
    if current.get(OWN_PRIORITY, overrides.NONE.source) != mine.source:
        _add_own(rows, received_at, mine)
    return rows


def stored_overrides(cursor: DuckDBPyConnection) -> Overrides:
    """The own prices that this database holds: the last good ones, when the file has become a wrong one."""
    found = cursor.execute(_sql("own_prices"), {"priority": OWN_PRIORITY}).fetchall()
    if not found:
        return overrides.NONE
    prices = tuple(Price(*row[1:]) for row in found if row[1])
    models = {price.model_id: Model(price.provider, price.model_id) for price in prices}
    return Overrides(str(found[0][0]), prices, models)


def changed_plan_rows(cursor: DuckDBPyConnection, received_at: datetime, declared: Plans) -> RawRows:
    """The declared seats as rows of raw.plans when they are not those in force in this database."""
    current = cursor.execute(_sql("current_plans")).fetchone()
    rows = RawRows()
    if declared.source == (current[0] if current and current[0] else plans.NONE.source):
        return rows
    # A row without vendor tells that nothing is declared any more.
    nothing = plans.Seat("", "", (), None, Decimal(0), book.BEGINNING.date(), None)
    for seat in declared.seats or (nothing,):
        row: dict[str, object] = {
            "vendor": seat.vendor,
            "plan": seat.plan,
            "agent_types": ",".join(seat.agents),
            "developer": seat.developer,
            "monthly_usd": seat.monthly_usd,
            "valid_from": seat.since,
            "valid_to": seat.until,
            "plan_source": declared.source,
        }
        key = dedup_key("plans", (*row.values(), received_at))
        rows.append("plans", {"received_at": received_at, "dedup_key": key, **row})
    return rows


def book_source() -> str:
    """`genai-prices <version>`, without importing it."""
    from importlib.metadata import version

    return f"genai-prices {version('genai-prices')}"


def model_name_rows(
    names: Iterable[tuple[str | None, str]], received_at: datetime | None = None, own: Path | Overrides | None = None
) -> RawRows:
    """Rows of raw.model_names for (agent_type, name as reported); a name nobody knows gets model NULL."""
    mine = own if isinstance(own, Overrides) else overrides.load(own)
    rows = RawRows()
    for agent_type, name in names:
        model = mine.find(name, agent_type)
        row: dict[str, object] = {
            "dedup_key": dedup_key(
                "model_names",
                (name, agent_type, model and model.provider, model and model.model_id, received_at),
            ),
            "model_name": name,
            "agent_type": agent_type,
            "provider": model.provider if model else None,
            "model_id": model.model_id if model else None,
        }
        if received_at is not None:
            row["received_at"] = received_at
        rows.append("model_names", row)
    return rows


def new_model_names(cursor: DuckDBPyConnection, since_batch: int = 0) -> list[tuple[str | None, str]]:
    """(agent_type, name) of models seen in raw rows of batches after `since_batch` and not in raw.model_names."""
    return list(cursor.execute(_sql("new_model_names"), {"since_batch": since_batch}).fetchall())


def known_model_names(cursor: DuckDBPyConnection) -> list[tuple[str | None, str]]:
    """(agent_type, name) of every name in raw.model_names: to be resolved again after prices changed."""
    return list(cursor.execute(_sql("known_model_names")).fetchall())


def _add_own(rows: RawRows, received_at: datetime, mine: overrides.Overrides) -> None:
    # A row without provider tells that the own prices are gone, so that older ones no longer hold.
    nothing = Price("", "", book.STANDARD, book.BEGINNING, None, 0, None, None, None, None, None, None)
    _add(rows, received_at, mine.source, OWN_PRIORITY, mine.prices or (nothing,), told_at=received_at)


def _add(
    rows: RawRows,
    received_at: datetime,
    source: str,
    priority: int,
    prices: Iterable[Price],
    told_at: datetime | None = None,
) -> None:
    for price in prices:
        parts = (
            price.provider,
            price.model_id,
            price.speed,
            price.valid_from,
            price.valid_to,
            price.tier_above,
            *price.amounts(),
            source,
            priority,
            told_at,
        )
        rows.append(
            "model_prices",
            {
                "received_at": received_at,
                "dedup_key": dedup_key("model_prices", parts),
                "provider": price.provider,
                "model_id": price.model_id,
                "speed": price.speed,
                "valid_from": price.valid_from,
                "valid_to": price.valid_to,
                "tier_above_input_tokens": price.tier_above,
                "input_usd_per_mtok": price.input,
                "cache_read_usd_per_mtok": price.cache_read,
                "cache_write_5m_usd_per_mtok": price.cache_write_5m,
                "cache_write_1h_usd_per_mtok": price.cache_write_1h,
                "output_usd_per_mtok": price.output,
                "request_usd": price.request_usd,
                "price_source": source,
                "priority": priority,
            },
        )


def _sql(name: str) -> str:
    return files("engine.prices").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
