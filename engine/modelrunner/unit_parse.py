"""Unit tests as property files describe them.

Owns reading unit tests and their fixtures (dict, csv, sql, files of tests/fixtures, the rows of a seed) into nodes.
Refuses to run them (unit_tests.py does) and to look at a database.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.modelrunner import config_types
from engine.modelrunner.jinja import render_value
from engine.modelrunner.nodes import Config, Fixture, Node, UnitDetails, merged
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import ParseProblem, nearest
from engine.modelrunner.profile import Target
from engine.modelrunner.properties import Entry, Properties

FORMATS = ("dict", "csv", "sql")
REF = re.compile(r"""^ref\(\s*['"]([^'"]+)['"]\s*(?:,\s*['"]([^'"]+)['"]\s*)?\)$""")
SOURCE = re.compile(r"""^source\(\s*['"]([^'"]+)['"]\s*,\s*['"]([^'"]+)['"]\s*\)$""")


def unit_tests_of(
    package: Package, root: Package, properties: Properties, target: Target, context: Mapping[str, Any],
    nodes: Iterable[Node],
) -> list[Node]:  # fmt: skip
    """The unit tests of a package, disabled ones too. ParseProblem when one cannot be read."""
    seeds = {node.name: node for node in nodes if node.resource_type == "seed"}
    return [_unit_test(package, root, entry, target, context, seeds) for entry in properties.unit_tests]


def _unit_test(
    package: Package, root: Package, entry: Entry, target: Target, context: Mapping[str, Any], seeds: Mapping[str, Node]
) -> Node:
    where = f"{entry.file}:{entry.line}"
    values = {
        key: value if key == "description" else render_value(value, context, where, parsing=True)
        for key, value in entry.values.items()
    }
    name, model = str(values["name"]), values.get("model")
    if not isinstance(model, str):
        raise ParseProblem(f"unit test '{name}' names no model", where=where, hint="add model: NAME")
    if not isinstance(values.get("expect"), Mapping):
        raise ParseProblem(f"unit test '{name}' expects nothing", where=where, hint="add expect: with rows")
    if values.get("versions"):
        raise ParseProblem("model versions are not supported", where=where, hint="name the models apart")
    if not isinstance(values.get("given"), list):
        raise ParseProblem(f"unit test '{name}' is given nothing", where=where, hint="add given: with inputs, or []")
    given = []
    for number, item in enumerate(values.get("given") or (), 1):
        if not isinstance(item, Mapping) or not isinstance(item.get("input"), str):
            raise ParseProblem(
                f"given {number} of unit test '{name}' has no input", where=where, hint="add input: ref('…')"
            )
        given.append(_fixture(item, package, f"unit test '{name}'", where, seeds))
    overrides = values.get("overrides") or {}
    details = UnitDetails(
        model,
        tuple(given),
        _fixture(values["expect"], package, f"unit test '{name}'", where, seeds),
        dict(overrides.get("macros") or {}),
        dict(overrides.get("vars") or {}),
        dict(overrides.get("env_vars") or {}),
        values.get("overrides") is not None,
    )
    fqn = (package.name, *package.inside(entry.file).parts[:-1], model, name)
    config: dict[str, Any] = {}
    for owner in (package, root) if package is not root else (root,):
        config = merged(config, owner.section("unit_tests", fqn))
    outer = {key: values[key] for key in ("tags", "meta") if values.get(key) is not None}
    config = merged(merged(config, outer), values.get("config") or {})
    config_types.check("unit_test", config, name, where)
    told = json.dumps([model, values.get("given"), values["expect"], overrides], sort_keys=True, default=str)
    return Node(
        unique_id=f"unit_test.{package.name}.{model}.{name}",
        resource_type="unit_test",
        name=name,
        package=package.name,
        path=package.inside(entry.file).as_posix(),
        original_path=entry.file,
        root=package.root,
        fqn=fqn,
        raw_code="",
        checksum=hashlib.sha256(told.encode()).hexdigest(),
        database=target.database,
        schema=target.schema,
        alias=name,
        config=Config(config),
        description=str(values.get("description") or ""),
        refs=((None, model),),
        unit=details,
        line=entry.line,
    )


def _fixture(item: Mapping[str, Any], package: Package, owner: str, where: str, seeds: Mapping[str, Node]) -> Fixture:
    kind, rows, file = str(item.get("format", "dict")), item.get("rows"), item.get("fixture")
    source = str(item.get("input") or "expect").strip()
    if kind not in FORMATS:
        raise ParseProblem(
            f"{owner} has format '{kind}'", where=where, hint=nearest(kind, FORMATS) or f"use {', '.join(FORMATS)}"
        )
    if kind == "dict":
        if rows is None and file is None and source != "expect":
            rows = _rows_of_seed(source, owner, where, seeds)
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise ParseProblem(
                f"the rows of {source} in {owner} are no list of mappings",
                where=where,
                hint="or set format: csv or sql",
            )
        return Fixture(source, tuple({str(key): value for key, value in row.items()} for row in rows))
    text = _file(package, str(file), kind, owner, where) if file else rows
    if not isinstance(text, str):
        raise ParseProblem(f"the rows of {source} in {owner} are no text although their format is {kind}", where=where)
    name = str(file) if file else None
    return Fixture(source, (), text, kind, name) if kind == "sql" else Fixture(source, _csv(text), None, kind, name)


def _csv(text: str) -> tuple[dict[str, Any], ...]:
    """Rows of a CSV text; as in dbt, an empty field is NULL."""
    return tuple(
        {key: None if value in ("", None) else value for key, value in row.items()}
        for row in csv.DictReader(io.StringIO(text))
    )


def _file(package: Package, name: str, kind: str, owner: str, where: str) -> str:
    found = [
        path
        for folder, path in package.files(("test-paths",), (f".{kind}",))
        if path.stem == name and path.relative_to(package.root / folder).parts[0] == "fixtures"
    ]
    if not found:
        raise ParseProblem(f"{owner}: no fixture '{name}.{kind}'", where=where, hint="put it into tests/fixtures")
    return found[0].read_text(encoding="utf-8")


def _rows_of_seed(source: str, owner: str, where: str, seeds: Mapping[str, Node]) -> list[dict[str, Any]]:
    match = REF.match(source)
    seed = seeds.get((match.group(2) or match.group(1)) if match else "")
    if seed is None:
        raise ParseProblem(f"{owner} gives no rows for {source}", where=where, hint="only a seed can do without")
    with (seed.root / seed.original_path).open(encoding="utf-8-sig", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]
