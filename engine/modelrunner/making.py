"""One node becomes something in the database.

Owns what each kind of node needs for it: the materialization of the project or our own, templates of hooks, foreign
keys that stand in the way. Refuses to decide what runs and what a failure means: run.py does.
"""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import Any

from engine.modelrunner import custom, foreign_keys, materialize, seeds, snapshots
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node
from engine.modelrunner.project import Project


class Maker:
    """Makes nodes of one invocation; `ids` are all that are selected."""

    def __init__(self, project: Project, connection: Connection, compiler: Compiler, ids: Set[str]) -> None:
        self.project = project
        self.connection = connection
        self.compiler = compiler
        self.ids = ids
        self._has_keys: bool | None = None

    def make(self, node: Node, sql: str) -> materialize.Materialized:
        """A model or snapshot from its compiled SQL. NodeProblem when anything fails; then nothing has changed."""
        return self._snapshot(node, sql) if node.resource_type == "snapshot" else self._model(node, sql)

    def _renderer(self, node: Node) -> Callable[[str], str]:
        compiler = self.compiler

        def render(text: str) -> str:
            if "{" not in text:
                return text
            context, _ = compiler.context(node)
            return compiler.render(node, text, context)

        return render

    def _model(self, node: Node, sql: str) -> materialize.Materialized:
        compiler, macros = self.compiler, self.project.macros
        own = custom.materialization(node, macros)
        if own is not None:
            context, _ = compiler.context(node)
            done = compiler.guarded(node, lambda: custom.run(node, own, sql, self.connection, context, compiler.main))
            assert isinstance(done, materialize.Materialized)
            return done

        def strategy(name: str) -> Callable[..., Any] | None:
            found = custom.replacement(name, node, macros, lambda: compiler.context(node)[0])
            return None if found is None else lambda *arguments: compiler.guarded(node, lambda: found(*arguments))

        def make() -> materialize.Materialized:
            return materialize.model(
                node,
                sql,
                self.connection,
                full_refresh=self.project.flags.full_refresh,
                render=self._renderer(node),
                macro=strategy,
            )

        if self._has_keys is None:
            self._has_keys = foreign_keys.declared(self.project)
        pointing = foreign_keys.pointing_to(node, self.connection) if self._has_keys else []
        if not pointing or materialize.is_incremental(node, self.connection, self.project.flags.full_refresh):
            return make()
        with self.connection.transaction():
            foreign_keys.release(node, pointing, self.project, self.ids, self.connection)
            return make()

    def _snapshot(self, node: Node, sql: str) -> materialize.Materialized:
        compiler = self.compiler
        context, _ = compiler.context(node)
        context["model"] = {**context["model"], "compiled_code": sql}

        def take() -> materialize.Materialized:
            return snapshots.snapshot(node, sql, self.connection, context, render=self._renderer(node))

        done = compiler.guarded(node, take)
        assert isinstance(done, materialize.Materialized)
        return done

    def seed(self, node: Node) -> materialize.Materialized:
        """A seed from its file."""
        return seeds.load(
            node, self.connection, full_refresh=self.project.flags.full_refresh, render=self._renderer(node)
        )
