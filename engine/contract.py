"""What crosses the border between processes: the version, the change events, the problem details.

Owns the frozen shapes that the engine's HTTP interface and the console agree on. Refuses behaviour and every import
beyond the standard library: the console imports this module and nothing heavier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

CONTRACT_VERSION = 1
"""Raised when a client of the previous version could misread an answer."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """What one refresh of the models changed: the body of an SSE `change` event.

    `sessions` are agent session ids, `commits` full hashes, `days` ISO dates, `models` names of SQL models.
    """

    batch_id: int
    as_of: datetime
    sessions: tuple[str, ...] = ()
    commits: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    models: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineAddress:
    """Where a running engine answers, as `engine.json` and the ready line tell it. None: that door is closed.

    `pid` is whom to stop; `processes` are those that do the work, by part.
    """

    pid: int
    http: str | None
    grpc: str | None
    socket: str | None
    version: str
    processes: Mapping[str, int] = field(default_factory=dict)
