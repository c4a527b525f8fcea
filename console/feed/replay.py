"""A feed of recorded rows: for tests, screenshots and reports of bugs.

Owns answering the same questions as an engine from lists of JSON objects: filter, order, pages, costs by group from
recorded usage. Refuses the network and the clock; changes are put in by hand (`change`).
"""

from __future__ import annotations

import asyncio
import fnmatch
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from console.feed import VIEWS, Answer, Changed, Connected, FeedError, FeedEvent, Query
from console.rows import Metadata, parse
from engine.contract import ChangeSet
from engine.filters import Filter, FilterError, Term
from engine.filters import parse as parse_filter
from engine.filters.parse import Duration, Known, Number, Text
from engine.filters.times import begins, ends, read_moment

Json = dict[str, Any]

NAMES: Mapping[str, tuple[str, ...]] = {
    "dev": ("developer_id", "developer_name", "developer_email"),
    "agent": ("agent_type",),
    "model": ("model_name", "model_id", "models"),
    "project": ("project_id", "project_name"),
    "branch": ("branch",),
    "state": ("state",),
    "tool": ("tool_name",),
    "kind": ("query_source",),
    "session": ("session_id", "agent_session_id"),
    "sha": ("commit_hash",),
    "assisted": ("attribution",),
    "cost": ("cost_usd",),
    "tokens": ("total_tokens",),
    "cache": ("cache_read_tokens",),
    "commits": ("commit_count",),
    "lines": ("lines_added",),
    "err": ("error_count",),
}
TIMES = ("last_event_at", "ts", "commit_timestamp", "date", "last_seen_at")
GROUPS = {
    "day": "date",
    "developer": "developer_id",
    "agent": "agent_type",
    "model": "model_name",
    "project": "project_id",
    "branch": "branch",
}
STATES = {"live": 0, "idle": 1, "ended": 2}
MEASURES = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "total_tokens",
    "unpriced_tokens",
)


class ReplayFeed:
    """Answers from `recorded`: lists of rows by view, `usage` (a row per day, developer, agent, model, project),
    and `explanations`."""

    name = "a recording"
    interval = 0.0

    def __init__(self, recorded: Mapping[str, Sequence[Json]], now: Callable[[], datetime]) -> None:
        self.recorded: dict[str, list[Json]] = {view: list(rows) for view, rows in recorded.items()}
        self.asked: list[Query] = []
        self.error: FeedError | None = None
        self._now = now
        self._events: asyncio.Queue[FeedEvent | None] = asyncio.Queue()
        self._events.put_nowait(Connected("recording", now()))

    async def ask(self, query: Query) -> Answer[Any]:
        self.asked.append(query)
        rows, metadata = self.answer(query)
        return Answer(tuple(parse(VIEWS[query.view], row) for row in rows), parse(Metadata, metadata))

    async def raw(self, query: Query) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        rows, metadata = self.answer(query)
        return rows, metadata["next_cursor"]

    async def events(self) -> AsyncIterator[FeedEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    def tell(self, event: FeedEvent) -> None:
        """An event of the stream."""
        self._events.put_nowait(event)

    def change(self, view: str, key: str, value: str, **cells: Any) -> None:
        """Change the cells of the rows whose field `key` is `value`, and tell of it."""
        for row in self.recorded[view]:
            if row.get(key) == value:
                row.update(cells)
        self.tell(Changed(ChangeSet(1, self._now(), sessions=(value,))))

    async def explain(self, parameters: Mapping[str, str]) -> Mapping[str, Any]:
        for told in self.recorded.get("explanations", ()):
            if all(told[name] == parameters[name] for name in ("view", "row", "column")):
                return told
        raise FeedError("failed", "the recording does not say what stands behind this")

    async def close(self) -> None:
        self._events.put_nowait(None)

    def answer(self, query: Query) -> tuple[list[Json], Json]:
        """Rows and metadata of an answer, as JSON. Raises FeedError as an engine would."""
        if self.error is not None:
            raise self.error
        try:
            filter = parse_filter(query.filter)
        except FilterError as error:
            raise FeedError("filter", error.sentence, error.hint or "", column=error.column) from None
        if query.view == "costs":
            rows, totals = self._costs(query, filter)
        else:
            rows, totals = [row for row in self.recorded.get(query.view, ()) if self._holds(row, query, filter)], None
        for field in reversed(query.sort.split(",") if query.sort else []):
            rows = _sorted(rows, field.removeprefix("-"), field.startswith("-"))
        start = int(query.cursor or 0)
        page = rows[start : start + query.limit]
        more = start + query.limit < len(rows)
        events = sum(len(recorded) for recorded in self.recorded.values())
        return page, {
            "total": len(rows),
            "next_cursor": str(start + query.limit) if more else None,
            "as_of": self._now().isoformat(),
            "event_count": events,
            "totals": totals,
        }

    def _holds(self, row: Json, query: Query, filter: Filter) -> bool:
        at = next((row[name] for name in TIMES if row.get(name)), None)
        if at is not None:
            instant = datetime.fromisoformat(at)
            instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
            for word, edge in ((query.since, begins), (query.until, ends)):
                moment = read_moment(word) if word else None
                if moment is None:
                    continue
                limit = edge(moment, self._now(), UTC)
                if len(at) == 10:
                    limit = limit.replace(hour=0, minute=0, second=0, microsecond=0)
                if instant < limit if edge is begins else instant >= limit:
                    return False
        return all(_matches(row, term) != term.negated for term in filter.terms)

    def _costs(self, query: Query, filter: Filter) -> tuple[list[Json], Json]:
        field = GROUPS[query.by]
        label = {"developer": "developer_name", "project": "project_name"}.get(query.by, field)
        usage = [row for row in self.recorded.get("usage", ()) if self._holds(row, query, filter)]
        groups: dict[Any, list[Json]] = {}
        for row in usage:
            groups.setdefault(row.get(field), []).append(row)
        totals = _sum(usage)
        whole = Decimal(totals["cost_usd"] or 0)
        rows = []
        for key, members in groups.items():
            summed = _sum(members)
            cost = summed["cost_usd"]
            share = float(Decimal(cost) / whole) if cost is not None and whole else None
            before = (
                None
                if not query.since or cost is None
                else str((Decimal(cost) * Decimal("0.8")).quantize(Decimal("0.01")))
            )
            rows.append(
                {"key": key, "key_name": members[0].get(label), **summed, "share": share, "previous_cost_usd": before}
            )
        if query.since:
            totals["previous_cost_usd"] = str((whole * Decimal("0.89")).quantize(Decimal("0.01")))
        return rows, totals


def _sum(rows: Iterable[Json]) -> Json:
    rows = list(rows)
    priced = [Decimal(row["cost_usd"]) for row in rows if row.get("cost_usd") is not None]
    summed: Json = {
        name: sum(row.get(name) or 0 for row in rows) for name in (*MEASURES, "session_count", "request_count")
    }
    summed["cost_usd"] = str(sum(priced, Decimal(0))) if priced else None
    summed["cost_priced_usd"] = summed["cost_reported_usd"] = summed["cost_usd"]
    return summed


def _sorted(rows: list[Json], field: str, descending: bool) -> list[Json]:
    def value(row: Json) -> Any:
        found = row.get(field)
        if field == "state":
            return STATES.get(str(found), 9)
        return Decimal(found) if field.endswith("_usd") and found is not None else found

    known = [row for row in rows if row.get(field) is not None]
    return sorted(known, key=value, reverse=descending) + [row for row in rows if row.get(field) is None]


def _matches(row: Json, term: Term) -> bool:
    if term.field is None:
        words = " ".join(str(value) for value in row.values() if isinstance(value, str)).lower()
        return any(isinstance(value, Text) and "".join(value.pieces).lower() in words for value in term.values)
    found = [row.get(name) for name in NAMES.get(term.field, ())]
    present = [item for value in found if value is not None for item in (value if isinstance(value, list) else [value])]
    return any(_is(present, term.operator, value) for value in term.values)


def _is(present: list[Any], operator: str, value: object) -> bool:
    match value:
        case Known(there):
            return bool(present) == there
        case Text(pieces):
            pattern = "*".join(piece.lower() for piece in pieces)
            return any(fnmatch.fnmatchcase(str(each).lower(), pattern) for each in present)
        case Number(wanted) | Duration(wanted):
            compare: dict[str, Callable[[Decimal], bool]] = {
                ":": lambda each: each == wanted,
                ">": lambda each: each > wanted,
                ">=": lambda each: each >= wanted,
                "<": lambda each: each < wanted,
                "<=": lambda each: each <= wanted,
            }
            return any(compare[operator](Decimal(str(each))) for each in present)
    return False
