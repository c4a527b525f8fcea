"""The models kept up to date while data arrive.

Owns the live loop: a full build when there is none or the project changed, then after each batch a refresh of touched
keys only, each in one transaction with its watermark, its gate tests and its history, so that a reader never sees half.
Refuses to decide when to refresh, and to serve two threads at once: its owner calls it from one.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import duckdb

from engine.errors import ModelError
from engine.modelrunner import live_plan, materialize
from engine.modelrunner.database import Connection
from engine.modelrunner.live_plan import TOUCHED, Plan, Step
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


@dataclass(frozen=True, slots=True)
class _Ran:
    """One line of ops.model_runs."""

    node: str
    status: str
    started: datetime.datetime
    milliseconds: float
    rows: int | None = None
    message: str | None = None


@dataclass(slots=True)
class _State:
    """What one refresh knows so far."""

    changed: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    ran: list[_Ran] = field(default_factory=list)


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
        for name in self._plan.sets:
            connection.execute(f"create or replace temporary table {TOUCHED}{name} (key varchar)")
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
        state = _State()
        try:
            with connection.transaction():
                span = self._span(connection)
                if span is None:
                    return None
                old, new = span
                self._collect(connection, self._plan, old, new, state)
                for step in self._plan.steps:
                    self._step(connection, step, state)
                self._check(connection, self._plan, state)
                connection.execute(
                    "update ops.model_watermark set batch_id = ?, built_at = ? where project = ?",
                    [new, now(), self.project.name],
                )
                self._record(connection, f"live-{new}", state.ran)
                touched = {
                    name: tuple(
                        row[0]
                        for row in connection.execute(
                            f"select distinct key from {TOUCHED}{name} order by key"
                        ).fetchall()
                    )
                    for name, size in state.sizes.items()
                    if size
                }
                models = tuple(ran.node for ran in state.ran if ran.node.startswith("model."))
        except (ModelError, duckdb.Error) as error:
            problem = error if isinstance(error, ModelError) else NodeProblem(str(error))
            self._record(connection, f"live-failed-{uuid.uuid4().hex[:8]}", [
                _Ran(self.project.name, "error", began, (time.perf_counter() - clock) * 1000, None, problem.line())
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

    # One refresh ------------------------------------------------------------------------------------------------

    def _span(self, connection: Connection) -> tuple[int, int] | None:
        """(last batch covered, newest batch) or None when they are the same."""
        row = connection.one(
            "select batch_id, (select max(batch_id) from ops.batches) from ops.model_watermark where project = ?",
            [self.project.name],
        )
        if row is None:
            raise NodeProblem("the models have no watermark", hint="start the loop again")
        old, new = row
        return None if new is None or new <= old else (old, new)

    def _collect(self, connection: Connection, plan: Plan, old: int, new: int, state: _State) -> None:
        """Which sources have new rows, and which keys those touch."""
        for name in plan.sets:
            connection.execute(f"delete from {TOUCHED}{name}")
            state.sizes[name] = 0
        if not plan.sources:
            return
        rows = connection.execute(plan.arrivals(), [old, new]).fetchall()
        arrived = frozenset(uid for uid, count in rows if count)
        state.changed |= arrived
        for name in plan.sets:
            sql = plan.keys_of(name, arrived)
            if sql is not None:
                state.sizes[name] += _count(connection.one(sql, [old, new]))

    def _step(self, connection: Connection, step: Step, state: _State) -> None:
        """Run one model if anything it stands on changed."""
        upstream = not state.changed.isdisjoint(step.parents)
        began, clock = now(), time.perf_counter()
        try:
            match step.kind:
                case "view":
                    if upstream:
                        state.changed.add(step.node.unique_id)
                    return
                case "table":
                    if not upstream:
                        return
                    connection.execute(f"delete from {step.target}")
                    rows: int | None = _count(connection.one(live_plan.insert(step, step.sql)))
                case "plain":
                    if not upstream:
                        return
                    rows = materialize.model(
                        step.node, step.sql, connection, full_refresh=False, render=lambda text: text
                    ).rows
                case _:
                    if not step.reads_untold.isdisjoint(state.changed):
                        rows = self._keyed(connection, step, state, whole=True)
                    else:
                        if step.more is not None and any(state.sizes.values()):
                            self._add(connection, connection.execute(step.more).fetchall(), state)
                        if not state.sizes[step.touched_by]:
                            return
                        rows = self._keyed(connection, step, state, whole=False)
                        if rows is None:
                            return
        except (NodeProblem, duckdb.Error) as error:
            raise NodeProblem(f"model '{step.node.name}' ({step.node.original_path}): {error}") from error
        state.changed.add(step.node.unique_id)
        state.ran.append(_Ran(step.node.unique_id, "success", began, (time.perf_counter() - clock) * 1000, rows))

    def _keyed(self, connection: Connection, step: Step, state: _State, *, whole: bool) -> int | None:
        """Replace the rows of touched keys (or all). The number of new rows; None when none went and none came.

        A model that is rebuilt whole touches its own keys too: what stands on it was not told of them otherwise.
        """
        touches = {**(step.touches or {}), **({step.touched_by: step.key} if whole else {})}
        returning = live_plan.returning(touches)
        delete = f"delete from {step.target}" if whole else step.delete()
        gone = connection.execute(delete + returning).fetchall()
        came = connection.execute(live_plan.insert(step, step.whole if whole else step.sql) + returning).fetchall()
        if not touches:
            deleted, inserted = gone[0][0], came[0][0]
        else:
            deleted, inserted = len(gone), len(came)
            keys = set(gone) | set(came)
            for place, name in enumerate(touches):
                self._add(connection, [(name, row[place]) for row in keys], state)
        return inserted if deleted or inserted else None

    def _add(self, connection: Connection, rows: Iterable[tuple[str, str | None]], state: _State) -> None:
        """Add (set, key) pairs that are not there yet."""
        by_set: dict[str, set[str]] = {}
        for name, key in rows:
            if key is not None:
                by_set.setdefault(name, set()).add(key)
        for name, keys in by_set.items():
            if name not in state.sizes:
                raise NodeProblem(
                    f"keys for a set '{name}' that nothing reads", hint=f"known sets: {sorted(state.sizes)}"
                )
            table = f"{TOUCHED}{name}"
            sql = f"insert into {table} select key from (select unnest($1) as key) where key not in (from {table})"
            state.sizes[name] += _count(connection.one(sql, [sorted(keys)]))

    def _check(self, connection: Connection, plan: Plan, state: _State) -> None:
        for gate in plan.gates:
            if state.changed.isdisjoint(gate.models):
                continue
            row = connection.one(gate.sql)
            if (
                row is not None
                and row[0]
                and row[2]
                and str(gate.node.config.get("severity", "ERROR")).upper() == "ERROR"
            ):
                raise NodeProblem(
                    f"gate test '{gate.node.name}' ({gate.node.original_path}) found {row[0]} failures",
                    hint="the models are as they were before this batch",
                )

    def _record(self, connection: Connection, run_id: str, ran: list[_Ran]) -> None:
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


def _count(row: tuple[object, ...] | None) -> int:
    return int(str(row[0])) if row else 0


def _said(failed: list[NodeResult]) -> str:
    first = failed[0]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    return f"{first.resource_type} '{first.name}' ({first.file}): {first.message}{more}"


def _history(results: list[NodeResult]) -> list[_Ran]:
    return [
        _Ran(result.unique_id, result.status, result.started, result.seconds * 1000, result.rows, result.message)
        for result in results
    ]
