"""The form in which one coding agent is declared.

Owns the questions that every agent must answer: how its telemetry is recognised, what its numbers mean, which of its
attributes become typed columns and which may be stored beside them. Refuses decoding and SQL: the decoder reads the
declaration, and `sql_models/seeds/agents.csv` is generated from the registry and checked by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Cast = Callable[[Any], Any]
"""From a value as sent (str, int, float, bool, bytes, list, dict or None) to a column's type, or None."""

HotColumns = dict[str, Any]
"""Values for the typed columns of a raw table, by column name."""

Content = Mapping[str, Any]
"""Attributes that are examined and then dropped, by name, as sent."""

Refinement = Callable[[HotColumns, Content, bytes], None]
"""Derives typed columns from several attributes: gets the columns, the examined content, the workspace's hash key."""


@dataclass(frozen=True, slots=True)
class Field:
    """An attribute that becomes a typed column.

    `unique`: its value hardly ever repeats (ids, token counts), so remembering it is pointless. `fallback`: it
    counts only where no other attribute of the record gives the column.
    """

    column: str
    cast: Cast
    unique: bool = False
    fallback: bool = False


Fields = Mapping[str, Field]


@dataclass(frozen=True, slots=True)
class Agent:
    """One coding agent.

    `service_names`: values of the resource attribute `service.name`, compared lower-case; a trailing `*` is a prefix.
    `scope_names`: instrumentation scopes that reveal the agent where somebody changed `service.name`; same form.
    `event_prefixes`: what is cut off `event.name` and the log body to get `event_name`.
    `log_fields`, `metric_fields`, `span_fields`: attributes that become typed columns.
    `kept_attributes`: names that may be stored in `attributes` beside the typed columns; everything else is dropped
    and counted. `redundant_attributes`: neither stored nor counted, because what they say is in the row already.
    `examined_attributes`: content that `refine_log` may read (for the events in `refined_events`; empty: all) before
    it is dropped. `input_includes_cache`, `output_excludes_reasoning`: what the agent's own telemetry means.
    """

    agent_type: str
    display_name: str
    vendor: str
    interface: str
    service_names: tuple[str, ...]
    scope_names: tuple[str, ...] = ()
    event_prefixes: tuple[str, ...] = ()
    event_name_field: bool = True
    """False: the log record's own `eventName` says something else (a source location)."""
    aliases: tuple[str, ...] = ()
    input_includes_cache: bool = False
    output_excludes_reasoning: bool = False
    session_variables: tuple[str, ...] = ()
    """Environment variables in which the agent's shell carries its session id (commit hooks read them)."""
    flag_variables: tuple[str, ...] = ()
    """Environment variables that say only that this agent runs the shell."""
    trailer_patterns: tuple[str, ...] = ()
    """Regular expressions, case-insensitive, on a commit's trailers and author that name this agent."""
    log_fields: Fields = field(default_factory=dict)
    metric_fields: Fields = field(default_factory=dict)
    span_fields: Fields = field(default_factory=dict)
    kept_attributes: frozenset[str] = frozenset()
    redundant_attributes: frozenset[str] = frozenset()
    examined_attributes: frozenset[str] = frozenset()
    refined_events: frozenset[str] = frozenset()
    refine_log: Refinement | None = None
    refine_span: Refinement | None = None
    """The same for spans; where an agent has one, its spans' examined attributes are read before they are dropped."""
    span_names: tuple[str, ...] = ()
    """Beginnings of the names of spans that tell something; others are dropped and counted. Empty: all are kept."""
