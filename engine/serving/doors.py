"""The open doors of an engine: which addresses it takes, with which locks on them.

Owns opening gRPC, HTTP and the Unix socket together (all or, embedded, what is free), and the refusal to be reachable
from other machines without TLS and keys. Refuses to answer on them: that is the listeners' business.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine import __version__
from engine.access.http import Door
from engine.access.keys import KeyRing
from engine.clock import SystemClock
from engine.contract import EngineAddress
from engine.errors import ConfigurationError, InUseError
from engine.ingest.grpc import GrpcServer
from engine.ingest.intake import Intake
from engine.serving.ports import Address, listen, parse_address
from engine.serving.sockets import listen_on_socket, socket_path
from engine.settings import Settings

Files = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Checked settings of the doors: where, with which certificate (file names), and whether strangers may send."""

    http: Address
    grpc: Address
    tls: Files | None
    insecure: bool

    @classmethod
    def of(cls, settings: Settings, keys: KeyRing) -> Exposure:
        """Read and check the settings. Raises ConfigurationError for doors that would stand open to everybody."""
        http = parse_address(settings["http"], f"http ({settings.origin('http')})")
        grpc = parse_address(settings["grpc"], f"grpc ({settings.origin('grpc')})")
        tls = _tls_files(settings)
        insecure = bool(settings["insecure"])
        known = keys.all()  # keys that cannot be read would let nobody in: better told now
        outside = [str(address) for address in (http, grpc) if not address.loopback]
        if outside and not insecure:
            now = SystemClock().now()
            missing = []
            if tls is None:
                missing.append("TLS (--tls-cert, --tls-key)")
            if not any(key.state(now) == "active" for key in known):
                missing.append("an API key (aa-engine keys create)")
            if missing:
                raise ConfigurationError(
                    f"{outside[0]} can be reached from other machines, which needs {' and '.join(missing)}",
                    hint="listen on 127.0.0.1, or say --insecure if the network itself keeps others out",
                )
        return cls(http, grpc, tls, insecure)

    def tcp_door(self) -> Door:
        """The rules for who comes over TCP."""
        loopback = self.http.loopback
        return Door("tcp", loopback=loopback, open_to_all=self.insecure and not loopback)


class Doors:
    """Listening sockets and the gRPC server, open but not answering yet."""

    def __init__(
        self,
        exposure: Exposure,
        http: socket.socket | None,
        grpc: GrpcServer | None,
        local: socket.socket | None,
        path: Path | None,
        addresses: EngineAddress,
    ) -> None:
        self.grpc = grpc
        self.addresses = addresses
        self._exposure = exposure
        self._http = http
        self._local = local
        self._path = path

    @classmethod
    def open(
        cls,
        settings: Settings,
        exposure: Exposure,
        intake: Intake,
        keys: KeyRing,
        give_way: Callable[[str], None] | None = None,
        *,
        ports: bool = True,
        local: bool = True,
    ) -> Doors:
        """Take the addresses. A taken one raises InUseError, or with `give_way` is told to it and left closed.

        `ports` and `local`: which of TCP and the socket; a receiver has the one, its engine the other.
        """
        http: socket.socket | None = None
        grpc: GrpcServer | None = None
        grpc_port = 0
        try:
            try:
                http = listen(exposure.http, "http") if ports else None
            except InUseError as error:
                if give_way is None:
                    raise
                give_way(f"{error.sentence}: no OTLP over HTTP and no API on it, consoles use the socket")
            try:
                if ports:
                    # gRPC's own message for a taken port names nobody: find out first.
                    listen(exposure.grpc, "grpc").close()
                    grpc = GrpcServer(intake, keys, open_to_all=exposure.insecure and not exposure.grpc.loopback)
                    grpc_port = grpc.bind(exposure.grpc.host, exposure.grpc.port, _tls_bytes(exposure.tls))
            except InUseError as error:
                grpc = None
                if give_way is None:
                    raise
                give_way(f"{error.sentence}: no OTLP over gRPC")
            path = socket_path(settings.data_dir) if local else None
            listening = None if path is None else listen_on_socket(path, settings["socket_group"])
        except BaseException:
            if http is not None:
                http.close()
            raise
        scheme = "http" if exposure.tls is None else "https"
        bound = None if http is None else Address(exposure.http.host, http.getsockname()[1])
        addresses = EngineAddress(
            pid=os.getpid(),
            http=None if bound is None else f"{scheme}://{bound}",
            grpc=None if grpc is None else str(Address(exposure.grpc.host, grpc_port)),
            socket=None if path is None else str(path),
            version=__version__,
            processes={"engine": os.getpid()},
        )
        return cls(exposure, http, grpc, listening, path, addresses)

    def listening(self) -> list[tuple[Door, socket.socket, Files | None]]:
        """What HTTP is answered on: the door's rules, the socket, the certificate."""
        found: list[tuple[Door, socket.socket, Files | None]] = []
        if self._local is not None:
            found.append((Door("socket", owner_uid=os.getuid()), self._local, None))
        if self._http is not None:
            found.append((self._exposure.tcp_door(), self._http, self._exposure.tls))
        return found

    def close(self) -> None:
        """Close what is still open and remove the socket file."""
        for listening in (self._http, self._local):
            if listening is not None:
                listening.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def _tls_files(settings: Settings) -> Files | None:
    certificate, key = settings["tls_cert"], settings["tls_key"]
    if not certificate and not key:
        return None
    if not certificate or not key:
        raise ConfigurationError("TLS needs both a certificate and its key", hint="give --tls-cert and --tls-key")
    for path, setting in ((certificate, "tls_cert"), (key, "tls_key")):
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise ConfigurationError(f"TLS: cannot use {path} as {setting}: {error.strerror}") from error
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"TLS: cannot use {certificate} with {key}: {error}") from error
    return certificate, key


def _tls_bytes(files: Files | None) -> tuple[bytes, bytes] | None:
    if files is None:
        return None
    certificate, key = files
    return Path(certificate).read_bytes(), Path(key).read_bytes()
