"""dbt's selection grammar: text and selectors.yml become criteria.

Owns parsing (`+a+`, `2+a`, `@a`, `tag:x`, unions by space, intersections by comma) and the names of the methods.
Refuses to know a project: selector.py says which nodes a criterion means.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engine.modelrunner.problems import SelectionProblem, nearest

Indirect = Literal["eager", "cautious", "buildable", "empty"]
INDIRECT: tuple[str, ...] = ("eager", "cautious", "buildable", "empty")
_SPEC = re.compile(
    r"\A(?P<at>@)?(?P<parents>(?P<parents_depth>\d*)\+)?"
    r"((?P<method>[\w.]+):)?(?P<value>.*?)(?P<children>\+(?P<children_depth>\d*))?\Z",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One term: a method with its value, and how far to go up and down. A depth of None means all the way."""

    method: str
    arguments: tuple[str, ...]
    value: str
    parents: bool = False
    parents_depth: int | None = None
    children: bool = False
    children_depth: int | None = None
    childrens_parents: bool = False
    indirect: str = "eager"
    text: str = ""


@dataclass(frozen=True, slots=True)
class Combination:
    """Terms joined: `union`, `intersection`, or `difference` (the first without the others)."""

    kind: str
    parts: tuple[Criterion | Combination, ...]
    indirect: str = "eager"
    text: str = ""


Spec = Criterion | Combination
METHODS = (
    "fqn", "tag", "group", "access", "source", "path", "file", "package", "config", "test_name", "test_type",
    "resource_type", "state", "exposure", "result", "source_status", "unit_test", "wildcard", "version",
    "selector",
)  # fmt: skip


def parse_term(text: str, indirect: str = "eager") -> Criterion:
    """One term such as `2+tag:nightly+1`. SelectionProblem when it means nothing."""
    match = _SPEC.match(text)
    if match is None or not match.group("value"):
        raise SelectionProblem(f"cannot read selector '{text}'", hint="try for example +my_model or tag:nightly")
    if match.group("at") and match.group("children"):
        raise SelectionProblem(
            f"selector '{text}' has both @ and a + at its end", hint="@ includes descendants already"
        )
    value = match.group("value")
    given = match.group("method")
    if given is None:
        # As dbt does: what looks like a path is one.
        looks_like_path = "/" in value or "\\" in value
        looks_like_file = value.lower().endswith((".sql", ".py", ".csv", ".yml", ".yaml"))
        given = "path" if looks_like_path else "file" if looks_like_file else "fqn"
    method, *arguments = given.split(".")
    if method not in METHODS:
        raise SelectionProblem(
            f"'{method}' is not a selection method", hint=nearest(method, METHODS) or f"use one of {', '.join(METHODS)}"
        )
    return Criterion(
        method,
        tuple(arguments),
        value,
        match.group("parents") is not None,
        int(match.group("parents_depth")) if match.group("parents_depth") else None,
        match.group("children") is not None,
        int(match.group("children_depth")) if match.group("children_depth") else None,
        match.group("at") is not None,
        indirect,
        text,
    )


def parse_union(texts: Sequence[str], indirect: str = "eager") -> Combination:
    """Terms as they stand on the command line: blanks are unions, commas intersections."""
    parts: list[Spec] = []
    for text in texts:
        for word in text.split():
            terms = [parse_term(term, indirect) for term in word.split(",")]
            parts.append(terms[0] if len(terms) == 1 else Combination("intersection", tuple(terms), indirect, word))
    return Combination("union", tuple(parts), indirect, " ".join(texts))


def parse(select: Sequence[str], exclude: Sequence[str], indirect: str = "eager") -> Spec:
    """`--select` without `--exclude`; nothing selected means everything."""
    if indirect not in INDIRECT:
        raise SelectionProblem(f"unknown indirect selection '{indirect}'", hint=f"use one of {', '.join(INDIRECT)}")
    included = parse_union(select, indirect) if select else parse_union(["fqn:*", "source:*"], indirect)
    if not exclude:
        return included
    return Combination("difference", (included, parse_union(exclude, indirect)), indirect, included.text)


# selectors.yml ----------------------------------------------------------------------------------------------------


def from_yaml(selectors: Sequence[Mapping[str, Any]], name: str, indirect: str = "eager") -> Spec:
    """The selector called `name`. SelectionProblem when there is none or it is malformed."""
    known = {str(item["name"]): item for item in selectors}
    if name not in known:
        raise SelectionProblem(f"no selector '{name}' in selectors.yml", hint=nearest(name, known))
    return _definition(known[name].get("definition"), selectors, name, indirect)


def _definition(value: Any, selectors: Sequence[Mapping[str, Any]], name: str, indirect: str) -> Spec:
    if isinstance(value, str):
        return parse_union([value], indirect)
    if isinstance(value, list):
        return _joined("union", value, selectors, name, indirect)
    if not isinstance(value, Mapping):
        raise SelectionProblem(f"selector '{name}' has a definition that is no mapping")
    for kind in ("union", "intersection"):
        if kind in value:
            return _joined(kind, value[kind], selectors, name, indirect)
    if "method" not in value:
        if len(value) == 1:
            ((method, inner),) = value.items()
            return parse_term(f"{method}:{inner}", indirect)
        raise SelectionProblem(f"selector '{name}' has a definition without method", hint="add method: and value:")
    if value["method"] == "selector":
        return from_yaml(selectors, str(value.get("value")), indirect)
    base = parse_term(f"{value['method']}:{value.get('value')}", str(value.get("indirect_selection", indirect)))
    spec: Spec = Criterion(
        base.method,
        base.arguments,
        base.value,
        bool(value.get("parents")),
        _depth(value.get("parents_depth")),
        bool(value.get("children")),
        _depth(value.get("children_depth")),
        bool(value.get("childrens_parents")),
        base.indirect,
        base.text,
    )
    if value.get("exclude"):
        spec = Combination(
            "difference", (spec, _joined("union", value["exclude"], selectors, name, indirect)), indirect
        )
    return spec


def _depth(value: Any) -> int | None:
    return int(value) if value else None


def _joined(kind: str, items: Any, selectors: Sequence[Mapping[str, Any]], name: str, indirect: str) -> Spec:
    if not isinstance(items, list):
        raise SelectionProblem(f"'{kind}' of selector '{name}' must be a list")
    parts, excluded = [], []
    for item in items:
        if isinstance(item, Mapping) and set(item) == {"exclude"}:
            excluded.append(_joined("union", item["exclude"], selectors, name, indirect))
        else:
            parts.append(_definition(item, selectors, name, indirect))
    spec: Spec = Combination(kind, tuple(parts), indirect)
    return Combination("difference", (spec, *excluded), indirect) if excluded else spec
