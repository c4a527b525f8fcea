"""Running nodes in order.

Owns what a verb does with a selection: the order, what a failure skips, hooks around the run, transactions, results and
artifacts. Refuses to print (a `Listener` hears of every node) and to open a database (`connect` is passed in).
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import duckdb

from engine.modelrunner import artifacts, materialize, seeds, tests
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.jinja import ENVIRONMENT
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem, SelectionProblem
from engine.modelrunner.project import Project
from engine.modelrunner.results import FAILING, NodeResult, RunOutcome
from engine.modelrunner.selection import Previous, Selector, parse

Publish = Literal["each", "all"]
Connect = Callable[[], duckdb.DuckDBPyConnection]
VERB_TYPES: dict[str, tuple[str, ...]] = {
    "run": ("model",),
    "seed": ("seed",),
    "snapshot": ("snapshot",),
    "test": ("test", "unit_test"),
    "build": ("model", "seed", "snapshot", "test", "unit_test"),
    "compile": ("model", "seed", "snapshot", "test", "unit_test", "analysis"),
    "show": ("model", "seed", "snapshot", "test", "analysis"),
    "ls": ("model", "seed", "snapshot", "test", "unit_test", "analysis", "source", "exposure"),
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command is about, as on dbt's command line; an empty one means everything."""

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    indirect: str = "eager"
    resource_types: tuple[str, ...] = ()
    exclude_resource_types: tuple[str, ...] = ()


class Listener(Protocol):
    """Hears of every node as it starts and ends."""

    def started(self, node: Node, index: int, total: int) -> None: ...

    def ended(self, node: Node, result: NodeResult, index: int, total: int) -> None: ...


class Silent:
    """A listener that does nothing."""

    def started(self, node: Node, index: int, total: int) -> None:
        pass

    def ended(self, node: Node, result: NodeResult, index: int, total: int) -> None:
        pass


def now() -> datetime.datetime:
    """The instant that stands in results."""
    return datetime.datetime.now(datetime.UTC)


def selected_ids(
    project: Project, selection: Selection, types: Sequence[str], previous: Previous | None = None
) -> set[str]:
    """Unique ids of a selection, of these resource types only."""
    selector = Selector(project, previous)
    if selection.selector is not None:
        spec = selector.named(selection.selector, selection.indirect)
    else:
        default = selector.default() if not selection.select and not selection.exclude else None
        spec = default or parse(selection.select, selection.exclude, selection.indirect)
    wanted = set(selection.resource_types or types) - set(selection.exclude_resource_types)
    found = {uid for uid in selector.select(spec) if project.member(uid).resource_type in wanted}
    # As in dbt, a model without any text is listed and otherwise passed over.
    return found if types == VERB_TYPES["ls"] else {uid for uid in found if not _is_empty(project, uid)}


def _is_empty(project: Project, uid: str) -> bool:
    node = project.nodes.get(uid)
    return node is not None and node.resource_type == "model" and not node.raw_code.strip()


class Runner:
    """Runs the verbs of one project; `connect` gives a DuckDB connection, which the runner closes when done."""

    def __init__(
        self,
        project: Project,
        connect: Connect,
        *,
        listener: Listener | None = None,
        write_artifacts: bool = True,
        previous: Previous | None = None,
    ) -> None:
        self.project = project
        self.connect = connect
        self.listener: Listener = listener or Silent()
        self.write_artifacts = write_artifacts
        self.previous = previous

    def run(self, selection: Selection = Selection(), *, publish: Publish = "each") -> RunOutcome:
        """Models only."""
        return self._verb("run", selection, publish)

    def test(self, selection: Selection = Selection()) -> RunOutcome:
        """Tests only."""
        return self._verb("test", selection, "each")

    def build(self, selection: Selection = Selection(), *, publish: Publish = "each") -> RunOutcome:
        """Seeds, models, snapshots and tests in order; a failing test stops what stands on the tested node."""
        return self._verb("build", selection, publish)

    def seed(self, selection: Selection = Selection()) -> RunOutcome:
        """Seeds only."""
        return self._verb("seed", selection, "each")

    def compile(self, selection: Selection = Selection()) -> RunOutcome:
        """Renders and writes SQL; creates nothing."""
        return self._verb("compile", selection, "each")

    def retry(self) -> tuple[str, RunOutcome]:
        """What failed or was skipped in the last run, by the same verb. UsageError when there was none."""
        path = self.project.target_folder / "run_results.json"
        last = artifacts.read(path)
        if last is None:
            raise SelectionProblem(f"no earlier run in {path}", hint="run, build or test first")
        verb = str(last.get("args", {}).get("which"))
        if verb not in VERB_TYPES:
            raise SelectionProblem(f"the last command, '{verb}', cannot be retried", hint="run, build or test first")
        again = {
            result["unique_id"]
            for result in last["results"]
            if result["status"] in FAILING or result["status"] == "skipped"
        }
        return verb, self._run(verb, again & set(self.project.nodes), "each")

    def run_operation(self, name: str, arguments: Mapping[str, Any]) -> RunOutcome:
        """Call one macro. SelectionProblem when there is none of that name."""
        package, _, short = name.rpartition(".")
        macro = self.project.macros.find(short, package or None, self.project.name)
        if macro is None:
            raise SelectionProblem(f"no macro '{name}'", hint=self.project.macros.suggest(short))
        connection = Connection(self.connect())
        started = now()
        status, message = "success", "OK"
        try:
            compiler = Compiler(self.project, connection)
            node = compiler.operation(short, "")
            context, _ctes = compiler.context(node, free=True)
            with connection.transaction():
                compiler.guarded(node, lambda: macro.bind(context, ENVIRONMENT)(**arguments))
        except NodeProblem as problem:
            status, message = "error", problem.line()
        finally:
            connection.raw.close()
        result = NodeResult(
            f"operation.{self.project.name}.{short}", short, "operation", status, message, started=started,
            compiled=started, finished=now(), file=macro.path,
        )  # fmt: skip
        return RunOutcome((result,), result.seconds)

    def ls(self, selection: Selection = Selection()) -> list[str]:
        """Unique ids, sorted; needs no database."""
        return sorted(selected_ids(self.project, selection, VERB_TYPES["ls"], self.previous))

    def _verb(self, verb: str, selection: Selection, publish: Publish) -> RunOutcome:
        return self._run(verb, selected_ids(self.project, selection, VERB_TYPES[verb], self.previous), publish)

    def _run(self, verb: str, ids: set[str], publish: Publish) -> RunOutcome:
        connection = Connection(self.connect())
        try:
            run = Run(self, verb, ids, connection)
            return run.everything() if publish == "each" else run.all_or_nothing()
        finally:
            connection.raw.close()


@dataclass(slots=True)
class Run:
    """One invocation of one verb on one connection."""

    runner: Runner
    verb: str
    ids: set[str]
    connection: Connection
    results: list[NodeResult] = field(default_factory=list)
    compiled: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    _blocked: dict[str, str] = field(default_factory=dict)
    _compiler: Compiler | None = None

    @property
    def project(self) -> Project:
        return self.runner.project

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
        order = self._order()
        self._compiler = Compiler(
            self.project,
            self.connection,
            incremental=lambda node: materialize.is_incremental(node, self.connection, self.project.flags.full_refresh),
            selected=tuple(order),
        )
        if self.verb != "compile":
            self._schemas(order)
            if self.ids:
                self._hooks("on-run-start")
        numbered = [
            uid for uid in order if self.project.nodes[uid].config.materialized != "ephemeral" or self.verb == "compile"
        ]
        for index, uid in enumerate(numbered, 1):
            self._node(self.project.nodes[uid], index, len(numbered))
        if self.verb != "compile" and self.ids:
            self._hooks("on-run-end")
        outcome = RunOutcome(tuple(self.results), time.perf_counter() - start)
        if self.runner.write_artifacts:
            folder = self.project.target_folder
            artifacts.write(folder / "manifest.json", artifacts.manifest(self.project, self.compiled))
            artifacts.write(
                folder / "run_results.json",
                artifacts.run_results(self.project, self.verb, outcome.results, outcome.seconds),
            )
        return outcome

    def _order(self) -> list[str]:
        """Parents first; a test as soon as all it looks at is there, before anything that stands on the same."""
        graph = self.project.graph
        nodes = self.project.nodes
        building = [
            uid for uid in graph.order() if uid in self.ids and nodes[uid].resource_type not in ("test", "unit_test")
        ]
        checks = [uid for uid in nodes if uid in self.ids and nodes[uid].resource_type in ("test", "unit_test")]
        waiting = {uid: {parent for parent in nodes[uid].depends_on if parent in self.ids} for uid in checks}
        out = [uid for uid in checks if not waiting[uid]]
        for uid in building:
            out.append(uid)
            for check in checks:
                if uid in waiting[check]:
                    waiting[check].discard(uid)
                    if not waiting[check]:
                        out.append(check)
        return out

    def _schemas(self, order: Iterable[str]) -> None:
        wanted = {
            (node.database, node.schema) for node in (self.project.nodes[uid] for uid in order) if node.is_relational
        }
        for database, schema in sorted(wanted):
            self.connection.create_schema(database, schema)

    # One node ---------------------------------------------------------------------------------------------------

    def _node(self, node: Node, index: int, total: int) -> None:
        why = self._blocked.get(node.unique_id)
        if why is None and self.stopped:
            why = "skipped after the first failure (--fail-fast)"
        started = now()
        if why is not None:
            result = NodeResult(
                node.unique_id, node.name, node.resource_type, "skipped", why, started=started, compiled=started,
                finished=started, relation_name=node.relation_name, file=node.original_path,
            )  # fmt: skip
        else:
            self.runner.listener.started(node, index, total)
            result = self._attempt(node, started)
        self.results.append(result)
        self.runner.listener.ended(node, result, index, total)
        if result.failed or result.status == "skipped":
            self._block(node, result)
            if result.failed and self.project.flags.fail_fast:
                self.stopped = True

    def _attempt(self, node: Node, started: datetime.datetime) -> NodeResult:
        compiled_at = started
        sql: str | None = None
        status, message, failures, rows = "success", "OK", None, None
        assert self._compiler is not None
        try:
            if node.resource_type == "seed":
                if self.verb != "compile":
                    rows = self._seed(node).rows
            else:
                materialize.check(node)
                sql = self._compiler.compile(node).sql
                compiled_at = now()
                self.compiled[node.unique_id] = sql
                if self.runner.write_artifacts:
                    artifacts.write_sql(self.project, node, sql, "compiled")
                if self.verb == "compile":
                    pass
                elif node.resource_type == "test":
                    verdict = tests.run(node, sql, self.connection, store_failures=self.project.flags.store_failures)
                    status, failures, message = verdict.status, verdict.failures, verdict.message or ""
                    if self.runner.write_artifacts:
                        artifacts.write_sql(self.project, node, verdict.sql, "run")
                else:
                    made = self._model(node, sql)
                    rows = made.rows
                    if self.runner.write_artifacts:
                        artifacts.write_sql(self.project, node, made.sql, "run")
        except NodeProblem as problem:
            status, message = "error", problem.line()
        return NodeResult(
            node.unique_id, node.name, node.resource_type, status, message, failures, rows, started, compiled_at, now(),
            sql, node.relation_name, node.original_path,
        )  # fmt: skip

    def _renderer(self, node: Node) -> Callable[[str], str]:
        compiler = self._compiler
        assert compiler is not None

        def render(text: str) -> str:
            if "{" not in text:
                return text
            context, _ = compiler.context(node)
            return compiler.render(node, text, context)

        return render

    def _model(self, node: Node, sql: str) -> materialize.Materialized:
        return materialize.model(
            node, sql, self.connection, full_refresh=self.project.flags.full_refresh, render=self._renderer(node)
        )

    def _seed(self, node: Node) -> materialize.Materialized:
        return seeds.load(
            node, self.connection, full_refresh=self.project.flags.full_refresh, render=self._renderer(node)
        )

    def _block(self, node: Node, result: NodeResult) -> None:
        """What cannot run any more: descendants of a failed node; of a failed test, what stands on all it looked at."""
        graph = self.project.graph
        if node.resource_type in ("test", "unit_test"):
            if self.verb != "build" or result.status == "skipped" or not node.depends_on:
                return
            common: set[str] | None = None
            for parent in node.depends_on:
                below = graph.descendants([parent])
                common = below if common is None else common & below
            below = {
                uid for uid in common or set() if self.project.member(uid).resource_type not in ("test", "unit_test")
            }
            below |= {test for uid in below for test in graph.children[uid]}
        else:
            below = graph.descendants([node.unique_id])
        for uid in below & self.ids:
            self._blocked.setdefault(uid, f"skipped because '{node.name}' {_PAST[result.status]}")

    def _hooks(self, key: str) -> None:
        compiler = self._compiler
        assert compiler is not None
        compiler.results = [
            {
                "node": artifacts.node_record(self.project, self.project.nodes[result.unique_id]),
                "status": result.status,
                "message": result.message,
                "failures": result.failures,
                "execution_time": result.seconds,
                "thread_id": "main",
                "adapter_response": {},
                "timing": [],
            }
            for result in self.results
            if result.unique_id in self.project.nodes
        ]
        for package in self.project.packages.values():
            for number, text in enumerate(package.hooks(key)):
                node = compiler.operation(f"{package.name}-{key}-{number}", text)
                started = now()
                status, message = "success", "OK"
                try:
                    context, _ = compiler.context(node, free=True)
                    sql = compiler.render(node, text, context).strip()
                    if sql:
                        with self.connection.transaction():
                            self.connection.execute(sql)
                except NodeProblem as problem:
                    status, message = "error", problem.line()
                result = NodeResult(
                    node.unique_id, node.name, "operation", status, message, started=started, compiled=started,
                    finished=now(), file=node.original_path,
                )  # fmt: skip
                self.results.append(result)
                self.runner.listener.ended(node, result, 0, 0)
                if result.failed and key == "on-run-start":
                    raise NodeProblem(f"{node.name}: {message}", hint="nothing was run")


class _Undo(Exception):
    """Ends a transaction whose work is not wanted."""


_PAST = {"error": "failed", "fail": "failed", "skipped": "was skipped", "runtime error": "failed"}
