"""The models kept up to date while data arrive.

Owns the live loop: at the start what is dirty is built, then after each batch touched keys are refreshed, each in one
transaction with its watermark, its gate tests and its history, so that a reader never sees half. Refuses to decide
when to refresh, to read files, and to serve two threads at once: its owner calls it from one.
"""

from __future__ import annotations

import time
import uuid

import duckdb

from engine.errors import ModelError
from engine.modelrunner import live_build, live_plan, live_refresh, live_tables, node_state, room
from engine.modelrunner.database import Connection
from engine.modelrunner.live_build import Refresh
from engine.modelrunner.live_plan import Plan
from engine.modelrunner.live_refresh import OneRefresh, Ran
from engine.modelrunner.node_state import Dirty
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project
from engine.modelrunner.run import now
from engine.modelrunner.runner import Connect

PRUNE_EVERY = 500

__all__ = ["LiveLoop", "Refresh"]


class LiveLoop:
    """Keeps a project's models equal to a full build of everything up to the watermark.

    `connect` gives a cursor of the engine's open database; other cursors may append to the sources meanwhile.
    `ops.batches(batch_id)` says which batches there are; without that table only `start` and `rebuild` do anything.
    """

    def __init__(self, project: Project, connect: Connect) -> None:
        self.project = project
        self._connect = connect
        self._connection: Connection | None = None
        self._plan: Plan | None = None
        self._times = False
        self._batches = False
        self._refreshes = 0

    def start(self) -> Refresh | None:
        """Build what is dirty in one transaction; None when nothing is.

        ModelError when a node or a gate test fails: nothing has changed then but ops.model_runs.
        """
        return self._start(self.pending().nodes)

    def rebuild(self) -> Refresh:
        """A full build whatever is known."""
        built = self._start(tuple(node.unique_id for node in node_state.relational(self.project)), whatever=True)
        assert built is not None
        return built

    def pending(self) -> Dirty:
        """What `start` would build."""
        connection = self.open()
        project = self.project
        mark = live_tables.watermark(connection, project.name)
        known = live_tables.nodes(connection, project.name) if mark is not None else {}
        current = None
        if mark is not None and mark.fingerprint != project.fingerprint:
            told = [node for node in node_state.relational(project) if node.unique_id in known]
            current = node_state.fingerprints(project, connection, told)
        before = live_tables.marks(connection, project.name)
        found = self._marks(connection)
        return node_state.dirty(
            project,
            current=current,
            known=known,
            there=connection.relations(project.target.database),
            changed_sources=[source for source, mark in found.items() if before.get(source) != mark],
        )

    def stands(self) -> bool:
        """Whether `start` would do nothing, of a loop that was started."""
        connection = self.open()
        mark = live_tables.watermark(connection, self.project.name)
        return (
            self._plan is not None
            and mark is not None
            and not self._out_of_date(connection, mark)
            and not self.pending().nodes
        )

    def seconds(self, nodes: tuple[str, ...]) -> float:
        """How long building these nodes took the last time."""
        known = live_tables.nodes(self.open(), self.project.name)
        return sum(known[uid].milliseconds for uid in nodes if uid in known) / 1000

    def refresh(self) -> Refresh | None:
        """Bring the models up to the newest batch; None when there is no new one. ModelError undoes everything."""
        if self._plan is None:
            raise ModelError("the live loop was not started", hint="call start() first")
        if not self._batches:
            return None
        connection = self.open()
        began, clock = now(), time.perf_counter()
        one = OneRefresh(connection, self._plan)
        try:
            with connection.transaction():
                span = live_refresh.span(connection, self.project.name)
                if span is None:
                    return None
                old, new = span
                one.run(old, new)
                build_id = f"live-{new}"
                live_tables.advance(connection, self.project.name, new, build_id, times=self._times)
                live_tables.record(connection, build_id, one.ran)
                touched = one.touched()
                models = one.models()
        except (ModelError, duckdb.Error) as error:
            problem = error if isinstance(error, ModelError) else NodeProblem(str(error))
            live_tables.record(connection, f"live-failed-{uuid.uuid4().hex[:8]}", [
                Ran(self.project.name, "error", began, (time.perf_counter() - clock) * 1000, None, problem.line())
            ])  # fmt: skip
            raise problem from error
        self._refreshes += 1
        if self._refreshes % PRUNE_EVERY == 0:
            live_tables.prune(connection)
        return Refresh(new, touched, models, time.perf_counter() - clock)

    def open(self) -> Connection:
        """The loop's connection, with the tables that it keeps."""
        if self._connection is None:
            self._connection = Connection(self._connect())
            live_tables.ensure(self._connection)
            self._times = live_tables.has_times(self._connection)
            self._batches = live_tables.has_batches(self._connection)
        return self._connection

    def prepare(self) -> None:
        """Make the plan of refreshes for the models as they are now."""
        connection = self.open()
        self._take(connection, live_plan.make(self.project, connection))

    def _take(self, connection: Connection, plan: Plan) -> None:
        live_refresh.prepare(connection, plan)
        self._plan = plan

    def close(self) -> None:
        """Give the cursor back."""
        if self._connection is not None:
            self._connection.raw.close()
            self._connection = None
        self._plan = None

    def _start(self, nodes: tuple[str, ...], *, whatever: bool = False) -> Refresh | None:
        connection = self.open()
        mark = live_tables.watermark(connection, self.project.name)
        if not (nodes or whatever or mark is None or self._out_of_date(connection, mark)):
            self.prepare()
            return None
        room.check(connection, [self.project.nodes[uid] for uid in nodes])
        built, plan = live_build.build(self.project, connection, nodes, mark, self._marks(connection))
        self._take(connection, plan)
        return built

    def _out_of_date(self, connection: Connection, mark: live_tables.Watermark) -> bool:
        """Whether what is written about the models has to be written anew, although no row changes."""
        known = live_tables.nodes(connection, self.project.name)
        ids = {node.unique_id for node in node_state.relational(self.project)}
        return (
            mark.fingerprint != self.project.fingerprint
            or known.keys() != ids
            or any(built.sequence > mark.sequence for built in known.values())
        )

    def _marks(self, connection: Connection) -> dict[str, str]:
        return node_state.marks(self.project, connection, self._batches)
