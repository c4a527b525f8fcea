"""What `ls` says of each node.

Owns the four forms: selector, name, path, json with its keys. Refuses to select and to print.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from engine.modelrunner.nodes import Exposure, Member, Source
from engine.modelrunner.problems import SelectionProblem, nearest
from engine.modelrunner.project import Project
from engine.modelrunner.records import node_record

FORMS = ("selector", "name", "path", "json")
_KEYS = frozenset(
    {
        "alias", "name", "package_name", "depends_on", "tags", "config", "resource_type", "source_name",
        "original_file_path", "unique_id",
    }
)  # fmt: skip


def lines(project: Project, ids: Iterable[str], form: str = "selector", keys: Sequence[str] = ()) -> list[str]:
    """One line per member, in the order of `ids`; `keys` choose what json has, `a.b` reaches into a mapping.

    SelectionProblem for an unknown form.
    """
    if form not in FORMS:
        raise SelectionProblem(f"unknown output '{form}'", hint=nearest(form, FORMS) or f"use {', '.join(FORMS)}")
    chosen = [key for text in keys for key in text.split(" ")]
    return [_line(project, project.member(uid), form, chosen) for uid in ids]


def _line(project: Project, member: Member, form: str, keys: Sequence[str]) -> str:
    if form == "name":
        return f"{member.source_name}.{member.name}" if isinstance(member, Source) else member.name
    if form == "path":
        return member.original_path
    if form == "json":
        return json.dumps(_chosen(node_record(project, member), keys), default=str)
    if isinstance(member, Source):
        return f"source:{member.package}.{member.source_name}.{member.name}"
    if isinstance(member, Exposure) or member.resource_type == "unit_test":
        return f"{member.resource_type}:{member.package}.{member.name}"
    return ".".join(member.fqn)


def _chosen(record: dict[str, Any], keys: Sequence[str]) -> dict[str, Any]:
    if not keys:
        return {key: value for key, value in record.items() if key in _KEYS}
    out = {}
    for key in keys:
        if "." in key:
            value: Any = record
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                out[key] = value
        elif key in record:
            out[key] = record[key]
    return out
