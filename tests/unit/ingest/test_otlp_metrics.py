"""Metric points as rows: kinds, temporality, series, refused values."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from tests.unit.ingest.otlp_support import (
    MICROSECONDS,
    NANOSECONDS,
    RECEIVED,
    Row,
    decoded,
    metric_body,
    point,
    rows,
    total,
)

ARRIVED = int(RECEIVED.timestamp() * 1e6)


def only(*metrics: dict[str, Any], service: str = "claude-code", **others: Any) -> Row:
    """The row of the only point."""
    result = decoded("metrics", metric_body(*metrics, service=service, **others), "json")
    assert result.rejected == 0
    found = rows(result, "otel_metrics")
    assert len(found) == 1
    return found[0]


def test_a_claude_token_point() -> None:
    row = only(
        total(
            "claude_code.token.usage",
            point(
                12.0,
                {
                    "session.id": "s",
                    "type": "cacheRead",
                    "model": "m[1m]",
                    "query_source": "subagent",
                    "agent.name": "a",
                },
            ),
        )
    )
    expected = {
        "metric_name": "claude_code.token.usage",
        "kind": "sum",
        "metric_value": 12.0,
        "unit": "tokens",
        "temporality": "delta",
        "is_monotonic": True,
        "session_id": "s",
        "token_type": "cacheRead",
        "model": "m[1m]",
        "query_source": "subagent",
        "agent_name": "a",
        "timestamp": MICROSECONDS,
        "start_time": MICROSECONDS - 1_000_000,
        "received_at": ARRIVED,
        "attributes": None,
    }
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize("value", [5, 5.0])
def test_whole_and_double_values_of_the_same_size_are_the_same_point(value: float) -> None:
    assert only(total("m", point(value)))["dedup_key"] == only(total("m", point(5)))["dedup_key"]


@pytest.mark.parametrize(
    ("temporality", "expected"),
    [
        (1, "delta"),
        (2, "cumulative"),
        ("AGGREGATION_TEMPORALITY_DELTA", "delta"),
        ("AGGREGATION_TEMPORALITY_CUMULATIVE", "cumulative"),
    ],
)
def test_temporality_by_number_or_name(temporality: Any, expected: str) -> None:
    assert only(total("m", point(1), temporality=temporality))["temporality"] == expected


def test_zero_is_a_value() -> None:
    assert only(total("m", point(0)))["metric_value"] == 0
    assert only(total("m", point(0.0)))["metric_value"] == 0


def test_a_gauge_may_be_negative_and_has_no_temporality() -> None:
    row = only({"name": "g", "gauge": {"dataPoints": [point(-1.5)]}})
    assert (row["kind"], row["metric_value"], row["temporality"], row["is_monotonic"]) == ("gauge", -1.5, None, None)


@pytest.mark.parametrize("kind", ["histogram", "exponentialHistogram"])
def test_histograms_give_sum_and_count(kind: str) -> None:
    data = {"dataPoints": [{**point(0), "count": "4", "sum": 10.5}], "aggregationTemporality": 2}
    row = only({"name": "h", kind: data})
    assert (row["kind"], row["metric_value"], row["point_count"]) == ("histogram", 10.5, 4)
    assert row["temporality"] == "cumulative"


def test_a_histogram_without_a_sum_has_none() -> None:
    data = {"dataPoints": [{"timeUnixNano": NANOSECONDS, "count": 4}], "aggregationTemporality": 1}
    row = only({"name": "h", "histogram": data})
    assert (row["metric_value"], row["point_count"]) == (None, 4)


def test_summaries_give_sum_and_count() -> None:
    row = only({"name": "s", "summary": {"dataPoints": [{"timeUnixNano": NANOSECONDS, "count": 2, "sum": 3}]}})
    assert (row["kind"], row["metric_value"], row["point_count"]) == ("summary", 3.0, 2)


def test_a_series_is_resource_metric_and_attributes_in_any_order() -> None:
    def key(name: str = "m", version: str = "1", **values: Any) -> str:
        return str(only(total(name, point(1, values)), service__version=version)["series_key"])

    assert key(a="1", b="2") == key(b="2", a="1")
    assert len({key(a="1"), key(a="2"), key("other", a="1"), key(a="1", version="2"), key()}) == 5


def test_points_of_a_series_have_their_own_keys() -> None:
    points = [point(1), point(2), point(1, timeUnixNano=NANOSECONDS + 1), point(1, startTimeUnixNano=1)]
    found = rows(decoded("metrics", metric_body(total("m", *points)), "json"), "otel_metrics")
    assert len({row["dedup_key"] for row in found}) == 4
    assert len({row["series_key"] for row in found}) == 1


def test_delta_and_cumulative_points_are_different_points() -> None:
    assert only(total("m", point(1)))["dedup_key"] != only(total("m", point(1), temporality=2))["dedup_key"]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", -1.0])
def test_values_that_no_sum_can_have_are_refused_and_the_others_go_on(value: Any) -> None:
    result = decoded("metrics", metric_body(total("m", point(1), point(value), point(2))), "json")
    assert (result.accepted, result.rejected) == (2, 1)
    assert result.reason is not None
    assert [row["metric_value"] for row in rows(result, "otel_metrics")] == [1, 2]


def test_a_point_without_a_value_is_refused_unless_it_says_so() -> None:
    empty = {"timeUnixNano": NANOSECONDS}
    ended = {"timeUnixNano": NANOSECONDS, "flags": 1}
    result = decoded("metrics", metric_body(total("m", empty, ended, point(1))), "json")
    assert (result.accepted, result.rejected, result.rows.length("otel_metrics")) == (2, 1, 1)


def test_a_sum_that_names_no_temporality_is_refused() -> None:
    result = decoded("metrics", metric_body(total("m", point(1), point(2), temporality=0)), "json")
    assert (result.accepted, result.rejected) == (0, 2)


def test_a_metric_without_a_name_is_refused() -> None:
    assert decoded("metrics", metric_body(total("", point(1))), "json").rejected == 1


def test_missing_and_impossible_times() -> None:
    row = only(total("m", point(1, timeUnixNano=0, startTimeUnixNano=0)))
    assert (row["timestamp"], row["start_time"]) == (ARRIVED, None)
    row = only(total("m", point(1, timeUnixNano=str(2**64 - 1), startTimeUnixNano=str(2**64 - 1))))
    assert (row["timestamp"], row["start_time"]) == (ARRIVED, None)


def test_invalid_utf8_is_readable_and_refuses_nothing() -> None:
    from engine.ingest.lean import lean

    pair = lean("KeyValue")(key=b"session.id", value=lean("AnyValue")(string_value=b"s\xff"))
    data = {"data_points": [{"as_int": 1, "attributes": [pair.SerializeToString()]}], "aggregation_temporality": 1}
    message = lean("Metrics")(resource_metrics=[{"scope_metrics": [{"metrics": [{"name": b"m\xfe", "sum": data}]}]}])
    row = rows(decoded("metrics", message.SerializeToString()), "otel_metrics")[0]
    assert (row["metric_name"], row["session_id"], row["agent_type"]) == ("m\ufffd", "s\ufffd", "other")


def test_a_metric_of_no_known_kind_is_skipped() -> None:
    assert decoded("metrics", metric_body({"name": "m"}), "json").accepted == 0


def test_many_series_do_not_mix() -> None:
    export = ExportMetricsServiceRequest()
    metric = export.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    metric.gauge.SetInParent()
    for number in range(3_000):
        item = metric.gauge.data_points.add(time_unix_nano=NANOSECONDS, as_int=number)
        item.attributes.add(key="session.id").value.string_value = f"s{number}"
    found = rows(decoded("metrics", export.SerializeToString()), "otel_metrics")
    assert [(row["session_id"], row["metric_value"]) for row in found] == [(f"s{n}", n) for n in range(3_000)]
