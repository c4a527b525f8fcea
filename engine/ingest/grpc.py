"""The gRPC front end of ingest: the three OTLP services.

Owns the server, its limits and the status codes. Refuses UNAVAILABLE as long as the journal takes rows: coding agents
do not send a batch again after it, so a busy database must never show here.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import grpc

from engine.access.http import is_loopback
from engine.access.keys import KeyRing
from engine.access.principal import LOCAL_SENDER, OPEN_SENDER, Principal
from engine.errors import EngineError, InUseError, StorageError
from engine.ingest import otlp
from engine.ingest.intake import Intake
from engine.ingest.otlp import MalformedPayload, Signal

SERVICES: dict[Signal, str] = {
    "metrics": "opentelemetry.proto.collector.metrics.v1.MetricsService",
    "logs": "opentelemetry.proto.collector.logs.v1.LogsService",
    "traces": "opentelemetry.proto.collector.trace.v1.TraceService",
}
THREADS = 16
STREAMS = 8
"""Calls at once on one connection: one client that floods leaves half of the threads to the others."""
# google.rpc.Status{code: 14, details: [RetryInfo{retry_delay: 1 s}]}, encoded: what OTLP exporters look for.
_TYPE_URL = b"type.googleapis.com/google.rpc.RetryInfo"
_RETRY_INFO = b"\x0a" + bytes([len(_TYPE_URL)]) + _TYPE_URL + b"\x12\x04\x0a\x02\x08\x01"
RETRY_DETAILS = b"\x08\x0e\x1a" + bytes([len(_RETRY_INFO)]) + _RETRY_INFO

Handler = Callable[[bytes, grpc.ServicerContext], bytes]


class GrpcServer:
    """OTLP over gRPC on one port."""

    def __init__(self, intake: Intake, keys: KeyRing, *, open_to_all: bool = False) -> None:
        self._intake = intake
        self._keys = keys
        self._open_to_all = open_to_all
        self._server = grpc.server(
            ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="grpc"),
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", intake.policy.max_body_bytes),
                ("grpc.max_metadata_size", 16 * 1024),
                ("grpc.max_concurrent_streams", STREAMS),
            ],
        )
        for signal, service in SERVICES.items():
            method = grpc.unary_unary_rpc_method_handler(self._handler(signal))
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Export": method}),))

    def bind(self, host: str, port: int, tls: tuple[bytes, bytes] | None = None) -> int:
        """Take the port (0: any) and return it. `tls`: certificate chain and private key, PEM. Raises InUseError."""
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            if tls is None:
                bound: int = self._server.add_insecure_port(address)
            else:
                certificate, key = tls
                credentials = grpc.ssl_server_credentials([(key, certificate)])
                bound = self._server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise InUseError(f"cannot listen on {address} for gRPC") from error
        if bound == 0:
            raise InUseError(f"cannot listen on {address} for gRPC")
        return bound

    def start(self) -> None:
        """Begin to answer."""
        self._server.start()

    def stop(self, grace: float) -> None:
        """Refuse new calls, answer those that have begun, for at most `grace` seconds. Blocks."""
        self._server.stop(grace).wait()

    def _handler(self, signal: Signal) -> Handler:
        def export(request: bytes, context: grpc.ServicerContext) -> bytes:
            metadata = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
            principal = self._admit(metadata, context)
            try:
                decoded = self._intake.decode(
                    signal, request, "protobuf", principal, metadata.get("x-developer-id", "").strip()[:200] or None
                )
            except MalformedPayload as error:
                self._note(signal, error.line(), principal, len(request))
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.line())
            try:
                if decoded.rejected:
                    self._intake.dead_letter(
                        signal, decoded.reason or "refused", principal, len(request), decoded.rejected
                    ).result()
                self._intake.record(decoded.rows, principal.sender(_peer_host(context.peer()))).result()
            except StorageError as error:
                context.set_trailing_metadata((("grpc-status-details-bin", RETRY_DETAILS),))
                context.abort(grpc.StatusCode.UNAVAILABLE, error.line())
            except ValueError as error:
                self._note(signal, f"unstorable: {error}", principal, len(request))
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the rows cannot be stored: {error}")
            return otlp.success_response(signal, "protobuf", decoded.rejected, decoded.reason)

        return export

    def _admit(self, metadata: dict[str, Any], context: grpc.ServicerContext) -> Principal:
        shown = metadata.get("x-api-key")
        authorization = metadata.get("authorization", "")
        if authorization:
            scheme, _, value = authorization.partition(" ")
            shown = value.strip() if scheme.lower() == "bearer" else ""
        try:
            if shown is not None:
                principal = self._keys.verify(shown.strip())
                if principal is None:
                    context.abort(grpc.StatusCode.UNAUTHENTICATED, "the API key is unknown, expired or revoked")
            elif self._keys.any_ingest_key():
                principal = None
            elif is_loopback(_peer_host(context.peer())):
                principal = LOCAL_SENDER
            else:
                principal = OPEN_SENDER if self._open_to_all else None
        except EngineError as error:
            context.abort(grpc.StatusCode.UNAVAILABLE, error.line())
        if principal is None:
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "an API key is needed: send the header x-api-key")
        if not principal.may_write:
            context.abort(grpc.StatusCode.PERMISSION_DENIED, f"a key of role {principal.role} may not send data")
        return principal

    def _note(self, signal: Signal, reason: str, principal: Principal, size: int) -> None:
        try:
            self._intake.dead_letter(signal, reason, principal, size).result()
        except StorageError:
            pass  # the refusal is the answer either way


def _peer_host(peer: str) -> str:
    """`ipv4:127.0.0.1:5` and `ipv6:[::1]:5` (with the brackets escaped) give the address."""
    kind, _, rest = unquote(peer).partition(":")
    if kind not in ("ipv4", "ipv6"):
        return ""
    return rest.rpartition(":")[0].strip("[]")
