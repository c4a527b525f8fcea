"""The form in which one coding agent is declared.

Owns the questions that every agent must answer: how its telemetry is recognised, what its numbers mean, which of its
attributes may be stored. Refuses decoding and SQL: the decoder reads the declaration, and `sql_models/seeds/agents.csv`
is generated from the registry and checked by a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Attributes = Mapping[str, Any]
"""Decoded OTLP attributes: str, int, float, bool, bytes, list or dict by name."""

HotColumns = dict[str, Any]
"""Values for the typed columns of a raw table, by column name; a missing name is NULL."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One coding agent.

    `service_names`: values of the resource attribute `service.name`, compared lower-case; a trailing `*` is a prefix.
    `event_prefixes`: what is cut off `event.name` and the log body to get `event_name`.
    `log_columns`, `metric_columns`, `span_columns`: from (attributes, event/metric/span name) to typed columns.
    `kept_attributes`: names that may be stored in `attributes` beside the typed columns; everything else is dropped
    and counted. `input_includes_cache`, `output_excludes_reasoning`: what the agent's own telemetry means.
    """

    agent_type: str
    display_name: str
    vendor: str
    interface: str
    service_names: tuple[str, ...]
    event_prefixes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    input_includes_cache: bool = False
    output_excludes_reasoning: bool = False
    session_variables: tuple[str, ...] = ()
    """Environment variables in which the agent's shell carries its session id (commit hooks read them)."""
    flag_variables: tuple[str, ...] = ()
    """Environment variables that say only that this agent runs the shell."""
    trailer_patterns: tuple[str, ...] = ()
    """Regular expressions, case-insensitive, on a commit's trailers and author that name this agent."""
    kept_attributes: frozenset[str] = frozenset()
    log_columns: Callable[[Attributes, str], HotColumns] = field(default=lambda attributes, name: {})
    metric_columns: Callable[[Attributes, str], HotColumns] = field(default=lambda attributes, name: {})
    span_columns: Callable[[Attributes, str], HotColumns] = field(default=lambda attributes, name: {})
