"""From references to edges.

Owns what `ref` and `source` mean across packages, and the rules that make a project invalid: a missing or disabled
reference, a private model of another group, a group that there is not, two nodes of one name. Refuses to read files or
render SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from engine.modelrunner.nodes import Exposure, Node, Source
from engine.modelrunner.problems import ParseProblem, nearest
from engine.modelrunner.properties import Entry

REFERABLE = ("model", "seed", "snapshot")
Found = TypeVar("Found")


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


def connect(
    nodes: list[Node],
    sources: list[Source],
    exposures: list[Exposure],
    root: str,
    warn: Callable[[str], None] = lambda _: None,
) -> tuple[dict[str, Node], dict[str, Source], dict[str, Exposure], dict[str, Node | Source]]:
    """Nodes, sources and exposures with `depends_on` filled, and what is disabled. ParseProblem when one is missing."""
    disabled: dict[str, Node | Source] = {node.unique_id: node for node in nodes if not node.config.enabled}
    disabled |= {source.unique_id: source for source in sources if not source.config.enabled}
    enabled = [node for node in nodes if node.config.enabled]
    open_sources = {source.unique_id: source for source in _unique(sources) if source.config.enabled}
    _no_duplicates(enabled)
    check_names(enabled, exposures)
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
                if not missing.endswith("is disabled"):
                    warn(f"{node.original_path}:{node.line}: {missing}" + (f"; {hint}" if hint else ""))
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
    if target.config.get("access") != "private" or node.resource_type == "test":
        return
    if group is None or node.config.get("group") != group:
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


def check_names(nodes: Iterable[Node], exposures: Iterable[Exposure]) -> None:
    """ParseProblem for a name with a space, and for two exposures of one name."""
    for node in nodes:
        if " " in node.name and node.unit is None:
            raise ParseProblem(
                f"the name of the {node.resource_type} '{node.name}' has a space",
                where=f"{node.original_path}:{node.line}",
                hint=f"rename it to '{node.name.replace(' ', '_')}'",
            )
    seen: dict[str, Exposure] = {}
    for exposure in exposures:
        other = seen.setdefault(exposure.unique_id, exposure)
        if other is not exposure:
            raise ParseProblem(
                f"two exposures are called '{exposure.name}': {other.original_path} and {exposure.original_path}",
                where=f"{exposure.original_path}:{exposure.line}",
                hint="rename one of them",
            )


def check_groups(groups: Iterable[tuple[str, Entry]], members: Iterable[Node]) -> None:
    """ParseProblem for a group without an owner, for two of one name, and for a node of a group that there is not."""
    known: dict[tuple[str, str], Entry] = {}
    for package, entry in groups:
        where, name = f"{entry.file}:{entry.line}", str(entry.values["name"])
        owner = entry.values.get("owner")
        if not isinstance(owner, Mapping) or not (owner.get("name") or owner.get("email")):
            raise ParseProblem(f"group '{name}' has no owner", where=where, hint="add owner: with a name or an email")
        if (package, name) in known:
            other = known[package, name]
            raise ParseProblem(
                f"group '{name}' is already described in {other.file}:{other.line}",
                where=where,
                hint="keep one of them",
            )
        known[package, name] = entry
    names = {name for _, name in known}
    for node in members:
        group = node.config.get("group")
        if group is not None and group not in names:
            raise ParseProblem(
                f"{node.resource_type} '{node.name}' is of the group '{group}', which there is not",
                where=f"{node.original_path}:{node.line}",
                hint=nearest(str(group), names) or "describe it below groups:",
            )


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
