"""Captured agent traffic, sent again byte for byte or in other clothes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import grpc
import httpx

from tests.e2e.engine_process import TELEMETRY

SERVICES = {"metrics": "metrics.v1.MetricsService", "logs": "logs.v1.LogsService", "traces": "trace.v1.TraceService"}
Clothes = Literal["grpc", "protobuf", "json", "gzip", "chunked"]


@dataclass(frozen=True, slots=True)
class Capture:
    """One request of an agent: its signal, its body, and whether that is protobuf."""

    path: Path
    signal: str
    body: bytes
    is_protobuf: bool


def captures(*scenarios: str) -> list[Capture]:
    """All requests of scenarios such as `claude/edit`; without names, of all."""
    folders = [TELEMETRY / name for name in scenarios] or sorted(TELEMETRY.glob("*/*"))
    found = []
    for folder in folders:
        for meta_path in sorted(folder.glob("*.meta.json")):
            meta: dict[str, Any] = json.loads(meta_path.read_text())
            stem = meta_path.name.removesuffix(".meta.json")
            for suffix in (".pb", ".json"):
                path = folder / (stem + suffix)
                if path.exists():
                    found.append(Capture(path, meta["signal"], path.read_bytes(), suffix == ".pb"))
    return found


def as_json(capture: Capture) -> bytes:
    """A protobuf capture in the JSON of the specification: hexadecimal ids, numbers for enums, 64-bit as text."""
    if not capture.is_protobuf:
        return capture.body
    import base64
    import importlib

    from google.protobuf import json_format

    names = {
        "metrics": ("metrics.v1.metrics_service_pb2", "ExportMetricsServiceRequest"),
        "logs": ("logs.v1.logs_service_pb2", "ExportLogsServiceRequest"),
        "traces": ("trace.v1.trace_service_pb2", "ExportTraceServiceRequest"),
    }
    module, kind = names[capture.signal]
    message = getattr(importlib.import_module(f"opentelemetry.proto.collector.{module}"), kind)()
    message.ParseFromString(capture.body)
    document = json_format.MessageToDict(message, use_integers_for_enums=True)

    def identify(node: Any) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                if name in ("traceId", "spanId", "parentSpanId") and isinstance(value, str):
                    node[name] = base64.b64decode(value).hex()
                else:
                    identify(value)
        elif isinstance(node, list):
            for value in node:
                identify(value)

    identify(document)
    return json.dumps(document).encode()


def send_http(client: httpx.Client, capture: Capture, clothes: Clothes, prefix: str = "/v1") -> httpx.Response:
    """Send over HTTP."""
    json_body = clothes == "json" or not capture.is_protobuf
    body = as_json(capture) if json_body else capture.body
    headers = {"content-type": "application/json" if json_body else "application/x-protobuf"}
    if clothes == "gzip":
        body, headers["content-encoding"] = gzip.compress(body), "gzip"
    content: bytes | Iterator[bytes] = body
    if clothes == "chunked":
        content = (body[start : start + 1000] for start in range(0, len(body), 1000))
    return client.post(f"{prefix}/{capture.signal}", content=content, headers=headers)


def send_grpc(channel: grpc.Channel, capture: Capture, **more: Any) -> bytes:
    """Send over gRPC; the answer's bytes."""
    path = f"/opentelemetry.proto.collector.{SERVICES[capture.signal]}/Export"
    call = channel.unary_unary(path, request_serializer=lambda body: body, response_deserializer=lambda body: body)
    answer: bytes = call(capture.body, timeout=30, **more)
    return answer
