"""From references to edges.

Owns what `ref` and `source` mean across packages, the sources and exposures of the property files, and the rules that
make a project invalid: a missing or disabled reference, a private model of another group, two nodes of one name.
Refuses to read files or render SQL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from engine.modelrunner.jinja import render_value
from engine.modelrunner.nodes import Config, Exposure, Node, Source, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import ParseProblem, nearest
from engine.modelrunner.profile import Target
from engine.modelrunner.properties import Properties

REFERABLE = ("model", "seed", "snapshot")
Found = TypeVar("Found")
_REF = re.compile(r"""^\s*ref\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]+)['"]\s*)?\)\s*$""")
_SOURCE = re.compile(r"""^\s*source\(\s*['"]([^'"]+)['"]\s*,\s*['"]([^'"]+)['"]\s*\)\s*$""")


class Names:
    """Finds what a name refers to."""

    def __init__(self, root: str, nodes: Iterable[Node], sources: Iterable[Source]) -> None:
        self.root = root
        self.nodes: dict[str, dict[str, Node]] = {}
        self.sources: dict[tuple[str, str], dict[str, Source]] = {}
        for node in nodes:
            if node.resource_type in REFERABLE:
                self.nodes.setdefault(node.name, {})[node.package] = node
        for source in sources:
            self.sources.setdefault((source.source_name, source.name), {})[source.package] = source

    def ref(self, name: str, package: str | None, caller: str) -> Node | None:
        """The node `ref` means, or None: the caller's package first, then the root's, then any."""
        return _pick(self.nodes.get(name, {}), package, caller, self.root)

    def source(self, source: str, table: str, caller: str) -> Source | None:
        """The source table that `source` means, or None."""
        return _pick(self.sources.get((source, table), {}), None, caller, self.root)


def _pick(found: Mapping[str, Found], package: str | None, caller: str, root: str) -> Found | None:
    if package is not None:
        return found.get(package)
    for candidate in (caller, root):
        if candidate in found:
            return found[candidate]
    return next(iter(found.values()), None)


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
        freshness = _freshness({"freshness": section["freshness"]} if "freshness" in section else {}, outer, table)
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
                loaded_at_field=_first("loaded_at_field", table, outer, section),
                loaded_at_query=_first("loaded_at_query", entry.table, entry.source, section),
                freshness=freshness,
                loader=str(table.get("loader") or outer.get("loader") or ""),
                line=entry.line,
            )
        )
    return found


def _first(key: str, *levels: Mapping[str, Any]) -> Any:
    for level in levels:
        for holder in (level, level.get("config") or {}):
            if key in holder:
                return holder[key]
    return None


def _freshness(*levels: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The source's thresholds with the table's over them; an explicit null at the table switches them off."""
    result: dict[str, Any] | None = None
    for level in levels:
        for holder in (level, level.get("config") or {}):
            if "freshness" in holder:
                given = holder["freshness"]
                result = None if given is None else {**(result or {}), **given}
    return result


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
                raise ParseProblem(
                    f"cannot read dependency {text!r}", where=where, hint="write ref('…') or source('…', '…')"
                )
        config = merged({key: values[key] for key in ("tags", "meta") if values.get(key)}, values.get("config") or {})
        found.append(
            Exposure(
                unique_id=f"exposure.{package.name}.{values['name']}",
                name=str(values["name"]),
                package=package.name,
                original_path=entry.file,
                fqn=(package.name, *package.inside(entry.file).parts[:-1], str(values["name"])),
                kind=str(values.get("type", "")),
                config=Config(config),
                owner=dict(values.get("owner") or {}),
                description=str(values.get("description") or ""),
                label=values.get("label"),
                maturity=values.get("maturity"),
                url=values.get("url"),
                refs=tuple(refs),
                source_refs=tuple(source_refs),
                line=entry.line,
            )
        )
    return found


def connect(
    nodes: list[Node],
    sources: list[Source],
    exposures: list[Exposure],
    root: str,
) -> tuple[dict[str, Node], dict[str, Source], dict[str, Exposure], dict[str, Node | Source]]:
    """Nodes, sources and exposures with `depends_on` filled, and what is disabled. ParseProblem when one is missing."""
    disabled: dict[str, Node | Source] = {node.unique_id: node for node in nodes if not node.config.enabled}
    disabled |= {source.unique_id: source for source in sources if not source.config.enabled}
    enabled = [node for node in nodes if node.config.enabled]
    open_sources = {source.unique_id: source for source in _unique(sources) if source.config.enabled}
    _no_duplicates(enabled)
    names = Names(root, enabled, open_sources.values())
    off = Names(root, [node for node in nodes if not node.config.enabled], [])
    connected: dict[str, Node] = {}
    for node in enabled:
        parents: list[str] = []
        missing: str | None = None
        for package, name in node.refs:
            target = names.ref(name, package, node.package)
            if target is None:
                missing = _missing_ref(node, name, off.ref(name, package, node.package) is not None)
                hint = nearest(name, names.nodes)
                break
            _check_access(node, target)
            parents.append(target.unique_id)
        else:
            for source_name, table in node.source_refs:
                found = names.source(source_name, table, node.package)
                if found is None:
                    missing = (
                        f"{node.resource_type} '{node.name}' depends on a source named"
                        f" '{source_name}.{table}' which was not found"
                    )
                    hint = nearest(f"{source_name}.{table}", [".".join(key) for key in names.sources])
                    break
                parents.append(found.unique_id)
        if missing is not None:
            if node.resource_type == "test" or (node.unit is not None and missing.endswith("is disabled")):
                # As in dbt: a test of something that is not there is not run, and is no reason to refuse the project.
                disabled[node.unique_id] = node
                continue
            raise ParseProblem(missing, where=f"{node.original_path}:{node.line}", hint=hint)
        connected[node.unique_id] = replace(node, depends_on=tuple(dict.fromkeys(parents)))
    done: dict[str, Exposure] = {}
    for exposure in exposures:
        if not exposure.config.enabled:
            continue
        parents = []
        for package, name in exposure.refs:
            target = names.ref(name, package, exposure.package)
            if target is None:
                raise ParseProblem(
                    f"exposure '{exposure.name}' depends on a node named '{name}' which was not found",
                    where=f"{exposure.original_path}:{exposure.line}",
                    hint=nearest(name, names.nodes),
                )
            parents.append(target.unique_id)
        for source_name, table in exposure.source_refs:
            found = names.source(source_name, table, exposure.package)
            if found is None:
                raise ParseProblem(
                    f"exposure '{exposure.name}' depends on a source named '{source_name}.{table}' which was not found",
                    where=f"{exposure.original_path}:{exposure.line}",
                )
            parents.append(found.unique_id)
        done[exposure.unique_id] = replace(exposure, depends_on=tuple(dict.fromkeys(parents)))
    return connected, open_sources, done, disabled


def _missing_ref(node: Node, name: str, disabled: bool) -> str:
    state = "is disabled" if disabled else "was not found"
    return f"{node.resource_type} '{node.name}' depends on a node named '{name}' which {state}"


def _check_access(node: Node, target: Node) -> None:
    group = target.config.get("group")
    if target.config.get("access") == "private" and node.config.get("group") != group and node.resource_type != "test":
        raise ParseProblem(
            f"{node.resource_type} '{node.name}' refers to '{target.name}', which is private to group '{group}'",
            where=f"{node.original_path}:{node.line}",
            hint=f"put '{node.name}' into the group or make '{target.name}' protected",
        )


def _unique(sources: list[Source]) -> list[Source]:
    seen: dict[str, Source] = {}
    for source in sources:
        if source.unique_id in seen:
            other = seen[source.unique_id]
            raise ParseProblem(
                f"source '{source.source_name}.{source.name}' is already described in"
                f" {other.original_path}:{other.line}",
                where=f"{source.original_path}:{source.line}",
                hint="keep one of them",
            )
        seen[source.unique_id] = source
    return sources


def _no_duplicates(nodes: list[Node]) -> None:
    names: dict[tuple[str, str], Node] = {}
    relations: dict[str, Node] = {}
    for node in nodes:
        kind = "node" if node.resource_type in REFERABLE else node.resource_type
        key = (kind, node.unique_id if node.test else f"{node.package}.{node.name}")
        if key in names:
            other = names[key]
            raise ParseProblem(
                f"two {node.resource_type}s are called '{node.name}': {other.original_path} and {node.original_path}",
                where=f"{node.original_path}:{node.line}",
                hint="rename one of them",
            )
        names[key] = node
        relation = node.relation_name
        if relation is not None:
            if relation in relations:
                other = relations[relation]
                raise ParseProblem(
                    f"'{node.name}' and '{other.name}' ({other.original_path}) both make the relation {relation}",
                    where=f"{node.original_path}:{node.line}",
                    hint="give one of them another alias or schema",
                )
            relations[relation] = node
