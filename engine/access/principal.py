"""Who is calling, and what their role allows.

Owns the frozen Principal that the doors put beside each request, and the table of roles. Refuses to find out who it is:
that is the doors' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["ingest", "viewer", "developer", "lead", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

_MAY_WRITE: frozenset[Role] = frozenset({"ingest", "developer", "lead", "admin"})
_MAY_READ: frozenset[Role] = frozenset({"viewer", "developer", "lead", "admin"})


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    `developer_id`: whom the key belongs to, None for keys of nobody in particular. `projects`: the only projects the
    caller may see or write, None for all. `local`: on this machine, by socket or by loopback without a key.
    """

    role: Role
    developer_id: str | None = None
    key_id: str | None = None
    projects: tuple[str, ...] | None = None
    local: bool = False

    @property
    def may_write(self) -> bool:
        """May send telemetry, commits and events."""
        return self.role in _MAY_WRITE

    @property
    def may_read(self) -> bool:
        """May ask the API at all; what of it they see depends on role, developer and projects."""
        return self.role in _MAY_READ

    def sender(self, host: str = "") -> str:
        """With whom this caller shares its turns: the key, else the machine that it calls from."""
        return self.key_id or host

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


SOCKET_OWNER = Principal(role="admin", local=True)
SOCKET_GROUP = Principal(role="lead", local=True)
LOCAL_SENDER = Principal(role="ingest", local=True)
"""Loopback without a key, as long as no ingest key exists."""
OPEN_SENDER = Principal(role="ingest", local=False)
"""Another machine without a key, where --insecure allows it."""
