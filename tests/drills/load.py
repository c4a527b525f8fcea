"""Senders that keep the ids they have an acknowledgement for, across every misfortune of the engine they send to."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import httpx
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from engine.store.rows import dedup_key
from tests.e2e.engine_process import EngineProcess, eventually

EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
FIRST_MICROSECOND = 1_795_193_536_000_000
A_REQUEST = 10


class EventSender(threading.Thread):
    """Posts events over HTTP, again when it has no answer: what was stored once must not be stored twice."""

    def __init__(self, address: str, name: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: set[str] = set()
        self.refused = 0
        self._address = address
        self._prefix = name
        self._ending = threading.Event()

    def run(self) -> None:
        number = 0
        ids: list[str] = []
        client = httpx.Client(base_url=self._address, timeout=30, trust_env=False)
        while not self._ending.is_set():
            if not ids:
                ids = [f"{self._prefix}-{number + offset}" for offset in range(A_REQUEST)]
                number += A_REQUEST
            try:
                answer = client.post("/v1/events", json=[{"event_type": "load", "id": one} for one in ids])
            except httpx.HTTPError:
                client.close()
                client = httpx.Client(base_url=self._address, timeout=30, trust_env=False)
                self._ending.wait(0.05)
                continue
            if answer.status_code == 200:
                self.acknowledged.update(ids)
                ids = []
                self._ending.wait(0.01)
            else:
                assert answer.headers["retry-after"], answer.text
                self.refused += 1
                self._ending.wait(0.05)
        client.close()

    def stop(self) -> None:
        self._ending.set()
        self.join()


class MetricSender(threading.Thread):
    """Exports points over gRPC, never again: agents do not either. A point's time is its id."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self.acknowledged: set[int] = set()
        self._address = address
        self._ending = threading.Event()

    def run(self) -> None:
        options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.initial_reconnect_backoff_ms", 50)]
        first = FIRST_MICROSECOND
        with grpc.insecure_channel(self._address, options=options) as channel:
            export = channel.unary_unary(EXPORT, None, None)
            while not self._ending.wait(0.01):
                times = range(first, first + A_REQUEST)
                first += A_REQUEST
                try:
                    export(points(times), timeout=30)
                except grpc.RpcError:
                    continue
                self.acknowledged.update(times)

    def stop(self) -> None:
        self._ending.set()
        self.join()


def points(times: range) -> bytes:
    """An export of one point at each of these microseconds."""
    message = ExportMetricsServiceRequest()
    metric = message.resource_metrics.add().scope_metrics.add().metrics.add(name="drill.count", unit="1")
    metric.sum.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
    for microsecond in times:
        metric.sum.data_points.add(time_unix_nano=microsecond * 1000, as_int=1)
    return message.SerializeToString()


class Load:
    """Two senders of events and one of metrics."""

    def __init__(self, engine: EngineProcess) -> None:
        self.events = [EventSender(engine.ready["http"], name) for name in ("a", "b")]
        self.metrics = MetricSender(engine.ready["grpc"])

    def acknowledged(self) -> tuple[int, int]:
        """So many events and points."""
        return sum(len(sender.acknowledged) for sender in self.events), len(self.metrics.acknowledged)

    def goes_on(self) -> None:
        """Wait for new acknowledgements over both protocols."""
        events, metrics = self.acknowledged()

        def more() -> bool:
            now_events, now_metrics = self.acknowledged()
            return now_events >= events + 3 * A_REQUEST and now_metrics >= metrics + 3 * A_REQUEST

        eventually(more, "telemetry is acknowledged again")

    def refused(self) -> int:
        return sum(sender.refused for sender in self.events)

    def lost(self, engine: EngineProcess) -> list[str]:
        """What a stopped engine acknowledged and has not."""
        stored = {str(row[0]).replace("-", "") for row in engine.ask("select dedup_key from raw.events")}
        events = [one for sender in self.events for one in sender.acknowledged]
        times = {row[0] for row in engine.ask("select epoch_us(timestamp) from raw.otel_metrics")}
        missing = [one for one in events if dedup_key("events", ("id", one)) not in stored]
        return missing + [str(time) for time in self.metrics.acknowledged if time not in times]


def doubled(engine: EngineProcess) -> list[tuple[object, ...]]:
    """What a stopped engine has more than once."""
    return engine.ask(
        "select dedup_key from (select dedup_key from raw.events union all select dedup_key from raw.otel_metrics)"
        " group by 1 having count(*) > 1"
    )


@contextmanager
def load(engine: EngineProcess) -> Iterator[Load]:
    """Load for the length of a block."""
    sending = Load(engine)
    senders: tuple[EventSender | MetricSender, ...] = (*sending.events, sending.metrics)
    for sender in senders:
        sender.start()
    try:
        sending.goes_on()
        yield sending
    finally:
        for sender in senders:
            sender.stop()
