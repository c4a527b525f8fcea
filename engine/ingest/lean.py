"""OTLP messages, wire-compatible but lean.

Owns protobuf classes with OTLP's field numbers (source: opentelemetry-proto 1.x) in which attributes, resources,
scopes and all text are `bytes`: equal bytes then are keys of caches, so that nothing is decoded twice and invalid
UTF-8 refuses no request. Fields that no column needs are not declared; unknown fields are skipped by protobuf. Refuses
meaning: decoding of values is in attributes.py.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

__all__ = ["DecodeError", "Message", "lean"]

_TYPES = {
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "fixed64": descriptor_pb2.FieldDescriptorProto.TYPE_FIXED64,
    "fixed32": descriptor_pb2.FieldDescriptorProto.TYPE_FIXED32,
    "sfixed64": descriptor_pb2.FieldDescriptorProto.TYPE_SFIXED64,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
}

# name: "number type", "number *type" when repeated; a type that is no scalar is a message of this table.
_MESSAGES: dict[str, dict[str, str]] = {
    "Metrics": {"resource_metrics": "1 *ResourceMetrics"},
    "ResourceMetrics": {"resource": "1 bytes", "scope_metrics": "2 *ScopeMetrics"},
    "ScopeMetrics": {"scope": "1 bytes", "metrics": "2 *Metric"},
    "Metric": {
        "name": "1 bytes",
        "unit": "3 bytes",
        "gauge": "5 Gauge",
        "sum": "7 Sum",
        "histogram": "9 Histogram",
        "exponential_histogram": "10 ExponentialHistogram",
        "summary": "11 Summary",
    },
    "Gauge": {"data_points": "1 *NumberPoint"},
    "Sum": {"data_points": "1 *NumberPoint", "aggregation_temporality": "2 int32", "is_monotonic": "3 bool"},
    "Histogram": {"data_points": "1 *HistogramPoint", "aggregation_temporality": "2 int32"},
    "ExponentialHistogram": {"data_points": "1 *ExponentialPoint", "aggregation_temporality": "2 int32"},
    "Summary": {"data_points": "1 *SummaryPoint"},
    "NumberPoint": {
        "start_time_unix_nano": "2 fixed64",
        "time_unix_nano": "3 fixed64",
        "as_double": "4 double",
        "as_int": "6 sfixed64",
        "attributes": "7 *bytes",
        "flags": "8 uint32",
    },
    "HistogramPoint": {
        "start_time_unix_nano": "2 fixed64",
        "time_unix_nano": "3 fixed64",
        "count": "4 fixed64",
        "sum": "5 double",
        "attributes": "9 *bytes",
        "flags": "10 uint32",
    },
    "ExponentialPoint": {
        "attributes": "1 *bytes",
        "start_time_unix_nano": "2 fixed64",
        "time_unix_nano": "3 fixed64",
        "count": "4 fixed64",
        "sum": "5 double",
        "flags": "10 uint32",
    },
    "SummaryPoint": {
        "start_time_unix_nano": "2 fixed64",
        "time_unix_nano": "3 fixed64",
        "count": "4 fixed64",
        "sum": "5 double",
        "attributes": "7 *bytes",
        "flags": "8 uint32",
    },
    "Logs": {"resource_logs": "1 *ResourceLogs"},
    "ResourceLogs": {"resource": "1 bytes", "scope_logs": "2 *ScopeLogs"},
    "ScopeLogs": {"scope": "1 bytes", "log_records": "2 *LogRecord"},
    "LogRecord": {
        "time_unix_nano": "1 fixed64",
        "severity_number": "2 int32",
        "severity_text": "3 bytes",
        "body": "5 bytes",
        "attributes": "6 *bytes",
        "trace_id": "9 bytes",
        "span_id": "10 bytes",
        "observed_time_unix_nano": "11 fixed64",
        "event_name": "12 bytes",
    },
    "Traces": {"resource_spans": "1 *ResourceSpans"},
    "ResourceSpans": {"resource": "1 bytes", "scope_spans": "2 *ScopeSpans"},
    "ScopeSpans": {"scope": "1 bytes", "spans": "2 *Span"},
    "Span": {
        "trace_id": "1 bytes",
        "span_id": "2 bytes",
        "parent_span_id": "4 bytes",
        "name": "5 bytes",
        "kind": "6 int32",
        "start_time_unix_nano": "7 fixed64",
        "end_time_unix_nano": "8 fixed64",
        "attributes": "9 *bytes",
        "status": "15 Status",
    },
    "Status": {"code": "3 int32"},
    "Resource": {"attributes": "1 *bytes"},
    "Scope": {"name": "1 bytes", "version": "2 bytes"},
    "KeyValue": {"key": "1 bytes", "value": "2 AnyValue"},
    "AnyValue": {
        "string_value": "1 bytes",
        "bool_value": "2 bool",
        "int_value": "3 int64",
        "double_value": "4 double",
        "array_value": "5 bytes",
        "kvlist_value": "6 bytes",
        "bytes_value": "7 bytes",
    },
    "ArrayValue": {"values": "1 *bytes"},
    "KeyValueList": {"values": "1 *bytes"},
    "ExportResponse": {"partial_success": "1 PartialSuccess"},
    "PartialSuccess": {"rejected": "1 int64", "error_message": "2 bytes"},
}

_PACKAGE = "agent_analytics.lean"


def _build() -> dict[str, type[Message]]:
    """Message classes by name. proto2, because there every field knows whether it was sent."""
    file = descriptor_pb2.FileDescriptorProto(name="agent_analytics/lean.proto", package=_PACKAGE, syntax="proto2")
    for message_name, fields in _MESSAGES.items():
        message = file.message_type.add(name=message_name)
        for field_name, form in fields.items():
            number, kind = form.split(" ")
            field = message.field.add(name=field_name, number=int(number))
            repeated = kind.startswith("*")
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            kind = kind.removeprefix("*")
            if kind in _TYPES:
                field.type = _TYPES[kind]
            else:
                field.type = field.TYPE_MESSAGE
                field.type_name = f".{_PACKAGE}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


_CLASSES = _build()


def lean(name: str) -> Any:
    """The class of a message in this module's table. Typed as Any: its attributes are known only at run time."""
    return _CLASSES[name]
