"""The manifest's records of single members: nodes, sources, exposures, unit tests.

Owns their shape (dbt's manifest v12, every key of it), the configuration with dbt's defaults, and the checksums that
`state:modified` compares: contracts and unit tests. Refuses to write files and to put the manifest together
(artifacts.py). Templates see the same records as `model` and in `graph`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from engine.modelrunner.nodes import ColumnProperties, Exposure, Fixture, Hook, Member, Node, Source
from engine.modelrunner.tests import keeps_rows

if TYPE_CHECKING:
    from engine.modelrunner.project import Project

_DOCS = {"show": True, "node_color": None}
_COMMON: dict[str, Any] = {
    "enabled": True, "alias": None, "schema": None, "database": None, "tags": [], "meta": {}, "group": None,
    "static_analysis": None,
}  # fmt: skip
_NODE: dict[str, Any] = {
    **_COMMON, "materialized": "view", "incremental_strategy": None, "batch_size": None, "lookback": 1, "begin": None,
    "persist_docs": {}, "post-hook": [], "pre-hook": [], "quoting": {}, "column_types": {}, "full_refresh": None,
    "unique_key": None, "on_schema_change": "ignore", "on_configuration_change": "apply", "grants": {}, "packages": [],
    "docs": _DOCS, "contract": {"enforced": False, "alias_types": True}, "event_time": None,
    "concurrent_batches": None,
}  # fmt: skip
_DEFAULTS: dict[str, dict[str, Any]] = {
    "model": {**_NODE, "access": "protected", "freshness": None},
    "seed": {**_NODE, "materialized": "seed", "delimiter": ",", "quote_columns": None},
    "snapshot": {
        **_NODE, "materialized": "snapshot", "unique_key": None, "strategy": None, "target_schema": None,
        "target_database": None, "updated_at": None, "check_cols": None,
        "snapshot_meta_column_names": {
            "dbt_valid_to": None, "dbt_valid_from": None, "dbt_scd_id": None, "dbt_updated_at": None,
            "dbt_is_deleted": None,
        },
        "dbt_valid_to_current": None,
    },
    "test": {
        **_COMMON, "schema": "dbt_test__audit", "materialized": "test", "severity": "ERROR", "store_failures": None,
        "store_failures_as": None, "where": None, "limit": None, "fail_calc": "count(*)", "warn_if": "!= 0",
        "error_if": "!= 0",
    },
    "unit_test": {"tags": [], "meta": {}, "enabled": True, "static_analysis": None},
    "source": {
        "enabled": True, "event_time": None, "freshness": None, "loaded_at_field": None, "loaded_at_query": None,
        "meta": {}, "tags": [], "static_analysis": None,
    },
    "exposure": {"enabled": True, "tags": [], "meta": {}},
}  # fmt: skip
_LARGE_SEED = 1024 * 1024
# Keys whose defaults are filled up key by key.
_FILLED = ("docs", "contract", "snapshot_meta_column_names")
_STORED_AS = {"table": True, "view": True, "ephemeral": False}


def full_config(member: Member) -> dict[str, Any]:
    """A member's configuration with dbt's defaults for its kind."""
    defaults = _DEFAULTS.get(member.resource_type, _NODE)
    found = {**defaults, **plain(member.config)}
    for key in _FILLED:
        if isinstance(defaults.get(key), dict):
            found[key] = {**defaults[key], **(found[key] or {})}
    if isinstance(found["tags"], str):
        found["tags"] = [found["tags"]]
    if isinstance(member, Source):
        found["loaded_at_field"], found["loaded_at_query"] = member.loaded_at_field, member.loaded_at_query
        found["freshness"] = _freshness(member.freshness)
    if member.resource_type == "test":
        # As in dbt, store_failures_as decides about store_failures, and store_failures alone means a table.
        if found["store_failures_as"] is not None:
            found["store_failures"] = _STORED_AS.get(str(found["store_failures_as"]), True)
        elif found["store_failures"] is not None:
            found["store_failures_as"] = "table" if found["store_failures"] else "ephemeral"
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, Hook):
        return {"sql": value.sql, "transaction": value.transaction, "index": None}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value


def node_record(project: Project, member: Member) -> dict[str, Any]:
    """The manifest's record of a node, source, exposure or unit test."""
    made = project.general["run_started_at"].timestamp()
    if isinstance(member, Source):
        return _source(member, made)
    if isinstance(member, Exposure):
        return _exposure(member, made)
    if member.unit is not None:
        return _unit_test(member, made)
    return _node(member, made, kept=keeps_rows(member, project.flags.store_failures))


def _node(member: Node, made: float, *, kept: bool) -> dict[str, Any]:
    config = full_config(member)
    record: dict[str, Any] = {
        "database": member.database,
        "schema": member.schema,
        "name": member.name,
        "resource_type": member.resource_type,
        "package_name": member.package,
        "path": member.path,
        "original_file_path": member.original_path,
        "unique_id": member.unique_id,
        "fqn": list(member.fqn),
        "alias": member.alias,
        "checksum": _checksum(member),
        "config": config,
        "tags": sorted(member.tags) if member.test is not None else list(member.tags),
        "description": member.description,
        "columns": columns_record(member.columns),
        "meta": config["meta"],
        "group": member.group,
        "docs": config.get("docs", _DOCS),
        "patch_path": f"{member.package}://{member.patch_path}" if member.patch_path else None,
        "build_path": None,
        "unrendered_config": plain(member.unrendered),
        "created_at": made,
        "relation_name": member.kept_name if member.resource_type == "test" and kept else member.relation_name,
        "raw_code": "" if member.resource_type == "seed" else member.raw_code.strip(),
        "doc_blocks": list(member.doc_blocks),
    }
    if member.resource_type == "seed":
        return {**record, "root_path": str(member.root), "depends_on": {"macros": list(member.macros)}}
    contract = config.get("contract") or {}
    enforced = bool(contract.get("enforced"))
    record |= {
        "language": "sql",
        "refs": _refs(member.refs),
        "sources": [list(pair) for pair in member.source_refs],
        "metrics": [],
        "functions": [],
        "depends_on": {"macros": list(member.macros), "nodes": list(member.depends_on)},
        "compiled_path": None,
        "contract": {
            "enforced": enforced,
            "alias_types": bool(contract.get("alias_types", True)),
            "checksum": contract_checksum(member) if enforced and member.resource_type == "model" else None,
        },
    }
    if member.resource_type == "model":
        record |= {
            "access": config["access"],
            "constraints": [_constraint(item, of_model=True) for item in member.constraints],
            "version": None,
            "latest_version": None,
            "deprecation_date": None,
            "primary_key": [],
            "time_spine": None,
        }
    if member.test is not None:
        record |= {
            "column_name": member.test.column_name,
            "file_key_name": member.test.file_key,
            "attached_node": member.test.attached,
            "test_metadata": {
                "name": member.test.name,
                "kwargs": plain(member.test.arguments),
                "namespace": member.test.namespace,
            },
        }
    return record


def _checksum(member: Node) -> dict[str, str]:
    if member.test is not None:
        return {"name": "none", "checksum": ""}
    if member.resource_type == "seed" and (member.root / member.original_path).stat().st_size > _LARGE_SEED:
        # As in dbt, a large seed is known by its path alone.
        return {"name": "path", "checksum": member.original_path}
    return {"name": "sha256", "checksum": member.checksum}


def _source(member: Source, made: float) -> dict[str, Any]:
    config = full_config(member)
    return {
        "database": member.database,
        "schema": member.schema,
        "name": member.name,
        "resource_type": "source",
        "package_name": member.package,
        "path": member.original_path,
        "original_file_path": member.original_path,
        "unique_id": member.unique_id,
        "fqn": list(member.fqn),
        "source_name": member.source_name,
        "source_description": member.source_description,
        "loader": member.loader,
        "identifier": member.identifier,
        "quoting": {key: member.quoting.get(key) for key in ("database", "schema", "identifier", "column")},
        "loaded_at_field": member.loaded_at_field,
        "loaded_at_query": member.loaded_at_query,
        "freshness": config["freshness"],
        "external": plain(member.external),
        "description": member.description,
        "columns": columns_record(member.columns),
        "meta": config["meta"],
        "source_meta": plain(member.source_meta),
        "tags": list(dict.fromkeys(config["tags"])),
        "config": config,
        "patch_path": None,
        "unrendered_config": plain(member.unrendered),
        "relation_name": member.relation_name,
        "created_at": made,
        "unrendered_database": member.unrendered_database,
        "unrendered_schema": member.unrendered_schema,
        "doc_blocks": list(member.doc_blocks),
    }


def _exposure(member: Exposure, made: float) -> dict[str, Any]:
    config = full_config(member)
    return {
        "name": member.name,
        "resource_type": "exposure",
        "package_name": member.package,
        "path": member.path,
        "original_file_path": member.original_path,
        "unique_id": member.unique_id,
        "fqn": list(member.fqn),
        "type": member.kind,
        "owner": {"email": None, "name": None, **plain(member.owner)},
        "description": member.description,
        "label": member.label,
        "maturity": member.maturity,
        "meta": config["meta"],
        "tags": list(dict.fromkeys(config["tags"])),
        "config": config,
        "unrendered_config": plain(member.unrendered),
        "url": member.url,
        "depends_on": {"macros": [], "nodes": list(member.depends_on)},
        "refs": _refs(member.refs),
        "sources": [list(pair) for pair in member.source_refs],
        "metrics": [],
        "created_at": made,
    }


def _unit_test(member: Node, made: float) -> dict[str, Any]:
    assert member.unit is not None
    unit = member.unit
    told = {"macros": plain(unit.macros), "vars": plain(unit.variables), "env_vars": plain(unit.environment)}
    return {
        "model": unit.model,
        "given": [{"input": item.source, **_fixture(item)} for item in unit.given],
        "expect": _fixture(unit.expect),
        "name": member.name,
        "resource_type": "unit_test",
        "package_name": member.package,
        "path": member.path,
        "original_file_path": member.original_path,
        "unique_id": member.unique_id,
        "fqn": list(member.fqn),
        "description": member.description,
        "overrides": told if unit.overridden else None,
        # As in dbt, the record names the model alone; what is given needs nothing of its own.
        "depends_on": {"macros": [], "nodes": list(member.depends_on[:1])},
        "config": full_config(member),
        "checksum": unit_test_checksum(member),
        "schema": member.schema,
        "created_at": made,
        "versions": None,
        "version": None,
    }


def _fixture(fixture: Fixture) -> dict[str, Any]:
    return {"rows": _rows(fixture), "format": fixture.format, "fixture": fixture.file}


def _rows(fixture: Fixture) -> Any:
    return fixture.sql if fixture.sql is not None else [dict(row) for row in fixture.rows]


def _refs(refs: Iterable[tuple[str | None, str]]) -> list[dict[str, Any]]:
    return [{"name": name, "package": package, "version": None} for package, name in refs]


def _freshness(given: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if given is None:
        return None
    empty = {"count": None, "period": None}
    return {
        "warn_after": {**empty, **(given.get("warn_after") or {})},
        "error_after": {**empty, **(given.get("error_after") or {})},
        "filter": given.get("filter"),
    }


def columns_record(columns: Iterable[ColumnProperties]) -> dict[str, Any]:
    """Columns by name."""
    return {
        column.name: {
            "name": column.name,
            "description": column.description,
            "meta": plain(column.meta),
            "data_type": column.data_type,
            "constraints": [_constraint(item) for item in column.constraints],
            "quote": column.quote or None,
            "config": {"meta": plain(column.meta), "tags": list(column.tags)},
            "tags": list(column.tags),
            "granularity": None,
            "doc_blocks": list(column.doc_blocks),
        }
        for column in columns
    }


def _constraint(given: Mapping[str, Any], *, of_model: bool = False) -> dict[str, Any]:
    record = {
        "type": str(given.get("type")),
        "name": given.get("name"),
        "expression": given.get("expression"),
        "warn_unenforced": bool(given.get("warn_unenforced", True)),
        "warn_unsupported": bool(given.get("warn_unsupported", True)),
        "to": given.get("to"),
        "to_columns": list(given.get("to_columns") or ()),
    }
    return {**record, "columns": list(given.get("columns") or ())} if of_model else record


# Checksums. dbt takes them of its objects' printed form, so an earlier state written by dbt compares equal only when
# that form is spelt out here.


def contract_checksum(node: Node) -> str:
    """What an enforced contract promises, as one number: columns, types, constraints."""
    told = ""
    for column in sorted(node.columns, key=lambda column: column.name):
        told += f"|{column.name}{column.data_type}"
        told += str([_Printed(_spelt("ColumnLevelConstraint", _constraint(item))) for item in column.constraints])
    if node.config.materialized in ("table", "incremental"):
        constraints = [_constraint(item, of_model=True) for item in node.constraints]
        told += node.config.materialized
        told += str([_Printed(_spelt("ModelLevelConstraint", item)) for item in constraints])
    return hashlib.sha256(told.encode()).hexdigest()


def unit_test_checksum(node: Node) -> str:
    """Everything of a unit test but its description, as one number."""
    assert node.unit is not None
    unit = node.unit
    given = [
        _Printed(
            f"UnitTestInputFixture(input={item.source!r}, rows={_rows(item)!r}, format={_format(item)},"
            f" fixture={item.file!r})"
        )
        for item in unit.given
    ]
    out = unit.expect
    expect = f"UnitTestOutputFixture(rows={_rows(out)!r}, format={_format(out)}, fixture={out.file!r})"
    overrides = (
        f"UnitTestOverrides(macros={plain(unit.macros)!r}, vars={plain(unit.variables)!r},"
        f" env_vars={plain(unit.environment)!r})"
        if unit.overridden
        else "None"
    )
    told = f"{unit.model}-None-{given}-{expect}-{overrides}"
    told += "".join(f"-{_rows(item)}" for item in unit.given if item.file)
    return hashlib.sha256(told.encode()).hexdigest()


class _Printed:
    """Text that stands in a list as it is."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _spelt(kind: str, values: Mapping[str, Any]) -> str:
    said = [
        f"{key}=<ConstraintType.{value}: {value!r}>" if key == "type" else f"{key}={value!r}"
        for key, value in values.items()
    ]
    return f"{kind}({', '.join(said)})"


def _format(fixture: Fixture) -> str:
    names = {"dict": "Dict", "csv": "CSV", "sql": "SQL"}
    return f"<UnitTestFormat.{names[fixture.format]}: {fixture.format!r}>"


def one_to_one(node: Node) -> bool:
    """Whether a node has a file of its own; what a property file defines has not."""
    return PurePosixPath(node.path).name == PurePosixPath(node.original_path).name
