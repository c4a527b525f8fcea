"""What documentation shows, as plain values.

Owns the gathering: nodes with their columns (from the property files, the database and the lineage), tests, code,
parents and children, macros and overviews, each once, so that the page and the Markdown say the same. Refuses to know
how any of it looks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from engine.modelrunner.artifacts import instant
from engine.modelrunner.catalog import Catalog
from engine.modelrunner.doc_blocks import OVERVIEW
from engine.modelrunner.lineage import Lineage
from engine.modelrunner.lineage_text import kind, label
from engine.modelrunner.nodes import Exposure, Member, Node, Source
from engine.modelrunner.project import Project
from engine.modelrunner.records import node_record

SHOWN = ("model", "seed", "snapshot", "source", "exposure", "analysis")
# Configuration that is worth a line where it is said; everything else is in manifest.json.
_FACTS = (
    "materialized", "incremental_strategy", "unique_key", "on_schema_change", "strategy", "updated_at", "check_cols",
    "group", "access", "alias", "column_types", "delimiter",
)  # fmt: skip
_FACT_DEFAULTS = {"on_schema_change": "ignore", "access": "protected", "materialized": "view", "delimiter": ","}


def gather(
    project: Project,
    catalog: Catalog,
    lineage: Lineage,
    compiled: Mapping[str, str],
    *,
    by: str,
) -> dict[str, Any]:
    """All of it, JSON-ready. Nodes refer to each other by their place in `nodes`; `by` is the program's name."""
    members = [project.member(uid) for uid in project.graph.order() if project.member(uid).resource_type in SHOWN]
    members.sort(key=lambda member: (SHOWN.index(member.resource_type), label(member)))
    places = {member.unique_id: place for place, member in enumerate(members)}
    tests = _tests(project, compiled)
    return {
        "project": project.name,
        "by": by,
        "made": instant(project.general["run_started_at"])[:19] + "Z",
        "overview": project.docs.overview().text,
        "packages": {
            name: project.docs.overview(name).text
            for name in project.packages
            if name != project.name and project.docs.overview(name).name != OVERVIEW
        },
        "nodes": [_node(project, member, places, catalog, lineage, compiled, tests) for member in members],
        "macros": [
            {
                "id": macro.unique_id,
                "name": macro.name,
                "package": macro.package,
                "path": macro.path,
                "description": macro.description,
                "arguments": macro.properties.get("arguments") or [{"name": name} for name in macro.arguments],
                "code": macro.text,
            }
            for macro in sorted(project.macros.all(), key=lambda macro: (macro.package, macro.name))
            if macro.package != "dbt" and (macro.properties.get("docs") or {}).get("show", True)
        ],
    }


def _node(
    project: Project,
    member: Member,
    places: Mapping[str, int],
    catalog: Catalog,
    lineage: Lineage,
    compiled: Mapping[str, str],
    tests: Mapping[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    uid = member.unique_id
    docs = member.config.get("docs") or {}
    relation = member.relation_name if isinstance(member, (Node, Source)) else None
    record: dict[str, Any] = {
        "id": uid,
        "name": member.name,
        "label": label(member),
        "type": member.resource_type,
        "kind": kind(member),
        "package": member.package,
        "own": member.package == project.name,
        "path": member.original_path,
        "folder": _folder(member),
        "tags": list(member.tags),
        "description": member.description,
        "columns": []
        if isinstance(member, Exposure)
        else _columns(member, places, catalog, lineage, tests.get(uid, [])),
        "parents": [places[parent] for parent in project.graph.parents[uid] if parent in places],
        "children": [places[child] for child in project.graph.children[uid] if child in places],
        "tests": tests.get(uid, []),
        "facts": _facts(project, member, catalog),
    }
    if relation is not None:
        record["relation"] = relation.replace('"', "")
        record["built"] = uid in catalog
    if isinstance(docs, Mapping):
        record |= {"hidden": True} if docs.get("show") is False else {}
        record |= {"color": docs["node_color"]} if docs.get("node_color") else {}
    if isinstance(member, Source) and member.source_description:
        record["description"] = "\n\n".join(filter(None, (member.description, member.source_description)))
    if isinstance(member, Node) and member.resource_type != "seed":
        record["raw"] = member.raw_code.strip()
        if uid in compiled:
            record["compiled"] = compiled[uid].strip()
    return record


def _folder(member: Member) -> str:
    if isinstance(member, Source):
        return f"source {member.source_name}"
    return str(PurePosixPath(member.original_path).parent)


def _columns(
    member: Node | Source,
    places: Mapping[str, int],
    catalog: Catalog,
    lineage: Lineage,
    tests: Iterable[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Columns of the database in their order, then what the SQL or a property file names besides."""
    uid = member.unique_id
    described = {column.name.lower(): column for column in member.columns}
    there = {column.name.lower(): column for column in (catalog[uid].columns if uid in catalog else ())}
    known = lineage.columns.get(uid, {})
    found = []
    for key in dict.fromkeys((*there, *known, *described)):
        words, real, made = described.get(key), there.get(key), known.get(key)
        name = real.name if real else made.name if made else words.name if words else key
        column: dict[str, Any] = {"name": name}
        column_type = real.type if real else words.data_type if words else None
        of_column = [str(test["name"]) for test in tests if str(test.get("column") or "").strip('"').lower() == key]
        column |= {"type": column_type} if column_type else {}
        column |= {"description": words.description} if words and words.description else {}
        column |= {"tags": list(words.tags)} if words and words.tags else {}
        column |= {"tests": of_column} if of_column else {}
        if made is not None:
            column |= {"from": [[places.get(s.node, s.node), s.column] for s in made.sources]} if made.sources else {}
            column |= {"steps": list(made.steps)} if made.steps else {}
            column |= {} if made.known else {"known": False}
        found.append(column)
    return found


def _tests(project: Project, compiled: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """Tests by the unique id of what they look at."""
    found: dict[str, list[dict[str, Any]]] = {}
    for node in project.nodes.values():
        if node.resource_type not in ("test", "unit_test"):
            continue
        record: dict[str, Any] = {"name": node.name, "description": node.description}
        parents: tuple[str, ...] = node.depends_on
        if node.test is not None:
            kwargs = {key: value for key, value in node.test.arguments.items() if key not in ("model", "column_name")}
            record["name"] = f"{node.test.namespace}.{node.test.name}" if node.test.namespace else node.test.name
            record["column"] = node.test.column_name
            record["detail"] = ", ".join(f"{key}: {value}" for key, value in kwargs.items())
            parents = (node.test.attached,) if node.test.attached else node.depends_on
        elif node.unit is not None:
            record["detail"] = "unit test"
        else:
            record["detail"] = node.original_path
        severity = str(node.config.get("severity") or "error").lower()
        record |= {"severity": severity} if severity != "error" and node.unit is None else {}
        for parent in parents:
            found.setdefault(parent, []).append({key: value for key, value in record.items() if value})
    return found


def _facts(project: Project, member: Member, catalog: Catalog) -> dict[str, Any]:
    """Name and value of what is said of a member besides its description."""
    facts: dict[str, Any] = {}
    if isinstance(member, Exposure):
        facts = {"type": member.kind, "owner": " ".join(str(value) for value in member.owner.values()),
                 "maturity": member.maturity, "url": member.url, "label": member.label}  # fmt: skip
    if isinstance(member, Source):
        facts = {"loader": member.loader, "loaded at": member.loaded_at_field, "freshness": member.freshness}
    if isinstance(member, Node):
        given = node_record(project, member)["config"]
        facts = {key: given.get(key) for key in _FACTS if given.get(key) != _FACT_DEFAULTS.get(key)}
        if (given.get("contract") or {}).get("enforced"):
            facts["contract"] = "enforced"
        macros = [name.removeprefix("macro.") for name in member.macros if not name.startswith("macro.dbt.")]
        facts["macros"] = ", ".join(macros)
    comment = catalog[member.unique_id].comment if member.unique_id in catalog else None
    if comment and comment != member.description:
        facts["comment in the database"] = comment
    facts["meta"] = dict(member.config.meta)
    return {name: value for name, value in facts.items() if value not in (None, "", {}, [], False)}
