"""Sources that are files.

Owns what `external_location` of a source (under meta or config) stands for in SQL, in dbt-duckdb's three notations.
Refuses plugins: a source is a relation, a file, or a call of a DuckDB function.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter, Template
from typing import Any

from engine.modelrunner.nodes import Source
from engine.modelrunner.problems import ParseProblem, nearest

FORMATTERS = ("newstyle", "oldstyle", "template")
_OF_DBT = frozenset({"enabled", "meta", "tags", "freshness", "event_time", "loaded_at_field", "loaded_at_query"})


def location(source: Source) -> str | None:
    """The SQL that stands for an external source, None for others. ParseProblem when it cannot be formatted."""
    given: dict[str, Any] = {
        **source.config.meta,
        **{key: value for key, value in source.config.items() if key not in _OF_DBT},
    }
    where = f"{source.original_path}:{source.line}"
    if "plugin" in given:
        raise ParseProblem(
            f"source '{source.source_name}.{source.name}' needs the plugin '{given['plugin']}'",
            where=where,
            hint="plugins are not supported; name a file with external_location, or load it with a pre-hook",
        )
    if given.get("external_location") is None:
        return None
    values = {
        "name": source.name,
        "identifier": source.identifier,
        "schema": source.schema,
        "database": source.database,
        "tags": list(source.tags),
        **given,
    }
    formatter = str(given.get("formatter", "newstyle"))
    if formatter not in FORMATTERS:
        raise ParseProblem(
            f"no formatter '{formatter}'", where=where, hint=nearest(formatter, FORMATTERS) or f"use {FORMATTERS}"
        )
    try:
        text = _formatted(str(given["external_location"]), formatter, values)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError) as error:
        raise ParseProblem(
            f"cannot fill in external_location: {type(error).__name__} {error}",
            where=where,
            hint=f"it may use {', '.join(sorted(values))}",
        ) from error
    return text if "(" in text or text.startswith("'") else f"'{text}'"


def _formatted(text: str, formatter: str, values: Mapping[str, Any]) -> str:
    if formatter == "oldstyle":
        return text % values
    if formatter == "template":
        return Template(text).substitute(values)
    # As a user's text must not reach into Python objects, attributes are not followed.
    plain = {key: value if isinstance(value, int | float) else str(value) for key, value in values.items()}
    if any("." in name or "[" in name for name in _fields_of(text)):
        raise ValueError("only plain names may stand in braces")
    return text.format_map(plain)


def _fields_of(text: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(text) if name]
