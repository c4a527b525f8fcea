"""How lineage looks: a tree for people, JSON for programs, Mermaid and DOT for pictures.

Owns the forms. Refuses to find anything out: the graph of a project and its Lineage come in, text goes out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.modelrunner.lineage import ColumnName, Lineage
from engine.modelrunner.nodes import Member, Node, Source
from engine.modelrunner.project import Project

_STEPS = 3
"""Expressions of one column that a tree shows; JSON has all."""
ABOVE = "(above)"
"""Marks what a tree has shown already: it is not opened again."""


def label(member: Member) -> str:
    """A member as people call it: `fct_sessions`, `raw.otel_logs`."""
    return f"{member.source_name}.{member.name}" if isinstance(member, Source) else member.name


def kind(member: Member) -> str:
    """What a member is, in one or two words: `incremental model`, `source`, `exposure`."""
    if isinstance(member, Node) and member.resource_type == "model":
        return f"{member.config.materialized} model"
    return member.resource_type.replace("_", " ")


def is_shown(member: Member) -> bool:
    """Whether lineage shows a member; tests look at rows and make none."""
    return member.resource_type not in ("test", "unit_test", "operation")


def column_label(project: Project, name: ColumnName) -> str:
    """`fct_sessions.cost_usd`; what is not of the project keeps its full name."""
    known = project.members().get(name.node)
    return f"{label(known) if known is not None else name.node}.{name.column}"


# Trees -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Branch:
    head: str
    notes: tuple[str, ...] = ()
    key: object = None


def _tree(
    start: object, branch: Callable[[Any], _Branch], below: Callable[[Any], Iterable[Any]], depth: int | None
) -> Iterator[str]:
    """The lines below `start`, which is not printed itself. What was opened once is marked the second time."""
    opened: set[object] = {start}

    def lines(item: Any, prefix: str, level: int) -> Iterator[str]:
        if depth is not None and level >= depth:
            return
        children = list(below(item))
        for place, child in enumerate(children):
            last = place == len(children) - 1
            shown = branch(child)
            again = child in opened and any(True for _ in below(child))
            yield f"{prefix}{'└── ' if last else '├── '}{shown.head}{f'  {ABOVE}' if again else ''}"
            if again:
                continue
            opened.add(child)
            inner = prefix + ("    " if last else "│   ")
            deeper = any(True for _ in below(child)) and (depth is None or level + 1 < depth)
            for number, note in enumerate(shown.notes):
                yield f"{inner}{'│ ' if deeper else '  '}{'= ' if number == 0 else '  '}{note}"
            yield from lines(child, inner, level + 1)

    yield from lines(start, "", 0)


def node_tree(
    project: Project, node: str, *, upstream: bool, downstream: bool, depth: int | None = None
) -> Iterator[str]:
    """A node, what it stands on and what stands on it."""
    member = project.member(node)
    yield f"{label(member)}  {kind(member)}{_relation(member)}"
    for wanted, edges, title in (
        (upstream, project.graph.parents, "stands on"),
        (downstream, project.graph.children, "is used by"),
    ):
        if wanted:
            lines = list(_tree(node, lambda uid: _node_branch(project, uid), _edges(project, edges), depth))
            yield title if lines else f"{title} nothing"
            yield from lines


def forest(project: Project, ids: Collection[str], depth: int | None = None) -> Iterator[str]:
    """Several nodes: trees from those that stand on none of the others."""
    children = _edges(project, project.graph.children, ids)
    roots = [
        uid for uid in project.graph.order() if uid in ids and not any(p in ids for p in project.graph.parents[uid])
    ]
    yield from _tree(None, lambda uid: _node_branch(project, uid), lambda uid: roots if uid is None else children(uid),
                     None if depth is None else depth + 1)  # fmt: skip


def _edges(
    project: Project, edges: Mapping[str, tuple[str, ...]], ids: Collection[str] | None = None
) -> Callable[[str], list[str]]:
    def below(uid: str) -> list[str]:
        return [
            other for other in edges.get(uid, ()) if is_shown(project.member(other)) and (ids is None or other in ids)
        ]

    return below


def _node_branch(project: Project, uid: str) -> _Branch:
    member = project.member(uid)
    return _Branch(f"{label(member)}  {kind(member)}")


def _relation(member: Member) -> str:
    name = member.relation_name if isinstance(member, (Node, Source)) else None
    return f"  {name.replace(chr(34), '')}" if name else ""


def column_tree(
    project: Project,
    lineage: Lineage,
    start: ColumnName,
    *,
    upstream: bool,
    downstream: bool,
    depth: int | None = None,
) -> Iterator[str]:
    """A column, what it is made of and what is made of it, with the expression at each step."""

    def branch(name: ColumnName) -> _Branch:
        return _Branch(column_label(project, name) + _unknown(lineage, name), _notes(lineage, name))

    yield branch(start).head
    for number, note in enumerate(branch(start).notes):
        yield f"  {'= ' if number == 0 else '  '}{note}"
    found = lineage.of(start)
    if upstream:
        lines = list(_tree(start, branch, lambda name: _sources(lineage, name), depth))
        nothing = "is made of no column" if found is not None and found.steps else "comes from outside"
        yield "is made of" if lines else nothing
        yield from lines
    if downstream:
        lines = list(_tree(start, branch, lambda name: lineage.users.get(name, ()), depth))
        yield "goes into" if lines else "goes into nothing"
        yield from lines


def columns_of(project: Project, lineage: Lineage, node: str) -> Iterator[str]:
    """Every column of a node with what it is made of, one step."""
    for column in lineage.columns.get(node, {}).values():
        name = ColumnName(node, column.name)
        sources = ", ".join(column_label(project, source) for source in column.sources)
        yield f"{column.name}{_unknown(lineage, name)}{f'  ← {sources}' if sources else ''}"
        for number, note in enumerate(_notes(lineage, name)):
            yield f"    {'= ' if number == 0 else '  '}{note}"


def _sources(lineage: Lineage, name: ColumnName) -> tuple[ColumnName, ...]:
    found = lineage.of(name)
    return found.sources if found is not None else ()


def _notes(lineage: Lineage, name: ColumnName) -> tuple[str, ...]:
    found = lineage.of(name)
    if found is None or not found.steps:
        return ()
    more = len(found.steps) - _STEPS
    return (*found.steps[:_STEPS], *((f"… and {more} more",) if more > 0 else ()))


def _unknown(lineage: Lineage, name: ColumnName) -> str:
    found = lineage.of(name)
    return "  unknown" if found is not None and not found.known else ""


# Pictures and JSON ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Picture:
    """What a graph shows: (id, label, kind) of every node, and edges between ids."""

    nodes: tuple[tuple[str, str, str], ...]
    edges: tuple[tuple[str, str], ...]


def picture_of_nodes(project: Project, ids: Collection[str]) -> Picture:
    """Nodes and the edges among them."""
    order = [uid for uid in project.graph.order() if uid in ids]
    return Picture(
        tuple((uid, label(project.member(uid)), kind(project.member(uid))) for uid in order),
        tuple((parent, uid) for uid in order for parent in project.graph.parents[uid] if parent in ids),
    )


def picture_of_columns(project: Project, lineage: Lineage, names: Collection[ColumnName]) -> Picture:
    """Columns and the edges among them."""
    return Picture(
        tuple((f"{name.node}.{name.column}", column_label(project, name), "column") for name in names),
        tuple(
            (f"{source.node}.{source.column}", f"{name.node}.{name.column}")
            for name in names
            for source in _sources(lineage, name)
            if source in names
        ),
    )


_SHAPES = {"source": ('[("', '")]'), "seed": ('[("', '")]'), "exposure": ('{{"', '"}}')}


def mermaid(picture: Picture) -> str:
    """A flowchart as git hosts draw it."""
    numbers = {node[0]: f"n{place}" for place, node in enumerate(picture.nodes)}
    lines = ["flowchart LR"]
    for uid, text, of in picture.nodes:
        left, right = _SHAPES.get(of, ('["', '"]'))
        quoted = text.replace('"', "#quot;")
        lines.append(f"  {numbers[uid]}{left}{quoted}{right}")
    lines.extend(f"  {numbers[parent]} --> {numbers[child]}" for parent, child in picture.edges)
    return "\n".join(lines)


def dot(picture: Picture) -> str:
    """A digraph for Graphviz."""
    lines = ["digraph lineage {", "  rankdir=LR;", "  node [shape=box, style=rounded];"]
    for uid, text, of in picture.nodes:
        lines.append(f"  {json.dumps(uid)} [label={json.dumps(text)}, tooltip={json.dumps(of)}];")
    lines.extend(f"  {json.dumps(parent)} -> {json.dumps(child)};" for parent, child in picture.edges)
    return "\n".join([*lines, "}"])


def nodes_record(project: Project, ids: Collection[str], lineage: Lineage | None = None) -> dict[str, Any]:
    """Nodes and edges; with a Lineage, every node with its columns."""
    picture = picture_of_nodes(project, ids)
    records = []
    for uid, text, _ in picture.nodes:
        member = project.member(uid)
        record: dict[str, Any] = {
            "unique_id": uid,
            "label": text,
            "resource_type": member.resource_type,
            "materialized": member.config.materialized if isinstance(member, Node) else None,
            "relation_name": member.relation_name if isinstance(member, (Node, Source)) else None,
        }
        if lineage is not None:
            record["columns"] = [
                _column_record(lineage, ColumnName(uid, column.name))
                for column in lineage.columns.get(uid, {}).values()
            ]
        records.append(record)
    return {"nodes": records, "edges": [list(edge) for edge in picture.edges]}


def columns_record(lineage: Lineage, start: ColumnName, up: Mapping[ColumnName, int], down: Mapping[ColumnName, int],
                   ) -> dict[str, Any]:  # fmt: skip
    """A column and everything above and below it with its distance."""
    return {
        "node": start.node,
        **_column_record(lineage, start),
        "upstream": [
            {"node": name.node, "distance": distance, **_column_record(lineage, name)}
            for name, distance in up.items()
            if distance
        ],
        "downstream": [
            {"node": name.node, "distance": distance, **_column_record(lineage, name)}
            for name, distance in down.items()
            if distance
        ],
    }


def _column_record(lineage: Lineage, name: ColumnName) -> dict[str, Any]:
    found = lineage.of(name)
    return {
        "column": name.column,
        "known": found.known if found is not None else True,
        "expression": found.expression if found is not None else None,
        "steps": list(found.steps) if found is not None else [],
        "sources": [{"node": source.node, "column": source.column} for source in _sources(lineage, name)],
    }
