"""Bringing models up in one transaction.

Owns a build of some nodes (or all): the clean ones are refreshed by touched keys to the newest batch, the dirty ones
are built whole, gate tests are asked, and what the database keeps about the models is written, all or nothing. Refuses
to decide what is dirty (node_state.py) and to build beside the models (aside.py).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from engine.errors import ModelError
from engine.modelrunner import live_plan, live_refresh, live_tables, node_state
from engine.modelrunner.database import Connection
from engine.modelrunner.live_plan import Plan
from engine.modelrunner.live_refresh import OneRefresh, Ran
from engine.modelrunner.live_tables import Built, Watermark
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project
from engine.modelrunner.results import NodeResult
from engine.modelrunner.run import Run


@dataclass(frozen=True, slots=True)
class Refresh:
    """What a refresh covered: up to which batch, the touched keys by set, and the models whose rows may differ now.

    `full` means that everything was built anew; `touched` is empty then.
    """

    batch_id: int
    touched: Mapping[str, tuple[str, ...]]
    models: tuple[str, ...]
    seconds: float = 0.0
    full: bool = False


def build(
    project: Project,
    connection: Connection,
    nodes: Sequence[str],
    old: Watermark | None,
    marks: Mapping[str, str],
) -> tuple[Refresh, Plan]:
    """Build `nodes` whole and refresh the others; also the plan of the refreshes to come.

    ModelError, or ParseProblem when there can be no such plan: nothing has changed but the history.
    """
    clock = time.perf_counter()
    dirty = set(nodes)
    gates = {node.unique_id for node in live_plan.gates(project) if not dirty.isdisjoint(node.depends_on)}
    run = Run(
        node_state.building(project), "build", dirty | gates if dirty else set(), connection, write_artifacts=False
    )
    touched: Mapping[str, tuple[str, ...]] = {}
    refreshed: tuple[str, ...] = ()
    try:
        with connection.transaction():
            batch = live_tables.newest_batch(connection)
            sequence = live_tables.next_sequence(connection, project.name)
            build_id = f"build-{batch}-{sequence}"
            if old is not None and batch > old.batch_id and any(n.unique_id not in dirty for n in _models(project)):
                one = _refresh_clean(project, connection, dirty, old.batch_id, batch)
                touched, refreshed = one.touched(), one.models()
                live_tables.record(connection, build_id, one.ran)
            if dirty:
                failed = [result for result in run.everything().results if result.failed]
                if failed:
                    raise NodeProblem(said(failed), hint="the models are as they were before")
            live_tables.write_nodes(
                connection, project.name, built(project, run), batch=batch, build_id=build_id, sequence=sequence
            )
            publish(project, connection, batch, build_id, sequence, marks)
            live_tables.record(connection, build_id, history(run.results))
            plan = live_plan.make(project, connection)
    except (ModelError, duckdb.Error) as error:
        live_tables.record(connection, f"build-failed-{uuid.uuid4().hex[:8]}", history(run.results))
        if isinstance(error, ModelError):
            raise
        raise NodeProblem(str(error)) from error
    made = tuple(result.unique_id for result in run.results if result.resource_type == "model")
    whole = dirty.issuperset(node.unique_id for node in node_state.relational(project))
    models = (*refreshed, *(uid for uid in made if uid not in refreshed))
    return Refresh(batch, touched, models, time.perf_counter() - clock, full=whole), plan


def publish(
    project: Project, connection: Connection, batch: int, build_id: str, sequence: int, marks: Mapping[str, str]
) -> None:
    """Write that the models of the project are at `batch` now; inside the transaction that brings them there."""
    zone = project.variables.get(project.name, {}).get("report_timezone")
    live_tables.publish(
        connection,
        project.name,
        batch=batch,
        build_id=build_id,
        sequence=sequence,
        fingerprint=project.fingerprint,
        time_zone=None if zone is None else str(zone),
        existing=[node.unique_id for node in node_state.relational(project)],
    )
    live_tables.write_marks(connection, project.name, marks)


def built(project: Project, run: Run, prefix: str = "") -> list[Built]:
    """What a run made, with the fingerprints of what it compiled; `prefix` stood before the names of relations."""
    return [
        Built(
            result.unique_id,
            project.nodes[result.unique_id].relation_name or "",
            node_state.fingerprint(
                project,
                project.nodes[result.unique_id],
                (result.sql or "").replace(prefix, "") if prefix else result.sql or "",
            ),
            result.rows,
            result.seconds * 1000,
        )
        for result in run.results
        if result.status == "success" and result.resource_type in node_state.KEPT
    ]


def _models(project: Project) -> Iterable[Node]:
    return (node for node in node_state.relational(project) if node.resource_type == "model")


def _refresh_clean(project: Project, connection: Connection, dirty: set[str], old: int, new: int) -> OneRefresh:
    """Bring what is not dirty to the newest batch: what is built on it, or compared with it, sees the same rows."""
    plan = live_plan.make(project, connection)
    clean = replace(
        plan,
        steps=tuple(step for step in plan.steps if step.node.unique_id not in dirty),
        gates=tuple(gate for gate in plan.gates if dirty.isdisjoint(gate.models)),
    )
    live_refresh.prepare(connection, clean)
    one = OneRefresh(connection, clean)
    one.run(old, new)
    return one


def said(failed: Sequence[NodeResult]) -> str:
    """The first failure in words, and how many more there are."""
    first = failed[0]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{first.resource_type} '{first.name}' ({first.file}): {first.message}{more}"


def history(results: Iterable[NodeResult]) -> list[Ran]:
    """Results as lines of ops.model_runs."""
    return [
        Ran(result.unique_id, result.status, result.started, result.seconds * 1000, result.rows, result.message)
        for result in results
    ]
