"""What kind of value a configuration takes.

Owns the types of dbt's own configuration keys for each kind of node. Refuses keys that dbt does not know: any key is
allowed and means nothing to the runner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from engine.modelrunner.nodes import Hook
from engine.modelrunner.problems import ParseProblem, nearest

ACCESS = ("private", "protected", "public")
_SEVERITY = re.compile(r"^(warn|error)$", re.IGNORECASE)
Rule = tuple[str, Callable[[Any], bool]]


def _or_none(rule: Rule) -> Rule:
    return rule[0], lambda value: value is None or rule[1](value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _is_contract(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        isinstance(value[key], bool) for key in ("enforced", "alias_types") if key in value
    )


def _are_hooks(value: Any) -> bool:
    items = value if isinstance(value, list | tuple) else [value]
    return all(
        isinstance(item, str | Hook) or (isinstance(item, Mapping) and isinstance(item.get("sql"), str))
        for item in items
    )


TEXT: Rule = "text", lambda value: isinstance(value, str)
BOOLEAN: Rule = "true or false", lambda value: isinstance(value, bool)
NUMBER: Rule = "a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)
MAPPING: Rule = "a mapping", lambda value: isinstance(value, Mapping)
TEXTS: Rule = "text or a list of texts", lambda value: isinstance(value, str) or _is_texts(value)
CONTRACT: Rule = "a mapping with enforced: true or false", _is_contract
HOOKS: Rule = "SQL, a mapping with sql, or a list of these", _are_hooks
SEVERITY: Rule = "warn or error", lambda value: isinstance(value, str) and bool(_SEVERITY.match(value))
CHANGE: Rule = "apply, continue or fail", lambda value: value in ("apply", "continue", "fail")

_ANY: dict[str, Rule] = {
    "enabled": BOOLEAN,
    "alias": _or_none(TEXT),
    "schema": _or_none(TEXT),
    "database": _or_none(TEXT),
    "tags": TEXTS,
    "meta": MAPPING,
    "group": _or_none(TEXT),
    "materialized": TEXT,
}
_MADE: dict[str, Rule] = {
    **_ANY,
    "incremental_strategy": _or_none(TEXT),
    "persist_docs": MAPPING,
    "pre-hook": HOOKS,
    "post-hook": HOOKS,
    "quoting": MAPPING,
    "column_types": MAPPING,
    "full_refresh": _or_none(BOOLEAN),
    "unique_key": _or_none(TEXTS),
    "on_schema_change": _or_none(TEXT),
    "on_configuration_change": CHANGE,
    "grants": MAPPING,
    "packages": TEXTS,
    "docs": MAPPING,
    "contract": CONTRACT,
}
RULES: dict[str, dict[str, Rule]] = {
    "model": _MADE,
    "analysis": _MADE,
    "seed": {**_MADE, "delimiter": TEXT, "quote_columns": _or_none(BOOLEAN)},
    "snapshot": {
        **_MADE,
        "strategy": _or_none(TEXT),
        "target_schema": _or_none(TEXT),
        "target_database": _or_none(TEXT),
        "updated_at": _or_none(TEXT),
        "check_cols": _or_none(TEXTS),
        "snapshot_meta_column_names": MAPPING,
        "dbt_valid_to_current": _or_none(TEXT),
    },
    "test": {
        **_ANY,
        "severity": SEVERITY,
        "store_failures": _or_none(BOOLEAN),
        "store_failures_as": _or_none(TEXT),
        "where": _or_none(TEXT),
        "limit": _or_none(NUMBER),
        "fail_calc": TEXT,
        "warn_if": TEXT,
        "error_if": TEXT,
    },
    "source": {
        "enabled": BOOLEAN,
        "meta": MAPPING,
        "tags": TEXTS,
        "loaded_at_field": _or_none(TEXT),
        "loaded_at_query": _or_none(TEXT),
    },
    "exposure": {"enabled": BOOLEAN, "meta": MAPPING, "tags": TEXTS},
    "unit_test": {"enabled": BOOLEAN, "meta": MAPPING, "tags": TEXTS},
}


def check(kind: str, values: Mapping[str, Any], name: str, where: str) -> None:
    """ParseProblem when the configuration of a node of this kind has a value of a type that its key does not take."""
    for key, (wanted, fits) in RULES.get(kind, {}).items():
        if key in values and not fits(values[key]):
            raise ParseProblem(
                f"the configuration '{key}' of {kind} '{name}' is {values[key]!r}", where=where, hint=f"give {wanted}"
            )
    if kind == "model":
        _check_access(values, name, where)


def _check_access(values: Mapping[str, Any], name: str, where: str) -> None:
    access = values.get("access")
    if access is None:
        return
    if access not in ACCESS:
        raise ParseProblem(
            f"model '{name}' has the access {access!r}",
            where=where,
            hint=nearest(str(access), ACCESS) or f"use {', '.join(ACCESS)}",
        )
    if access == "public" and values.get("materialized") == "ephemeral":
        raise ParseProblem(
            f"the ephemeral model '{name}' is public", where=where, hint="others cannot select from it; make it a view"
        )
