"""The files that others read: manifest.json, compiled SQL.

Owns the manifest, which follows dbt's schema (v12) so that dbt's own readers take it, and reading and writing
artifacts. Refuses the records of single members (records.py) and to decide what to write: runner.py does.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from engine.errors import UsageError
from engine.modelrunner import yaml_selectors
from engine.modelrunner.context import DBT_VERSION
from engine.modelrunner.macro_graph import called_by
from engine.modelrunner.nodes import Node
from engine.modelrunner.records import node_record, one_to_one, plain

if TYPE_CHECKING:
    from engine.modelrunner.jinja import Macro
    from engine.modelrunner.project import Project

_LIKE_JSON = (
    orjson.OPT_NON_STR_KEYS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
"""What `default` is for stays with it, as in the standard library's JSON."""
_DOCS = {"show": True, "node_color": None}


def instant(moment: datetime.datetime | None = None) -> str:
    """An instant as the artifacts write it."""
    moment = moment or datetime.datetime.now(datetime.UTC)
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def metadata(project: Project, schema: str) -> dict[str, Any]:
    """The head of every artifact."""
    return {
        "dbt_schema_version": f"https://schemas.getdbt.com/dbt/{schema}.json",
        "dbt_version": DBT_VERSION,
        "generated_at": instant(),
        "invocation_id": project.general["invocation_id"],
        "env": {},
    }


def records_of(project: Project) -> dict[str, dict[str, Any]]:
    """The manifest's records of all members by unique id: what of it needs no run."""
    return {uid: node_record(project, member) for uid, member in project.members().items()}


def manifest(
    project: Project,
    compiled: Mapping[str, str] | None = None,
    records: dict[str, dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """The whole project as dbt's manifest; `compiled` adds SQL by unique id, to `records` if they are made already."""
    records = records_of(project) if records is None else records
    for uid, columns in _primary_keys(project).items():
        records[uid]["primary_key"] = columns
    for uid, sql in (compiled or {}).items():
        if uid in project.nodes:
            place = sql_place(project, project.nodes[uid], "compiled")
            inside = place.is_relative_to(project.folder)
            records[uid] |= {
                "compiled_path": (place.relative_to(project.folder) if inside else place).as_posix(),
                "compiled": True,
                "compiled_code": sql,
                "extra_ctes_injected": True,
                "extra_ctes": [],
            }
    parents = {uid: sorted(member.depends_on) for uid, member in project.members().items()}
    children = {uid: sorted(below) for uid, below in project.graph.children.items()}
    disabled: dict[str, list[Any]] = {}
    for uid, member in project.disabled.items():
        disabled.setdefault(uid, []).append(node_record(project, member))
    grouped: dict[str, list[str]] = {str(group.values["name"]): [] for group in project.groups}
    for uid, node in project.nodes.items():
        if node.group is not None and node.unit is None:
            grouped.setdefault(str(node.group), []).append(uid)
    made = project.general["run_started_at"].timestamp()
    return {
        "metadata": {
            **metadata(project, "manifest/v12"),
            "invocation_started_at": instant(project.general["run_started_at"]),
            "project_name": project.name,
            "project_id": hashlib.md5(project.name.encode(), usedforsecurity=False).hexdigest(),
            "user_id": None,
            "send_anonymous_usage_stats": False,
            "adapter_type": "duckdb",
            "quoting": {"database": True, "schema": True, "identifier": True, "column": None},
            "run_started_at": project.general["run_started_at"].isoformat(),
        },
        "nodes": {uid: records[uid] for uid, node in project.nodes.items() if node.unit is None},
        "sources": {uid: records[uid] for uid in project.sources},
        "macros": {macro.unique_id: _macro(macro, project, made) for macro in project.macros.all()},
        "docs": {
            block.unique_id: {
                "name": block.name,
                "resource_type": "doc",
                "package_name": block.package,
                "path": block.path,
                "original_file_path": block.original_path,
                "unique_id": block.unique_id,
                "block_contents": block.text,
            }
            for block in project.docs
        },
        "exposures": {uid: records[uid] for uid in project.exposures},
        "metrics": {},
        "groups": {
            f"group.{project.name}.{group.values['name']}": {
                "name": group.values["name"],
                "resource_type": "group",
                "package_name": project.name,
                "path": project.root.inside(group.file).as_posix(),
                "original_file_path": group.file,
                "unique_id": f"group.{project.name}.{group.values['name']}",
                "owner": {"email": None, "name": None, **plain(group.values.get("owner") or {})},
                "description": group.values.get("description"),
                "config": {"meta": {}, **plain(group.values.get("config") or {})},
            }
            for group in project.groups
        },
        "selectors": plain(yaml_selectors.recorded(project.selectors)),
        "disabled": disabled,
        "parent_map": parents,
        "child_map": children,
        "group_map": grouped,
        "saved_queries": {},
        "semantic_models": {},
        "unit_tests": {uid: records[uid] for uid, node in project.nodes.items() if node.unit is not None},
        "functions": {},
    }


def _macro(macro: Macro, project: Project, made: float) -> dict[str, Any]:
    meta = plain(macro.properties.get("meta") or {})
    docs = {**_DOCS, **plain(macro.properties.get("docs") or {})}
    return {
        "name": macro.name,
        "resource_type": "macro",
        "package_name": macro.package,
        "path": macro.path,
        "original_file_path": macro.path,
        "unique_id": macro.unique_id,
        "macro_sql": macro.text,
        "depends_on": {"macros": called_by(macro, project.macros)},
        "description": macro.description,
        "meta": meta,
        "docs": docs,
        "config": {"meta": meta, "docs": docs},
        "patch_path": f"{macro.package}://{macro.patch_path}" if macro.patch_path else None,
        "arguments": plain(macro.properties.get("arguments") or ()),
        "created_at": made,
        "supported_languages": ["sql"] if macro.name.startswith("materialization_") else None,
    }


def _primary_keys(project: Project) -> dict[str, list[str]]:
    """The columns that tell a model's rows apart: its primary key, else what tests say is unique (and never null)."""
    tests: dict[str, list[Node]] = {}
    for node in project.nodes.values():
        if node.test is not None and node.test.attached is not None:
            tests.setdefault(node.test.attached, []).append(node)
    found = {}
    for uid, node in project.nodes.items():
        if node.resource_type == "model":
            found[uid] = _promised_key(node) or _tested_key(tests.get(uid, ()))
    return found


def _promised_key(node: Node) -> list[str]:
    for constraint in node.constraints:
        if constraint.get("type") == "primary_key":
            return list(constraint.get("columns") or ())
    for column in node.columns:
        if any(constraint.get("type") == "primary_key" for constraint in column.constraints):
            return [column.name]
    return []


def _tested_key(tests: Iterable[Node]) -> list[str]:
    unique: list[str] = []
    never_null: set[str] = set()
    for node in tests:
        assert node.test is not None
        columns = node.test.arguments.get("column_name", node.test.arguments.get("combination_of_columns"))
        names = [columns] if isinstance(columns, str) else [str(item) for item in columns or ()]
        if node.test.name in ("unique", "unique_combination_of_columns"):
            unique.extend(name for name in names if name not in unique)
        elif node.test.name == "not_null":
            never_null.update(names)
    both = [name for name in unique if name in never_null]
    return both or unique


def write(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON artifact, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(_as_json(content))
    partial.replace(path)


def _as_json(content: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(content, default=str, option=_LIKE_JSON)
    except TypeError:
        # Whole numbers beyond 64 bits and the like.
        return json.dumps(content, default=str).encode()


def sql_place(project: Project, node: Node, kind: str) -> Path:
    """Where the `compiled` or `run` SQL of a node is."""
    place = project.target_folder / kind / node.package / node.original_path
    # As in dbt: what a property file defines gets a folder of that file's name.
    return place if one_to_one(node) else place / node.path


def write_sql(project: Project, node: Node, sql: str, kind: str) -> None:
    """The compiled or run SQL of a node below the target folder."""
    place, content = sql_place(project, node, kind), sql.encode()
    try:
        # To write a file costs many times what it costs to read one, and few change from run to run.
        if place.read_bytes() == content:
            return
    except OSError:
        place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def read(path: Path) -> dict[str, Any] | None:
    """A JSON artifact, or None when there is none. UsageError when it is not one."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {error}", hint="remove it and run again") from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} is no artifact", hint="remove it and run again")
    return found
