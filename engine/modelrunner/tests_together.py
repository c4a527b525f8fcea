"""Data tests that can share a pass, asked in one statement.

Owns the recognition of tests that count rows of a single relation by a condition, and of tests that look for values of
one relation in another; and the statements that answer many of them at once: a view is computed once and a table read
once, whatever the number of its tests. Refuses to guess: what is not plainly of such a form, or does not work together,
is asked by itself, with the same result.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem

Answer = tuple[int, bool, bool]
"""Failures, whether that is worth a warning, whether it is an error."""
MOST = 60
"""Tests in one statement."""

_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_RELATION = rf"{_NAME}(?:\.{_NAME}){{0,2}}"
_FROM = rf"(?P<relation>{_RELATION})"
_INNER = rf"\(\s*select\s+\*\s+from\s+{_FROM}\s+where\s+(?P<inner>.+?)\s*\)\s*(?:as\s+)?dbt_subquery"
_ROWS = rf"select\s+(?:\*|{_NAME})\s+from"
_HOW = re.IGNORECASE | re.DOTALL


def _whole(*shapes: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(rf"\s*{shape}\s*;?\s*\Z", _HOW) for shape in shapes)


_BY_CONDITION = _whole(
    rf"{_ROWS}\s+{_FROM}\s+where\s+(?P<outer>.+?)",
    rf"{_ROWS}\s+{_INNER}\s+where\s+(?P<outer>.+?)",
)
_BY_VALUE = _whole(*(
    rf"with\s+all_values\s+as\s*\(\s*select\s+(?P<value>{_NAME})\s+as\s+value_field\s*,\s*count\(\*\)\s+as\s+n_records"
    rf"\s+from\s+{source}\s+group\s+by\s+(?P=value)\s*\)\s*select\s+\*\s+from\s+all_values"
    r"\s+where\s+value_field\s+(?P<values>(?:not\s+)?in\s*\(.+\))"
    for source in (_FROM, _INNER)
))  # fmt: skip
_BY_PARENT = _whole(
    r"with\s+child\s+as\s*\(\s*(?P<child>select\s+.+?\s+as\s+from_field\s+from\s+.+?)\s*\)\s*,"
    rf"\s*parent\s+as\s*\(\s*(?P<parent>select\s+{_NAME}\s+as\s+to_field\s+from\s+{_RELATION})\s*\)"
    r"\s*select\s+from_field\s+from\s+child\s+left\s+join\s+parent\s+on\s+child\.from_field\s*=\s*parent\.to_field"
    r"\s+where\s+parent\.to_field\s+is\s+null"
)
_ANOTHER_CLAUSE = re.compile(
    r"\b(select|from|group|having|order|limit|offset|qualify|union|except|intersect|window|over|sample|using|random"
    r"|nextval|uuid|dbt_subquery)\b|--|/\*|;",
    re.IGNORECASE,
)
_TEXT = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Count:
    """A test as a number: `number` is SQL over the rows of `source`, a relation or a query that goes before."""

    source: str
    number: str
    is_query: bool = False


def count_of(node: Node, sql: str) -> Count | None:
    """What a test's compiled SQL counts; None when it must be asked by itself."""
    config = node.config
    if config.get("limit") is not None or str(config.get("fail_calc") or "count(*)").strip().lower() != "count(*)":
        return None
    for shape in _BY_CONDITION:
        if found := shape.match(sql):
            parts = [part for part in (found.groupdict().get("inner"), found["outer"]) if part is not None]
            if all(_is_condition(part) for part in parts):
                condition = " and ".join(f"({part})" for part in parts)
                return Count(found["relation"], f"count(*) filter (where {condition})")
    for shape in _BY_VALUE:
        if found := shape.match(sql):
            inner = found.groupdict().get("inner") or "true"
            condition = f"{found['value']} {found['values']}"
            if _is_condition(condition) and _is_condition(inner):
                number = f"count(distinct {found['value']}) filter (where ({inner}) and {condition})"
                return Count(found["relation"], number)
    for shape in _BY_PARENT:
        if found := shape.match(sql):
            child = found["child"]
            if _is_balanced(_TEXT.sub("''", child)) and "--" not in child and "/*" not in child:
                number = (
                    f"(select count(*) from ({child}) as child"
                    " anti join aa_values as parent on child.from_field = parent.to_field)"
                )
                return Count(found["parent"], number, is_query=True)
    return None


def ask(tests: Sequence[tuple[Node, Count]], connection: Connection) -> dict[str, Answer]:
    """The answers by unique id, of tests with one source; empty when they cannot be asked together."""
    columns = []
    for node, count in tests:
        warn_if, error_if = node.config.get("warn_if") or "!= 0", node.config.get("error_if") or "!= 0"
        columns += [count.number, f"{count.number} {warn_if}", f"{count.number} {error_if}"]
    source = tests[0][1]
    if source.is_query:
        # A number each in a column of its own, so that the thresholds do not count again.
        numbers = ", ".join(f"{count.number} as n{place}" for place, (_, count) in enumerate(tests))
        before = f"with aa_values as materialized (select distinct to_field from ({source.source})), "
        before += f"aa_numbers as materialized (select {numbers})"
        columns = [
            text.replace(count.number, f"n{place}")
            for place, (_, count) in enumerate(tests)
            for text in columns[3 * place : 3 * place + 3]
        ]
        sql = f"{before} select {', '.join(columns)} from aa_numbers"
    else:
        sql = f"select {', '.join(columns)} from {source.source}"
    try:
        row = connection.one(sql)
    except NodeProblem:
        return {}
    if row is None:
        return {}
    return {
        node.unique_id: (int(row[place]), bool(row[place + 1]), bool(row[place + 2]))
        for place, (node, _) in zip(range(0, len(row), 3), tests, strict=True)
    }


def groups(compiled: Mapping[str, tuple[Node, str]]) -> list[list[tuple[Node, Count]]]:
    """Tests that can be asked together, by source; a test that would be alone is left out."""
    found: dict[str, list[tuple[Node, Count]]] = {}
    for node, sql in compiled.values():
        count = count_of(node, sql)
        if count is not None:
            found.setdefault(count.source, []).append((node, count))
    return [
        tests[place : place + MOST]
        for tests in found.values()
        if len(tests) > 1
        for place in range(0, len(tests), MOST)
    ]


def _is_condition(text: str) -> bool:
    """Whether text is one expression: brackets closed in order, no other clause, no comment."""
    bare = _TEXT.sub("''", text)
    return "'" not in bare.replace("''", "") and not _ANOTHER_CLAUSE.search(bare) and _is_balanced(bare)


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0:
            return False
    return depth == 0
