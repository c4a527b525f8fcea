"""Ports of this machine: taking one, and saying who has it.

Owns the reading of `HOST:PORT`, the listening socket and the search for a port's holder, so that a taken port is a
sentence with a name in it. Refuses to share a port: SO_REUSEPORT would split agents between two engines in silence.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from engine.errors import ConfigurationError, EngineError, InUseError


@dataclass(frozen=True, slots=True)
class Address:
    """A host name or address, and a port (0: any free one)."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Reachable from this machine only."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_address(text: str, where: str) -> Address:
    """`HOST:PORT`, `[IPv6]:PORT` or `:PORT` (all addresses). `where` names the setting in the error."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise ConfigurationError(f"{where}: {text!r} is not an address", hint="write it like 127.0.0.1:4318")
    return Address(host.strip("[]") or "0.0.0.0", int(port))


def listen(address: Address, what: str) -> socket.socket:
    """A listening socket. Raises InUseError naming the holder, EngineError for an address that is not ours."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise EngineError(f"cannot listen on {address}: {error.strerror}", hint=f"check the setting {what}") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(target)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise InUseError(
                f"{address} is in use{by_whom(address.port)}",
                hint=f"stop it, or choose another port with --{what} HOST:PORT (0 takes any)",
            ) from error
        raise EngineError(f"cannot listen on {address}: {error.strerror}", hint=f"check --{what}") from error
    return listener


def by_whom(port: int) -> str:
    """` by process 12 (name)` for the holder of a listening TCP port, or nothing where that cannot be found out."""
    inodes: set[str] = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    if not inodes:
        return ""
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            for descriptor in (process / "fd").iterdir():
                if os.readlink(descriptor) in inodes:
                    name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                    return f" by process {process.name} ({name})"
        except OSError:
            continue  # not ours to look into, or gone meanwhile
    return ""
