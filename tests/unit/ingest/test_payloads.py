"""Bodies around the decoding: compression within limits, answers, what is malformed."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from engine.errors import EngineError
from engine.ingest.otlp import MalformedPayload, PayloadTooLarge, gunzip, success_response
from engine.ingest.payloads import MEMBER_LIMIT, Signal
from tests.unit.ingest.otlp_support import decoded

LIMIT = 100_000


@pytest.mark.parametrize("body", [b"", b"short", b"x" * LIMIT])
def test_gunzip_undoes_gzip_and_zlib(body: bytes) -> None:
    assert gunzip(gzip.compress(body), LIMIT) == body
    assert gunzip(zlib.compress(body), LIMIT) == body


def test_several_members_are_one_body() -> None:
    assert gunzip(gzip.compress(b"one ") + gzip.compress(b"two"), LIMIT) == b"one two"


def test_a_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"\x00" * 50_000_000)
    assert len(bomb) < LIMIT
    with pytest.raises(PayloadTooLarge, match="100000 bytes"):
        gunzip(bomb, LIMIT)


def test_members_together_stop_at_the_limit() -> None:
    with pytest.raises(PayloadTooLarge):
        gunzip(gzip.compress(b"x" * 60_000) * 2, LIMIT)


def test_endless_empty_members_are_refused() -> None:
    with pytest.raises(MalformedPayload, match="members"):
        gunzip(gzip.compress(b"") * (MEMBER_LIMIT + 1), LIMIT)


@pytest.mark.parametrize(
    "body", [b"plain text", gzip.compress(b"cut short" * 100, mtime=0)[:-9], b"\x1f\x8b", b"\x1f\x8b\x08garbage"]
)
def test_damaged_compression_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        gunzip(body, LIMIT)


SIGNALS: list[tuple[Signal, type, str]] = [
    ("metrics", ExportMetricsServiceResponse, "rejected_data_points"),
    ("logs", ExportLogsServiceResponse, "rejected_log_records"),
    ("traces", ExportTraceServiceResponse, "rejected_spans"),
]


@pytest.mark.parametrize(("signal", "response", "field"), SIGNALS)
def test_success_is_an_empty_message(signal: Signal, response: type, field: str) -> None:
    assert success_response(signal, "protobuf", 0, None) == b""
    assert json.loads(success_response(signal, "json", 0, None)) == {}


@pytest.mark.parametrize(("signal", "response", "field"), SIGNALS)
def test_refused_points_are_told_in_partial_success(signal: Signal, response: type, field: str) -> None:
    from google.protobuf import json_format

    parsed = response()
    parsed.ParseFromString(success_response(signal, "protobuf", 3, "why"))
    assert (getattr(parsed.partial_success, field), parsed.partial_success.error_message) == (3, "why")
    assert json_format.Parse(success_response(signal, "json", 3, "why"), response()) == parsed


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b"1",
        b'{"resourceLogs":1}',
        b'{"resourceLogs":[1]}',
        b'{"resourceLogs":[{"resource":[]}]}',
        b'{"resourceLogs":[{"scopeLogs":{}}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":{}}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[1]}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":1}]}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"a","value":{"intValue":"x"}}]}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"soon"}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":-1}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"!!"}]}]}]}',
        b"[" * 100_000,
    ],
)
def test_json_of_another_shape_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayload) as caught:
        decoded("logs", body, "json")
    assert isinstance(caught.value, EngineError)
    assert "\n" not in caught.value.line()


@pytest.mark.parametrize("body", [b"\x00", b"{}", b"hello", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"])
def test_protobuf_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedPayload):
        decoded("logs", body)


def test_a_deeply_nested_attribute_is_refused() -> None:
    value = {"stringValue": "x"}
    for _ in range(40):
        value = {"arrayValue": {"values": [value]}}  # type: ignore[dict-item]
    records = [{"attributes": [{"key": "a", "value": value}]}]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()
    with pytest.raises(MalformedPayload, match="deep"):
        decoded("logs", body, "json")


def test_lone_surrogates_invalid_utf8_and_bare_nan_in_json_refuse_nothing() -> None:
    template = '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"attributes":[{"key":"session.id","value":%s}]}]}]}]}'
    for value in ('{"stringValue":"a\\ud800"}', '{"stringValue":"a"},"x":NaN'):
        assert decoded("logs", (template % value).encode(), "json").accepted == 1
    assert decoded("logs", (template % '{"stringValue":"a?"}').encode().replace(b"?", b"\xff"), "json").accepted == 1
