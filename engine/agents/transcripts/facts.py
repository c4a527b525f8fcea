"""What an agent's local history tells, as values.

Owns the four kinds of facts that a reader may yield: usage of one request, one tool call, one moment of a session, one
commit that a tool's output named. They hold numbers, names and hashes. Refuses content: there is no field in which a
prompt, a command, an output or a path could travel.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

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


@dataclass(frozen=True, slots=True)
class Usage:
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


@dataclass(frozen=True, slots=True)
class ToolCall:
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


@dataclass(frozen=True, slots=True)
class SessionMoment:
    """`event`: start, context (another folder, branch or version from here on), prompt (that there was one) or parent
    (the session is a sub-agent's: `parent_session_id` started it)."""

    timestamp: Instant
    session_id: str
    event: str
    where: Surroundings
    parent_session_id: str | None = None


@dataclass(frozen=True, slots=True)
class CommitSeen:
    """A tool's output named a commit: strong evidence that the session made it. `commit_hash` may be abbreviated."""

    timestamp: Instant
    session_id: str
    commit_hash: str
    project: ProjectIdentity | None
    tool_use_id: str


Fact: TypeAlias = Usage | ToolCall | SessionMoment | CommitSeen
