"""Property files: what YAML says about models, sources, tests and exposures.

Owns reading every .yml of a package into patches (by resource and name), source tables, exposures, groups, snapshots
and test definitions, each with its file and line. Refuses to create nodes: parse.py joins these with the SQL files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.modelrunner import yamlfile
from engine.modelrunner.memory import Memory
from engine.modelrunner.nodes import ColumnProperties
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import ParseProblem, nearest

KEYS = frozenset(
    {
        "version", "models", "seeds", "snapshots", "analyses", "macros", "sources", "exposures", "groups", "unit_tests",
        "data_tests", "tests", "metrics", "semantic_models", "saved_queries", "anchors", "functions",
    }
)  # fmt: skip
_REFUSED = {
    "metrics": "metrics",
    "semantic_models": "the semantic layer",
    "saved_queries": "saved queries",
    "functions": "user-defined functions",
}
TEST_CONFIG = (
    "severity", "tags", "enabled", "where", "limit", "warn_if", "error_if", "fail_calc", "store_failures",
    "store_failures_as", "meta", "database", "schema", "alias", "group",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TestDefinition:
    """One generic test as written under a model, a column, a source or a source's column.

    `tags` are the column's: they are the test's, though no configuration of it.
    """

    name: str
    namespace: str | None
    arguments: Mapping[str, Any]
    config: Mapping[str, Any]
    custom_name: str | None
    column: str | None
    description: str
    file: str
    line: int
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """What YAML says about one model, seed, snapshot or analysis."""

    kind: str
    name: str
    file: str
    line: int
    config: Mapping[str, Any]
    description: str = ""
    columns: tuple[ColumnProperties, ...] = ()
    constraints: tuple[Mapping[str, Any], ...] = ()
    tests: tuple[TestDefinition, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One table of a source with the values of the source around it."""

    source: Mapping[str, Any]
    table: Mapping[str, Any]
    file: str
    line: int
    columns: tuple[ColumnProperties, ...]
    tests: tuple[TestDefinition, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """An exposure, group or unit test, as written."""

    values: Mapping[str, Any]
    file: str
    line: int


@dataclass(slots=True)
class Properties:
    """All property files of one package."""

    patches: dict[tuple[str, str], Patch] = field(default_factory=dict)
    sources: list[SourceEntry] = field(default_factory=list)
    exposures: list[Entry] = field(default_factory=list)
    groups: list[Entry] = field(default_factory=list)
    unit_tests: list[Entry] = field(default_factory=list)
    singular: dict[str, Patch] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def read(package: Package, memory: Memory | None = None) -> Properties:
    """Every property file of a package. ParseProblem with file and line for what cannot be read."""
    memory = memory or Memory()
    found = Properties()
    keys = ("model-paths", "seed-paths", "snapshot-paths", "macro-paths", "analysis-paths", "test-paths")
    seen: set[str] = set()
    for _, path in package.files(keys, (".yml", ".yaml")):
        file = path.relative_to(package.root).as_posix()
        if file not in seen:
            seen.add(file)
            _file(memory.yaml(file, yamlfile.text_of(path, file), yamlfile.parse), file, found)
    return found


def _file(content: yamlfile.Mapped, file: str, found: Properties) -> None:
    for key in content:
        if key in _REFUSED:
            raise ParseProblem(f"{_REFUSED[key]} are not supported", where=f"{file}:1", hint=f"remove '{key}:'")
        if key not in KEYS:
            hint = nearest(key, KEYS) or "it is ignored"
            found.warnings.append(f"{file}:1: unknown key '{key}'; {hint}")
        elif key != "version" and content[key] is None:
            raise ParseProblem(f"'{key}' must be a list", where=f"{file}:1", hint="fill it or remove it")
    for kind in ("models", "seeds", "snapshots", "analyses", "macros"):
        for entry in _entries(content, kind, file):
            patch = _patch(kind, entry, file)
            if (kind, patch.name) in found.patches:
                other = found.patches[kind, patch.name]
                raise ParseProblem(
                    f"{kind[:-1]} '{patch.name}' is already described in {other.file}:{other.line}",
                    where=f"{file}:{patch.line}",
                    hint="keep one of them",
                )
            found.patches[kind, patch.name] = patch
    for source in _entries(content, "sources", file):
        for table in _entries(source, "tables", file):
            line = yamlfile.line_of(table, yamlfile.line_of(source))
            columns, tests = _columns_and_tests(table, file)
            found.sources.append(SourceEntry(source, table, file, line, columns, tests))
    for kind, target in (
        ("exposures", found.exposures),
        ("groups", found.groups),
        ("unit_tests", found.unit_tests),
    ):
        target.extend(Entry(entry, file, yamlfile.line_of(entry)) for entry in _entries(content, kind, file))
    for kind in ("data_tests", "tests"):
        for entry in _entries(content, kind, file):
            patch = _patch("tests", entry, file)
            found.singular[patch.name] = patch


def _entries(content: Mapping[str, Any], kind: str, file: str) -> list[yamlfile.Mapped]:
    """The named mappings of a list. ParseProblem when it is no list or an entry has no name."""
    value = content.get(kind)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ParseProblem(f"'{kind}' must be a list", where=f"{file}:{yamlfile.line_of(content)}")
    for entry in value:
        if not isinstance(entry, yamlfile.Mapped):
            raise ParseProblem(
                f"an entry of '{kind}' is no mapping: {entry!r}", where=f"{file}:{yamlfile.line_of(content)}"
            )
        if not isinstance(entry.get("name"), str):
            raise ParseProblem(f"an entry of '{kind}' has no name", where=f"{file}:{entry.line}", hint="add name:")
    return value


def _patch(kind: str, entry: yamlfile.Mapped, file: str) -> Patch:
    config = entry.get("config") or {}
    if not isinstance(config, Mapping):
        raise ParseProblem("'config' must be a mapping", where=f"{file}:{entry.line}")
    outer = {key: entry[key] for key in ("tags", "meta", "docs", "group", "access") if entry.get(key) is not None}
    if "versions" in entry:
        raise ParseProblem(
            "model versions are not supported", where=f"{file}:{entry.line}", hint="name the models apart"
        )
    columns, tests = ((), ()) if kind in ("macros", "tests") else _columns_and_tests(entry, file)
    return Patch(
        kind,
        entry["name"],
        file,
        entry.line,
        {**outer, **config},
        str(entry.get("description") or ""),
        columns,
        tuple(entry.get("constraints") or ()),
        tests,
        entry,
    )


def _columns_and_tests(
    entry: yamlfile.Mapped, file: str
) -> tuple[tuple[ColumnProperties, ...], tuple[TestDefinition, ...]]:
    tests = list(_tests(entry, None, file))
    columns = []
    for column in _entries(entry, "columns", file):
        config = column.get("config") or {}
        columns.append(
            ColumnProperties(
                column["name"],
                str(column.get("description") or ""),
                column.get("data_type"),
                bool(column.get("quote")),
                tuple(_as_list(column.get("tags")) + _as_list(config.get("tags"))),
                {**(column.get("meta") or {}), **(config.get("meta") or {})},
                tuple(column.get("constraints") or ()),
            )
        )
        tests.extend(_tests(column, column, file))
    return tuple(columns), tuple(tests)


def _as_list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _tests(owner: yamlfile.Mapped, column: yamlfile.Mapped | None, file: str) -> list[TestDefinition]:
    found = []
    if "tests" in owner and "data_tests" in owner:
        raise ParseProblem("both 'tests' and 'data_tests'", where=f"{file}:{owner.line}", hint="keep 'data_tests'")
    for raw in owner.get("data_tests", owner.get("tests")) or ():
        line = yamlfile.line_of(raw, owner.line)
        where = f"{file}:{line}"
        entry: Any = {raw: {}} if isinstance(raw, str) else raw
        if not isinstance(entry, Mapping):
            raise ParseProblem(f"a test must be a name or a mapping, not {raw!r}", where=where)
        if "test_name" in entry:
            name, rest = entry["test_name"], {key: value for key, value in entry.items() if key != "test_name"}
        elif len(entry) == 1:
            (name, rest), *_ = entry.items()
        else:
            raise ParseProblem(
                f"a test must have one key, this one has {list(entry)}", where=where, hint="indent its arguments deeper"
            )
        rest = rest or {}
        if not isinstance(rest, Mapping):
            raise ParseProblem(f"the arguments of test '{name}' must be a mapping", where=where)
        if not isinstance(name, str):
            raise ParseProblem(f"a test's name must be text, not {name!r}", where=where)
        namespace, _, short = name.rpartition(".")
        inner = rest.get("arguments")
        arguments = {
            key: value
            for key, value in rest.items()
            if key not in ("arguments", "config", "name", "description", *TEST_CONFIG)
        }
        arguments.update(inner if isinstance(inner, Mapping) else {})
        if "model" in arguments:
            raise ParseProblem("a test's argument must not be called 'model'", where=where)
        config = {key: rest[key] for key in TEST_CONFIG if key in rest}
        inner_config = rest.get("config") or {}
        if not isinstance(inner_config, Mapping):
            raise ParseProblem(f"'config' of test '{name}' must be a mapping", where=where)
        if twice := [key for key in config if config[key] and key in inner_config]:
            raise ParseProblem(f"test '{name}' has '{twice[0]}' twice", where=where, hint="keep it in config: alone")
        config.update(inner_config)
        if column is not None:
            name_of_column = column["name"]
            arguments["column_name"] = f'"{name_of_column}"' if column.get("quote") else name_of_column
        found.append(
            TestDefinition(
                short,
                namespace or None,
                arguments,
                config,
                rest.get("name"),
                column["name"] if column is not None else None,
                str(rest.get("description") or ""),
                file,
                line,
                () if column is None else tags_of(column),
            )
        )
    return found


def tags_of(level: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of a column, source or table, also those under its config."""
    return (*_as_list(level.get("tags")), *_as_list((level.get("config") or {}).get("tags")))
