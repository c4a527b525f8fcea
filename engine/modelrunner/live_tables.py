"""What a database keeps about the models in it.

Owns the tables of schema `ops` that say how far the models are (`model_watermark`), what each relation was built from
(`model_nodes`) and what ran when (`model_runs`), and the view `models_meta` that readers ask in the same transaction as
the models. Refuses to decide anything: what is written here was done by others, in the transaction that did it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.modelrunner.database import Connection
from engine.modelrunner.live_refresh import Ran
from engine.modelrunner.run import now

REFRESHES_KEPT = datetime.timedelta(hours=1)
BUILDS_KEPT = datetime.timedelta(days=30)

_TABLES = """
create schema if not exists ops;
create table if not exists ops.model_watermark (
    project varchar not null,
    batch_id bigint not null,          -- every batch up to this one is in the models
    built_at timestamptz not null,
    fingerprint varchar not null,      -- of the whole project, as it was when the models were built
    build_id varchar not null,
    sequence bigint not null,          -- of the last build; a node with a later one was run by a command since
    batch_at timestamptz,
    report_timezone varchar
);
create table if not exists ops.model_nodes (
    project varchar not null,
    node varchar not null,
    relation varchar not null,
    fingerprint varchar not null,
    build_id varchar not null,
    sequence bigint not null,
    batch_id bigint not null,
    built_at timestamptz not null,
    row_count bigint,
    duration_ms double
);
create table if not exists ops.model_sources (
    project varchar not null,
    source varchar not null,
    mark varchar not null
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
_META = """
create view if not exists main.models_meta as
select
    n.project,
    n.node,
    n.relation,
    case when n.sequence > w.sequence then n.build_id else w.build_id end as build_id,
    case when n.sequence > w.sequence then n.batch_id else w.batch_id end as watermark,
    case when n.sequence > w.sequence then null else w.batch_at end as watermark_at,
    case when n.sequence > w.sequence then n.built_at else w.built_at end as built_at,
    w.report_timezone,
    n.fingerprint,
    n.built_at as rebuilt_at
from ops.model_nodes as n
join ops.model_watermark as w on w.project = n.project
"""


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a project's models are: all of them reflect every batch up to `batch_id`."""

    batch_id: int
    built_at: datetime.datetime
    fingerprint: str
    build_id: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the models are behind: their watermark beside the newest batch, each with the instant of its commit."""

    build_id: str
    built_at: datetime.datetime
    watermark: int
    watermark_at: datetime.datetime | None
    newest: int
    newest_at: datetime.datetime | None
    report_timezone: str | None
    fingerprint: str
    relations: int

    @property
    def lag_seconds(self) -> float:
        """How much older the newest batch in the models is than the newest of all."""
        if self.watermark_at is None or self.newest_at is None:
            return 0.0
        return max(0.0, (self.newest_at - self.watermark_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Built:
    """What one relation was built from."""

    node: str
    relation: str
    fingerprint: str
    rows: int | None
    milliseconds: float
    sequence: int = 0


def ensure(connection: Connection) -> None:
    """Make the tables that are missing. Those of an earlier layout go: what they say does not suffice any more."""
    columns = _columns(connection, "model_watermark")
    if columns and "sequence" not in columns:
        connection.execute("drop table ops.model_watermark")
    connection.execute(_TABLES)
    connection.execute(_META)


def kept(connection: Connection, project: str) -> bool:
    """Whether somebody keeps a project of that name up to date in this database."""
    if not _columns(connection, "model_nodes") or "sequence" not in _columns(connection, "model_watermark"):
        return False
    return watermark(connection, project) is not None


def watermark(connection: Connection, project: str) -> Watermark | None:
    """How far the models are; None when they were never built."""
    row = connection.one(
        "select batch_id, built_at, fingerprint, build_id, sequence from ops.model_watermark where project = ?",
        [project],
    )
    return None if row is None else Watermark(*row)


def standing(connection: Connection, project: str) -> Standing | None:
    """How the models stand; None when they were never built."""
    if not kept(connection, project):
        return None
    newest = newest_batch(connection)
    instant = _instant_of(connection, newest) if has_times(connection) else None
    row = connection.one(
        """
        select build_id, built_at, batch_id, batch_at, report_timezone, fingerprint,
            (select count(*) from ops.model_nodes as n where n.project = w.project)
        from ops.model_watermark as w where project = ?
        """,
        [project],
    )
    return None if row is None else Standing(row[0], row[1], row[2], row[3], newest, instant, row[4], row[5], row[6])


def nodes(connection: Connection, project: str) -> dict[str, Built]:
    """What every relation was built from, by unique id; a relation that is not named may hold anything."""
    rows = connection.execute(
        "select node, relation, fingerprint, row_count, duration_ms, sequence from ops.model_nodes where project = ?",
        [project],
    ).fetchall()
    return {row[0]: Built(row[0], row[1], row[2], row[3], row[4] or 0.0, row[5]) for row in rows}


def marks(connection: Connection, project: str) -> dict[str, str]:
    """What sources without batches held when the models were built."""
    rows = connection.execute("select source, mark from ops.model_sources where project = ?", [project]).fetchall()
    return dict(rows)


def next_sequence(connection: Connection, project: str) -> int:
    """A number above that of every build before."""
    row = connection.one(
        "select greatest(coalesce((select max(sequence) from ops.model_watermark where project = $1), 0),"
        " coalesce((select max(sequence) from ops.model_nodes where project = $1), 0)) + 1",
        [project],
    )
    assert row is not None
    return int(row[0])


def newest_batch(connection: Connection) -> int:
    """The newest batch, 0 when there is none or nobody counts batches here."""
    row = connection.one("select coalesce(max(batch_id), 0) from ops.batches") if has_batches(connection) else None
    return int(row[0]) if row else 0


def has_batches(connection: Connection) -> bool:
    """Whether somebody counts batches in this database."""
    return bool(_columns(connection, "batches"))


def has_times(connection: Connection) -> bool:
    """Whether batches say when they were committed."""
    return "committed_at" in _columns(connection, "batches")


def _columns(connection: Connection, table: str) -> set[str]:
    rows = connection.execute(
        "select column_name from duckdb_columns()"
        " where database_name = current_database() and schema_name = 'ops' and table_name = ?",
        [table],
    ).fetchall()
    return {row[0] for row in rows}


def publish(
    connection: Connection,
    project: str,
    *,
    batch: int,
    build_id: str,
    sequence: int,
    fingerprint: str,
    time_zone: str | None,
    existing: Iterable[str],
) -> None:
    """A build ends: the models are at `batch`. Nodes that are not `existing` any more are forgotten."""
    instant = _instant_of(connection, batch) if has_times(connection) else None
    connection.execute("delete from ops.model_watermark where project = ?", [project])
    connection.execute(
        "insert into ops.model_watermark values (?, ?, ?, ?, ?, ?, ?, ?)",
        [project, batch, now(), fingerprint, build_id, sequence, instant, time_zone],
    )
    connection.execute(
        "delete from ops.model_nodes where project = ? and node not in (select unnest(?::varchar[]))",
        [project, sorted(existing)],
    )


def advance(connection: Connection, project: str, batch: int, build_id: str, *, times: bool) -> None:
    """A refresh ends: the models are at `batch`. `times`: what `has_times` said (asked once, a refresh is short)."""
    connection.execute(
        "update ops.model_watermark set batch_id = ?, built_at = ?, build_id = ?, batch_at = ? where project = ?",
        [batch, now(), build_id, _instant_of(connection, batch) if times else None, project],
    )


def _instant_of(connection: Connection, batch: int) -> datetime.datetime | None:
    """When a batch was committed."""
    row = connection.one("select max(committed_at) from ops.batches where batch_id = ?", [batch])
    return row[0] if row else None


def write_nodes(
    connection: Connection, project: str, built: Sequence[Built], *, batch: int, build_id: str, sequence: int
) -> None:
    """These relations were built from batches up to `batch` at least."""
    forget(connection, project, [item.node for item in built])
    if built:
        columns: list[Any] = [
            [item.node for item in built],
            [item.relation for item in built],
            [item.fingerprint for item in built],
            [item.rows for item in built],
            [item.milliseconds for item in built],
        ]
        connection.execute(
            """
            insert into ops.model_nodes
            select $1, node, relation, fingerprint, $2, $3, $4, $5, row_count, duration_ms
            from (
                select unnest($6::varchar[]) as node, unnest($7::varchar[]) as relation,
                    unnest($8::varchar[]) as fingerprint, unnest($9::bigint[]) as row_count,
                    unnest($10::double[]) as duration_ms
            )
            """,
            [project, build_id, sequence, batch, now(), *columns],
        )


def forget(connection: Connection, project: str, ids: Sequence[str]) -> None:
    """Nobody knows any more what these relations hold."""
    connection.execute(
        "delete from ops.model_nodes where project = ? and node in (select unnest(?::varchar[]))", [project, list(ids)]
    )


def take_out(connection: Connection, project: str, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Forget what is said about these relations, and give it to the caller, by node."""
    rows = connection.execute(
        "delete from ops.model_nodes where project = ? and node in (select unnest(?::varchar[])) returning *",
        [project, list(ids)],
    ).fetchall()
    return {row[1]: row for row in rows}


def put_back(connection: Connection, row: tuple[Any, ...]) -> None:
    """Say again what `take_out` took."""
    connection.execute("insert into ops.model_nodes values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", list(row))


def write_marks(connection: Connection, project: str, found: Mapping[str, str]) -> None:
    """What the sources without batches hold."""
    connection.execute("delete from ops.model_sources where project = ?", [project])
    for source, mark in found.items():
        connection.execute("insert into ops.model_sources values (?, ?, ?)", [project, source, mark])


def record(connection: Connection, run_id: str, ran: Sequence[Ran]) -> None:
    """Add to the history."""
    if not ran:
        return
    columns: list[Any] = [
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


def prune(connection: Connection) -> None:
    """Remove old history: of refreshes and tests after an hour, of builds after a month."""
    connection.execute(
        "delete from ops.model_runs where started_at < ?"
        " or (started_at < ? and (starts_with(run_id, 'live-') or starts_with(run_id, 'tests-')))",
        [now() - BUILDS_KEPT, now() - REFRESHES_KEPT],
    )
