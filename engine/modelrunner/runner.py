"""The verbs of a project.

Owns what each verb works on and the connection it works on. Refuses the work itself (run.py), and to open a database:
`connect` is passed in.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import duckdb

from engine.modelrunner import artifacts, kept
from engine.modelrunner.choosing import VERB_TYPES, Selection, ordered, selected_ids
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection, beside
from engine.modelrunner.defer import Deferral
from engine.modelrunner.freshness import Freshness, artifact, ask, has_thresholds
from engine.modelrunner.jinja import ENVIRONMENT
from engine.modelrunner.known_relations import KnownRelations
from engine.modelrunner.problems import NodeProblem, SelectionProblem
from engine.modelrunner.project import Project
from engine.modelrunner.project_hooks import END, START, ProjectHooks
from engine.modelrunner.results import FAILING, NodeResult, RunOutcome
from engine.modelrunner.run import Cursors, Listener, Run, Silent, now
from engine.modelrunner.run_results import run_results
from engine.modelrunner.small_data import with_few_threads
from engine.modelrunner.state import Previous

__all__ = ["VERB_TYPES", "Connect", "Publish", "Runner", "Selection", "selected_ids"]

Publish = Literal["each", "all"]
Connect = Callable[[], duckdb.DuckDBPyConnection]


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
        deferral: Deferral | None = None,
        threads: int | None = None,
        cursors: Cursors = beside,
    ) -> None:
        """`threads` at once, as many as the target says when None; `cursors` makes their connections."""
        self.project = project
        self.threads = project.target.threads if threads is None else threads
        self.cursors = cursors
        self.connect = connect
        self.listener: Listener = listener or Silent()
        self.write_artifacts = write_artifacts
        self.previous = previous
        self.deferral = deferral

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

    def snapshot(self, selection: Selection = Selection()) -> RunOutcome:
        """Snapshots only."""
        return self._verb("snapshot", selection, "each")

    def compile(self, selection: Selection = Selection()) -> RunOutcome:
        """Renders and writes SQL; creates nothing."""
        return self._verb("compile", selection, "each")

    def freshness(self, selection: Selection = Selection(), output: Path | None = None) -> RunOutcome:
        """How old the sources with thresholds are; writes sources.json (or `output`)."""
        ids = selected_ids(self.project, selection, ("source",), self.previous)
        sources = [self.project.sources[uid] for uid in sorted(ids) if has_thresholds(self.project.sources[uid])]
        start = time.perf_counter()
        found: list[Freshness] = []
        around: list[NodeResult] = []
        if sources:
            connection = Connection(self.connect())
            try:
                compiler = Compiler(self.project, connection)
                hooks = ProjectHooks(
                    self.project, compiler, connection, self.listener.started, self.listener.ended,
                    write_artifacts=self.write_artifacts, now=now,
                )  # fmt: skip
                asks_hooks = self.project.root.flag("source_freshness_run_project_hooks", True)
                around.extend(hooks.run(START) if asks_hooks else ())
                for index, source in enumerate(sources, 1):
                    self.listener.started(source, index, len(sources))
                    found.append(ask(source, compiler, connection, now))
                    self.listener.ended(source, found[-1].result(), index, len(sources))
                if asks_hooks:
                    around.extend(hooks.run(END, [*around, *(item.result() for item in found)]))
            finally:
                connection.raw.close()
        outcome = RunOutcome((*around, *(item.result() for item in found)), time.perf_counter() - start)
        if self.write_artifacts:
            artifacts.write(self.project.target_folder / "manifest.json", artifacts.manifest(self.project))
            content = artifact(self.project, found, outcome.seconds)
            artifacts.write(output or self.project.target_folder / "sources.json", content)
        return outcome

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
        known = {*self.project.nodes, *self.project.exposures}
        return verb, self._run(verb, again & known, "each", again=True)

    def run_operation(self, name: str, arguments: Mapping[str, Any]) -> RunOutcome:
        """Call one macro; each of its statements counts at once. SelectionProblem when there is none of that name."""
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
            compiler.guarded(node, lambda: macro.bind(context, ENVIRONMENT)(**arguments))
        except NodeProblem as problem:
            status, message = "error", problem.line()
        finally:
            connection.raw.close()
        result = NodeResult(
            macro.unique_id, short, "operation", status, message, int(status == "error"), started=started,
            compiled=started, finished=now(), file=macro.path,
        )  # fmt: skip
        if self.write_artifacts:
            artifacts.write(
                self.project.target_folder / "run_results.json",
                run_results(self.project, "run-operation", [result], result.seconds),
            )
        return RunOutcome((result,), result.seconds)

    def ls(self, selection: Selection = Selection()) -> list[str]:
        """Unique ids, sorted; needs no database."""
        return ordered(selected_ids(self.project, selection, VERB_TYPES["ls"], self.previous))

    def _verb(self, verb: str, selection: Selection, publish: Publish) -> RunOutcome:
        ids = selected_ids(self.project, selection, VERB_TYPES[verb], self.previous)
        if not ids and self.project.flags.warn_error:
            raise SelectionProblem("the selection matches no node", hint="--warn-error makes a warning an error")
        if verb == "build":
            # As in dbt, a build runs a unit test only along with its model.
            nodes = self.project.nodes
            ids = {
                uid
                for uid in ids
                if uid not in nodes or nodes[uid].unit is None or ids.issuperset(nodes[uid].depends_on)
            }
        return self._run(verb, ids, publish)

    def _run(self, verb: str, ids: set[str], publish: Publish, *, again: bool = False) -> RunOutcome:
        known = KnownRelations()
        connection = Connection(self.connect(), known=known)
        try:
            exposures = frozenset(ids & set(self.project.exposures))
            run = Run(
                self.project, verb, ids - exposures, connection, self.listener, self.write_artifacts, exposures, again,
                self.deferral, self.threads, self.cursors, known,
            )  # fmt: skip
            noted = kept.before(self.project, connection, verb, ids)
            try:
                with with_few_threads(self.project, connection):
                    if publish == "each":
                        return run.everything()
                    outcome = run.all_or_nothing()
            finally:
                # Also of a run that was broken off: what it made is there.
                if publish == "each":
                    kept.after(self.project, connection, noted, run.results)
            if not outcome.exit_code:
                kept.after(self.project, connection, noted, outcome.results)
            return outcome
        finally:
            connection.raw.close()
