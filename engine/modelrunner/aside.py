"""A full build beside the models that are served.

Owns building every relation under another name while the old ones go on being refreshed and read, catching up with the
batches that came meanwhile, and the one short transaction in which the new ones take the old ones' names. Refuses to
begin what the disk has no room for, and to leave anything behind: what a killed build left goes at the next start.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import replace

import duckdb

from engine.errors import EngineError
from engine.modelrunner import live_build, live_plan, live_refresh, live_tables, node_state, room, tests
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.live_build import Refresh
from engine.modelrunner.live_plan import Plan
from engine.modelrunner.live_refresh import OneRefresh
from engine.modelrunner.nodes import Node, Source, quoted
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project
from engine.modelrunner.relation import Relation
from engine.modelrunner.resolve import Names
from engine.modelrunner.run import Run, Silent
from engine.modelrunner.runner import Connect

PREFIX = "aa_build_"
ROUNDS = 5
"""How often it catches up before the swap, at most: each round is shorter than the one before."""


class AsideBuild:
    """One build beside the models; `run` in any thread, then `swap` in the thread that refreshes, or `abandon`."""

    def __init__(self, project: Project, connect: Connect) -> None:
        self.project = project
        self._prefix = f"{PREFIX}{uuid.uuid4().hex[:8]}__"
        self._beside = beside(project, self._prefix)
        self._connection = Connection(connect())
        self._batch = 0
        self._run: Run | None = None
        self._marks: Mapping[str, str] = {}
        self._plan: Plan | None = None
        self._stopped = threading.Event()
        self._ending = False

    def run(self) -> None:
        """Build everything and catch up. ModelError: nothing is left of it."""
        try:
            self._build()
            for _ in range(ROUNDS):
                if not self._catch_up():
                    break
            self._check()
        except (EngineError, duckdb.Error) as error:
            self.abandon()
            if isinstance(error, EngineError):
                raise
            raise NodeProblem(str(error)) from error

    def swap(self, connection: Connection) -> Refresh:
        """Re-apply what came since, and let the new relations take the names of the old ones, in one transaction.

        ModelError: the old ones stay, and nothing is left of the new ones.
        """
        assert self._run is not None
        assert self._plan is not None
        clock = time.perf_counter()
        project = self.project
        try:
            compiler = Compiler(node_state.building(project), connection)
            views = {
                node.unique_id: compiler.compile(node).sql
                for node in _built(project)
                if node.resource_type == "model" and node.config.materialized == "view"
            }
            with connection.transaction():
                batch = live_tables.newest_batch(connection)
                sequence = live_tables.next_sequence(connection, project.name)
                build_id = f"build-{batch}-{sequence}"
                if batch > self._batch:
                    live_refresh.prepare(connection, self._plan)
                    OneRefresh(connection, self._plan).run(self._batch, batch)
                for node in _built(project):
                    self._take_name(connection, node, views.get(node.unique_id))
                live_tables.write_nodes(
                    connection,
                    project.name,
                    live_build.built(project, self._run, self._prefix),
                    batch=batch,
                    build_id=build_id,
                    sequence=sequence,
                )
                live_build.publish(project, connection, batch, build_id, sequence, self._marks)
                live_tables.record(connection, build_id, live_build.history(self._run.results))
        except (EngineError, duckdb.Error) as error:
            self.abandon()
            if isinstance(error, EngineError):
                raise
            raise NodeProblem(str(error)) from error
        self._connection.raw.close()
        models = tuple(node.unique_id for node in _built(project) if node.resource_type == "model")
        return Refresh(batch, {}, models, time.perf_counter() - clock, full=True)

    def stop(self) -> None:
        """Make `run` in another thread end soon, with an error."""
        self._stopped.set()
        if not self._ending:
            try:
                self._connection.raw.interrupt()
            except duckdb.Error:
                pass

    def abandon(self) -> None:
        """Remove what was built, and give the cursor back."""
        self._ending = True
        try:
            remove_remnants(self._connection, self._prefix)
        except (EngineError, duckdb.Error):
            pass  # an invalidated database: what is left goes at the next start
        self._connection.raw.close()

    # Parts ------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        room.check(self._connection, _built(self.project))
        self._batch = live_tables.newest_batch(self._connection)
        self._marks = node_state.marks(self.project, self._connection, live_tables.has_batches(self._connection))
        ids = {node.unique_id for node in _built(self.project)}
        self._keep_history()
        self._run = Run(
            node_state.building(self._beside), "build", ids, self._connection, _Watchful(self), write_artifacts=False
        )
        failed = [result for result in self._run.everything().results if result.failed]
        if failed:
            live_tables.record(
                self._connection, f"build-failed-{uuid.uuid4().hex[:8]}", live_build.history(self._run.results)
            )
            raise NodeProblem(live_build.said(failed), hint="the models are as they were before")
        self._plan = live_plan.make(self._beside, self._connection)
        live_refresh.prepare(self._connection, self._plan)

    def _keep_history(self) -> None:
        """Models that must not be rebuilt (`full_refresh: false`) begin as they are."""
        for node in _built(self.project):
            if node.config.get("full_refresh") is False:
                old = self._connection.relation(node.database, node.schema, node.alias)
                if old is not None and old.is_table:
                    self._connection.execute(f"create table {self._side(node)} as from {old}")

    def _catch_up(self) -> bool:
        """Apply the batches that came since; False when there were none."""
        assert self._plan is not None
        self.interrupted()
        with self._connection.transaction():
            batch = live_tables.newest_batch(self._connection)
            if batch > self._batch:
                OneRefresh(self._connection, self._plan).run(self._batch, batch)
        found, self._batch = batch > self._batch, batch
        return found

    def _check(self) -> None:
        """All gate tests over all rows, at one instant: the nodes were built at different ones."""
        compiler = Compiler(self._beside, self._connection)
        with self._connection.transaction():
            batch = live_tables.newest_batch(self._connection)
            if batch > self._batch:
                assert self._plan is not None
                OneRefresh(self._connection, self._plan).run(self._batch, batch)
            for node in live_plan.gates(self._beside):
                self.interrupted()
                verdict = tests.run(node, compiler.compile(node).sql, self._connection, store_failures=False)
                if verdict.status == "fail":
                    raise NodeProblem(
                        f"gate test '{node.name}' ({node.original_path}) found {verdict.failures} failures",
                        hint="the models are as they were before",
                    )
        self._batch = batch

    def interrupted(self) -> None:
        """NodeProblem when somebody wants the build to end, or the disk is nearly full."""
        if self._stopped.is_set():
            raise NodeProblem("the build was given up")
        room.check(self._connection, ())

    def _side(self, node: Node) -> Relation:
        return Relation(node.database, node.schema, self._prefix + node.alias)

    def _take_name(self, connection: Connection, node: Node, view: str | None) -> None:
        side = connection.relation(node.database, node.schema, self._prefix + node.alias)
        if side is None:
            raise NodeProblem(f"{self._side(node)} is gone", hint="the models are as they were before")
        old = connection.relation(node.database, node.schema, node.alias)
        if old is not None:
            connection.drop(old)
        if view is None:
            connection.execute(f"alter table {side} rename to {quoted(node.alias)}")
        else:
            # A view keeps the names that it was made with, so it is made anew.
            connection.drop(side)
            connection.execute(f"create view {Relation(node.database, node.schema, node.alias)} as (\n{view}\n)")


class _Watchful(Silent):
    """Looks before every node whether the build should go on."""

    def __init__(self, build: AsideBuild) -> None:
        self._build = build

    def started(self, node: Node | Source, index: int, total: int) -> None:
        self._build.interrupted()


def beside(project: Project, prefix: str) -> Project:
    """The same project whose relations have a prefix."""
    nodes = {
        uid: replace(node, alias=prefix + node.alias)
        if node.is_relational and node.resource_type in ("model", "seed")
        else node
        for uid, node in project.nodes.items()
    }
    return replace(project, nodes=nodes, names=Names(project.name, nodes.values(), project.sources.values()))


def possible(project: Project) -> bool:
    """Whether a project can be built beside itself: a snapshot's rows are its own past, so it has one place only."""
    return not any(node.resource_type == "snapshot" for node in project.nodes.values())


def remove_remnants(connection: Connection, prefix: str = PREFIX) -> int:
    """Drop what builds with this prefix left. How many relations that were."""
    rows = connection.execute(
        "select schema_name, table_name, 'table' from duckdb_tables()"
        " where database_name = current_database() and starts_with(table_name, $1)"
        " union all select schema_name, view_name, 'view' from duckdb_views()"
        " where database_name = current_database() and starts_with(view_name, $1)",
        [prefix],
    ).fetchall()
    for schema, name, kind in rows:
        connection.drop(Relation(connection.database, schema, name, kind))
    return len(rows)


def _built(project: Project) -> list[Node]:
    return [node for node in node_state.relational(project) if node.resource_type in ("model", "seed")]
