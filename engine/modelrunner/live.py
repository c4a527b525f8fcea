"""The models kept up to date while data arrive.

Owns the live loop: a full build when there is none or the project changed, then after each batch a refresh of touched
keys only, each in one transaction with its watermark, its gate tests and its history, so that a reader never sees half.
Refuses to decide when to refresh, and to serve two threads at once: its owner calls it from one.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb

from engine.errors import ModelError
from engine.modelrunner import live_plan, live_refresh
from engine.modelrunner.database import Connection
from engine.modelrunner.live_plan import Plan
from engine.modelrunner.live_refresh import OneRefresh, Ran
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project
from engine.modelrunner.results import NodeResult
from engine.modelrunner.run import Run, now
from engine.modelrunner.runner import Connect

# The history of refreshes is kept for an hour; full builds stay.
HISTORY_SECONDS = 3600
PRUNE_EVERY = 500

_TABLES = """
create schema if not exists ops;
create table if not exists ops.model_watermark (
    project varchar not null,
    batch_id bigint not null,
    built_at timestamptz not null,
    fingerprint varchar not null
);
create table if not exists ops.model_runs (
    run_id varchar not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    node varchar not null,
    status varchar not null,
    row_count bigint,
    duration_ms double,
    message varchar
);
"""


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


class LiveLoop:
    """Keeps a project's models equal to a full build of everything up to the watermark.

    `connect` gives a cursor of the engine's open database; other cursors may append to the sources meanwhile.
    `ops.batches(batch_id)` says which batches there are.
    """

    def __init__(self, project: Project, connect: Connect) -> None:
        self.project = project
        self._connect = connect
        self._connection: Connection | None = None
        self._plan: Plan | None = None
        self._refreshes = 0

    def start(self) -> Refresh | None:
        """Build everything in one transaction when models are missing or the project changed; else return None.

        ModelError when a node or a gate test fails: nothing has changed then but ops.model_runs.
        """
        connection = self._open()
        connection.execute(_TABLES)
        found = connection.one(
            "select batch_id, fingerprint from ops.model_watermark where project = ?", [self.project.name]
        )
        built = None
        if found is None or found[1] != self.project.fingerprint or self._missing(connection):
            built = self._build(connection)
        self._plan = live_plan.make(self.project, connection)
        live_refresh.prepare(connection, self._plan)
        return built

    def rebuild(self) -> Refresh:
        """A full build whatever the watermark says."""
        connection = self._open()
        connection.execute(_TABLES)
        built = self._build(connection)
        self._plan = None
        self.start()
        return built

    def refresh(self) -> Refresh | None:
        """Bring the models up to the newest batch; None when there is no new one. ModelError undoes everything."""
        if self._plan is None:
            raise ModelError("the live loop was not started", hint="call start() first")
        connection = self._open()
        began, clock = now(), time.perf_counter()
        one = OneRefresh(connection, self._plan)
        try:
            with connection.transaction():
                span = live_refresh.span(connection, self.project.name)
                if span is None:
                    return None
                old, new = span
                one.run(old, new)
                connection.execute(
                    "update ops.model_watermark set batch_id = ?, built_at = ? where project = ?",
                    [new, now(), self.project.name],
                )
                self._record(connection, f"live-{new}", one.ran)
                touched = one.touched()
                models = one.models()
        except (ModelError, duckdb.Error) as error:
            problem = error if isinstance(error, ModelError) else NodeProblem(str(error))
            self._record(connection, f"live-failed-{uuid.uuid4().hex[:8]}", [
                Ran(self.project.name, "error", began, (time.perf_counter() - clock) * 1000, None, problem.line())
            ])  # fmt: skip
            raise problem from error
        self._refreshes += 1
        if self._refreshes % PRUNE_EVERY == 0:
            self._prune(connection)
        return Refresh(new, touched, models, time.perf_counter() - clock)

    def close(self) -> None:
        """Give the cursor back."""
        if self._connection is not None:
            self._connection.raw.close()
            self._connection = None

    # Full builds ------------------------------------------------------------------------------------------------

    def _open(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self._connect())
        return self._connection

    def _missing(self, connection: Connection) -> bool:
        there = connection.relations(self.project.target.database)
        return any(
            (node.schema.lower(), node.alias.lower()) not in there
            for node in self.project.nodes.values()
            if node.is_relational and node.resource_type in ("model", "seed")
        )

    def _build(self, connection: Connection) -> Refresh:
        clock = time.perf_counter()
        project = self.project.with_flags(replace(self.project.flags, full_refresh=True, which="build"))
        gates = {node.unique_id for node in live_plan.gates(project)}
        ids = gates | {uid for uid, node in project.nodes.items() if node.resource_type in ("model", "seed")}
        run = Run(project, "build", ids, connection, write_artifacts=False)
        batch = 0
        failure: ModelError | None = None
        try:
            with connection.transaction():
                row = connection.one("select coalesce(max(batch_id), 0) from ops.batches")
                batch = row[0] if row else 0
                outcome = run.everything()
                failed = [result for result in outcome.results if result.failed]
                if failed:
                    raise NodeProblem(_said(failed), hint="the models are as they were before")
                connection.execute("delete from ops.model_watermark where project = ?", [project.name])
                connection.execute(
                    "insert into ops.model_watermark values (?, ?, ?, ?)",
                    [project.name, batch, now(), project.fingerprint],
                )
                self._record(connection, f"build-{batch}", _history(run.results))
        except (ModelError, duckdb.Error) as error:
            failure = error if isinstance(error, ModelError) else NodeProblem(str(error))
        if failure is not None:
            self._record(connection, f"build-failed-{uuid.uuid4().hex[:8]}", _history(run.results))
            raise failure
        models = tuple(result.unique_id for result in run.results if result.resource_type == "model")
        return Refresh(batch, {}, models, time.perf_counter() - clock, full=True)

    # History ----------------------------------------------------------------------------------------------------

    def _record(self, connection: Connection, run_id: str, ran: list[Ran]) -> None:
        if not ran:
            return
        columns = [
            [run_id] * len(ran),
            [item.started for item in ran],
            [item.started + datetime.timedelta(milliseconds=item.milliseconds) for item in ran],
            [item.node for item in ran],
            [item.status for item in ran],
            [item.rows for item in ran],
            [item.milliseconds for item in ran],
            [item.message for item in ran],
        ]
        connection.execute(
            """
            insert into ops.model_runs
                (run_id, started_at, finished_at, node, status, row_count, duration_ms, message)
            select unnest($1::varchar[]), unnest($2::timestamptz[]), unnest($3::timestamptz[]),
                unnest($4::varchar[]), unnest($5::varchar[]), unnest($6::bigint[]), unnest($7::double[]),
                unnest($8::varchar[])
            """,
            columns,
        )

    def _prune(self, connection: Connection) -> None:
        oldest = now() - datetime.timedelta(seconds=HISTORY_SECONDS)
        connection.execute("delete from ops.model_runs where starts_with(run_id, 'live-') and started_at < ?", [oldest])


def _said(failed: list[NodeResult]) -> str:
    first = failed[0]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{first.resource_type} '{first.name}' ({first.file}): {first.message}{more}"


def _history(results: list[NodeResult]) -> list[Ran]:
    return [
        Ran(result.unique_id, result.status, result.started, result.seconds * 1000, result.rows, result.message)
        for result in results
    ]
