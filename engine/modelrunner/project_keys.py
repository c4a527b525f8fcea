"""What may stand in dbt_project.yml.

Owns its keys and the kind of value each takes. Refuses to read the file and to give its values a meaning: packages.py
does both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


SECTIONS = {
    "models": ("model", "analysis"), "seeds": ("seed",), "snapshots": ("snapshot",), "tests": ("test",),
    "data_tests": ("test",), "sources": ("source",), "unit_tests": ("unit_test",), "exposures": ("exposure",),
}  # fmt: skip


def unused(content: Mapping[str, Any], members: Iterable[tuple[str, tuple[str, ...]]]) -> list[str]:
    """Paths of configuration (`models.shop.staging`) that no member is below; members are (kind, fqn)."""
    below: dict[str, set[tuple[str, ...]]] = {}
    for kind, fqn in members:
        below.setdefault(kind, set()).update(fqn[:length] for length in range(len(fqn) + 1))
    found = []
    for section, kinds in SECTIONS.items():
        used = set[tuple[str, ...]]().union(*(below.get(kind, set()) for kind in kinds))
        found += [".".join((section, *path)) for path in _paths(content.get(section), ()) if path not in used]
    return found


def _paths(level: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The paths at which something is configured."""
    if not isinstance(level, Mapping):
        return
    if path and any(str(key).startswith("+") or not isinstance(value, Mapping) for key, value in level.items()):
        yield path
    for key, value in level.items():
        if isinstance(value, Mapping) and not str(key).startswith("+"):
            yield from _paths(value, (*path, str(key)))
