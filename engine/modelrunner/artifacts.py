"""The files that others read: manifest.json, compiled SQL.

Owns their shapes, which follow dbt's schemas (manifest v12) in the parts that consumers use. Refuses
to decide what to write: runner.py does.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError
from engine.modelrunner.context import DBT_VERSION
from engine.modelrunner.nodes import ColumnProperties, Exposure, Fixture, Hook, Member, Node, Source

if TYPE_CHECKING:
    from engine.modelrunner.project import Project

_CONFIG_DEFAULTS: dict[str, Any] = {
    "enabled": True, "alias": None, "schema": None, "database": None, "tags": [], "meta": {}, "group": None,
    "materialized": "view", "incremental_strategy": None, "persist_docs": {}, "post-hook": [], "pre-hook": [],
    "quoting": {}, "column_types": {}, "full_refresh": None, "unique_key": None, "on_schema_change": "ignore",
    "grants": {}, "packages": [], "docs": {"show": True, "node_color": None},
    "contract": {"enforced": False, "alias_types": True}, "access": "protected",
}  # fmt: skip
_DOCS: dict[str, Any] = {"show": True, "node_color": None}
_TEST_DEFAULTS: dict[str, Any] = {
    "enabled": True, "alias": None, "schema": "dbt_test__audit", "database": None, "tags": [], "meta": {},
    "group": None, "materialized": "test", "severity": "ERROR", "store_failures": None, "store_failures_as": None,
    "where": None, "limit": None, "fail_calc": "count(*)", "warn_if": "!= 0", "error_if": "!= 0",
}  # fmt: skip


def instant(moment: datetime.datetime | None = None) -> str:
    """An instant as the artifacts write it."""
    moment = moment or datetime.datetime.now(datetime.UTC)
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(value: Any) -> Any:
    if isinstance(value, Hook):
        return {"sql": value.sql, "transaction": value.transaction, "index": None}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(item) for item in value]
    return value


def _columns(columns: Iterable[ColumnProperties]) -> dict[str, Any]:
    return {
        column.name: {
            "name": column.name,
            "description": column.description,
            "data_type": column.data_type,
            "quote": column.quote or None,
            "tags": list(column.tags),
            "meta": _plain(column.meta),
            "constraints": _plain(column.constraints),
            "doc_blocks": list(column.doc_blocks),
        }
        for column in columns
    }


def node_record(project: Project, member: Member) -> dict[str, Any]:
    """The manifest's record of a node, source or exposure; templates see the same as `model` and in `graph`."""
    common: dict[str, Any] = {
        "unique_id": member.unique_id,
        "resource_type": member.resource_type,
        "name": member.name,
        "package_name": member.package,
        "path": member.path,
        "original_file_path": member.original_path,
        "fqn": list(member.fqn),
        "description": member.description,
        "tags": list(member.tags),
        "meta": _plain(member.config.meta),
        "config": _plain(member.config),
    }
    if isinstance(member, Source):
        return {
            **common,
            "config": {"enabled": True, **common["config"]},
            "database": member.database,
            "schema": member.schema,
            "identifier": member.identifier,
            "source_name": member.source_name,
            "source_description": member.source_description,
            "loader": member.loader,
            "loaded_at_field": member.loaded_at_field,
            "freshness": _plain(member.freshness),
            "relation_name": member.relation_name,
            "columns": _columns(member.columns),
            "doc_blocks": list(member.doc_blocks),
        }
    if isinstance(member, Exposure):
        return {
            **common,
            "type": member.kind,
            "owner": _plain(member.owner),
            "label": member.label,
            "maturity": member.maturity,
            "url": member.url,
            "depends_on": {"nodes": list(member.depends_on), "macros": []},
            "refs": _refs(member.refs),
            "sources": [list(pair) for pair in member.source_refs],
        }
    if member.unit is not None:
        return {
            **common,
            "config": {"enabled": True, **common["config"]},
            "model": member.unit.model,
            "given": [_fixture(fixture) for fixture in member.unit.given],
            "expect": _fixture(member.unit.expect),
            "overrides": {
                "macros": _plain(member.unit.macros),
                "vars": _plain(member.unit.variables),
                "env_vars": _plain(member.unit.environment),
            },
            "schema": member.schema,
            "depends_on": {"nodes": list(member.depends_on), "macros": []},
            "checksum": member.checksum,
            "version": None,
            "versions": None,
        }
    defaults = _TEST_DEFAULTS if member.resource_type == "test" else _CONFIG_DEFAULTS
    record = {
        **common,
        "config": {**defaults, **common["config"]},
        "database": member.database,
        "schema": member.schema,
        "alias": member.alias,
        "relation_name": member.relation_name,
        "raw_code": member.raw_code.strip(),
        "language": "sql",
        "checksum": {"name": "sha256", "checksum": member.checksum},
        "columns": _columns(member.columns),
        "depends_on": {"nodes": list(member.depends_on), "macros": list(member.macros)},
        "refs": _refs(member.refs),
        "sources": [list(pair) for pair in member.source_refs],
        "patch_path": f"{member.package}://{member.patch_path}" if member.patch_path else None,
        "unrendered_config": _plain(member.own_config),
        "docs": {**_DOCS, **_plain(member.config.get("docs") or {})},
        "doc_blocks": list(member.doc_blocks),
        "group": member.config.get("group"),
        "version": None,
        "latest_version": None,
        "deferred": False,
    }
    if member.resource_type == "model":
        record["access"] = member.config.get("access", "protected")
        record["constraints"] = _plain(member.constraints)
        record["contract"] = {"enforced": bool((member.config.get("contract") or {}).get("enforced")), "checksum": None}
    if member.resource_type == "seed":
        record["root_path"] = str(member.root)
        record["raw_code"] = ""
    if member.test is not None:
        record["test_metadata"] = {
            "name": member.test.name,
            "namespace": member.test.namespace,
            "kwargs": _plain(member.test.arguments),
        }
        record["column_name"] = member.test.column_name
        record["attached_node"] = member.test.attached
        record["file_key_name"] = None
    return record


def _fixture(fixture: Fixture) -> dict[str, Any]:
    kind = "dict" if fixture.sql is None else "sql"
    rows = fixture.sql if fixture.sql is not None else _plain(fixture.rows)
    return {"input": fixture.source, "rows": rows, "format": kind, "fixture": None}


def _refs(refs: Iterable[tuple[str | None, str]]) -> list[dict[str, Any]]:
    return [{"name": name, "package": package, "version": None} for package, name in refs]


def metadata(project: Project, schema: str) -> dict[str, Any]:
    """The head of every artifact."""
    return {
        "dbt_schema_version": f"https://schemas.getdbt.com/dbt/{schema}.json",
        "dbt_version": DBT_VERSION,
        "generated_at": instant(),
        "invocation_id": project.general["invocation_id"],
        "env": {},
    }


def manifest(project: Project, compiled: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The whole project as dbt's manifest; `compiled` adds SQL by unique id."""
    nodes = {}
    for uid, node in project.nodes.items():
        if node.unit is not None:
            continue
        nodes[uid] = node_record(project, node)
        if compiled and uid in compiled:
            nodes[uid] |= {"compiled": True, "compiled_code": compiled[uid]}
    parents = {uid: sorted(member.depends_on) for uid, member in project.members().items()}
    children = {uid: sorted(below) for uid, below in project.graph.children.items()}
    disabled: dict[str, list[Any]] = {}
    for uid, member in project.disabled.items():
        disabled.setdefault(uid, []).append(node_record(project, member))
    return {
        "metadata": {
            **metadata(project, "manifest/v12"),
            "project_name": project.name,
            "project_id": None,
            "user_id": None,
            "send_anonymous_usage_stats": False,
            "adapter_type": "duckdb",
            "quoting": {"database": True, "schema": True, "identifier": True, "column": None},
        },
        "nodes": nodes,
        "sources": {uid: node_record(project, source) for uid, source in project.sources.items()},
        "exposures": {uid: node_record(project, exposure) for uid, exposure in project.exposures.items()},
        "macros": {
            macro.unique_id: {
                "unique_id": macro.unique_id,
                "resource_type": "macro",
                "name": macro.name,
                "package_name": macro.package,
                "path": macro.path,
                "original_file_path": macro.path,
                "macro_sql": macro.text,
                "depends_on": {"macros": []},
                "description": macro.description,
                "meta": _plain(macro.properties.get("meta") or {}),
                "docs": {**_DOCS, **_plain(macro.properties.get("docs") or {})},
                "patch_path": f"{macro.package}://{macro.patch_path}" if macro.patch_path else None,
                "arguments": _plain(macro.properties.get("arguments") or ()),
                "supported_languages": None,
            }
            for macro in project.macros.all()
        },
        "groups": {
            f"group.{project.name}.{group.values['name']}": {
                "unique_id": f"group.{project.name}.{group.values['name']}",
                "resource_type": "group",
                "name": group.values["name"],
                "package_name": project.name,
                "path": group.file,
                "original_file_path": group.file,
                "owner": _plain(group.values.get("owner") or {}),
            }
            for group in project.groups
        },
        "docs": {
            block.unique_id: {
                "unique_id": block.unique_id,
                "resource_type": "doc",
                "name": block.name,
                "package_name": block.package,
                "path": block.path,
                "original_file_path": block.original_path,
                "block_contents": block.text,
            }
            for block in project.docs
        },
        "metrics": {},
        "selectors": {str(item["name"]): _plain(item) for item in project.selectors},
        "disabled": disabled,
        "parent_map": parents,
        "child_map": children,
        "group_map": {},
        "saved_queries": {},
        "semantic_models": {},
        "unit_tests": {uid: node_record(project, node) for uid, node in project.nodes.items() if node.unit is not None},
        "functions": {},
    }


def write(path: Path, content: Mapping[str, Any]) -> None:
    """A JSON artifact, complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, default=str), encoding="utf-8")
    partial.replace(path)


def sql_place(project: Project, node: Node, kind: str) -> Path:
    """Where the `compiled` or `run` SQL of a node is."""
    place = project.target_folder / kind / node.package / node.original_path
    # As in dbt: what a property file defines gets a folder of that file's name.
    return place / node.path if Path(node.path).name != Path(node.original_path).name else place


def write_sql(project: Project, node: Node, sql: str, kind: str) -> None:
    """The compiled or run SQL of a node below the target folder."""
    place = sql_place(project, node, kind)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(sql, encoding="utf-8")


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
