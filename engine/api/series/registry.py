"""Which metrics there are.

Owns each metric's name, unit, source and meaning over time; the reference page and every check come from here. Refuses
SQL: a source's file has one column per metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["count", "tokens", "usd", "ms", "lines"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `source`: the file `series_<source>.sql`. `averaged`: a sum over time would mean nothing."""

    name: str
    source: Literal["requests", "tools", "commits"]
    unit: Unit
    help: str
    averaged: bool = False


METRICS: tuple[Metric, ...] = (
    Metric("requests", "requests", "count", "model calls"),
    Metric("errors", "requests", "count", "model calls that failed"),
    Metric("input_tokens", "requests", "tokens", "input that no cache held"),
    Metric("cache_read_tokens", "requests", "tokens", "input read from a cache"),
    Metric("cache_write_tokens", "requests", "tokens", "input written to a cache"),
    Metric("output_tokens", "requests", "tokens", "output, reasoning included"),
    Metric("total_tokens", "requests", "tokens", "all four kinds together"),
    Metric("cost_usd", "requests", "usd", "cost in US dollars; calls without a price are no points"),
    Metric("request_duration_ms", "requests", "ms", "how long a model call took", averaged=True),
    Metric("tool_calls", "tools", "count", "uses of tools"),
    Metric("tool_errors", "tools", "count", "uses of tools that failed"),
    Metric("tool_duration_ms", "tools", "ms", "how long a use of a tool took", averaged=True),
    Metric("commits", "commits", "count", "commits"),
    Metric("assisted_commits", "commits", "count", "commits that an agent had part in"),
    Metric("lines_added", "commits", "lines", "lines that commits added"),
    Metric("lines_deleted", "commits", "lines", "lines that commits deleted"),
)
BY_NAME = {metric.name: metric for metric in METRICS}
TAGS = ("developer", "project", "agent", "model", "branch", "session")
OPERATORS = {
    "eq": "{tag} = ${value}",
    "neq": "{tag} is distinct from ${value}",
    "in": "list_contains(cast(${value} as varchar[]), {tag})",
    "contains": "contains({tag}, ${value})",
}
"""What `op` may be, with the SQL that it means; values are always parameters."""
BUCKETS = {
    "1m": "time_bucket(interval '1 minute', time) as",
    "5m": "time_bucket(interval '5 minutes', time) as",
    "1h": "time_bucket(interval '1 hour', time) as",
    "1d": "timezone($zone, date_trunc('day', timezone($zone, time))) as",
}
"""Days are those of the report time zone, the rest is aligned with UTC."""
AGGREGATIONS = ("raw", *BUCKETS)
