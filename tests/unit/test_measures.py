"""Percentiles, rates and delays that the engine tells of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as some
from prometheus_client import CollectorRegistry, Histogram

from engine import measures
from engine.measures import Batch, Delays, Rate, percentiles

BOUNDS = (0.1, 0.2, 0.5, 1.0, 2.0)
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


@given(some.lists(some.floats(0.001, 1.99), min_size=1, max_size=200))
def test_a_percentile_lies_in_the_bucket_of_the_value_it_stands_for(values: list[float]) -> None:
    histogram = Histogram("h", "h", buckets=BOUNDS, registry=CollectorRegistry())
    for value in values:
        histogram.observe(value)
    found = percentiles(histogram)
    assert found.count == len(values)
    for share, told in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        true = sorted(values)[max(0, -(-len(values) * round(share * 100) // 100) - 1)]
        upper = next(bound for bound in BOUNDS if true <= bound)
        lower = max((bound for bound in BOUNDS if bound < true), default=0.0)
        assert told is not None
        assert lower - 1e-9 <= told <= upper + 1e-9


def test_beyond_the_last_bucket_the_bound_is_told_and_without_values_nothing() -> None:
    histogram = Histogram("h", "h", ["view"], buckets=BOUNDS, registry=CollectorRegistry())
    assert percentiles(histogram).p95 is None
    for view in ("a", "b"):
        histogram.labels(view).observe(100.0)
    assert (percentiles(histogram).count, percentiles(histogram).p50) == (2, 2.0)


def test_the_rate_is_that_of_the_last_minute() -> None:
    rate = Rate()
    start = rate._began
    for second in range(120):
        rate.add(10 if second < 60 else 20, start + second)
    assert rate.per_second(start + 119.5) == 20.0
    assert rate.per_second(start + 300) == 0.0


def test_a_delay_counts_when_the_models_cover_the_batch_and_only_once() -> None:
    def count() -> tuple[int, int]:
        return percentiles(measures.ARRIVAL_TO_MART).count, percentiles(measures.EVENT_TO_MART).count

    before = count()
    delays = Delays()
    delays.committed(Batch(1, NOON, NOON - timedelta(seconds=5)))
    delays.committed(Batch(2, NOON, None))
    delays.committed(Batch(3, NOON, NOON + timedelta(hours=1)))  # a clock ahead of ours
    delays.shown(2, NOON + timedelta(seconds=1))
    delays.shown(2, NOON + timedelta(seconds=9))
    assert count() == (before[0] + 2, before[1] + 1)
    delays.shown(3, NOON + timedelta(seconds=9))
    assert count() == (before[0] + 3, before[1] + 1)
