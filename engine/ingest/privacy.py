"""What may be stored of what arrives: an allow-list.

Owns the verdict on every attribute name (becomes a typed column, may stay in `attributes`, is redundant, is dropped)
and the count of what was dropped, by name. Refuses everything it does not know: prompts, responses, arguments,
outputs, paths and commands never pass, unless the workspace opted in to all of it. Bodies are never stored without
that either.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto

from engine.agents import casts
from engine.agents.declaration import Agent, Cast, Field, Fields
from engine.agents.other import IDENTITY
from engine.ingest.payloads import Signal
from engine.store.rows import Columns, dedup_key

KEPT_TEXT_LIMIT = 256
"""Longest text that an allowed attribute may hold; longer text is content, whatever its name, and is dropped."""

COMMON_KEPT = frozenset({"terminal.type", "app.version", "service.version"})
"""Attributes of any agent's records that may be stored."""

REDUNDANT = frozenset({"event.timestamp"})

RESOURCE_KEPT = frozenset(
    {
        "business_unit",
        "cloud.provider",
        "cloud.region",
        "container.id",
        "cost.center",
        "cost_center",
        "department",
        "deployment.environment",
        "deployment.environment.name",
        "division",
        "env",
        "environment",
        "host.arch",
        "host.name",
        "organization",
        "organization.id",
        "os",
        "os.name",
        "os.type",
        "os.version",
        "os_version",
        "process.pid",
        "process.runtime.name",
        "process.runtime.version",
        "project",
        "project.name",
        "region",
        "service.instance.id",
        "service.namespace",
        "team",
        "team.id",
        "team.name",
        "telemetry.distro.name",
        "telemetry.distro.version",
        "telemetry.sdk.language",
        "telemetry.sdk.name",
        "telemetry.sdk.version",
    }
)
"""Resource attributes that may be stored. `process.command_args` and its kin hold prompts and are not among them."""

RESOURCE_FIELDS: Fields = {
    **IDENTITY,
    "service.name": Field("service_name", casts.text),
    "service.version": Field("service_version", casts.text),
}


class Fate(Enum):
    """What happens to an attribute."""

    COLUMN = auto()
    FALLBACK = auto()
    KEEP = auto()
    EXAMINE = auto()
    REDUNDANT = auto()
    DROP = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The fate of one attribute name; `column`, `cast` and `unique` where it becomes a typed column."""

    fate: Fate
    column: str = ""
    cast: Cast = casts.text
    unique: bool = False


_KEEP, _EXAMINE, _REDUNDANT, _DROP = (
    Verdict(Fate.KEEP),
    Verdict(Fate.EXAMINE),
    Verdict(Fate.REDUNDANT),
    Verdict(Fate.DROP),
)


def _event_name(agent: Agent) -> Field:
    def cast(value: object) -> str | None:
        return event_name(agent, value)

    return Field("event_name", cast)


def event_name(agent: Agent, value: object) -> str | None:
    """The event's name without the agent's prefix; None for anything that is not a name."""
    found = casts.word(value)
    if found is None:
        return None
    for prefix in agent.event_prefixes:
        if found.startswith(prefix) and len(found) > len(prefix):
            return found[len(prefix) :]
    return found


def fields(agent: Agent, signal: Signal) -> Mapping[str, Field]:
    """The attributes of this signal that become typed columns."""
    if signal == "logs":
        return {**agent.log_fields, "event.name": _event_name(agent)}
    return agent.metric_fields if signal == "metrics" else agent.span_fields


def verdict(agent: Agent, signal: Signal, typed: Mapping[str, Field], name: str) -> Verdict:
    """The fate of an attribute of a point, record or span."""
    field = typed.get(name)
    if field is not None:
        return Verdict(Fate.FALLBACK if field.fallback else Fate.COLUMN, field.column, field.cast, field.unique)
    if name in agent.examined_attributes and (
        signal == "logs" or (signal == "traces" and agent.refine_span is not None)
    ):
        return _EXAMINE
    if name in agent.kept_attributes or name in COMMON_KEPT:
        return _KEEP
    # Claude Code copies the resource's attributes to every point and record.
    if name in agent.redundant_attributes or name in REDUNDANT or name in RESOURCE_KEPT:
        return _REDUNDANT
    return _DROP


def resource_verdict(name: str) -> Verdict:
    """The fate of a resource attribute."""
    field = RESOURCE_FIELDS.get(name)
    if field is not None:
        return Verdict(Fate.COLUMN, field.column, field.cast)
    return _KEEP if name in RESOURCE_KEPT else _DROP


def is_storable(value: object) -> bool:
    """Whether an allowed attribute's value is data, not prose: short text, a number, or a short list of them."""
    if isinstance(value, str):
        return len(value) <= KEPT_TEXT_LIMIT
    if isinstance(value, list):
        return len(value) <= 16 and all(isinstance(part, (str, int, float)) and is_storable(part) for part in value)
    return isinstance(value, (bool, int, float))


def dropped_columns(
    signal: Signal, drops: Mapping[tuple[str, str], int], request_key: str, received_at: int
) -> Columns:
    """Rows of raw.dropped_attributes: one per (agent_type, name) of a request, told apart by the request's content."""
    pairs = sorted(drops)
    return {
        "received_at": [received_at] * len(pairs),
        "dedup_key": [dedup_key("dropped_attributes", (request_key, signal, agent, name)) for agent, name in pairs],
        "signal": [signal] * len(pairs),
        "agent_type": [agent for agent, _ in pairs],
        "attribute_name": [name[: casts.TEXT_LIMIT] for _, name in pairs],
        "dropped": [drops[pair] for pair in pairs],
    }
