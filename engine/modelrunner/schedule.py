"""What may start when several nodes run at once.

Owns who waits for whom in one invocation, as a function of the project's graph and of the order in which the nodes
would run one after the other, and which of those that may start goes first: the one with the longest way below it.
Refuses to run anything (parallel.py), and to wait for what comes later in that order, so that nothing waits for itself.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence

from engine.modelrunner import gating
from engine.modelrunner.nodes import Node
from engine.modelrunner.project import Project

_COST = {"table": 10, "incremental": 10, "snapshot": 10, "seed": 3, "ephemeral": 0}
"""About how long a node takes, by its materialization, where 1 is a view or a test."""


class Schedule:
    """The nodes of one invocation: `take` what may start now, say when it is `done`."""

    def __init__(self, project: Project, order: Sequence[str], waits: Mapping[str, Iterable[str]]) -> None:
        self._project = project
        self._missing = {uid: set(waits[uid]) for uid in order}
        self._below: dict[str, list[str]] = {uid: [] for uid in order}
        for uid, above in self._missing.items():
            for parent in above:
                self._below[parent].append(uid)
        self._place = {uid: place for place, uid in enumerate(order)}
        self._rank: dict[str, int] = {}
        for uid in reversed(order):
            cost = _COST.get(project.nodes[uid].config.materialized, 1)
            self._rank[uid] = cost + max((self._rank[child] for child in self._below[uid]), default=0)
        self._ready: list[tuple[int, int, str]] = []
        for uid, above in self._missing.items():
            if not above:
                self._offer(uid)

    def _offer(self, uid: str) -> None:
        heapq.heappush(self._ready, (-self._rank[uid], self._place[uid], uid))

    def take(self, *, together: bool = True) -> list[Node]:
        """What to start next: one node, or tests that look at the same; empty when all that is left has to wait."""
        if not self._ready:
            return []
        first = self._project.nodes[heapq.heappop(self._ready)[2]]
        key = _looks_at(first)
        if key is None or not together:
            return [first]
        others = [item for item in self._ready if _looks_at(self._project.nodes[item[2]]) == key]
        self._ready = [item for item in self._ready if item not in others]
        heapq.heapify(self._ready)
        return [first, *(self._project.nodes[uid] for _, _, uid in sorted(others))]

    def done(self, uid: str) -> None:
        """It has ended, in whatever way; what waited for it alone may start."""
        for child in self._below.pop(uid, ()):
            self._missing[child].discard(uid)
            if not self._missing[child]:
                self._offer(child)

    def rest(self) -> list[Node]:
        """Everything that was not taken yet, in order; it is taken now."""
        found = sorted({*(uid for uid, above in self._missing.items() if above), *(item[2] for item in self._ready)},
                       key=self._place.__getitem__)  # fmt: skip
        self._ready, self._missing, self._below = [], {}, {}
        return [self._project.nodes[uid] for uid in found]


def _looks_at(node: Node) -> frozenset[str] | None:
    """Tests with the same answer may be asked together; None stands alone.

    What tests look for values of one relation in another have in common is that other one.
    """
    if node.resource_type != "test" or not node.depends_on:
        return None
    attached = None if node.test is None else node.test.attached
    return frozenset(uid for uid in node.depends_on if uid != attached) or frozenset(node.depends_on)


def waits(project: Project, order: Sequence[str], verb: str, *, units_first: bool = True) -> dict[str, set[str]]:
    """Each node of the order with those that must have ended before it starts."""
    nodes, place = project.nodes, {uid: index for index, uid in enumerate(order)}
    found = {uid: _above(project, uid, place) for uid in order}
    above = {uid: frozenset(parents) for uid, parents in found.items()}
    firsts: dict[tuple[bool, tuple[str, ...]], list[str]] = {}
    units = []
    makers = {_relation(nodes[uid]): uid for uid in order if nodes[uid].is_relational}
    for uid in order:
        node = nodes[uid]
        if node.resource_type not in gating.CHECKS:
            continue
        if units_first and node.unit is not None and all(parent in place for parent in node.depends_on):
            units.append(node)
        elif not found[uid]:
            # A source may be a seed of the same project.
            sources = (project.sources[parent] for parent in node.depends_on if parent in project.sources)
            named = {(item.database, item.schema, item.identifier) for item in sources}
            found[uid] |= {made for key, made in makers.items() if key in named}
        key = (node.unit is not None, node.depends_on)
        if key not in firsts:
            # What stands below the first that are held back waits for those anyway.
            held = gating.held_by(project, node, verb, units_gate=units_first)
            firsts[key] = [other for other in held if other in found and held.isdisjoint(above[other])]
        for other in firsts[key]:
            found[other].add(uid)
    for node in units:
        # It runs before its model, once that could.
        model = node.depends_on[0]
        found[node.unique_id] |= found[model] - {item.unique_id for item in units if item.depends_on[0] == model}
    return {uid: {other for other in waited if place[other] < place[uid]} for uid, waited in found.items()}


def _above(project: Project, unique_id: str, inside: Mapping[str, int]) -> set[str]:
    """The nearest selected nodes above a node, looking through those that are not selected."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = list(project.graph.parents.get(unique_id, ()))
    while waiting:
        parent = waiting.pop()
        if parent in inside:
            found.add(parent)
        elif parent not in seen:
            seen.add(parent)
            waiting.extend(project.graph.parents.get(parent, ()))
    return found


def _relation(node: Node) -> tuple[str, str, str]:
    return node.database, node.schema, node.alias
