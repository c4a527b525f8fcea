"""In what order nodes run, and what a failure takes with it.

Owns both questions as functions of the project's graph. Refuses to run anything: run.py does.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from engine.modelrunner.nodes import Node
from engine.modelrunner.project import Project

CHECKS = ("test", "unit_test")


def running_order(project: Project, ids: Set[str], *, units_first: bool = True) -> list[str]:
    """Parents first; a test as soon as all it looks at is there, before anything that stands on the same.

    A unit test runs before its model; without `units_first` it waits for it as any test does.
    """
    nodes = project.nodes
    building = [uid for uid in project.graph.order() if uid in ids and nodes[uid].resource_type not in CHECKS]
    checks = [uid for uid in nodes if uid in ids and nodes[uid].resource_type in CHECKS]
    units: dict[str, list[str]] = {}
    waiting: dict[str, set[str]] = {}
    for uid in checks:
        node = nodes[uid]
        if units_first and node.unit is not None and ids >= set(node.depends_on):
            units.setdefault(node.depends_on[0], []).append(uid)
        else:
            waiting[uid] = {parent for parent in node.depends_on if parent in ids}
    watching: dict[str, list[str]] = {}
    for uid, parents in waiting.items():
        for parent in parents:
            watching.setdefault(parent, []).append(uid)
    # As in dbt, what waits for nothing comes after the first layer: a source may be a seed of the same project.
    free = [uid for uid, parents in waiting.items() if not parents]
    held = {uid for check in free for uid in _below_all(project, nodes[check])}
    first = _without_ancestors(project, building) - held if free else set()
    out: list[str] = []
    for uid in [*(uid for uid in building if uid in first), *free, *(uid for uid in building if uid not in first)]:
        if uid in waiting:
            out.append(uid)
            continue
        out.extend(units.get(uid, ()))
        out.append(uid)
        for check in watching.get(uid, ()):
            waiting[check].discard(uid)
            if not waiting[check]:
                out.append(check)
    return out


def _below_all(project: Project, check: Node) -> set[str]:
    """What stands on everything that a test looks at."""
    if not check.depends_on:
        return set()
    return set.intersection(*(project.graph.descendants([parent]) for parent in check.depends_on))


def _without_ancestors(project: Project, building: Iterable[str]) -> set[str]:
    """Those nodes that stand on no other of them."""
    above: dict[str, bool] = {}
    inside = set(building)
    for uid in project.graph.order():
        above[uid] = any(parent in inside or above[parent] for parent in project.graph.parents[uid])
    return {uid for uid in inside if not above[uid]}


def stopped_by(project: Project, node: Node, verb: str, status: str, *, units_gate: bool = True) -> set[str]:
    """What cannot run after this node: its descendants; of a failed test, what it holds back."""
    if node.resource_type not in CHECKS:
        return project.graph.descendants([node.unique_id])
    return set() if status == "skipped" else held_by(project, node, verb, units_gate=units_gate)


def held_by(project: Project, check: Node, verb: str, *, units_gate: bool = True) -> set[str]:
    """What must not run before this test has passed: what stands on all it looks at."""
    graph = project.graph
    if verb != "build" or not check.depends_on:
        return set()
    if check.unit is not None:
        tested = set(check.depends_on)
        return tested | graph.descendants(tested) if units_gate else set()
    # As in dbt, a test holds back nodes; exposures wait for the nodes that they stand on, not for their tests.
    held = (*CHECKS, "exposure")
    below = {uid for uid in _below_all(project, check) if project.member(uid).resource_type not in held}
    return below | {member for uid in below for member in graph.children[uid]}
