"""The directed graph of a project's nodes.

Owns parents, children, ancestors with depth, topological order and the search for cycles. Refuses to know what a node
is: unique ids in, unique ids out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from engine.modelrunner.problems import ParseProblem


class Graph:
    """Built once from `parents`: unique id → ids it depends on. Ids without an entry are left out."""

    def __init__(self, parents: Mapping[str, Iterable[str]]) -> None:
        self.parents: dict[str, tuple[str, ...]] = {
            node: tuple(dict.fromkeys(parent for parent in above if parent in parents))
            for node, above in parents.items()
        }
        children: dict[str, list[str]] = {node: [] for node in self.parents}
        for node, above in self.parents.items():
            for parent in above:
                children[parent].append(node)
        self.children: dict[str, tuple[str, ...]] = {node: tuple(below) for node, below in children.items()}

    def ancestors(self, nodes: Iterable[str], depth: int | None = None) -> set[str]:
        """Everything `nodes` depend on, at most `depth` steps up; without `nodes` unless one is above another."""
        return self._reach(nodes, self.parents, depth)

    def descendants(self, nodes: Iterable[str], depth: int | None = None) -> set[str]:
        """Everything that depends on `nodes`, at most `depth` steps down."""
        return self._reach(nodes, self.children, depth)

    @staticmethod
    def _reach(nodes: Iterable[str], edges: Mapping[str, tuple[str, ...]], depth: int | None) -> set[str]:
        found: set[str] = set()
        level = set(nodes)
        while level and (depth is None or depth > 0):
            level = {other for node in level for other in edges.get(node, ())} - found
            found |= level
            depth = None if depth is None else depth - 1
        return found

    def order(self, nodes: Iterable[str] | None = None) -> list[str]:
        """Parents before children; among equals the order in which they were given. ParseProblem for a cycle."""
        wanted = list(self.parents) if nodes is None else [node for node in self.parents if node in set(nodes)]
        inside = set(wanted)
        missing = {node: sum(1 for parent in self.parents[node] if parent in inside) for node in wanted}
        ready = deque(node for node in wanted if missing[node] == 0)
        out: list[str] = []
        while ready:
            node = ready.popleft()
            out.append(node)
            for child in self.children[node]:
                if child in inside:
                    missing[child] -= 1
                    if missing[child] == 0:
                        ready.append(child)
        if len(out) < len(wanted):
            raise ParseProblem(
                "found a cycle: " + " → ".join(self.cycle(inside - set(out))), hint="remove one of these references"
            )
        return out

    def cycle(self, among: set[str]) -> list[str]:
        """One cycle, its first node repeated at the end; `among` are nodes of which each has a parent in it."""
        node = min(among)
        path: list[str] = []
        while node not in path:
            path.append(node)
            node = next(parent for parent in self.parents[node] if parent in among)
        return [*path[path.index(node) :], node][::-1]
