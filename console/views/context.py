"""What a view needs to know besides its rows: the instant, the reader's zone, and what the reader asked to hide.

Owns names as they are shown (aliases when anonymised). Refuses state: a context is a value, made anew for each frame.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from console.views.line import clean
from console.views.text import UNKNOWN


@dataclass(frozen=True, slots=True)
class Context:
    """`now` is aware; `zone` is the reader's; `anonymous` replaces people's names by stable aliases."""

    now: datetime
    zone: tzinfo = UTC
    anonymous: bool = False

    def person(self, developer_id: str | None, name: str | None = None) -> str:
        """A developer as shown: the name, else the part of the id before @; `n/a` when nobody is known."""
        if not developer_id and not name:
            return UNKNOWN
        if self.anonymous:
            return alias(developer_id or name or "")
        shown = name or developer_id or ""
        if "@" in shown and " " not in shown:
            shown = shown.partition("@")[0]
        return clean(shown)

    def address(self, email: str | None) -> str:
        """An e-mail address as shown."""
        if not email:
            return UNKNOWN
        return f"{alias(email)}@hidden" if self.anonymous else clean(email)


def alias(identity: str) -> str:
    """The same person is the same alias on every machine and every day: `dev-3f2a`."""
    return "dev-" + hashlib.blake2b(identity.lower().encode(), digest_size=2).hexdigest()


def project(name: str | None, project_id: str | None) -> str:
    """A project as shown: its name, else the last part of its id."""
    shown = name or (project_id or "").rstrip("/").rpartition("/")[2]
    return clean(shown) if shown else UNKNOWN
