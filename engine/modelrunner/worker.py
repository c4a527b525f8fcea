"""One node done on one connection: compiled, made or tested, and what became of it.

Owns the steps of each kind of node and the files they leave. Refuses to choose what comes next and to decide what a
failure stops: run.py and parallel.py do. A worker belongs to one thread at a time.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.modelrunner import artifacts, tests, tests_together, unit_tests
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.making import Maker
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.project import Project
from engine.modelrunner.relation import Relation
from engine.modelrunner.results import NodeResult

MAIN = "main"
"""The thread that hooks run in, and all else when there is one thread."""


def now() -> datetime.datetime:
    """The instant that stands in results."""
    return datetime.datetime.now(datetime.UTC)


@dataclass(slots=True)
class Worker:
    """What does the nodes of one invocation, on one connection; `thread` is its name in results."""

    project: Project
    verb: str
    connection: Connection
    compiler: Compiler
    maker: Maker
    write_artifacts: bool
    thread: str = MAIN
    _texts: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, tests_together.Answer] = field(default_factory=dict)

    def ask_together(self, nodes: Iterable[Node]) -> None:
        """Tests between which nothing changes: one pass over a relation may answer many. `attempt` has the verdicts."""
        compiled = {}
        for node in nodes:
            try:
                if tests.stores_failures(node, self.project.flags.store_failures) is None:
                    compiled[node.unique_id] = (node, self.compiler.compile(node).sql)
            except NodeProblem:
                continue  # it is told of in its turn
        self._texts = {uid: sql for uid, (_, sql) in compiled.items()}
        for group in tests_together.groups(compiled):
            self._answers.update(tests_together.ask(group, self.connection))

    def ephemeral(self, node: Node) -> str:
        """The SQL of an ephemeral model, which is all there is to do about it. NodeProblem when there is none."""
        sql = self.compiler.compile(node).sql
        if self.write_artifacts and sql:
            artifacts.write_sql(self.project, node, sql, "compiled")
        return sql

    def attempt(self, node: Node, started: datetime.datetime) -> tuple[NodeResult, bool]:
        """Do it, and whether it failed because another transaction was in the way. ParseProblem ends everything."""
        compiled_at: datetime.datetime | None = None
        sql: str | None = None
        message: str | None = "OK"
        status, failures, rows, conflict = "success", None, None, False
        try:
            if node.unit is not None:
                compiled_at = started
                sql = unit_tests.compile(node, self.compiler, self.connection)
                compiled_at = now()
                self._write_unit(node, sql, "compiled")
                verdict = unit_tests.run(node, sql, self.connection)
                self._write_unit(node, verdict.sql, "run")
                status, failures, message = verdict.status, verdict.failures, verdict.message
            elif node.resource_type == "seed":
                compiled_at = started
                if self.verb != "compile":
                    made = self.maker.seed(node)
                    rows, message = made.rows, f"INSERT {made.rows}"
                    self._write(node, made.sql, "run")
            else:
                sql = self._texts.pop(node.unique_id, None)
                if sql is None:
                    sql = self.compiler.compile(node).sql
                compiled_at = now()
                if sql and node.resource_type != "snapshot":
                    self._write(node, sql, "compiled")
                    for inner, text in self.compiler.inlined():
                        self._write(inner, text, "compiled")
                if self.verb == "compile":
                    message = None
                elif node.resource_type == "test":
                    flags = self.project.flags
                    verdict = tests.run(
                        node, sql, self.connection, store_failures=flags.store_failures, warn_error=flags.warn_error,
                        answer=self._answers.pop(node.unique_id, None),
                    )  # fmt: skip
                    status, failures, message = verdict.status, verdict.failures, verdict.message
                    self._write(node, verdict.sql, "run")
                else:
                    made = self.maker.make(node, sql)
                    rows = made.rows
                    self._write(node, made.sql, "run")
        except NodeProblem as problem:
            status, message, conflict = "error", problem.line(), problem.conflict
            if self.verb == "compile":
                # As in dbt, nothing is told of nodes when one cannot be compiled.
                raise ParseProblem(problem.sentence, hint=problem.hint) from problem
            if sql is not None and node.unit is None and sql in (problem.statement or ""):
                self._write(node, problem.statement or "", "run")
        result = NodeResult(
            node.unique_id, node.name, node.resource_type, status, message, failures, rows, started, compiled_at, now(),
            sql, self._relation(node), node.original_path, self.verb != "compile", self.thread,
        )  # fmt: skip
        return result, conflict

    def _write(self, node: Node, sql: str, kind: str) -> None:
        if self.write_artifacts:
            artifacts.write_sql(self.project, node, sql, kind)

    def _write_unit(self, node: Node, sql: str, kind: str) -> None:
        place = Path(node.original_path).parent / f"{node.name}.sql"
        self._write(replace(node, path=place.as_posix()), sql, kind)

    def _relation(self, node: Node) -> str | None:
        """The relation of a node, that of a test's failing rows included."""
        if node.resource_type == "test" and tests.keeps_rows(node, self.project.flags.store_failures):
            return str(Relation(node.database, node.schema, node.alias))
        return node.relation_name
