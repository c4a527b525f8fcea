"""dbt's selection grammar: text becomes criteria.

Owns parsing (`+a+`, `2+a`, `@a`, `tag:x`, unions by space, intersections by comma) and the names of the methods.
Refuses to know a project (selector.py says which nodes a criterion means) and selectors.yml (yaml_selectors.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from engine.modelrunner.problems import SelectionProblem, nearest

Indirect = Literal["eager", "cautious", "buildable", "empty"]
INDIRECT: tuple[str, ...] = ("eager", "cautious", "buildable", "empty")
_SPEC = re.compile(
    r"\A(?P<at>@)?(?P<parents>(?P<parents_depth>\d*)\+)?"
    r"((?P<method>[\w.]+):)?(?P<value>.*?)(?P<children>\+(?P<children_depth>\d*))?\Z"
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
    """Terms joined: `union`, `intersection`, or `difference` (the first without the others).

    `indirect` is the mode in which tests that waited for a parent are taken in once the terms are joined; `expected`
    says that the user should hear of it when nothing comes out.
    """

    kind: str
    parts: tuple[Criterion | Combination, ...]
    indirect: str = "eager"
    text: str = ""
    expected: bool = False


Spec = Criterion | Combination
METHODS = (
    "fqn", "tag", "group", "access", "source", "path", "file", "package", "config", "test_name", "test_type",
    "resource_type", "state", "exposure", "metric", "result", "source_status", "version", "semantic_model",
    "saved_query", "unit_test",
)  # fmt: skip


def method_of(given: str) -> tuple[str, tuple[str, ...]]:
    """`config.meta.owner` → ("config", ("meta", "owner")). SelectionProblem when there is no such method."""
    method, *arguments = given.split(".")
    if method not in METHODS:
        hint = nearest(method, METHODS) or f"use one of {', '.join(METHODS)}"
        raise SelectionProblem(f"'{method}' is not a valid method name", hint=hint)
    return method, tuple(arguments)


def parse_term(text: str, indirect: str = "eager") -> Criterion:
    """One term such as `2+tag:nightly+1`. SelectionProblem when it means nothing."""
    match = _SPEC.match(text)
    if match is None:
        raise SelectionProblem(f"cannot read selector '{text}'", hint="try for example +my_model or tag:nightly")
    if match.group("at") and match.group("children"):
        raise SelectionProblem(
            f"selector '{text}' has both @ and a + at its end", hint="@ includes descendants already"
        )
    value = match.group("value")
    given = match.group("method")
    if given is None:
        # As dbt does: what looks like a path is one.
        given = "path" if "/" in value else "file" if value.lower().endswith((".sql", ".py", ".csv")) else "fqn"
    method, arguments = method_of(given)
    return Criterion(
        method,
        arguments,
        value,
        match.group("parents") is not None,
        int(match.group("parents_depth")) if match.group("parents_depth") else None,
        match.group("children") is not None,
        int(match.group("children_depth")) if match.group("children_depth") else None,
        match.group("at") is not None,
        indirect,
        text,
    )


def parse_union(texts: Sequence[str], indirect: str = "eager", *, expected: bool = False) -> Combination:
    """Terms as they stand on the command line: blanks are unions, commas intersections."""
    parts: list[Spec] = []
    for text in texts:
        for word in text.split(" "):
            terms = tuple(parse_term(term, indirect) for term in word.split(","))
            parts.append(Combination("intersection", terms, indirect, word, expected))
    return Combination("union", tuple(parts), indirect, " ".join(texts))


def parse(select: Sequence[str], exclude: Sequence[str], indirect: str = "eager") -> Spec:
    """`--select` without `--exclude`; nothing selected means everything."""
    if indirect not in INDIRECT:
        raise SelectionProblem(f"unknown indirect selection '{indirect}'", hint=f"use one of {', '.join(INDIRECT)}")
    everything = ("fqn:*", "source:*", "exposure:*")
    included = parse_union(select, indirect, expected=True) if select else parse_union(everything, indirect)
    if not exclude:
        return included
    # As in dbt, the difference itself takes in no waiting tests: it is eager.
    return Combination("difference", (included, parse_union(exclude, indirect, expected=True)), text=included.text)
