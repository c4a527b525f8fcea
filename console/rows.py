"""The rows that the engine answers with, as values.

Owns the border: JSON objects come in, frozen dataclasses go out, checked once. A field the engine does not send, or
sends as null, is None: unknown. Fields this version does not know are ignored, so that a newer engine can be read.
Refuses arithmetic that the engine has done already.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, Union

Row = TypeVar("Row")


class WrongAnswer(Exception):
    """The engine answered with something that is not what the contract says: another version, or not an engine."""


@dataclass(frozen=True, slots=True)
class Link:
    """A session that had part in a commit, and how that is known (`confidence` 0..1, `method` the evidence)."""

    agent_type: str
    session_id: str
    confidence: Decimal | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """One agent session. `state` is live, idle or ended; `tokens_trend` tokens per 5 minutes of the last hour."""

    session_id: str
    agent_type: str = ""
    developer_id: str | None = None
    developer_name: str | None = None
    project_id: str | None = None
    project_name: str | None = None
    branch: str | None = None
    agent_version: str | None = None
    state: str = "ended"
    activity: str | None = None
    session_start: datetime | None = None
    session_end: datetime | None = None
    last_event_at: datetime | None = None
    duration_seconds: Decimal | None = None
    active_seconds: Decimal | None = None
    models: tuple[str, ...] = ()
    request_count: int | None = None
    tool_call_count: int | None = None
    tool_error_count: int | None = None
    error_count: int | None = None
    prompt_count: int | None = None
    commit_count: int | None = None
    lines_added: int | None = None
    lines_deleted: int | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    unpriced_tokens: int | None = None
    cost_usd: Decimal | None = None
    cost_basis: str | None = None
    tokens_trend: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.agent_type}/{self.session_id}"


@dataclass(frozen=True, slots=True)
class Request:
    """One model call."""

    request_key: str
    session_id: str | None = None
    agent_type: str = ""
    developer_id: str | None = None
    ts: datetime | None = None
    model_name: str | None = None
    model_id: str | None = None
    query_source: str | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    duration_ms: Decimal | None = None
    success: bool | None = None
    error_code: str | None = None
    cost_usd: Decimal | None = None
    cost_basis: str | None = None
    cost_reported_usd: Decimal | None = None
    cost_priced_usd: Decimal | None = None
    sources: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"request/{self.request_key}"


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool call."""

    tool_call_key: str
    session_id: str | None = None
    agent_type: str = ""
    developer_id: str | None = None
    ts: datetime | None = None
    tool_name: str | None = None
    duration_ms: Decimal | None = None
    success: bool | None = None
    error_type: str | None = None
    decision: str | None = None
    file_extension: str | None = None
    is_git_commit: bool | None = None
    commit_sha: str | None = None
    is_subagent: bool | None = None

    @property
    def key(self) -> str:
        return f"tool/{self.tool_call_key}"


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, with the sessions linked to it. `attribution` is assisted, possible, none or unknown."""

    commit_hash: str
    project_id: str | None = None
    project_name: str | None = None
    author_name: str | None = None
    author_email: str | None = None
    developer_id: str | None = None
    developer_name: str | None = None
    commit_timestamp: datetime | None = None
    commit_subject: str | None = None
    branch: str | None = None
    is_merge: bool | None = None
    files_changed: int | None = None
    lines_added: int | None = None
    lines_deleted: int | None = None
    attribution: str | None = None
    confidence: Decimal | None = None
    method: str | None = None
    agent_type: str | None = None
    agent_session_id: str | None = None
    cost_usd: Decimal | None = None
    links: tuple[Link, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.project_id or ''}/{self.commit_hash}"


@dataclass(frozen=True, slots=True)
class Developer:
    """One developer over the time asked for."""

    developer_id: str | None = None
    developer_name: str | None = None
    developer_email: str | None = None
    agents: tuple[str, ...] = ()
    session_count: int | None = None
    live_session_count: int | None = None
    request_count: int | None = None
    active_seconds: Decimal | None = None
    total_tokens: int | None = None
    unpriced_tokens: int | None = None
    cost_usd: Decimal | None = None
    commit_count: int | None = None
    assisted_commit_count: int | None = None
    lines_added: int | None = None
    cost_per_commit_usd: Decimal | None = None
    last_seen_at: datetime | None = None

    @property
    def key(self) -> str:
        return self.developer_id or ""


@dataclass(frozen=True, slots=True)
class Cost:
    """One group of the cost view; `group_key` None is the group of rows without a value."""

    group_key: str | None = None
    key_name: str | None = None
    session_count: int | None = None
    request_count: int | None = None
    input_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    unpriced_tokens: int | None = None
    cost_usd: Decimal | None = None
    cost_reported_usd: Decimal | None = None
    cost_priced_usd: Decimal | None = None
    covered_usd: Decimal | None = None
    paid_usd: Decimal | None = None
    previous_cost_usd: Decimal | None = None
    share: Decimal | None = None

    @property
    def key(self) -> str:
        return "(none)" if self.group_key is None else self.group_key


@dataclass(frozen=True, slots=True)
class Coverage:
    """What the sources told of a developer's day with an agent. `alarm`: a source fell silent; `state` alarm: now."""

    coverage_key: str
    date: date | None = None
    developer_id: str | None = None
    developer_name: str | None = None
    agent_type: str = ""
    sources: tuple[str, ...] = ()
    session_count: int | None = None
    request_count: int | None = None
    telemetry_request_count: int | None = None
    transcript_request_count: int | None = None
    hook_session_count: int | None = None
    total_tokens: int | None = None
    log_tokens: int | None = None
    span_tokens: int | None = None
    metric_tokens: int | None = None
    transcript_tokens: int | None = None
    single_source_tokens: int | None = None
    cost_usd: Decimal | None = None
    telemetry_cost_usd: Decimal | None = None
    transcript_cost_usd: Decimal | None = None
    single_source_cost_usd: Decimal | None = None
    telemetry_until: datetime | None = None
    transcript_until: datetime | None = None
    verdict: str | None = None
    alarm: str | None = None
    alarm_since: datetime | None = None
    last_told_at: datetime | None = None
    last_told_version: str | None = None
    silent_version: str | None = None
    silent_session_count: int | None = None
    silent_tokens: int | None = None
    state: str = "quiet"
    clock_drift_seconds: Decimal | None = None

    @property
    def key(self) -> str:
        return self.coverage_key


@dataclass(frozen=True, slots=True)
class SessionSource:
    """What one source alone told of a session; `source` counted: all of them brought together."""

    source_key: str
    agent_type: str = ""
    session_id: str = ""
    source: str = ""
    request_count: int | None = None
    error_count: int | None = None
    sign_count: int | None = None
    total_tokens: int | None = None
    difference_tokens: int | None = None
    only_tokens: int | None = None
    cost_usd: Decimal | None = None
    cost_reported_usd: Decimal | None = None
    first_event_at: datetime | None = None
    last_event_at: datetime | None = None

    @property
    def key(self) -> str:
        return self.source_key


@dataclass(frozen=True, slots=True)
class Trust:
    """How far a total may be believed."""

    trust_key: str
    developer_count: int | None = None
    alarm_developer_count: int | None = None
    stopped_developer_count: int | None = None
    missing_developer_count: int | None = None
    unread_developer_count: int | None = None
    total_tokens: int | None = None
    single_source_tokens: int | None = None
    metric_tokens: int | None = None
    unpriced_tokens: int | None = None
    cost_usd: Decimal | None = None

    @property
    def key(self) -> str:
        return self.trust_key


@dataclass(frozen=True, slots=True)
class Totals:
    """`metadata.totals` of a cost answer: the measures over all rows, not only those sent."""

    session_count: int | None = None
    request_count: int | None = None
    total_tokens: int | None = None
    unpriced_tokens: int | None = None
    cost_usd: Decimal | None = None
    covered_usd: Decimal | None = None
    paid_usd: Decimal | None = None
    previous_cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an answer says about itself. `event_count` 0: the engine has never received anything."""

    total: int | None = None
    next_cursor: str | None = None
    as_of: datetime | None = None
    event_count: int | None = None
    totals: Totals | None = None


RENAMED = {"group_key": "key"}
"""Fields whose JSON name would clash with the row's own `key`."""


def parse(kind: type[Row], data: object) -> Row:
    """One row from a JSON object. Raises WrongAnswer naming the field."""
    if not isinstance(data, Mapping):
        raise WrongAnswer(f"expected an object for a {kind.__name__.lower()}, got {type(data).__name__}")
    values: dict[str, Any] = {}
    for name, json_name, convert in _plan(kind):
        value = data.get(json_name)
        if value is None:
            continue
        try:
            values[name] = convert(value)
        except (ValueError, TypeError, InvalidOperation):
            raise WrongAnswer(f"{kind.__name__.lower()}.{json_name} is {value!r}") from None
    missing = _required(kind) - set(values)
    if missing:
        raise WrongAnswer(f"a {kind.__name__.lower()} without {', '.join(sorted(missing))}")
    return kind(**values)


Plan = tuple[tuple[str, str, Callable[[Any], Any]], ...]
_plans: dict[type[Any], Plan] = {}


def _plan(kind: type[Any]) -> Plan:
    """Field, JSON name and conversion of each field; worked out once per type."""
    if kind not in _plans:
        hints = typing.get_type_hints(kind)
        _plans[kind] = tuple(
            (field.name, RENAMED.get(field.name, field.name), _converter(hints[field.name])) for field in fields(kind)
        )
    return _plans[kind]


def _required(kind: type[Any]) -> frozenset[str]:
    return frozenset(field.name for field in fields(kind) if field.default is MISSING)


def _converter(hint: Any) -> Callable[[Any], Any]:
    if typing.get_origin(hint) in (Union, types.UnionType):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is tuple:
        inner = _converter(typing.get_args(hint)[0])
        return lambda value: tuple(inner(one) for one in _listed(value) if one is not None)
    if hint is datetime:
        return _instant
    if hint is date:
        return date.fromisoformat
    if hint is Decimal:
        return lambda value: Decimal(str(value))
    if hint is int:
        return _whole
    if hint is bool:
        return _truth
    if hint is str:
        return str
    return lambda value: parse(hint, value)


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ValueError("not a list")
    return list(value)


def _whole(value: Any) -> int:
    if isinstance(value, bool):
        raise ValueError("a boolean is no number")
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise ValueError("not a whole number")
    return int(number)


def _truth(value: Any) -> bool:
    if value in (True, 1, "true"):
        return True
    if value in (False, 0, "false"):
        return False
    raise ValueError("neither true nor false")


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(str(value))
    return instant.astimezone(UTC) if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
