"""How old the rows of sources are.

Owns asking each source for its newest row, the verdict against warn_after and error_after, and sources.json. Refuses
to select and to print.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.modelrunner.artifacts import instant, metadata
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Source
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.project import Project
from engine.modelrunner.results import NodeResult

# A table without rows was loaded infinitely long ago; dbt writes the first instant there is.
NEVER = datetime.datetime(1, 1, 1, tzinfo=datetime.UTC)
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


@dataclass(frozen=True, slots=True)
class Freshness:
    """One source: `pass`, `warn`, `error` or `runtime error`; instants are aware, `age` is in seconds."""

    source: Source
    status: str
    started: datetime.datetime
    finished: datetime.datetime
    max_loaded_at: datetime.datetime | None = None
    snapshotted_at: datetime.datetime | None = None
    age: float | None = None
    message: str | None = None

    def result(self) -> NodeResult:
        """The same as a node's result, for printing and for the exit code."""
        return NodeResult(
            self.source.unique_id, f"{self.source.source_name}.{self.source.name}", "source", self.status,
            self.message, started=self.started, compiled=self.started, finished=self.finished,
            file=self.source.original_path,
        )  # fmt: skip


def has_thresholds(source: Source) -> bool:
    """Whether the source says how old is too old."""
    return any(_seconds((source.freshness or {}).get(key)) is not None for key in ("warn_after", "error_after"))


def _seconds(threshold: Mapping[str, Any] | None) -> int | None:
    if not threshold or threshold.get("count") is None or threshold.get("period") not in _SECONDS:
        return None
    return int(threshold["count"]) * _SECONDS[threshold["period"]]


def ask(source: Source, compiler: Compiler, connection: Connection, now: Callable[[], datetime.datetime]) -> Freshness:
    """Ask one source; an error in its SQL becomes its status, because the other sources are asked all the same."""
    started = now()
    try:
        row = connection.one(_question(source, compiler))
        assert row is not None
        loaded, asked = _aware(row[0], source), _aware(row[1], source)
    except NodeProblem as problem:
        return Freshness(source, "runtime error", started, now(), message=problem.line())
    assert asked is not None
    age = (asked - (loaded or NEVER)).total_seconds()
    status = "pass"
    for key, word in (("error_after", "error"), ("warn_after", "warn")):
        limit = _seconds((source.freshness or {}).get(key))
        if limit is not None and age > limit:
            status = word
            break
    message = None
    if status != "pass":
        message = "it has no rows" if loaded is None else f"the newest row is of {instant(loaded)}"
    return Freshness(source, status, started, now(), loaded or NEVER, asked, age, message)


def _question(source: Source, compiler: Compiler) -> str:
    relation = compiler.relation(source.unique_id)
    if source.loaded_at_query:
        node = compiler.operation(f"freshness-{source.name}", source.loaded_at_query)
        context, _ = compiler.context(node, free=True)
        context["this"] = relation
        query = compiler.render(node, source.loaded_at_query, context)
        return f"select (\n{query}\n) as max_loaded_at, now() as snapshotted_at"
    if not source.loaded_at_field:
        raise NodeProblem(
            f"source '{source.source_name}.{source.name}' has no loaded_at_field",
            hint="name the column that says when a row was loaded",
        )
    where = (source.freshness or {}).get("filter")
    question = f"select max({source.loaded_at_field}) as max_loaded_at, now() as snapshotted_at from {relation}"
    return f"{question} where {where}" if where else question


def _aware(value: Any, source: Source) -> datetime.datetime | None:
    """An instant; as in dbt, one without a zone is UTC."""
    if value is None:
        return None
    if not isinstance(value, datetime.datetime):
        raise NodeProblem(
            f"loaded_at_field of source '{source.source_name}.{source.name}' gives a {type(value).__name__}",
            hint="cast it to timestamp",
        )
    return value.replace(tzinfo=datetime.UTC) if value.tzinfo is None else value.astimezone(datetime.UTC)


def artifact(project: Project, found: Iterable[Freshness], elapsed: float) -> dict[str, Any]:
    """sources.json, version 3 of dbt's schema."""
    return {
        "metadata": metadata(project, "sources/v3"),
        # As in dbt, a source that could not be asked is not in the file.
        "results": [_record(item) for item in found if item.status != "runtime error"],
        "elapsed_time": elapsed,
    }


def _record(item: Freshness) -> dict[str, Any]:
    given = item.source.freshness or {}
    empty = {"count": None, "period": None}
    return {
        "unique_id": item.source.unique_id,
        "max_loaded_at": item.max_loaded_at and item.max_loaded_at.isoformat(),
        "snapshotted_at": item.snapshotted_at and item.snapshotted_at.isoformat(),
        "max_loaded_at_time_ago_in_s": item.age,
        "status": item.status,
        "criteria": {
            "warn_after": dict(given.get("warn_after") or empty),
            "error_after": dict(given.get("error_after") or empty),
            "filter": given.get("filter"),
        },
        "adapter_response": {"_message": "OK"},
        "timing": [{"name": "execute", "started_at": instant(item.started), "completed_at": instant(item.finished)}],
        "thread_id": "main",
        "execution_time": (item.finished - item.started).total_seconds(),
    }
