"""What may stand in dbt_project.yml.

Owns its keys and the kind of value each takes. Refuses to read the file and to give its values a meaning: packages.py
does both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.modelrunner.problems import ParseProblem, nearest

_PATHS = (
    "source-paths", "model-paths", "macro-paths", "data-paths", "seed-paths", "test-paths", "analysis-paths",
    "docs-paths", "asset-paths", "function-paths", "snapshot-paths", "clean-targets",
)  # fmt: skip
_MAPPINGS = (
    "models", "seeds", "snapshots", "analyses", "sources", "tests", "data_tests", "unit_tests", "metrics",
    "semantic-models", "semantic_models", "saved-queries", "saved_queries", "exposures", "functions", "vars",
    "dbt-cloud", "flags",
)  # fmt: skip
_OTHERS = (
    "name", "version", "config-version", "project-root", "profile", "target-path", "log-path",
    "packages-install-path", "quoting", "on-run-start", "on-run-end", "require-dbt-version", "dispatch",
    "query-comment", "restrict-access", "packages",
)  # fmt: skip
KEYS = frozenset((*_PATHS, *_MAPPINGS, *_OTHERS))


def check(content: Mapping[str, Any], where: str) -> None:
    """ParseProblem for an unknown key, and for a value of the wrong kind."""
    for key, value in content.items():
        if key not in KEYS:
            raise ParseProblem(f"unknown key '{key}'", where=where, hint=nearest(key, KEYS) or "remove it")
        if value is None:
            continue
        if key in _PATHS and not isinstance(value, list):
            raise ParseProblem(f"'{key}' must be a list, not {value!r}", where=where, hint=f"write {key}: [{value}]")
        if key in _MAPPINGS and not isinstance(value, Mapping):
            raise ParseProblem(f"'{key}' must be a mapping, not {value!r}", where=where)
    if content.get("config-version", 2) != 2:
        raise ParseProblem(
            f"'config-version' is {content['config-version']!r}", where=where, hint="write config-version: 2"
        )
