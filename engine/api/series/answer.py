"""From a question for time series to its points.

Owns the statement (made of our files, the registry's names and parameters) and the form of a point. Refuses user text
in SQL: of a question only registry names and parameters get here.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from engine.api.answers import Questions, State, current_state, ready
from engine.api.caller import Sight
from engine.api.encode import instant_text, money_text
from engine.api.series.question import Question
from engine.api.series.registry import BUCKETS, BY_NAME, OPERATORS, TAGS
from engine.api.statements import Statement, bound
from engine.api.views import sql
from engine.measures import QUERY

KEPT_ANSWERS = 64
STATISTICS = ("value", "min", "max", "p50", "p95")


@dataclass(frozen=True, slots=True)
class Answer:
    """Points in the order of time, and how many there were before the limit. `seconds`: what the database took."""

    points: tuple[Mapping[str, Any], ...]
    total: int
    seconds: float
    cached: bool = False


class Series:
    """Answers questions, from a cache while the models stay as they are. Safe from any thread."""

    def __init__(self, reader: Questions, zone: ZoneInfo) -> None:
        self._reader = reader
        self._zone = zone
        self._kept: OrderedDict[tuple[State, Question, Sight], Answer] = OrderedDict()
        self._lock = Lock()

    def answer(self, question: Question, sight: Sight) -> Answer:
        """All points, oldest first, at most the question's limit. Raises NotBuilt and StorageError."""
        state = current_state(self._reader)
        key = (state, question, sight)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return Answer(found.points, found.total, found.seconds, cached=True)
        began = time.perf_counter()
        asked = statement(question, sight, self._zone)
        with ready():
            _, rows = self._reader.rows(asked.sql, dict(asked.parameters))
        points = tuple(_point(row) for row in rows)
        found = Answer(points, int(rows[0][-1]) if rows else 0, time.perf_counter() - began)
        QUERY.labels("series").observe(found.seconds)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > KEPT_ANSWERS:
                self._kept.popitem(last=False)
        return found


def statement(question: Question, sight: Sight, zone: ZoneInfo) -> Statement:
    """One statement for all metrics of a question."""
    parameters: dict[str, Any] = {
        "start": question.start,
        "end": question.end,
        "zone": zone.key,
        "limit": question.limit,
        "averaged": [name for name in question.metrics if BY_NAME[name].averaged],
        "own_developer": sight.developer,
        "own_projects": sight.projects,
    }
    conditions = ["time >= $start", "time < $end"]
    if sight.developer is not None:
        conditions.append("developer = $own_developer")
    if sight.projects is not None:
        conditions.append("list_contains(cast($own_projects as varchar[]), project)")
    for number, held in enumerate(question.filters):
        name = f"held{number}"
        parameters[name] = held.value if isinstance(held.value, str) else list(held.value)
        conditions.append(OPERATORS[held.operator].format(tag=held.field, value=name))
    held_by = " and ".join(conditions)
    sources = dict.fromkeys(BY_NAME[name].source for name in question.metrics)
    parts = []
    for source in sources:
        names = ", ".join(name for name in question.metrics if BY_NAME[name].source == source)
        kept = f"select time, {', '.join(TAGS)}, {names} from ({sql(f'series_{source}')}) where {held_by}"
        parts.append(f"select * from (unpivot ({kept}) on {names} into name metric value value)")
    if question.aggregation == "raw":
        shaped = sql("series_raw")
    else:
        tags = ", ".join(f"'{tag}': {tag}" for tag in question.group_by) or "'_': null"
        shaped = sql("series_buckets").replace("/*tags*/", tags)
        shaped = shaped.replace("/*bucket*/ time as", BUCKETS[question.aggregation])
    text = (
        f"with points as (\n{' union all by name '.join(parts)}\n),\nshaped as (\n{shaped}\n)\n"
        "select *, count(*) over () as total from shaped order by time, metric, tags limit $limit"
    )
    return bound(text, parameters)


def _point(row: tuple[Any, ...]) -> Mapping[str, Any]:
    moment, metric, value, count, least, most, middle, high, tags, _ = row
    unit = BY_NAME[metric].unit
    told = dict(zip(STATISTICS, (value, least, most, middle, high), strict=True))
    figures = {name: money_text(each) if unit == "usd" else _number(each) for name, each in told.items()}
    return {
        "time": instant_text(moment),
        "metric": metric,
        "value": figures["value"],
        "count": count,
        **{name: figures[name] for name in STATISTICS[1:]},
        "tags": {name: tag for name, tag in tags.items() if name != "_"},
    }


def _number(value: Decimal | None) -> int | float | None:
    """Whole numbers as such; averages with their fraction."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)
