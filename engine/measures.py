"""What an engine measures of itself: one registry, from which `/metrics`, `status` and `doctor` are made.

Owns the names, units and buckets of the measures, and percentiles read from them. Refuses to measure: whoever does the
work observes it here. Names follow Prometheus: base units, `_total` for what only grows. There is one registry per
process; a process that serves nothing observes into it and nobody reads it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()

_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_DELAY = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

COMMIT = Histogram(
    "aa_store_commit_seconds", "One transaction from the journal into the database", buckets=_FAST, registry=REGISTRY
)
STORED = Counter(
    "aa_stored_rows_total", "Rows that were new and are in the database, by raw table", ["table"], registry=REGISTRY
)
REFRESH = Histogram(
    "aa_models_refresh_seconds", "Bringing the models up to date with new rows", buckets=_DELAY, registry=REGISTRY
)
ARRIVAL_TO_MART = Histogram(
    "aa_arrival_to_mart_seconds",
    "From the arrival of a batch's oldest row to the models that show it",
    buckets=_DELAY,
    registry=REGISTRY,
)
EVENT_TO_MART = Histogram(
    "aa_event_to_mart_seconds",
    "From a batch's newest event, as the sender's clock has it, to the models that show it",
    buckets=_DELAY,
    registry=REGISTRY,
)
QUERY = Histogram(
    "aa_query_seconds", "Answering a question of the API from the database", ["view"], buckets=_FAST, registry=REGISTRY
)
SLOW_QUERIES = Counter(
    "aa_slow_queries_total", "Answers that took longer than api.slow_query_ms", ["view"], registry=REGISTRY
)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of one histogram, in seconds, read from its buckets (so within a bucket's width); None without observations."""

    count: int
    p50: float | None
    p95: float | None
    p99: float | None

    def told(self) -> dict[str, float | int | None]:
        """In milliseconds, as `status` shows it."""

        def milliseconds(value: float | None) -> float | None:
            return None if value is None else round(value * 1000, 1)

        return {
            "count": self.count,
            "p50_ms": milliseconds(self.p50),
            "p95_ms": milliseconds(self.p95),
            "p99_ms": milliseconds(self.p99),
        }


def percentiles(histogram: Histogram) -> Percentiles:
    """Percentiles over all label values of a histogram since the process began."""
    upto: dict[float, float] = {}
    for metric in histogram.collect():
        for sample in metric.samples:
            if sample.name.endswith("_bucket"):
                bound = float(sample.labels["le"])
                upto[bound] = upto.get(bound, 0.0) + sample.value
    bounds = sorted(upto.items())
    total = bounds[-1][1] if bounds else 0.0
    return Percentiles(int(total), *(_quantile(bounds, total, share) for share in (0.5, 0.95, 0.99)))


def _quantile(bounds: list[tuple[float, float]], total: float, share: float) -> float | None:
    """Linear within a bucket; beyond the last finite bound that bound, which is then a lower limit."""
    if not total:
        return None
    wanted = total * share
    low, below = 0.0, 0.0
    for bound, count in bounds:
        if count >= wanted:
            if bound == float("inf"):
                return low
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return low


class Rate:
    """Rows a second over the last minute. Safe from any thread."""

    WINDOW_SECONDS = 60.0

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()
        self._lock = Lock()
        self._began = time.monotonic()

    def add(self, count: int, now: float | None = None) -> None:
        """So many came."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            self._counts.append((moment, count))
            self._forget(moment)

    def per_second(self, now: float | None = None) -> float:
        """The mean of the last minute, or of the time since the beginning when that is shorter."""
        moment = time.monotonic() if now is None else now
        with self._lock:
            self._forget(moment)
            seconds = min(self.WINDOW_SECONDS, max(moment - self._began, 1.0))
            return sum(count for _, count in self._counts) / seconds

    def _forget(self, now: float) -> None:
        while self._counts and now - self._counts[0][0] > self.WINDOW_SECONDS:
            self._counts.popleft()


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be known of a committed batch until the models show it. Instants are UTC."""

    batch_id: int
    oldest_arrival: datetime | None
    newest_event: datetime | None


class Delays:
    """From rows to marts: takes batches as they are committed, and observes them when the models cover them."""

    MOST_WAITING = 10_000

    def __init__(self) -> None:
        self._waiting: deque[Batch] = deque(maxlen=self.MOST_WAITING)
        self._lock = Lock()

    def committed(self, batch: Batch) -> None:
        """A batch is in the database."""
        with self._lock:
            self._waiting.append(batch)

    def shown(self, batch_id: int, now: datetime) -> None:
        """The models cover everything up to `batch_id`."""
        with self._lock:
            done = []
            while self._waiting and self._waiting[0].batch_id <= batch_id:
                done.append(self._waiting.popleft())
        for batch in done:
            for histogram, since in ((ARRIVAL_TO_MART, batch.oldest_arrival), (EVENT_TO_MART, batch.newest_event)):
                # A sender's clock may be ahead of ours: then its delay is not known, and not negative.
                if since is not None and since <= now:
                    histogram.observe((now - since).total_seconds())


@dataclass(frozen=True, slots=True)
class SlowQuery:
    """One answer that took long: which view, with which filter and order, how long and how many rows."""

    at: datetime
    view: str
    question: str
    milliseconds: float
    rows: int

    def told(self) -> Mapping[str, object]:
        """As JSON."""
        return {
            "at": self.at.isoformat(),
            "view": self.view,
            "question": self.question,
            "ms": round(self.milliseconds, 1),
            "rows": self.rows,
        }


class SlowQueries:
    """The last slow answers of this process, oldest first. Safe from any thread."""

    KEPT = 100

    def __init__(self, tell: Callable[[SlowQuery], None] | None = None) -> None:
        """`tell` hears of each one."""
        self._kept: deque[SlowQuery] = deque(maxlen=self.KEPT)
        self._tell = tell

    def add(self, query: SlowQuery) -> None:
        """Keep it, count it, tell it."""
        SLOW_QUERIES.labels(query.view).inc()
        self._kept.append(query)
        if self._tell is not None:
            self._tell(query)

    def last(self, count: int = KEPT) -> list[SlowQuery]:
        """The newest last."""
        return list(self._kept)[-count:]
