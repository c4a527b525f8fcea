"""What an agent's local history tells, as values.

Owns the four kinds of facts that a reader may yield: usage of one request, one tool call, one moment of a session, one
commit that a tool's output named. They hold numbers, names and hashes. Refuses content: there is no field in which a
prompt, a command, an output or a path could travel. They are named tuples: an import makes millions.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from engine.projects import ProjectIdentity

Instant: TypeAlias = int
"""Microseconds since 1970, UTC."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where the agent worked at some moment. `cwd_hash` is keyed: it joins rows and tells no path."""

    project: ProjectIdentity | None = None
    cwd_hash: str | None = None
    branch: str | None = None
    version: str | None = None


class Usage(NamedTuple):
    """Tokens of one API request, normalised: input without cache, output including reasoning.

    `identity` is what makes two tellings of the same state equal; it holds no file and no line number. `sequence`
    orders the requests of one file. `is_update`: a later state of a request that was told before (a reply that grew).
    """

    timestamp: Instant
    session_id: str | None
    identity: tuple[object, ...]
    sequence: int
    is_update: bool
    is_sidechain: bool
    where: Surroundings
    model: str | None
    parent_session_id: str | None = None
    agent_name: str | None = None
    request_id: str | None = None
    message_id: str | None = None
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    cache_write_unknown_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int | None = None
    cost_usd: Decimal | None = None
    speed: str | None = None
    service_tier: str | None = None
    success: bool = True
    error_code: str | None = None


class ToolCall(NamedTuple):
    """One finished tool call; `timestamp` is its end, `duration_ms` includes the wait for a permission."""

    timestamp: Instant
    session_id: str | None
    is_sidechain: bool
    tool_name: str
    tool_use_id: str
    duration_ms: int | None
    success: bool | None
    error_type: str | None
    file_extension: str | None
    arguments_hash: str | None
    is_git_commit: bool
    commit_sha: str | None


class SessionMoment(NamedTuple):
    """`event`: start, context (another folder, branch or version from here on), prompt (that there was one) or parent
    (the session is a sub-agent's: `parent_session_id` started it)."""

    timestamp: Instant
    session_id: str
    event: str
    where: Surroundings
    parent_session_id: str | None = None


class CommitSeen(NamedTuple):
    """A sign that an agent had part in a commit. `commit_hash` may be abbreviated. `kind`: a kind of evidence; mostly
    that a tool's output named the commit. `value`: the call that did, or what the sign says."""

    timestamp: Instant
    session_id: str | None
    commit_hash: str
    project: ProjectIdentity | None
    value: str
    kind: str = "telemetry_sha"


Fact: TypeAlias = Usage | ToolCall | SessionMoment | CommitSeen
