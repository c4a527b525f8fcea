"""Money per day as a value: what a chart of it shows, whoever draws it.

Owns the days (quiet ones included), the series and the scale. Refuses drawing beyond the small column chart; the large
stacked one is `widgets/plot.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from console.rows import Cost
from console.views import text
from console.views.chart import columns, nice_ceiling
from console.views.line import Line, Span

LONGEST = 366


@dataclass(frozen=True, slots=True)
class Series:
    """One value per day of the chart."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class DayChart:
    """Series over the same days, the oldest day first."""

    days: tuple[date, ...] = ()
    series: tuple[Series, ...] = ()

    @property
    def totals(self) -> tuple[float, ...]:
        return tuple(map(sum, zip(*(series.values for series in self.series), strict=True)))

    @property
    def top(self) -> float:
        """Where the axis ends."""
        return nice_ceiling(max(self.totals, default=0.0))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(text.day(day) for day in self.days)

    def newest(self, count: int) -> DayChart:
        """The same chart of the newest days alone."""
        if count >= len(self.days):
            return self
        return DayChart(self.days[-count:], tuple(Series(each.name, each.values[-count:]) for each in self.series))


def day_chart(rows: Sequence[Cost], parts: Mapping[str, Sequence[Cost]] | None = None) -> DayChart:
    """From a cost answer by day; `parts` splits it by name, and what they leave becomes `other`."""
    total = _by_day(rows)
    if not total:
        return DayChart()
    first, last = max(min(total), max(total) - timedelta(days=LONGEST - 1)), max(total)
    days = tuple(first + timedelta(days=step) for step in range((last - first).days + 1))
    whole = tuple(total.get(day, 0.0) for day in days)
    series = []
    for name, part in (parts or {}).items():
        known = _by_day(part)
        series.append(Series(name, tuple(known.get(day, 0.0) for day in days)))
    rest = tuple(max(0.0, all_ - sum(each.values[at] for each in series)) for at, all_ in enumerate(whole))
    if not series:
        return DayChart(days, (Series("all", whole),))
    if sum(rest) > 0.005 * sum(whole):
        series.append(Series("other", rest))
    return DayChart(days, tuple(series))


def small(chart: DayChart, width: int, height: int) -> Sequence[Line]:
    """The sums as columns of block characters."""
    if not chart.days:
        return ((Span(" no costs in this time", "dim"),),)
    return columns(chart.totals, chart.labels, width, height, (dollars(chart.top / 2), dollars(chart.top)), chart.top)


def dollars(value: float) -> str:
    """Money on an axis: as few digits as tell it."""
    return f"${value:,.0f}" if value >= 10 or value == int(value) else f"${value:.2g}"


def _by_day(rows: Sequence[Cost]) -> dict[date, float]:
    found = {}
    for row in rows:
        try:
            found[date.fromisoformat(row.group_key or "")] = float(row.cost_usd or 0)
        except ValueError:
            continue
    return found
