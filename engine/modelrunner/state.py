"""What changed since an earlier manifest.

Owns reading an earlier state (manifest.json, run_results.json) and the questions of `state:`: new, old, modified in
one respect or in any. Refuses to select: selector.py asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.modelrunner import artifacts
from engine.modelrunner.nodes import Member
from engine.modelrunner.project import Project

RESPECTS = ("body", "configs", "relation", "macros")
_SECTIONS = ("nodes", "sources", "exposures", "unit_tests")
_PLACE = ("database", "schema", "alias")
_BODY = {
    "source": ("database", "schema", "identifier", "loader"),
    "exposure": ("type", "owner", "label", "maturity", "url", "depends_on", "description"),
    "test": ("test_metadata", "checksum"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Previous:
    """An earlier state of the project: `manifest` and `results` as the artifacts hold them, read from `folder`."""

    folder: Path
    manifest: Mapping[str, Any] | None = None
    results: Mapping[str, str] = field(default_factory=dict)


def read(folder: Path) -> Previous:
    """The state in a folder of artifacts, of which either may be missing."""
    results = artifacts.read(folder / "run_results.json") or {}
    statuses = {str(item["unique_id"]): str(item["status"]) for item in results.get("results", ())}
    return Previous(folder, artifacts.read(folder / "manifest.json"), statuses)


class Changes:
    """Compares a project with an earlier manifest, node by node."""

    def __init__(self, project: Project, manifest: Mapping[str, Any]) -> None:
        self.project = project
        self.old: dict[str, Mapping[str, Any]] = {}
        for section in _SECTIONS:
            self.old.update(manifest.get(section) or {})
        before = {uid: macro.get("macro_sql") for uid, macro in (manifest.get("macros") or {}).items()}
        now = {macro.unique_id: macro.text for macro in project.macros.all() if macro.package != "dbt"}
        gone = {uid for uid in before if not uid.startswith("macro.dbt")} - set(now)
        self.macros = {uid for uid, text in now.items() if before.get(uid) != text} | gone
        self._texts = now

    def is_new(self, member: Member) -> bool:
        """Whether the earlier manifest does not have it."""
        return member.unique_id not in self.old

    def is_modified(self, member: Member, respect: str | None = None) -> bool:
        """Whether it differs, in `body`, `configs`, `relation`, `macros`, or in anything."""
        new = json.loads(json.dumps(artifacts.node_record(self.project, member), default=str))
        old = self.old.get(member.unique_id)
        if old is None:
            return respect != "macros" or self._macros({}, new)
        checks = {"body": self._body, "configs": self._configs, "relation": self._relation, "macros": self._macros}
        if respect is not None:
            return checks[respect](old, new)
        return new["fqn"] != old.get("fqn") or any(check(old, new) for check in checks.values())

    @staticmethod
    def _body(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        return any(new.get(key) != old.get(key) for key in _BODY.get(new["resource_type"], ("checksum",)))

    @staticmethod
    def _configs(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        return any(_without_place(new.get(key)) != _without_place(old.get(key)) for key in ("config", "contract"))

    @staticmethod
    def _relation(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        return any((new.get("config") or {}).get(key) != (old.get("config") or {}).get(key) for key in _PLACE)

    def _macros(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
        """Whether a macro that it calls, or one that such a macro calls by name, has changed."""
        queue, seen = list((new.get("depends_on") or {}).get("macros") or ()), set()
        while queue:
            uid = queue.pop()
            if uid in self.macros:
                return True
            seen.add(uid)
            text = self._texts.get(uid, "")
            queue.extend(other for other in self._texts if other not in seen and other.rpartition(".")[2] + "(" in text)
        return False


def _without_place(config: Any) -> Any:
    return {key: value for key, value in config.items() if key not in _PLACE} if isinstance(config, dict) else config
