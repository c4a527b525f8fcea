"""What is remembered of a file while it is read.

Owns the draft of a node, the `config` object that fills it, the defaults of each kind of node, and which macros a text
calls. Refuses to render and to name anything: parse.py does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jinja2

from engine.modelrunner.jinja import NATIVE_PARSE, Macros
from engine.modelrunner.nodes import merged
from engine.modelrunner.packages import Package
from engine.modelrunner.properties import Patch

TEST_DEFAULTS = {
    "severity": "ERROR",
    "warn_if": "!= 0",
    "error_if": "!= 0",
    "fail_calc": "count(*)",
    "schema": "dbt_test__audit",
    "materialized": "test",
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "model": {"materialized": "view"},
    "seed": {"materialized": "seed"},
    "snapshot": {"materialized": "snapshot"},
    "test": TEST_DEFAULTS,
    "analysis": {"materialized": "view"},
    "operation": {"materialized": "view"},
}
SECTION = {
    "model": "models", "seed": "seeds", "snapshot": "snapshots", "test": "tests", "analysis": "analyses",
}  # fmt: skip


@dataclass(slots=True)
class Draft:
    """A node while it is being read."""

    resource_type: str
    name: str
    package: Package
    path: str
    original_path: str
    fqn: tuple[str, ...]
    raw_code: str
    line: int = 1
    patch: Patch | None = None
    in_file: dict[str, Any] = field(default_factory=dict)
    said: dict[str, Any] = field(default_factory=dict)
    """The same as it was said: a lone tag or hook is no list."""
    refs: list[tuple[str | None, str]] = field(default_factory=list)
    source_refs: list[tuple[str, str]] = field(default_factory=list)
    macro_names: list[str] = field(default_factory=list)

    def unique_id(self, suffix: str = "") -> str:
        return f"{self.resource_type}.{self.package.name}.{self.name}{suffix}"


class CapturingConfig:
    """`config` while a file is read: calls are remembered, questions have no answer yet."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft

    def __call__(self, *arguments: Any, **named: Any) -> str:
        if len(arguments) + bool(named) != 1 or not all(isinstance(item, Mapping) for item in arguments):
            raise jinja2.TemplateRuntimeError("config() takes keys and values, or one mapping")
        values = {**(arguments[0] if arguments else {}), **named}
        for key in ("pre_hook", "post_hook"):
            if key in values and key.replace("_", "-") in values:
                raise jinja2.TemplateRuntimeError(f"config() has both '{key}' and '{key.replace('_', '-')}'")
        self._draft.in_file = merged(self._draft.in_file, values)
        self._draft.said = _said(self._draft.said, values)
        return ""

    def set(self, name: str, value: Any) -> str:
        return self(**{name: value})

    def get(self, name: str, default: Any = None, validator: Any = None) -> Any:
        # As in dbt, what is not known yet is text, whatever it will be.
        value = self._draft.in_file.get(name, default)
        return "" if value is None else value

    def require(self, name: str, validator: Any = None) -> Any:
        return ""

    def meta_get(self, name: str, default: Any = None) -> Any:
        return default

    meta_require = require

    def persist_relation_docs(self) -> bool:
        return False

    persist_column_docs = persist_relation_docs


def _said(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """`high` over `low`; only what is said twice is joined."""
    out = dict(low)
    for raw_key, value in high.items():
        key = {"pre_hook": "pre-hook", "post_hook": "post-hook"}.get(raw_key, raw_key)
        out[key] = merged({key: out[key]}, {key: value})[key] if key in out else value
    return out


def called_macros(source: str, package: str, macros: Macros) -> list[str]:
    """Unique ids of the macros that a text calls by name."""
    if "{{" not in source and "{%" not in source:
        return []
    found: list[str] = []
    tree = NATIVE_PARSE.parse(source)
    for call in tree.find_all(jinja2.nodes.Call):
        target = call.node
        macro = None
        if isinstance(target, jinja2.nodes.Name):
            macro = macros.find(target.name, search=package)
        elif isinstance(target, jinja2.nodes.Getattr) and isinstance(target.node, jinja2.nodes.Name):
            if target.node.name == "adapter" and target.attr == "dispatch" and call.args:
                first = call.args[0]
                if isinstance(first, jinja2.nodes.Const):
                    for prefix in ("duckdb__", "default__"):
                        macro = macro or macros.find(f"{prefix}{first.value}", search=package)
            elif target.node.name in macros.by_package:
                macro = macros.find(target.attr, target.node.name)
        if macro is not None and macro.unique_id not in found:
            found.append(macro.unique_id)
    return found
