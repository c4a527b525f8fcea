"""What changed since an earlier manifest.

Owns reading an earlier state (manifest.json, run_results.json, sources.json, written by us or by dbt) and the questions
of `state:`: new, old, modified in one respect or in any, answered as dbt answers them. Refuses to select: selector.py
asks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.modelrunner import artifacts
from engine.modelrunner.macro_graph import called_by
from engine.modelrunner.nodes import Exposure, Member, Node, Source
from engine.modelrunner.problems import SelectionProblem, nearest
from engine.modelrunner.project import Project
from engine.modelrunner.records import node_record
from engine.modelrunner.unrendered import compares_more

RESPECTS = ("body", "configs", "persisted_descriptions", "relation", "macros", "contract")
WORDS = ("new", "old", "modified", "unmodified", *(f"modified.{respect}" for respect in RESPECTS))
_SECTIONS = ("nodes", "sources", "exposures", "unit_tests")
_PLACE = ("database", "schema", "alias")
# Configuration that is no change in itself: where a relation lies is asked apart, tags and groups change no rows.
_UNCOMPARED = frozenset({*_PLACE, "tags", "group"})
_TEST_CONFIG = ("severity", "where", "limit", "fail_calc", "warn_if", "error_if", "store_failures", "store_failures_as")
# The runner's own macros stand in for dbt's, so their text says nothing about a change.
_BUILT_IN = ("macro.dbt.", "macro.dbt_duckdb.")

Record = Mapping[str, Any]
Question = Callable[[Member], bool]


@dataclass(frozen=True, slots=True)
class Previous:
    """An earlier state of the project, read from `folder`. None: the folder has no such file.

    `results` are statuses by unique id; `sources` and `sources_now` (the target folder's) are instants as text.
    """

    folder: Path
    manifest: Record | None = None
    results: Mapping[str, str] | None = None
    sources: Mapping[str, str] | None = None
    sources_now: Mapping[str, str] | None = None


def read(folder: Path, target_folder: Path | None = None) -> Previous:
    """The state in a folder of artifacts, of which any may be missing; `target_folder` has those of now.

    UsageError when one cannot be read or is of another version.
    """
    results = _artifact(folder / "run_results.json", "run-results")
    statuses = None if results is None else {str(item["unique_id"]): str(item["status"]) for item in results["results"]}
    return Previous(
        folder,
        _artifact(folder / "manifest.json", "manifest"),
        statuses,
        _loaded(folder / "sources.json"),
        None if target_folder is None else _loaded(target_folder / "sources.json"),
    )


def _artifact(path: Path, kind: str) -> dict[str, Any] | None:
    found = artifacts.read(path)
    if found is None:
        return None
    schema = str((found.get("metadata") or {}).get("dbt_schema_version", ""))
    if f"/{kind}/" not in schema:
        raise SelectionProblem(f"{path} is no {kind} of dbt", hint="name a folder of artifacts with --state")
    return found


def _loaded(path: Path) -> dict[str, str] | None:
    found = _artifact(path, "sources")
    if found is None:
        return None
    known = (item for item in found["results"] if item.get("max_loaded_at"))
    return {str(item["unique_id"]): str(item["max_loaded_at"]) for item in known}


class Changes:
    """Compares a project with an earlier manifest, node by node."""

    def __init__(self, project: Project, manifest: Record) -> None:
        self.project = project
        self.old: dict[str, Record] = {}
        for section in _SECTIONS:
            self.old.update(manifest.get(section) or {})
        before = {uid: macro.get("macro_sql") for uid, macro in (manifest.get("macros") or {}).items()}
        self._macros_now = {macro.unique_id: macro for macro in project.macros.all()}
        texts = {uid: macro.text for uid, macro in self._macros_now.items()}
        self.changed_macros = {
            uid
            for uid in {*before, *texts}
            if not uid.startswith(_BUILT_IN) and _stripped(before.get(uid)) != _stripped(texts.get(uid))
        }
        self._more = compares_more(project.root)

    def question(self, text: str) -> Question:
        """What `state:<text>` asks of a member. SelectionProblem when it means nothing."""
        questions: dict[str, Question] = {
            "new": lambda member: member.unique_id not in self.old,
            "old": lambda member: member.unique_id in self.old,
            "modified": self.is_modified,
            "unmodified": lambda member: not self.is_modified(member),
            "modified.body": self._asks(Node, _other_body),
            "modified.configs": self._asks(Node | Source | Exposure, _other_config),
            "modified.persisted_descriptions": self._asks(Node, _other_descriptions),
            "modified.relation": self._asks(Node | Source, self._other_relation),
            "modified.macros": self._calls_changed_macro,
            "modified.contract": self._asks(Node, _other_contract),
        }
        if text not in questions:
            raise SelectionProblem(f"unknown state '{text}'", hint=nearest(text, WORDS) or f"use {', '.join(WORDS)}")
        return questions[text]

    def is_modified(self, member: Member) -> bool:
        """Whether it differs in anything that dbt counts as a change."""
        old = self.old.get(member.unique_id)
        if old is None:
            # As in dbt, a source or exposure that was not there is no change; it is new.
            return not isinstance(member, Source | Exposure) or self._calls_changed_macro(member)
        new = self._record(member)
        if isinstance(member, Source):
            return self._other_source(old, new)
        if isinstance(member, Exposure):
            return _other_exposure(old, new)
        if member.unit is not None:
            return bool(old.get("checksum") != new["checksum"]) or self._calls_changed_macro(member)
        if member.test is not None:
            return _other_config(old, new) or _differ(("fqn",), old, new) or self._calls_changed_macro(member)
        checks = (_other_body, _other_config, _other_descriptions, self._other_relation, _other_contract)
        return (
            _differ(("fqn",), old, new)
            or any(check(old, new) for check in checks)
            or (member.resource_type == "model" and _other_reference(old, new))
            or self._calls_changed_macro(member)
        )

    def _asks(self, kinds: Any, check: Callable[[Record, Record], bool]) -> Question:
        def ask(member: Member) -> bool:
            if not isinstance(member, kinds) or (isinstance(member, Node) and member.unit is not None):
                return False
            old = self.old.get(member.unique_id)
            return old is None or check(old, self._record(member))

        return ask

    def _record(self, member: Member) -> Record:
        # By way of JSON, so that what is compared looks as it looks in the earlier file.
        found: dict[str, Any] = json.loads(json.dumps(node_record(self.project, member), default=str))
        return found

    def _calls_changed_macro(self, member: Member) -> bool:
        """Whether a macro that it calls, or one that such a macro calls in turn, is another one now."""
        if not self.changed_macros or not isinstance(member, Node):
            return False
        queue, seen = list(member.macros), set()
        while queue:
            uid = queue.pop()
            if uid in self.changed_macros:
                return True
            if uid not in seen:
                seen.add(uid)
                if uid in self._macros_now:
                    queue.extend(called_by(self._macros_now[uid], self.project.macros))
        return False

    def _other_relation(self, old: Record, new: Record) -> bool:
        if new["resource_type"] != "source":
            # What was configured, not what came of it: another target is no change.
            return _differ(_PLACE, old.get("unrendered_config") or {}, new["unrendered_config"])
        place = ("unrendered_database", "unrendered_schema") if self._more else ("database", "schema")
        return _differ((*place, "identifier"), old, new)

    def _other_source(self, old: Record, new: Record) -> bool:
        return (
            self._other_relation(old, new)
            or _other_config(old, new)
            or _differ(("fqn", "quoting", "freshness", "loaded_at_field", "external"), old, new)
        )


def _other_body(old: Record, new: Record) -> bool:
    if new["resource_type"] == "seed":
        return _differ(("checksum",), old, new)
    return _differ(("raw_code",), old, new)


def _other_config(old: Record, new: Record) -> bool:
    before, after = old.get("unrendered_config") or {}, new["unrendered_config"]
    if new["resource_type"] == "test":
        return _differ(_TEST_CONFIG, before, after)
    before, after = _hooks_named_alike(before), _hooks_named_alike(after)
    uncompared = frozenset() if new["resource_type"] in ("source", "exposure") else _UNCOMPARED
    return _differ(tuple({*before, *after} - uncompared), before, after)


def _hooks_named_alike(config: Record) -> dict[str, Any]:
    """The same configuration with hooks as lists: dbt keeps them as it happened to read them."""
    out = dict(config)
    for key in ("pre_hook", "post_hook"):
        if key in out:
            value = out.pop(key)
            out[key.replace("_", "-")] = list(value) if isinstance(value, list) else [value]
    return out


def _other_descriptions(old: Record, new: Record) -> bool:
    """Whether descriptions that the database is told of differ."""
    told = new["config"].get("persist_docs") or {}
    if told.get("relation") and old.get("description") != new["description"]:
        return True
    return bool(told.get("columns")) and _descriptions(old) != _descriptions(new)


def _descriptions(record: Record) -> dict[str, Any]:
    return {name: column.get("description") for name, column in (record.get("columns") or {}).items()}


def _other_contract(old: Record, new: Record) -> bool:
    if new["resource_type"] != "model":
        return False
    before, after = old.get("contract") or {}, new["contract"]
    if not before.get("enforced") and not after["enforced"]:
        return False
    return _differ(("enforced", "checksum"), before, after)


def _other_reference(old: Record, new: Record) -> bool:
    """Whether references to a model may mean something else now."""
    return _differ(("latest_version", "access", "deprecation_date"), old, new)


def _other_exposure(old: Record, new: Record) -> bool:
    before, after = (set((record.get("depends_on") or {}).get("nodes") or ()) for record in (old, new))
    keys = ("fqn", "type", "owner", "maturity", "url", "description", "label")
    return before != after or _differ(keys, old, new) or _other_config(old, new)


def _differ(keys: Sequence[str], old: Record, new: Record) -> bool:
    missing = object()
    return any(old.get(key, missing) != new.get(key, missing) for key in keys)


def _stripped(text: str | None) -> str | None:
    return None if text is None else text.strip()
