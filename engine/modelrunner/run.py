"""One invocation of one verb.

Owns the order of nodes, what a failure skips, hooks around the run, transactions, results and artifacts. Refuses to
select (ids come in), to print (a `Listener` hears of every node), to do a node (worker.py) and to open a database.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import duckdb

from engine.modelrunner import artifacts, gating, materialize, schedule
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection, beside
from engine.modelrunner.defer import Deferral
from engine.modelrunner.known_relations import KnownRelations
from engine.modelrunner.making import Maker
from engine.modelrunner.nodes import Exposure, Node, Source
from engine.modelrunner.parallel import Parallel
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.project import Project
from engine.modelrunner.project_hooks import END, START, ProjectHooks
from engine.modelrunner.results import FAIL_FAST, NodeResult, RunOutcome
from engine.modelrunner.run_results import run_results
from engine.modelrunner.worker import MAIN, Worker, now

__all__ = ["Cursors", "Listener", "Run", "Silent", "now"]


class Listener(Protocol):
    """Hears of every node as it starts and ends."""

    def started(self, node: Node | Source, index: int, total: int) -> None: ...

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None: ...


Cursors = Callable[[duckdb.DuckDBPyConnection, int], Sequence[duckdb.DuckDBPyConnection]]
"""So many further connections like the given one; `Run` closes them."""


class Silent:
    """A listener that does nothing."""

    def started(self, node: Node | Source, index: int, total: int) -> None:
        pass

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None:
        pass


@dataclass(slots=True)
class Run:
    """One invocation of one verb on one connection.

    With more than one of `threads`, nodes run on as many connections of their own that `cursors` makes, and share
    what is `known` of the catalogue; in one transaction (`all_or_nothing`) they never do.
    """

    project: Project
    verb: str
    ids: set[str]
    connection: Connection
    listener: Listener = field(default_factory=Silent)
    write_artifacts: bool = True
    exposures: frozenset[str] = frozenset()
    again: bool = False
    deferral: Deferral | None = None
    threads: int = 1
    cursors: Cursors = beside
    known: KnownRelations | None = None
    results: list[NodeResult] = field(default_factory=list)
    compiled: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    _blocked: dict[str, str] = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)
    _main: Worker | None = None
    _numbers: dict[str, int] = field(default_factory=dict)
    _total: int = 0
    _records: dict[str, dict[str, Any]] | None = None

    def all_or_nothing(self) -> RunOutcome:
        """Everything in one transaction: any failure leaves the database as it was."""
        outcome: RunOutcome | None = None
        self.threads = 1  # another connection would not see what is not committed
        try:
            with self.connection.transaction():
                outcome = self.everything()
                if outcome.exit_code:
                    raise _Undo
        except _Undo:
            pass
        assert outcome is not None
        return outcome

    def everything(self) -> RunOutcome:
        """All selected nodes in order, hooks before and after, artifacts at the end."""
        start = time.perf_counter()
        self._order = gating.running_order(self.project, self.ids, units_first=not self.again)
        self._main = self._worker(self.connection, MAIN)
        hooks = ProjectHooks(
            self.project, self._main.compiler, self.connection, self.listener.started, self.listener.ended,
            write_artifacts=self.write_artifacts, now=now,
        )  # fmt: skip
        try:
            self._all(hooks)
        finally:
            if self.write_artifacts:
                manifest = artifacts.manifest(self.project, self.compiled, self._records)
                artifacts.write(self.project.target_folder / "manifest.json", manifest)
        outcome = RunOutcome(tuple(self.results), time.perf_counter() - start)
        self._write_results(outcome.seconds)
        return outcome

    def _worker(self, connection: Connection, thread: str) -> Worker:
        full = self.project.flags.full_refresh
        compiler = Compiler(
            self.project,
            connection,
            incremental=lambda node: materialize.is_incremental(node, connection, full),
            selected=tuple(self._order),
            deferral=self.deferral,
        )
        maker = Maker(self.project, connection, compiler, self.ids)
        return Worker(self.project, self.verb, connection, compiler, maker, self.write_artifacts, thread)

    def _all(self, hooks: ProjectHooks) -> None:
        nodes = self.project.nodes
        numbered = [nodes[uid] for uid in self._order if self.verb == "compile" or not _is_ephemeral(nodes[uid])]
        exposures = [self.project.exposures[uid] for uid in sorted(self.exposures)]
        self._total = len(numbered) + len(exposures)
        if self.verb == "compile":
            self._compile(numbered, exposures, hooks)
            return
        start = time.perf_counter()
        self._schemas()
        if self._total:
            self.results.extend(hooks.run(START))
            if any(result.failed for result in self.results) and self.project.root.flag(
                "skip_nodes_if_on_run_start_fails", False
            ):
                self._blocked = dict.fromkeys([*self.ids, *self.exposures], "skipped because a hook before it failed")
        if self.threads > 1 and len(numbered) > 1:
            self._side_by_side(min(self.threads, len(numbered)))
        else:
            self._one_by_one(numbered)
        for exposure in exposures:
            self._exposure(exposure)
        if self._total:
            try:
                self.results.extend(hooks.run(END, self.results))
            except ParseProblem:
                self._write_results(time.perf_counter() - start)
                raise

    def _compile(self, numbered: Sequence[Node], exposures: Sequence[Exposure], hooks: ProjectHooks) -> None:
        for node in numbered:
            self._node(node)
        for exposure in exposures:
            self._exposure(exposure)
        flags = self.project.flags
        if flags.which == "docs" or (flags.which == "compile" and not _names_nodes(flags.extra)):
            # As in dbt, an ephemeral model has a result of its own only where `compile` was asked for nodes.
            short = {uid for uid in self.ids if _is_ephemeral(self.project.nodes[uid])}
            self.results = [result for result in self.results if result.failed or result.unique_id not in short]
        compiled = hooks.compile() if self.ids else []
        if not (flags.which == "compile" and _names_nodes(flags.extra)):
            # As in dbt, a command that names nodes tells of nothing else.
            self.results.extend(compiled)

    def _one_by_one(self, numbered: Sequence[Node]) -> None:
        assert self._main is not None
        between = self._ephemerals()
        for place, node in enumerate(numbered):
            self._compile_ephemerals(between.get(node.unique_id, ()))
            if _is_test(node) and (place == 0 or not _is_test(numbered[place - 1])) and self._asks_together():
                following = itertools.takewhile(_is_test, numbered[place:])
                self._main.ask_together([other for other in following if not self.blocked(other)])
            self._node(node)
        self._compile_ephemerals(between.get(None, ()))

    def _side_by_side(self, threads: int) -> None:
        """On several connections: a node starts when all that it has to wait for has ended."""
        waits = schedule.waits(self.project, self._order, self.verb, units_first=not self.again)
        cursors = self.cursors(self.connection.raw, threads)
        try:
            workers = [
                self._worker(Connection(cursor, known=self.known), f"Thread-{number} (worker)")
                for number, cursor in enumerate(cursors, 1)
            ]
            plan = schedule.Schedule(self.project, self._order, waits)
            Parallel(plan, workers, self, together=self._asks_together()).run(self._prepare)
        finally:
            for cursor in cursors:
                cursor.close()

    def _prepare(self) -> None:
        """What the artifacts need of the project alone, while the first nodes run."""
        if self.write_artifacts:
            self._records = artifacts.records_of(self.project)

    def _asks_together(self) -> bool:
        """Stopping at the first failure, tests are asked one by one."""
        return not (self.stopped or self.project.flags.fail_fast)

    def _write_results(self, seconds: float) -> None:
        if self.write_artifacts:
            content = run_results(self.project, self.verb, self.results, seconds)
            artifacts.write(self.project.target_folder / "run_results.json", content)

    def _schemas(self) -> None:
        nodes = (self.project.nodes[uid] for uid in self._order)
        for database, schema in sorted({(node.database, node.schema) for node in nodes if node.is_relational}):
            try:
                self.connection.create_schema(database, schema)
            except NodeProblem as problem:
                # As in dbt, a place that cannot be made stops everything before it starts.
                raise ParseProblem(problem.sentence, hint=f"check the schema {database}.{schema}") from problem

    # Ephemeral models and exposures ------------------------------------------------------------------------------

    def _ephemerals(self) -> dict[str | None, list[Node]]:
        """The ephemeral models right before each other node of the order; those at its end belong to None."""
        found: dict[str | None, list[Node]] = {}
        gap: list[Node] = []
        for uid in self._order:
            node = self.project.nodes[uid]
            if _is_ephemeral(node):
                gap.append(node)
            elif gap:
                found[uid], gap = gap, []
        return {**found, None: gap}

    def _compile_ephemerals(self, nodes: Iterable[Node]) -> None:
        assert self._main is not None
        for node in nodes:
            try:
                self.inline(node, self._main.ephemeral(node))
            except NodeProblem as problem:
                self.inline(node, problem)

    def inline(self, node: Node, sql: str | NodeProblem) -> None:
        """As in dbt, an ephemeral model is compiled in its place, and what stands on a broken one is skipped."""
        if isinstance(sql, NodeProblem):
            below = self.project.graph.descendants([node.unique_id])
            self._block(below, f"the ephemeral model '{node.name}' cannot be compiled: {sql.line()}")
        else:
            self.compiled[node.unique_id] = sql

    def _exposure(self, exposure: Exposure) -> None:
        """As in dbt, an exposure is named in its place, and nothing is done."""
        why, at = self._blocked.get(exposure.unique_id), now()
        result = NodeResult(
            exposure.unique_id, exposure.name, exposure.resource_type, "no-op" if why is None else "skipped",
            "NO-OP" if why is None else why, 0 if why is None else None, started=at, compiled=at, finished=at,
            file=exposure.original_path, executed=False,
        )  # fmt: skip
        self.results.append(result)
        self.listener.ended(self._stand_in(exposure), result, self._number(exposure.unique_id), self._total)

    def _stand_in(self, exposure: Exposure) -> Node:
        """An exposure for listeners, who hear of nodes."""
        target = self.project.target
        return Node(
            exposure.unique_id, "exposure", exposure.name, exposure.package, exposure.path, exposure.original_path,
            self.project.folder, exposure.fqn, "", "", target.database, target.schema, exposure.name, exposure.config,
            depends_on=exposure.depends_on,
        )  # fmt: skip

    # Nodes ------------------------------------------------------------------------------------------------------

    def _node(self, node: Node) -> None:
        assert self._main is not None
        if self.stopped or self.blocked(node):
            self.skip(node)
            return
        started = now()
        self.start(node)
        self.finish(node, self._main.attempt(node, started)[0])

    def blocked(self, node: Node) -> bool:
        """Whether something above it failed."""
        return node.unique_id in self._blocked

    def start(self, node: Node) -> None:
        """Tell that it begins; nodes are numbered as they do."""
        self.listener.started(node, self._number(node.unique_id), self._total)

    def skip(self, node: Node) -> None:
        """It does not run."""
        why, at = FAIL_FAST if self.stopped else self._blocked[node.unique_id], now()
        self.finish(node, NodeResult(
            node.unique_id, node.name, node.resource_type, "skipped", why, started=at, compiled=at, finished=at,
            relation_name=node.relation_name, file=node.original_path,
        ))  # fmt: skip

    def note(self, result: NodeResult) -> None:
        """It has ended after the run was broken off: it counts, and nobody is told."""
        self.results.append(result)

    def finish(self, node: Node, result: NodeResult) -> None:
        """It has ended: what that means for others."""
        if result.sql is not None and node.unit is None:
            self.compiled[node.unique_id] = result.sql
        self.results.append(result)
        self.listener.ended(node, result, self._number(node.unique_id), self._total)
        if result.failed or result.status == "skipped":
            below = gating.stopped_by(self.project, node, self.verb, result.status, units_gate=not self.again)
            self._block(below, f"skipped because '{node.name}' {_PAST[result.status]}")
            if result.failed and self.project.flags.fail_fast:
                self.stopped = True

    def _number(self, unique_id: str) -> int:
        return self._numbers.setdefault(unique_id, len(self._numbers) + 1)

    def _block(self, below: set[str], why: str) -> None:
        for uid in below & (self.ids | self.exposures):
            self._blocked.setdefault(uid, why)


def _names_nodes(given: Mapping[str, Any]) -> bool:
    return bool(given.get("select") or given.get("models"))


class _Undo(Exception):
    """Ends a transaction whose work is not wanted."""


_PAST = {"error": "failed", "fail": "failed", "skipped": "was skipped", "runtime error": "failed"}


def _is_test(node: Node) -> bool:
    return node.resource_type == "test"


def _is_ephemeral(node: Node) -> bool:
    return node.config.materialized == "ephemeral"
