"""What the engine tells of itself: `/metrics` for Prometheus, and the figures of `status` and `doctor`.

Owns reading the gauges at the moment somebody asks (files, memory, queues, lag), and joining them with the measures of
`engine.measures`. Refuses to measure in the background: nothing here costs anything while nobody asks, but one addition
a batch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine import log, measures
from engine.api.caller import Sight
from engine.clock import Clock
from engine.ingest.journal_state import Figures
from engine.settings import Settings
from engine.store import backup
from engine.store.writer import Applied

LATENCIES = {
    "store_commit": measures.COMMIT,
    "models_refresh": measures.REFRESH,
    "arrival_to_mart": measures.ARRIVAL_TO_MART,
    "event_to_mart": measures.EVENT_TO_MART,
    "query": measures.QUERY,
}
SHOWN_SLOW_QUERIES = 10
BOOKKEEPING = frozenset({"model_prices", "model_names", "resources", "repositories", "dropped_attributes"})
"""Tables that the engine fills by itself: their rows are nobody's news."""

Status = Callable[[], Mapping[str, Any]]


class Measuring:
    """One engine's figures. `status`: the engine's part of /api/v1/status, set once the parts exist."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.slow = measures.SlowQueries(_say_slow)
        self._settings = settings
        self._clock = clock
        self._rate = measures.Rate()
        self._delays = measures.Delays()

    def stored(self, applied: Applied) -> None:
        """A batch was committed."""
        count = sum(number for table, number in applied.inserted.items() if table not in BOOKKEEPING)
        if count:
            self._rate.add(count)
            self._delays.committed(measures.Batch(applied.batch_id, applied.oldest_arrival, applied.newest_event))

    def shown(self, batch_id: int) -> None:
        """The models cover everything up to this batch."""
        self._delays.shown(batch_id, self._clock.now())

    def told(self, journal: Figures) -> dict[str, Any]:
        """The figures, as `status` has them: bytes, rows a second, milliseconds. `journal`: of who appends to it."""
        newest = next(iter(backup.known(self._settings.backup_dir)), None)
        return {
            "rows_per_second": round(self._rate.per_second(), 2),
            "latency": {name: measures.percentiles(each).told() for name, each in LATENCIES.items()},
            "journal_sync": {
                "count": journal.groups,
                "mean_ms": round(journal.sync_ns / journal.groups / 1e6, 2) if journal.groups else None,
                "longest_ms": round(journal.longest_sync_ns / 1e6, 2) if journal.groups else None,
                "refused_requests": journal.refused_requests,
            },
            "files": self.files(),
            "memory_bytes": memory_bytes(),
            "newest_backup": None if newest is None else newest.created_at.isoformat(),
            "slow_queries": [query.told() for query in self.slow.last(SHOWN_SLOW_QUERIES)],
        }

    def files(self) -> dict[str, int]:
        """Sizes in bytes on disk."""
        database = self._settings.database
        return {
            "database": _size(database),
            "write_ahead_log": _size(Path(f"{database}.wal")),
            "journal": sum(_size(path) for path in self._settings.journal_dir.glob("*.journal")),
        }

    def endpoint(self, status: Status, journal: Callable[[], Figures]) -> Callable[[Request, Sight], Any]:
        """The handler of `/metrics`."""
        disable_created_metrics()  # type: ignore[no-untyped-call]
        gauges = CollectorRegistry()
        gauges.register(_Gauges(self, status, journal))
        ProcessCollector(registry=gauges)

        async def handler(request: Request, sight: Sight) -> Response:
            body = await run_in_threadpool(lambda: generate_latest(measures.REGISTRY) + generate_latest(gauges))
            return Response(body, media_type=CONTENT_TYPE_LATEST)

        return handler


class _Gauges:
    """Reads everything that goes up and down when Prometheus asks."""

    def __init__(self, measuring: Measuring, status: Status, journal: Callable[[], Figures]) -> None:
        self._measuring = measuring
        self._status = status
        self._journal = journal

    def describe(self) -> list[Metric]:
        """Nothing is read before somebody asks."""
        return []

    def collect(self) -> Iterator[Metric]:
        status = self._status()
        journal, models = status["journal"], status["models"]
        yield _gauge("aa_ready", "1 when everything is taken, stored and shown", status["ready"])
        troubles = GaugeMetricFamily("aa_trouble", "1 for a part that something is wrong with", labels=["part"])
        for part in status["troubles"]:
            troubles.add_metric([part], 1)
        yield troubles
        yield _gauge("aa_journal_end_bytes", "Offset behind the last durable record", journal["end"])
        yield _gauge("aa_journal_applied_bytes", "Offset up to which the database holds everything", journal["applied"])
        yield _gauge("aa_journal_lag_bytes", "Durable, and not yet in the database", journal["lag_bytes"])
        yield _gauge("aa_journal_waiting_rows", "Rows that wait to be made durable", journal["waiting_rows"])
        figures = self._journal()
        for name, text, value in (
            ("aa_journal_syncs", "Groups of rows that were made durable", figures.groups),
            ("aa_journal_sync_seconds", "Time spent making them durable", figures.sync_ns / 1e9),
            ("aa_journal_rows", "Rows that were made durable", figures.rows),
            ("aa_journal_bytes", "Bytes that were made durable", figures.bytes),
            ("aa_journal_refused_requests", "Requests that were asked to come again", figures.refused_requests),
        ):
            yield CounterMetricFamily(name, text, value=float(value))
        yield _gauge("aa_journal_longest_sync_seconds", "The longest of them", figures.longest_sync_ns / 1e9)
        yield _gauge("aa_store_batch_id", "The newest committed batch", journal["batch_id"])
        if models is not None:
            yield _gauge("aa_models_lag_batches", "Batches that the models do not show yet", models["lag_batches"])
            yield _gauge("aa_models_lag_seconds", "Age of the oldest of them", models["lag_seconds"] or 0)
            tests = models["tests"]
            failed = None if tests is None else len(tests["failed"])
            if failed is not None:
                yield _gauge("aa_models_failed_tests", "Data tests that failed in the last round", failed)
        sizes = GaugeMetricFamily("aa_file_bytes", "Size on disk", labels=["file"])
        for name, size in self._measuring.files().items():
            sizes.add_metric([name], size)
        yield sizes


def _say_slow(query: measures.SlowQuery) -> None:
    log.say(
        f"slow query: {query.view} took {query.milliseconds:.0f} ms for {query.rows} rows: {query.question}",
        view=query.view,
        question=query.question,
        ms=round(query.milliseconds, 1),
        rows=query.rows,
    )


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))


def memory_bytes() -> int | None:
    """Resident memory of this process; None where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
