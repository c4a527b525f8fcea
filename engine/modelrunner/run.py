"""One invocation of one verb.

Owns the order of nodes, what a failure skips, hooks around the run, transactions, results and artifacts. Refuses to
select (ids come in), to print (a `Listener` hears of every node) and to open a database.
"""

from __future__ import annotations

import datetime
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from engine.modelrunner import (
    artifacts,
    gating,
    materialize,
    tests,
    tests_together,
    unit_tests,
)
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.defer import Deferral
from engine.modelrunner.making import Maker
from engine.modelrunner.nodes import Exposure, Node, Source
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.project import Project
from engine.modelrunner.project_hooks import END, START, ProjectHooks
from engine.modelrunner.relation import Relation
from engine.modelrunner.results import FAIL_FAST, NodeResult, RunOutcome
from engine.modelrunner.run_results import run_results


class Listener(Protocol):
    """Hears of every node as it starts and ends."""

    def started(self, node: Node | Source, index: int, total: int) -> None: ...

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None: ...


class Silent:
    """A listener that does nothing."""

    def started(self, node: Node | Source, index: int, total: int) -> None:
        pass

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None:
        pass


def now() -> datetime.datetime:
    """The instant that stands in results."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(slots=True)
class Run:
    """One invocation of one verb on one connection."""

    project: Project
    verb: str
    ids: set[str]
    connection: Connection
    listener: Listener = field(default_factory=Silent)
    write_artifacts: bool = True
    exposures: frozenset[str] = frozenset()
    again: bool = False
    deferral: Deferral | None = None
    results: list[NodeResult] = field(default_factory=list)
    compiled: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    _blocked: dict[str, str] = field(default_factory=dict)
    _compiler: Compiler | None = None
    _maker: Maker | None = None
    _texts: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, tests_together.Answer] = field(default_factory=dict)

    def all_or_nothing(self) -> RunOutcome:
        """Everything in one transaction: any failure leaves the database as it was."""
        outcome: RunOutcome | None = None
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
        order = gating.running_order(self.project, self.ids, units_first=not self.again)
        self._compiler = Compiler(
            self.project,
            self.connection,
            incremental=lambda node: materialize.is_incremental(node, self.connection, self.project.flags.full_refresh),
            selected=tuple(order),
            deferral=self.deferral,
        )
        self._maker = Maker(self.project, self.connection, self._compiler, self.ids)
        hooks = ProjectHooks(
            self.project, self._compiler, self.connection, self.listener.started, self.listener.ended,
            write_artifacts=self.write_artifacts, now=now,
        )  # fmt: skip
        try:
            self._all(order, hooks)
        finally:
            if self.write_artifacts:
                artifacts.write(
                    self.project.target_folder / "manifest.json", artifacts.manifest(self.project, self.compiled)
                )
        outcome = RunOutcome(tuple(self.results), time.perf_counter() - start)
        self._write_results(outcome.seconds)
        return outcome

    def _all(self, order: Sequence[str], hooks: ProjectHooks) -> None:
        nodes = self.project.nodes
        numbered: list[Node | Exposure] = [
            nodes[uid] for uid in order if self.verb == "compile" or nodes[uid].config.materialized != "ephemeral"
        ]
        numbered += [self.project.exposures[uid] for uid in sorted(self.exposures)]
        if self.verb == "compile":
            for index, member in enumerate(numbered, 1):
                self._member(member, index, len(numbered))
            flags = self.project.flags
            if flags.which == "docs" or (flags.which == "compile" and not _names_nodes(flags.extra)):
                # As in dbt, an ephemeral model has a result of its own only where `compile` was asked for nodes.
                short = {uid for uid in self.ids if nodes[uid].config.materialized == "ephemeral"}
                self.results = [result for result in self.results if result.failed or result.unique_id not in short]
            compiled = hooks.compile() if self.ids else []
            if not (flags.which == "compile" and _names_nodes(flags.extra)):
                # As in dbt, a command that names nodes tells of nothing else.
                self.results.extend(compiled)
            return
        start = time.perf_counter()
        self._schemas(order)
        if numbered:
            self.results.extend(hooks.run(START))
            if any(result.failed for result in self.results) and self.project.root.flag(
                "skip_nodes_if_on_run_start_fails", False
            ):
                self._blocked = dict.fromkeys([*self.ids, *self.exposures], "skipped because a hook before it failed")
        between = self._ephemerals(order)
        for index, member in enumerate(numbered, 1):
            self._compile_ephemerals(between.get(member.unique_id, ()))
            if _is_test(member) and (index == 1 or not _is_test(numbered[index - 2])):
                self._ask_together(itertools.takewhile(_is_test, numbered[index - 1 :]))
            self._member(member, index, len(numbered))
        self._compile_ephemerals(between.get(None, ()))
        if numbered:
            try:
                self.results.extend(hooks.run(END, self.results))
            except ParseProblem:
                self._write_results(time.perf_counter() - start)
                raise

    def _ask_together(self, following: Iterable[Node | Exposure]) -> None:
        """Tests that come one after the other: nothing changes between them, so one pass over a relation may do."""
        assert self._compiler is not None
        flags, compiled = self.project.flags, {}
        for node in following:
            assert isinstance(node, Node)
            if node.unique_id in self._blocked or self.stopped or flags.fail_fast:
                continue
            try:
                if tests.stores_failures(node, flags.store_failures) is None:
                    compiled[node.unique_id] = (node, self._compiler.compile(node).sql)
            except NodeProblem:
                continue  # it is told of in its turn
        self._texts = {uid: sql for uid, (_, sql) in compiled.items()}
        for group in tests_together.groups(compiled):
            self._answers.update(tests_together.ask(group, self.connection))

    def _write_results(self, seconds: float) -> None:
        if self.write_artifacts:
            content = run_results(self.project, self.verb, self.results, seconds)
            artifacts.write(self.project.target_folder / "run_results.json", content)

    def _schemas(self, order: Iterable[str]) -> None:
        wanted = {
            (node.database, node.schema) for node in (self.project.nodes[uid] for uid in order) if node.is_relational
        }
        for database, schema in sorted(wanted):
            try:
                self.connection.create_schema(database, schema)
            except NodeProblem as problem:
                # As in dbt, a place that cannot be made stops everything before it starts.
                raise ParseProblem(problem.sentence, hint=f"check the schema {database}.{schema}") from problem

    # One node ---------------------------------------------------------------------------------------------------

    def _member(self, member: Node | Exposure, index: int, total: int) -> None:
        if isinstance(member, Node):
            self._node(member, index, total)
            return
        # As in dbt, an exposure is named in its place, and nothing is done.
        why, at = self._blocked.get(member.unique_id), now()
        result = NodeResult(
            member.unique_id, member.name, member.resource_type, "no-op" if why is None else "skipped",
            "NO-OP" if why is None else why, 0 if why is None else None, started=at, compiled=at, finished=at,
            file=member.original_path, executed=False,
        )  # fmt: skip
        self.results.append(result)
        self.listener.ended(self._stand_in(member), result, index, total)

    def _ephemerals(self, order: Sequence[str]) -> dict[str | None, list[Node]]:
        """The ephemeral models right before each other node of the order; those at its end belong to None."""
        found: dict[str | None, list[Node]] = {}
        gap: list[Node] = []
        for uid in order:
            node = self.project.nodes[uid]
            if node.config.materialized == "ephemeral":
                gap.append(node)
            elif gap:
                found[uid], gap = gap, []
        return {**found, None: gap}

    def _compile_ephemerals(self, nodes: Iterable[Node]) -> None:
        """As in dbt, an ephemeral model is compiled in its place, and what stands on a broken one is skipped."""
        compiler = self._compiler
        assert compiler is not None
        for node in nodes:
            try:
                sql = compiler.compile(node).sql
            except NodeProblem as problem:
                below = self.project.graph.descendants([node.unique_id])
                self._block(below, f"the ephemeral model '{node.name}' cannot be compiled: {problem.line()}")
                continue
            self.compiled[node.unique_id] = sql
            if self.write_artifacts and sql:
                artifacts.write_sql(self.project, node, sql, "compiled")

    def _write_unit(self, node: Node, sql: str, kind: str) -> None:
        if self.write_artifacts:
            place = Path(node.original_path).parent / f"{node.name}.sql"
            artifacts.write_sql(self.project, replace(node, path=place.as_posix()), sql, kind)

    def _block(self, below: set[str], why: str) -> None:
        for uid in below & (self.ids | self.exposures):
            self._blocked.setdefault(uid, why)

    def _stand_in(self, exposure: Exposure) -> Node:
        """An exposure for listeners, who hear of nodes."""
        target = self.project.target
        return Node(
            exposure.unique_id, "exposure", exposure.name, exposure.package, exposure.path, exposure.original_path,
            self.project.folder, exposure.fqn, "", "", target.database, target.schema, exposure.name, exposure.config,
            depends_on=exposure.depends_on,
        )  # fmt: skip

    def _node(self, node: Node, index: int, total: int) -> None:
        why = FAIL_FAST if self.stopped else self._blocked.get(node.unique_id)
        started = now()
        if why is not None:
            result = NodeResult(
                node.unique_id, node.name, node.resource_type, "skipped", why, started=started, compiled=started,
                finished=started, relation_name=node.relation_name, file=node.original_path,
            )  # fmt: skip
        else:
            self.listener.started(node, index, total)
            result = self._attempt(node, started)
        self.results.append(result)
        self.listener.ended(node, result, index, total)
        if result.failed or result.status == "skipped":
            below = gating.stopped_by(self.project, node, self.verb, result.status, units_gate=not self.again)
            self._block(below, f"skipped because '{node.name}' {_PAST[result.status]}")
            if result.failed and self.project.flags.fail_fast:
                self.stopped = True

    def _attempt(self, node: Node, started: datetime.datetime) -> NodeResult:
        compiled_at: datetime.datetime | None = None
        sql: str | None = None
        message: str | None = "OK"
        status, failures, rows = "success", None, None
        assert self._compiler is not None
        assert self._maker is not None
        try:
            if node.unit is not None:
                compiled_at = started
                sql = unit_tests.compile(node, self._compiler, self.connection)
                compiled_at = now()
                self._write_unit(node, sql, "compiled")
                verdict = unit_tests.run(node, sql, self.connection)
                self._write_unit(node, verdict.sql, "run")
                status, failures, message = verdict.status, verdict.failures, verdict.message
            elif node.resource_type == "seed":
                compiled_at = started
                if self.verb != "compile":
                    made = self._maker.seed(node)
                    rows, message = made.rows, f"INSERT {made.rows}"
                    if self.write_artifacts:
                        artifacts.write_sql(self.project, node, made.sql, "run")
            else:
                known = self._texts.get(node.unique_id)
                sql = self._compiler.compile(node).sql if known is None else known
                compiled_at = now()
                self.compiled[node.unique_id] = sql
                if self.write_artifacts and sql and node.resource_type != "snapshot":
                    artifacts.write_sql(self.project, node, sql, "compiled")
                    for inner, text in self._compiler.inlined():
                        artifacts.write_sql(self.project, inner, text, "compiled")
                if self.verb == "compile":
                    message = None
                elif node.resource_type == "test":
                    flags = self.project.flags
                    verdict = tests.run(
                        node, sql, self.connection, store_failures=flags.store_failures, warn_error=flags.warn_error,
                        answer=self._answers.pop(node.unique_id, None),
                    )  # fmt: skip
                    status, failures, message = verdict.status, verdict.failures, verdict.message
                    if self.write_artifacts:
                        artifacts.write_sql(self.project, node, verdict.sql, "run")
                else:
                    made = self._maker.make(node, sql)
                    rows = made.rows
                    if self.write_artifacts:
                        artifacts.write_sql(self.project, node, made.sql, "run")
        except NodeProblem as problem:
            status, message = "error", problem.line()
            if self.verb == "compile":
                # As in dbt, nothing is told of nodes when one cannot be compiled.
                raise ParseProblem(problem.sentence, hint=problem.hint) from problem
            if self.write_artifacts and sql is not None and node.unit is None and sql in (problem.statement or ""):
                artifacts.write_sql(self.project, node, problem.statement or "", "run")
        return NodeResult(
            node.unique_id, node.name, node.resource_type, status, message, failures, rows, started, compiled_at, now(),
            sql, self._relation(node), node.original_path, self.verb != "compile",
        )  # fmt: skip

    def _relation(self, node: Node) -> str | None:
        """The relation of a node, that of a test's failing rows included."""
        if node.resource_type == "test" and tests.keeps_rows(node, self.project.flags.store_failures):
            return str(Relation(node.database, node.schema, node.alias))
        return node.relation_name


def _names_nodes(given: Mapping[str, Any]) -> bool:
    return bool(given.get("select") or given.get("models"))


class _Undo(Exception):
    """Ends a transaction whose work is not wanted."""


_PAST = {"error": "failed", "fail": "failed", "skipped": "was skipped", "runtime error": "failed"}


def _is_test(member: Node | Exposure) -> bool:
    return member.resource_type == "test"
