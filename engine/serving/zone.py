"""What a new report time zone did to the days of every report.

Owns the comparison of the days before and after the models were built for another zone, and the sentence about it.
Refuses to build: the models are made anew because their SQL names the zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAYS = "select min(date), max(date), count(distinct date) from mart.fct_daily_usage"
ZONE = (
    "select report_timezone from ops.model_watermark where report_timezone is not null order by batch_id desc limit 1"
)


@dataclass(frozen=True, slots=True)
class Days:
    """Whose days the models hold (`zone`), and from which to which there are some."""

    zone: str
    first: date | None
    last: date | None
    count: int


def days(cursor: DuckDBPyConnection) -> Days | None:
    """The days in the models; None before the first build."""
    import duckdb

    try:
        zone = cursor.execute(ZONE).fetchone()
        found = cursor.execute(DAYS).fetchone()
    except duckdb.CatalogException:
        return None
    return None if zone is None or found is None else Days(zone[0], found[0], found[1], found[2])


def change(before: Days | None, after: Days | None) -> str | None:
    """What to say when the zone is another one than before; None when it is not, or nothing is known of either.

    An instant's day differs between two zones by one at most: days that begin later are lost.
    """
    if before is None or after is None or before.zone == after.zone:
        return None
    said = f"days are those of {after.zone} now (they were those of {before.zone})"
    if before.first is None:
        return said
    if after.first is None:
        return f"{said}; none of the {before.count} days before could be made anew: their requests are no longer kept"
    said += f": made anew from {after.first} to {after.last}"
    if after.first - before.first > timedelta(days=1):
        said += (
            f"; from {before.first} to {after.first - timedelta(days=1)} nothing could be: the requests of these days"
        )
        said += " are no longer kept"
    return said
