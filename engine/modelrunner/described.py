"""Sources and exposures: what exists in property files alone.

Owns their names, their configuration over the levels of YAML, and the thresholds of freshness. Refuses to read YAML
(properties.py) and to connect anything (resolve.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.modelrunner import config_types, external
from engine.modelrunner.jinja import render_value
from engine.modelrunner.nodes import Config, Exposure, Source, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import ParseProblem, nearest
from engine.modelrunner.profile import Target
from engine.modelrunner.properties import Properties
from engine.modelrunner.unrendered import unrendered_source

EXPOSURES = ("dashboard", "notebook", "analysis", "ml", "application")
PERIODS = ("minute", "hour", "day")
_REF = re.compile(r"""^\s*ref\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]+)['"]\s*)?\)\s*$""")
_SOURCE = re.compile(r"""^\s*source\(\s*['"]([^'"]+)['"]\s*,\s*['"]([^'"]+)['"]\s*\)\s*$""")


def sources_of(
    package: Package, root: Package, properties: Properties, target: Target, context: Mapping[str, Any]
) -> list[Source]:
    """The source tables of a package, disabled ones too."""
    found = []
    for entry in properties.sources:
        where = f"{entry.file}:{entry.line}"
        outer = _rendered(entry.source, context, where, skip=("tables", "description", "loaded_at_query"))
        table = _rendered(
            entry.table, context, where, skip=("columns", "tests", "data_tests", "description", "loaded_at_query")
        )
        name, source_name = str(table["name"]), str(outer["name"])
        fqn = (package.name, *package.inside(entry.file).parts[:-1], source_name, name)
        values: dict[str, Any] = {}
        for owner in (package, root) if package is not root else (root,):
            values = merged(values, owner.section("sources", fqn))
        for level in (outer, table):
            top = {key: level[key] for key in ("tags", "meta", "quoting") if level.get(key) is not None}
            values = merged(merged(values, top), level.get("config") or {})
        # What dbt_project.yml says holds where the property file says nothing.
        section: dict[str, Any] = {}
        for owner in (package, root) if package is not root else (root,):
            section = merged(section, owner.section("sources", fqn))
        config_types.check("source", values, f"{source_name}.{name}", where)
        lowest = {"freshness": section["freshness"]} if "freshness" in section else {}
        freshness = _freshness(where, lowest, outer, table)
        found.append(
            Source(
                unique_id=f"source.{package.name}.{source_name}.{name}",
                source_name=source_name,
                name=name,
                package=package.name,
                original_path=entry.file,
                fqn=fqn,
                database=str(table.get("database") or outer.get("database") or target.database),
                schema=str(outer.get("schema") or source_name),
                identifier=str(table.get("identifier") or name),
                config=Config(values),
                description=str(table.get("description") or ""),
                source_description=str(outer.get("description") or ""),
                columns=entry.columns,
                loaded_at_field=_first("loaded_at_field", table, outer),
                loaded_at_query=_first("loaded_at_query", entry.table, entry.source),
                freshness=freshness,
                loader=str(table.get("loader") or outer.get("loader") or ""),
                quoting={**(outer.get("quoting") or {}), **(table.get("quoting") or {})},
                external=table.get("external"),
                source_meta={**(outer.get("meta") or {}), **((outer.get("config") or {}).get("meta") or {})},
                unrendered=unrendered_source(package, root, (outer, table), fqn, freshness),
                unrendered_database=entry.source.get("database"),
                unrendered_schema=entry.source.get("schema"),
                line=entry.line,
            )
        )
    for source in found:
        if source.config.enabled:
            external.location(source)
    return found


def _first(key: str, *levels: Mapping[str, Any]) -> Any:
    for level in levels:
        for holder in (level, level.get("config") or {}):
            if key in holder:
                return holder[key]
    return None


def _freshness(where: str, *levels: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The source's thresholds with the table's over them; an explicit null at the table switches them off."""
    result: dict[str, Any] | None = {}
    for level in levels:
        for holder in (level, level.get("config") or {}):
            if "freshness" in holder:
                given = holder["freshness"]
                if given is not None:
                    _check_freshness(given, where)
                result = None if given is None else {**(result or {}), **given}
    return result


def _check_freshness(given: Any, where: str) -> None:
    if not isinstance(given, Mapping):
        raise ParseProblem(f"'freshness' is {given!r}", where=where, hint="write warn_after: {count: 1, period: day}")
    for key in ("warn_after", "error_after"):
        limit = given.get(key)
        if limit is None:
            continue
        if not isinstance(limit, Mapping):
            raise ParseProblem(f"'{key}' is {limit!r}", where=where, hint="write {count: 1, period: day}")
        count, period = limit.get("count"), limit.get("period")
        if count is not None and (not isinstance(count, int) or isinstance(count, bool)):
            raise ParseProblem(f"the count of '{key}' is {count!r}", where=where, hint="give a whole number")
        if period is not None and period not in PERIODS:
            hint = nearest(str(period), PERIODS) or f"use {', '.join(PERIODS)}"
            raise ParseProblem(f"the period of '{key}' is {period!r}", where=where, hint=hint)


def _rendered(
    values: Mapping[str, Any], context: Mapping[str, Any], where: str, skip: tuple[str, ...]
) -> dict[str, Any]:
    return {
        key: value if key in skip else render_value(value, context, where, parsing=True)
        for key, value in values.items()
    }


def exposures_of(package: Package, properties: Properties, context: Mapping[str, Any]) -> list[Exposure]:
    """The exposures of a package."""
    found = []
    for entry in properties.exposures:
        where = f"{entry.file}:{entry.line}"
        values = _rendered(entry.values, context, where, skip=("depends_on", "description"))
        refs: list[tuple[str | None, str]] = []
        source_refs: list[tuple[str, str]] = []
        for text in values.get("depends_on") or ():
            if match := _REF.match(str(text)):
                first, second = match.groups()
                refs.append((None, first) if second is None else (first, second))
            elif match := _SOURCE.match(str(text)):
                source_refs.append((match.group(1), match.group(2)))
            else:
                properties.warnings.append(
                    f"{where}: cannot read dependency {text!r}; write ref('…') or source('…', '…')"
                )
        kind, owner = values.get("type"), values.get("owner")
        if kind not in EXPOSURES:
            hint = nearest(str(kind), EXPOSURES) or f"use one of {', '.join(EXPOSURES)}"
            raise ParseProblem(f"exposure '{values['name']}' has the type {kind!r}", where=where, hint=hint)
        if not isinstance(owner, Mapping) or not (owner.get("name") or owner.get("email")):
            raise ParseProblem(
                f"exposure '{values['name']}' has no owner", where=where, hint="add owner: with a name or an email"
            )
        fqn = (package.name, *package.inside(entry.file).parts[:-1], str(values["name"]))
        config = merged(package.section("exposures", fqn), {})
        config = merged(config, {key: values[key] for key in ("tags", "meta") if values.get(key)})
        config = merged(config, values.get("config") or {})
        config_types.check("exposure", config, str(values["name"]), where)
        found.append(
            Exposure(
                unique_id=f"exposure.{package.name}.{values['name']}",
                name=str(values["name"]),
                package=package.name,
                original_path=entry.file,
                fqn=fqn,
                kind=str(values.get("type", "")),
                config=Config(config),
                owner=dict(values.get("owner") or {}),
                description=str(values.get("description") or ""),
                label=values.get("label"),
                maturity=values.get("maturity"),
                url=values.get("url"),
                refs=tuple(refs),
                source_refs=tuple(source_refs),
                unrendered={**package.section_as_written("exposures", fqn), **(entry.values.get("config") or {})},
                path=package.inside(entry.file).as_posix(),
                line=entry.line,
            )
        )
    return found
