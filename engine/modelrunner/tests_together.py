"""Data tests that can share a pass, asked in one statement.

Owns the recognition of tests that count rows of a single relation by a condition, of tests that look for values of one
relation in another, and of other tests of a single relation; and the statement that answers all of one relation at
once: a view is computed once, conditions on a table are counted in one reading, and one statement is planned instead of
many. Refuses to guess: what is not plainly of such a form, or does not work together, is asked by itself, with the same
result.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
    rf"\s*parent\s+as\s*\(\s*(?P<parent>select\s+{_NAME}\s+as\s+to_field\s+from\s+{_FROM})\s*\)"
    r"\s*select\s+from_field\s+from\s+child\s+left\s+join\s+parent\s+on\s+child\.from_field\s*=\s*parent\.to_field"
    r"\s+where\s+parent\.to_field\s+is\s+null"
)
_THREE_PARTS = re.compile(r'"(?:[^"]|"")+"\."(?:[^"]|"")+"\."((?:[^"]|"")+)"')
_THRESHOLD = re.compile(r"\s*(!=|<>|=|==|>|>=|<|<=)\s*(\d{1,15})\s*")
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "!=": operator.ne, "<>": operator.ne, "=": operator.eq, "==": operator.eq,
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le,
}  # fmt: skip
_ANOTHER_CLAUSE = re.compile(
    r"\b(select|from|group|having|order|limit|offset|qualify|union|except|intersect|window|over|sample|using|random"
    r"|nextval|uuid|dbt_subquery)\b|--|/\*|;",
    re.IGNORECASE,
)
_TEXT = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True, slots=True)
class Count:
    """A test as a number about `source`, a relation as its SQL names it.

    `text` is a number over the rows of it, or a query whose rows count, or a query whose `from_field` must be found
    among the `to_field` of `parent`.
    """

    source: str
    kind: Literal["number", "rows", "values"]
    text: str
    parent: str = ""


def count_of(node: Node, sql: str) -> Count | None:
    """What a test's compiled SQL counts; None when it must be asked by itself."""
    config = node.config
    if config.get("limit") is not None or str(config.get("fail_calc") or "count(*)").strip().lower() != "count(*)":
        return None
    if not all(_THRESHOLD.fullmatch(str(config.get(key) or "!= 0")) for key in ("warn_if", "error_if")):
        return None
    for shape in _BY_CONDITION:
        if found := shape.match(sql):
            parts = [part for part in (found.groupdict().get("inner"), found["outer"]) if part is not None]
            if all(_is_condition(part) for part in parts):
                condition = " and ".join(f"({part})" for part in parts)
                return Count(found["relation"], "number", f"count(*) filter (where {condition})")
    for shape in _BY_VALUE:
        if found := shape.match(sql):
            inner = found.groupdict().get("inner") or "true"
            condition = f"{found['value']} {found['values']}"
            if _is_condition(condition) and _is_condition(inner):
                number = f"count(distinct {found['value']}) filter (where ({inner}) and {condition})"
                return Count(found["relation"], "number", number)
    for shape in _BY_PARENT:
        if found := shape.match(sql):
            child, bare = found["child"], _TEXT.sub("''", found["child"])
            named = bare.count(found["relation"]) == child.count(found["relation"])
            if named and _is_balanced(bare) and "--" not in child and "/*" not in child:
                return Count(found["relation"], "values", child, found["parent"])
    return _rows(sql)


def _rows(sql: str) -> Count | None:
    """Any query that reads one relation, named in full, and no other."""
    named = {found[0]: found[1] for found in _THREE_PARTS.finditer(sql)}
    if len(named) != 1:
        return None
    (source, name), bare = next(iter(named.items())), _TEXT.sub("''", sql)
    # A common table expression of the relation's own name would be taken for it.
    covered = re.search(rf'\b"?{re.escape(name)}"?\s+as\s+(?:(?:not\s+)?materialized\s+)?\(', bare, re.IGNORECASE)
    if covered or bare.count(source) != sql.count(source) or "'" in bare.replace("''", "") or ";" in bare:
        return None
    return Count(source, "rows", sql)


def ask(tests: Sequence[tuple[Node, Count]], connection: Connection) -> dict[str, Answer]:
    """The answers by unique id, of tests with one source; empty when they cannot be asked together."""
    sql, places = _statement([count for _, count in tests], connection)
    try:
        found: dict[int, list[int]] = {row[0]: row[1] for row in connection.query(sql).rows}
    except NodeProblem:
        return {}
    return {
        node.unique_id: _answer(node, found[part][place])
        for (node, _), (part, place) in zip(tests, places, strict=True)
    }


def _statement(counts: Sequence[Count], connection: Connection) -> tuple[str, list[tuple[int, int]]]:
    """SQL that gives (part, numbers) in rows, and of each test the part and the place in it."""
    source = counts[0].source
    before, name = [], source
    parts: list[str] = []
    numbers: list[str] = []
    places: list[tuple[int, int]] = []
    parents: dict[str, str] = {}
    split = _THREE_PARTS.fullmatch(source)
    if split and any(count.kind != "number" for count in counts):
        names = [part.replace('""', '"') for part in re.findall(r'"((?:[^"]|"")+)"', source)]
        relation = connection.relation(*names)
        if relation is not None and relation.is_view:
            name = f'"{split[1]}"'
            before.append(f"{name} as materialized (select * from {source})")
    for count in counts:
        if count.kind == "number":
            places.append((0, len(numbers)))
            numbers.append(count.text)
            continue
        text = count.text.replace(source, name)
        places.append((len(parts) + 1, 0))
        if count.kind == "values":
            if count.parent not in parents:
                parents[count.parent] = f"aa_values_{len(parents)}"
                inner = count.parent.replace(source, name)
                before.append(f"{parents[count.parent]} as materialized (select distinct to_field from ({inner}))")
            text = f"({text}) as child anti join {parents[count.parent]} as p on child.from_field = p.to_field"
        else:
            text = f"(\n{text}\n) as rows_of_test"
        parts.append(f"select {len(parts) + 1}, [count(*)] from {text}")
    if numbers:
        parts.append(f"select 0, [{', '.join(numbers)}] from {name}")
    head = f"with {', '.join(before)} " if before else ""
    return head + "\nunion all ".join(parts), places


def _answer(node: Node, failures: int) -> Answer:
    def passes(key: str) -> bool:
        found = _THRESHOLD.fullmatch(str(node.config.get(key) or "!= 0"))
        assert found is not None
        return _COMPARE[found[1]](failures, int(found[2]))

    return failures, passes("warn_if"), passes("error_if")


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
