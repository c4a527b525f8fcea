"""What of a change a listener is told.

Owns holding the ids in a change to the rows that the listener may see and that its filter keeps. Refuses to guess: an
id that the models do not show (any more) is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from zoneinfo import ZoneInfo

from engine.api.answers import Questions
from engine.api.caller import Sight
from engine.api.query import Query, read_query
from engine.api.statements import bound, compile_query
from engine.clock import Clock
from engine.contract import ChangeSet
from engine.filters.parse import parse


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Callable on a ChangeSet. `commits` is None where the filter asks for what commits do not have."""

    reader: Questions
    clock: Clock
    zone: ZoneInfo
    sight: Sight
    sessions: Query
    commits: Query | None

    def __call__(self, changes: ChangeSet) -> ChangeSet:
        return replace(
            changes,
            sessions=self._kept(self.sessions, "session_id", changes.sessions),
            commits=() if self.commits is None else self._kept(self.commits, "commit_hash", changes.commits),
        )

    def _kept(self, query: Query, column: str, ids: Sequence[str]) -> tuple[str, ...]:
        if not ids:
            return ()
        base, measured = compile_query(query, self.sight, self.clock.now().astimezone(UTC), self.zone)
        statement = bound(
            f"with everything as not materialized (\n{base.sql}\n)\n"
            f"select distinct {column} from everything where {measured} and {column} in (select unnest($ids))",
            {**base.parameters, "ids": list(ids)},
        )
        _, rows = self.reader.rows(statement.sql, dict(statement.parameters))
        kept = {name for (name,) in rows}
        return tuple(name for name in ids if name in kept)


def narrowing(reader: Questions, clock: Clock, zone: ZoneInfo, sight: Sight, filter: str) -> Narrowing | None:
    """How to hold changes to `sight` and `filter` (fields of sessions); None when neither holds anything back.

    Raises FilterError for a filter that sessions cannot answer.
    """
    if not sight.restricted and not filter.strip():
        return None
    sessions = read_query("sessions", [("filter", filter)])
    compile_query(sessions, sight, clock.now(), zone)
    fields = {term.field for term in parse(filter).terms if term.field is not None}
    commits = read_query("commits", [("filter", filter)])
    return Narrowing(reader, clock, zone, sight, sessions, commits if fields <= commits.view.fields else None)
