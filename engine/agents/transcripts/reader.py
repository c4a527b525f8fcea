"""What every reader of a local history shares: the protocol, and careful access to JSON that anybody may have written.

Owns the shape of a reader (complete lines in, facts out, a state that survives a restart), the checks that turn an
unknown JSON value into a short text, a count, an instant, and the keyed hashes. Refuses files, offsets and tables: they
belong to `engine.ingest`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Protocol

import orjson

from engine.agents.casts import COUNT_LIMIT
from engine.agents.transcripts.facts import Fact, Instant, Surroundings
from engine.projects import ProjectIdentity, identify

_ESCAPED_LETTER = re.compile(rb"\\u00[2-7]")
LATEST = 4_102_444_800_000_000  # 2100-01-01: what is later is a broken clock or not a time at all


class Reader(Protocol):
    """Reads one file of one agent, from its first line to wherever it has grown.

    `version` is raised when the meaning of the state changes; a kept state of another version is not used.
    """

    version: ClassVar[int]

    def read(self, lines: Iterable[bytes], facts: list[Fact]) -> int:
        """Take complete lines (without line feed), append what they tell; returns how many could not be read."""
        ...

    def state(self) -> bytes:
        """JSON from which a new reader goes on where this one stands."""
        ...


@dataclass(slots=True)
class Workplace:
    """What readers need from outside: the workspace's hash key and how a folder becomes a project.

    Folders are looked up once; the cache is shared by all files of one import.
    """

    hash_key: bytes = b""
    find_project: Callable[[Path], ProjectIdentity] = identify
    _known: dict[str, tuple[ProjectIdentity, str]] = field(default_factory=dict)

    def place(self, folder: str) -> tuple[ProjectIdentity, str]:
        """Project and keyed hash of a folder. The project comes without its root: paths stay where they are."""
        found = self._known.get(folder)
        if found is None:
            project = replace(self.find_project(Path(folder)), root=None)
            found = self._known[folder] = (project, self.keyed_hash(b"cwd", os.fsencode(folder)))
        return found

    def forget_projects(self) -> None:
        """Look every folder up again: a remote may have been added since."""
        self._known.clear()

    def keyed_hash(self, *parts: bytes) -> str:
        """16 hexadecimal digits; equal only for equal parts under the same key."""
        digest = hashlib.blake2b(digest_size=8, key=self.hash_key[:64])
        for part in parts:
            digest.update(len(part).to_bytes(8, "little"))
            digest.update(part)
        return digest.hexdigest()


def pack(where: Surroundings) -> list[str | None]:
    """Surroundings as JSON for a kept state."""
    project = where.project
    named = [None, None, None] if project is None else [project.project_id, project.name, project.remote_url]
    return [*named, where.cwd_hash, where.branch, where.version]


def unpack(packed: list[Any]) -> Surroundings:
    """The surroundings of a kept state."""
    project_id, name, remote_url, cwd_hash, branch, version = packed
    project = None if project_id is None else ProjectIdentity(project_id, name, remote_url, None)
    return Surroundings(project, cwd_hash, branch, version)


def load(line: bytes) -> dict[str, Any] | None:
    """The JSON object of one line, or None.

    Agents write lone surrogates and cut multi-byte characters into their histories; the numbers beside them are still
    good, so such lines are read the slow way.
    """
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        if line[:1] != b"{" or line.rstrip()[-1:] != b"}":
            return None
        try:
            value = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, dict) else None


def is_broken(line: bytes) -> bool:
    """Whether a line that need not be read cannot be a JSON object; blank lines are not broken."""
    if line[:1] == b"{" and line[-1:] == b"}":
        return False
    line = line.strip()
    return bool(line) and not (line[:1] == b"{" and line[-1:] == b"}")


def has_escaped_letters(line: bytes) -> bool:
    """Whether letters of a line may be written as escapes, so that a word need not stand there to be said.

    No agent writes them; control characters, which outputs are full of, are no letters.
    """
    return b"\\u00" in line and _ESCAPED_LETTER.search(line) is not None


def text(value: object, limit: int = 200) -> str | None:
    """A short printable text, or None: identifiers and names, never content."""
    if isinstance(value, str) and 0 < len(value) <= limit and value.isprintable():
        return value
    return None


def count(value: object) -> int | None:
    """A number of tokens, or None."""
    if type(value) is int and 0 <= value <= COUNT_LIMIT:
        return value
    return None


def mapping(value: object) -> Mapping[str, Any]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def instant(value: object) -> Instant | None:
    """Microseconds since 1970 of an ISO 8601 text; None for what is no time between 1970 and 2100."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        seconds = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    # Exact up to LATEST: there the distance of neighbouring floats is less than half a microsecond.
    return round(seconds * 1e6) if 0 <= seconds < LATEST // 1_000_000 else None
