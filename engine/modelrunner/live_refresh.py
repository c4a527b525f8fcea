"""One refresh of the models.

Owns what happens between two watermarks: which keys the new rows touch, which models run for them in which order, and
which gate tests are asked. Refuses transactions, watermarks and history: the live loop holds those around it.
"""

from __future__ import annotations

import datetime
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import duckdb

from engine.modelrunner import live_plan, materialize
from engine.modelrunner.database import Connection
from engine.modelrunner.live_plan import TOUCHED, WINDOW, Plan, Step
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.run import now


@dataclass(frozen=True, slots=True)
class Ran:
    """One line of ops.model_runs."""

    node: str
    status: str
    started: datetime.datetime
    milliseconds: float
    rows: int | None = None
    message: str | None = None


TIMES = "aa_times_"
DAY = 86_400_000_000
FOREVER = 2**62
"""Microseconds."""
FEW_KEYS = 4
"""Up to so many keys a delete itself tells which rows went: for few rows (10 µs each) cheaper than asking before."""

_KEYS = "select unnest(from_json($1::varchar, '[\"varchar\"]')) as key"
_KEYS_AND_TIMES = """
select time.key, time.low, time.high, time.ahead
from (select unnest(from_json($1::varchar,
    '[{"key": "varchar", "low": "bigint", "high": "bigint", "ahead": "bigint"}]')) as time)
"""
"""Keys come as one text: binding a list costs DuckDB tens of microseconds an item."""

# The longest silence among the times of the touched keys is left out: one resumed session of last year and those of
# today are two stretches, not a year.
_WINDOW_OF = """
set variable {variable} = (
    select {{
        low: make_timestamptz(min(low)), before: make_timestamptz(coalesce(arg_max(reached, low - reached), max(high))),
        after: make_timestamptz(coalesce(arg_max(low, low - reached), max(high))), high: make_timestamptz(max(high))
    }}
    from (
        select low, high, max(high) over (order by low rows between unbounded preceding and 1 preceding) as reached
        from {times} where key in (from {keys})
    )
)
"""


def prepare(connection: Connection, plan: Plan) -> None:
    """Make the tables that a plan's refreshes need, once per connection and plan.

    For each set its touched keys (empty), and for a set with times those between which the rows of every key lie.
    """
    for name in plan.sets:
        connection.execute(f"create or replace temporary table {TOUCHED}{name} (key varchar)")
        known = plan.times_of(name) if name in plan.timed() else None
        if known is not None:
            connection.execute(
                f"create or replace temporary table {TIMES}{name} as select * from ({known}) as times(key, low, high)"
            )


def span(connection: Connection, project: str) -> tuple[int, int] | None:
    """(last batch covered, newest batch) or None when they are the same."""
    row = connection.one(
        "select batch_id, (select max(batch_id) from ops.batches) from ops.model_watermark where project = ?",
        [project],
    )
    if row is None:
        raise NodeProblem("the models have no watermark", hint="start the loop again")
    old, new = row
    return None if new is None or new <= old else (old, new)


class OneRefresh:
    """Brings the models from one batch to a later one, inside the caller's transaction; used once.

    NodeProblem (or duckdb.Error) means that the caller must roll back.
    """

    def __init__(self, connection: Connection, plan: Plan) -> None:
        self.ran: list[Ran] = []
        self._connection = connection
        self._plan = plan
        self._changed: set[str] = set()
        self._keys: dict[str, set[str]] = {name: set() for name in plan.sets}
        self._looked: dict[str, int] = {}

    def run(self, old: int, new: int) -> None:
        """Everything for the batches from `old` exclusive to `new` inclusive, gate tests included."""
        self._collect(old, new)
        for step in self._plan.steps:
            self._step(step)
        self._check()

    def touched(self) -> Mapping[str, tuple[str, ...]]:
        """The touched keys by set, sorted; sets without any are left out."""
        return {name: tuple(sorted(keys)) for name, keys in self._keys.items() if keys}

    def models(self) -> tuple[str, ...]:
        """The models whose rows may differ now, in the order they ran."""
        return tuple(ran.node for ran in self.ran if ran.node.startswith("model."))

    def _collect(self, old: int, new: int) -> None:
        """Which sources have new rows, and which keys those touch."""
        if not self._plan.sources:
            return
        rows = self._connection.execute(self._plan.arrivals(old, new)).fetchall()
        arrived = frozenset(uid for uid, count in rows if count)
        if not arrived:
            return
        self._changed |= arrived
        self._connection.execute(f"set variable aa_batches = {{after: {old:d}, upto: {new:d}}}")
        for name in self._plan.sets:
            self._connection.execute(f"delete from {TOUCHED}{name}")
            sql = self._plan.keys_of(name, arrived, old, new)
            if sql is not None:
                told = self._connection.execute(sql).fetchall()
                self._add([(name, key) for key, _, _ in told])
                if name in self._plan.timed():
                    self._remember(name, [row for row in told if row[1] is not None])

    def _remember(self, name: str, times: list[tuple[str, int, int]]) -> None:
        """Widen the times between which the rows of these keys are known to lie: a day ahead, so that most refreshes
        of a session at work have nothing to write."""
        if not times:
            return
        table = f"{TIMES}{name}"
        self._connection.execute(
            f"""
            insert into {table}
            select key, low, ahead
            from ({_KEYS_AND_TIMES}) as new
            where not exists (
                select 1 from {table} as known
                where known.key = new.key and known.low <= new.low and known.high >= new.high
            )
            """,
            [
                json.dumps(
                    [
                        {"key": key, "low": low, "high": high, "ahead": min(high + DAY, FOREVER)}
                        for key, low, high in times
                    ]
                )
            ],
        )

    def _look_out(self, windows: Iterable[str]) -> None:
        """Set the variables for the times of touched keys anew where keys were added since."""
        for name in windows:
            if self._looked.get(name) != len(self._keys[name]):
                self._connection.execute(
                    _WINDOW_OF.format(variable=WINDOW + name, times=TIMES + name, keys=TOUCHED + name)
                )
                self._looked[name] = len(self._keys[name])

    def _step(self, step: Step) -> None:
        """Run one model if anything it stands on changed."""
        upstream = not self._changed.isdisjoint(step.parents)
        began, clock = now(), time.perf_counter()
        try:
            match step.kind:
                case "view":
                    if upstream:
                        self._changed.add(step.node.unique_id)
                    return
                case "table":
                    if not upstream:
                        return
                    self._connection.execute(f"delete from {step.target}")
                    rows: int | None = _count(self._connection.one(live_plan.insert(step, step.sql)))
                case "plain":
                    if not upstream:
                        return
                    rows = materialize.model(
                        step.node, step.sql, self._connection, full_refresh=False, render=lambda text: text
                    ).rows
                case _:
                    if not step.reads_untold.isdisjoint(self._changed):
                        rows = self._keyed(step, whole=True)
                    else:
                        self._ask_more(step)
                        # Rows follow from the parents' rows: where none changed, touched keys alone change nothing.
                        if not self._keys[step.touched_by] or self._changed.isdisjoint(step.parents):
                            return
                        self._look_out(step.windows)
                        rows = self._keyed(step, whole=False)
                        if rows is None:
                            return
        except (NodeProblem, duckdb.Error) as error:
            raise NodeProblem(f"model '{step.node.name}' ({step.node.original_path}): {error}") from error
        self._changed.add(step.node.unique_id)
        self.ran.append(Ran(step.node.unique_id, "success", began, (time.perf_counter() - clock) * 1000, rows))

    def _ask_more(self, step: Step) -> None:
        """What else must be computed anew, asked until nothing is added: a fork of a fork comes with either of them."""
        asked: dict[str, int] = {}
        grown = True
        while grown:
            grown = False
            for more in step.more:
                count = sum(len(self._keys[name]) for name in more.sets or self._keys)
                if count and asked.get(more.sql) != count:
                    asked[more.sql] = count
                    grown = True
                    self._look_out(more.windows)
                    self._add(self._connection.execute(more.sql).fetchall())

    def _keyed(self, step: Step, *, whole: bool) -> int | None:
        """Replace the rows of touched keys (or all). The number of new rows; None when none went and none came.

        A model that is rebuilt whole touches its own keys too: what stands on it was not told of them otherwise.
        """
        touches = {**(step.touches or {}), **({step.touched_by: step.key} if whole else {})}
        old, new = step.rows(whole=whole), live_plan.insert(step, step.whole if whole else step.sql)
        execute = self._connection.execute
        if not touches:
            deleted, inserted = _count(execute(f"delete {old}").fetchone()), _count(execute(new).fetchone())
            return inserted if deleted or inserted else None
        told = live_plan.tellings(touches)
        if not whole and len(self._keys[step.touched_by]) <= FEW_KEYS:
            gone = execute(f"delete {old} returning {told}").fetchall()
            deleted = len(gone)
        else:
            gone = execute(f"select distinct {told} {old}").fetchall()
            deleted = _count(execute(f"delete {old}").fetchone()) if gone else 0
        came = execute(f"{new} returning {told}").fetchall()
        keys = set(gone) | set(came)
        for place, name in enumerate(touches):
            self._add([(name, row[place]) for row in keys])
        return len(came) if deleted or came else None

    def _add(self, rows: Iterable[tuple[str, str | None]]) -> None:
        """Add (set, key) pairs that are not there yet."""
        by_set: dict[str, set[str]] = {}
        for name, key in rows:
            if key is not None:
                by_set.setdefault(name, set()).add(key)
        for name, keys in by_set.items():
            if name not in self._keys:
                raise NodeProblem(
                    f"keys for a set '{name}' that nothing reads", hint=f"known sets: {sorted(self._keys)}"
                )
            new = keys - self._keys[name]
            if new:
                self._connection.execute(f"insert into {TOUCHED}{name} {_KEYS}", [json.dumps(sorted(new))])
                self._keys[name] |= new

    def _check(self) -> None:
        for gate in self._plan.gates:
            if self._changed.isdisjoint(gate.models):
                continue
            self._look_out(gate.windows)
            row = self._connection.one(gate.sql)
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


def _count(row: tuple[object, ...] | None) -> int:
    return int(str(row[0])) if row else 0
