"""What a project runs before its first node and after its last.

Owns `on-run-start` and `on-run-end` of all packages: rendering, running, their results and compiled files. Refuses to
decide what a failing hook means for the nodes: run.py does.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from engine.modelrunner import artifacts
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Hook, Member, Node
from engine.modelrunner.problems import NodeProblem, ParseProblem
from engine.modelrunner.project import Project
from engine.modelrunner.records import node_record
from engine.modelrunner.results import NodeResult

START, END = "on-run-start", "on-run-end"


class ProjectHooks:
    """The hooks of one invocation; `started` and `ended` hear of each, as a listener does."""

    def __init__(
        self,
        project: Project,
        compiler: Compiler,
        connection: Connection,
        started: Callable[[Node, int, int], None],
        ended: Callable[[Node, NodeResult, int, int], None],
        *,
        write_artifacts: bool,
        now: Callable[[], datetime.datetime],
    ) -> None:
        self.project = project
        self.compiler = compiler
        self.connection = connection
        self.started = started
        self.ended = ended
        self.write_artifacts = write_artifacts
        self.now = now

    def run(self, key: str, before: Iterable[NodeResult] = ()) -> list[NodeResult]:
        """Run all of one kind; as in dbt, one that fails skips the others. `before` is what templates see as `results`.

        ParseProblem when one cannot be rendered: then nothing may go on.
        """
        hooks = self._nodes(key)
        if not hooks:
            return []
        self.compiler.results = [self._told(result) for result in before if self._is_told(result)]
        found: list[NodeResult] = []
        for index, (label, node) in enumerate(hooks, 1):
            self.started(node, index, len(hooks))
            found.append(self._skipped(node, label) if any(item.failed for item in found) else self._one(node, label))
            self.ended(node, found[-1], index, len(hooks))
        return found

    def compile(self) -> list[NodeResult]:
        """Render all hooks and run none."""
        return [self._compiled(node) for key in (START, END) for _, node in self._nodes(key)]

    def _nodes(self, key: str) -> list[tuple[str, Node]]:
        """(the name in messages, the node) of every hook of one kind."""
        return [
            (
                f"{package.name}.{key}.{number}",
                replace(
                    self.compiler.operation(f"{package.name}-{key}-{number}", text),
                    unique_id=f"operation.{package.name}.{package.name}-{key}-{number}",
                    package=package.name,
                    path=f"hooks/{package.name}-{key}-{number}.sql",
                ),
            )
            for package in self.project.packages.values()
            for number, text in enumerate(package.hooks(key))
        ]

    def _render(self, node: Node) -> str:
        try:
            context, _ = self.compiler.context(node, free=True)
            sql = self.compiler.render(node, node.raw_code, context)
        except NodeProblem as problem:
            raise ParseProblem(f"{node.name}: {problem.sentence}", hint=problem.hint) from problem
        if self.write_artifacts and sql:
            artifacts.write_sql(self.project, node, sql, "compiled")
        return sql

    def _one(self, node: Node, label: str) -> NodeResult:
        started = self.now()
        text = self._render(node)
        compiled = self.now()
        status, message, failures = "success", f"{label} passed", 0
        sql = Hook.read(text).sql.strip()
        try:
            if sql:
                with self.connection.transaction():
                    self.connection.execute(sql)
        except NodeProblem as problem:
            status, message, failures = "error", f"{label} failed, error: {problem.line()}", 1
        return self._result(node, status, message, failures, started, compiled, text)

    def _skipped(self, node: Node, label: str) -> NodeResult:
        return self._result(node, "skipped", f"{label} skipped", 1, self.now(), None, None)

    def _compiled(self, node: Node) -> NodeResult:
        started = self.now()
        return self._result(node, "success", None, None, started, self.now(), self._render(node))

    def _result(
        self,
        node: Node,
        status: str,
        message: str | None,
        failures: int | None,
        started: datetime.datetime,
        compiled: datetime.datetime | None,
        sql: str | None,
    ) -> NodeResult:
        return NodeResult(
            node.unique_id, node.name, "operation", status, message, failures, None, started, compiled, self.now(), sql,
            None, node.original_path, executed=False,
        )  # fmt: skip

    def _is_told(self, result: NodeResult) -> bool:
        """As in dbt, hooks hear of the hooks before them only when those failed."""
        return result.resource_type != "operation" or result.failed

    def _told(self, result: NodeResult) -> dict[str, Any]:
        members: dict[str, Member] = {**self.project.nodes, **self.project.sources, **self.project.exposures}
        member = members.get(result.unique_id)
        named = {"unique_id": result.unique_id, "name": result.name, "resource_type": result.resource_type}
        return {
            "node": named if member is None else node_record(self.project, member),
            "status": result.status,
            "message": result.message,
            "failures": result.failures,
            "execution_time": result.seconds,
            "thread_id": "main",
            "adapter_response": {},
            "timing": [],
        }
