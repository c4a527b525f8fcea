"""Metric points as rows of raw.otel_metrics.

Owns which points become rows and their keys: a series (origin, metric, attributes) is decoded once, after that a
point costs a lookup, a hash and four numbers. Refuses points without a usable value (none, NaN, infinite, beyond all
counting, or negative in a monotonic sum): they are counted as rejected and the rest of the request goes on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from operator import itemgetter
from typing import Any

from engine.agents import casts
from engine.ingest import anyvalue, instants
from engine.ingest.attributes import settle
from engine.ingest.origin import Collector, Origin, Origins, content_hash, joined
from engine.ingest.payloads import Decoded, SenderContext
from engine.store.rows import RawRows

COLUMNS = (
    "agent_type",
    "service_name",
    "service_version",
    "resource_id",
    "developer_id",
    "session_id",
    "user_id",
    "user_email",
    "metric_name",
    "kind",
    "unit",
    "temporality",
    "is_monotonic",
    "series_key",
    "model",
    "token_type",
    "query_source",
    "agent_name",
    "attributes",
)
_row_of = itemgetter(*COLUMNS)

TEMPORALITY = {1: "delta", 2: "cumulative"}
NO_RECORDED_VALUE = 1
"""Flag of a point that says only that a series ended."""

LARGEST_VALUE = 1e15
"""Beyond it no metric of an agent counts anything, and totals of such points would not fit 64 bits."""
UNUSABLE = "a value that is not finite, too large, or below zero in a monotonic sum"

SERIES_BYTES = 1_500
"""Rough size of a remembered series, beside its attributes."""
SERIES_ENCODED = 16_384
"""Longest attributes that are remembered."""

_pack_number = struct.Struct("<16sQQd").pack
_pack_distribution = struct.Struct("<16sQQQd").pack
_SUM_OF_NONE = b"none"

_origins = Origins("metrics", COLUMNS)


@dataclass(frozen=True, slots=True)
class Series:
    """A finished row but for times and values; `seed` starts the dedup keys of its points."""

    row: tuple[Any, ...]
    seed: bytes
    drops: tuple[str, ...]


def _series(origin: Origin, header: tuple[Any, ...], encoded: tuple[bytes, ...]) -> Series:
    name, unit, kind, temporality, is_monotonic = header
    row = origin.template.copy()
    row.update(map(origin.reader.__getitem__, encoded))
    drops: dict[str, int] = {}
    if len(row) > origin.width:
        settle(row, origin.width, drops)
    if origin.context.include_prompts:
        row["attributes"] = origin.reader.everything(encoded)
    if not origin.fixed_developer:
        row["developer_id"] = row["user_email"] or origin.developer
    key = content_hash(origin.key, name, joined(encoded))
    row["metric_name"] = casts.text(anyvalue.text(name))
    row["unit"] = casts.text(anyvalue.text(unit))
    row["kind"] = kind
    row["temporality"] = temporality
    row["is_monotonic"] = is_monotonic
    row["series_key"] = key.hex()
    return Series(_row_of(row), content_hash(key, repr(header).encode()), tuple(drops))


class _Rows:
    """The columns of one request while they grow."""

    def __init__(self, received_at: int) -> None:
        self.received_at = received_at
        self.series: list[tuple[Any, ...]] = []
        self.times: list[int] = []
        self.starts: list[int | None] = []
        self.values: list[float | None] = []
        self.counts: list[int | None] = []
        self.keys: list[str] = []
        self.accepted = 0
        self.rejected = 0
        self.reasons: dict[str, None] = {}

    def refuse(self, reason: str, points: int = 1) -> None:
        self.rejected += points
        self.reasons[reason] = None

    def numbers(self, origin: Origin, header: tuple[Any, ...], points: Any, drops: dict[str, int]) -> None:
        """Points of a sum or gauge. The loop every point runs through: attribute access is what it costs."""
        known = _known(origin, header)
        is_monotonic = header[4]
        received_at = self.received_at
        latest = received_at + instants.AHEAD
        earliest = instants.EARLIEST
        for point in points:
            value = point.as_double
            if not value:
                value = float(point.as_int)
                if not value and not (point.HasField("as_double") or point.HasField("as_int")):
                    self._without_value(point)
                    continue
            if not abs(value) <= LARGEST_VALUE or (is_monotonic and value < 0):
                self.refuse(UNUSABLE)
                continue
            encoded = tuple(point.attributes)
            series = known.get(encoded)
            if series is None:
                series = _remember(origin, header, known, encoded)
            if series.drops:
                for name in series.drops:
                    drops[name] = drops.get(name, 0) + 1
            time = point.time_unix_nano
            start = point.start_time_unix_nano
            self.keys.append(blake2b(_pack_number(series.seed, start, time, value), digest_size=16).hexdigest())
            time //= 1000
            self.times.append(time if earliest <= time <= latest else received_at)
            start //= 1000
            self.starts.append(start if earliest <= start <= latest else None)
            self.values.append(value)
            self.counts.append(None)
            self.series.append(series.row)

    def distributions(self, origin: Origin, header: tuple[Any, ...], points: Any, drops: dict[str, int]) -> None:
        """Points of a histogram or summary: their sum and count; buckets and quantiles are not stored."""
        known = _known(origin, header)
        kind = header[2]
        for point in points:
            if point.flags & NO_RECORDED_VALUE:
                self.accepted += 1
                continue
            # Only a histogram's sum knows whether it was sent; a summary's is zero when it is not.
            total = point.sum if kind == "summary" or point.HasField("sum") else None
            if total is not None and not abs(total) <= LARGEST_VALUE:
                self.refuse(UNUSABLE)
                continue
            encoded = tuple(point.attributes)
            series = known.get(encoded)
            if series is None:
                series = _remember(origin, header, known, encoded)
            for name in series.drops:
                drops[name] = drops.get(name, 0) + 1
            start, time, count = point.start_time_unix_nano, point.time_unix_nano, point.count
            content = _pack_distribution(series.seed, start, time, count, total or 0.0)
            if total is None:
                content += _SUM_OF_NONE
            self.keys.append(blake2b(content, digest_size=16).hexdigest())
            self.times.append(instants.believable(time, self.received_at))
            self.starts.append(instants.known(start, self.received_at))
            self.values.append(total)
            self.counts.append(min(count, casts.COUNT_LIMIT))
            self.series.append(series.row)

    def _without_value(self, point: Any) -> None:
        if point.flags & NO_RECORDED_VALUE:
            self.accepted += 1
        else:
            self.refuse("a point without a value")

    def columns(self) -> dict[str, list[Any]]:
        """All columns of raw.otel_metrics."""
        columns: dict[str, list[Any]] = dict(zip(COLUMNS, map(list, zip(*self.series, strict=True)), strict=True))
        columns["received_at"] = [self.received_at] * len(self.keys)
        columns["dedup_key"] = self.keys
        columns["timestamp"] = self.times
        columns["start_time"] = self.starts
        columns["metric_value"] = self.values
        columns["point_count"] = self.counts
        return columns


def _known(origin: Origin, header: tuple[Any, ...]) -> dict[tuple[bytes, ...], Any]:
    known = origin.series.get(header)
    if known is None:
        known = origin.series[header] = {}
        _origins.spend(SERIES_BYTES)
    return known


def _remember(
    origin: Origin, header: tuple[Any, ...], known: dict[tuple[bytes, ...], Any], encoded: tuple[bytes, ...]
) -> Series:
    series = _series(origin, header, encoded)
    size = sum(map(len, encoded))
    if size <= SERIES_ENCODED:
        _origins.spend(SERIES_BYTES + 2 * size)
        known[encoded] = series
    return series


def metric_rows(request: Any, received_at: int, context: SenderContext) -> Decoded:
    """Rows of a lean Metrics message. Raises protobuf's DecodeError for damaged parts."""
    grown = _Rows(received_at)
    collector = Collector("metrics", received_at)
    for resource_metrics in request.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            origin = _origins.get(context, resource_metrics.resource, scope_metrics.scope)
            drops: dict[str, int] = {}
            for metric in scope_metrics.metrics:
                _metric(grown, origin, metric, drops)
            collector.add(origin, drops)
    rows = RawRows()
    if grown.keys:
        rows.extend("otel_metrics", grown.columns())
    collector.finish(rows, "otel_metrics")
    reason = "; ".join(grown.reasons) or None
    return Decoded(rows, len(grown.keys) + grown.accepted, grown.rejected, reason)


def _metric(grown: _Rows, origin: Origin, metric: Any, drops: dict[str, int]) -> None:
    name, unit = metric.name, metric.unit
    if metric.HasField("sum"):
        data, kind, add = metric.sum, "sum", grown.numbers
        temporality, is_monotonic = TEMPORALITY.get(data.aggregation_temporality), data.is_monotonic
    elif metric.HasField("gauge"):
        data, kind, add, temporality, is_monotonic = metric.gauge, "gauge", grown.numbers, None, None
    elif metric.HasField("histogram"):
        data, kind, add, is_monotonic = metric.histogram, "histogram", grown.distributions, None
        temporality = TEMPORALITY.get(data.aggregation_temporality)
    elif metric.HasField("exponential_histogram"):
        data, kind, add, is_monotonic = metric.exponential_histogram, "histogram", grown.distributions, None
        temporality = TEMPORALITY.get(data.aggregation_temporality)
    elif metric.HasField("summary"):
        data, kind, add, temporality, is_monotonic = metric.summary, "summary", grown.distributions, None, None
    else:
        return
    if not name.strip():
        grown.refuse("a metric without a name", len(data.data_points))
        return
    if temporality is None and kind in ("sum", "histogram"):
        grown.refuse("a sum or histogram that is neither delta nor cumulative", len(data.data_points))
        return
    add(origin, (name, unit, kind, temporality, is_monotonic), data.data_points, drops)
