"""What became of a node.

Owns the status words of dbt and the record of one node's run. Refuses to print or to write files.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field

# What dbt says of nodes that --fail-fast passes over.
FAIL_FAST = "Skipping due to fail_fast"
FAILING = frozenset({"error", "fail", "runtime error", "partial success"})


@dataclass(frozen=True, slots=True)
class NodeResult:
    """One node: `success`, `error`, `skipped`, or for tests `pass`, `warn`, `fail`, `error`, `skipped`.

    `compiled` is when its SQL was known, None when that failed; `executed` whether the database was asked; `thread` the
    name of the thread that did it.
    """

    unique_id: str
    name: str
    resource_type: str
    status: str
    message: str | None = None
    failures: int | None = None
    rows: int | None = None
    started: datetime.datetime = field(default_factory=lambda: datetime.datetime.now(datetime.UTC))
    compiled: datetime.datetime | None = None
    finished: datetime.datetime | None = None
    sql: str | None = None
    relation_name: str | None = None
    file: str | None = None
    executed: bool = True
    thread: str = "main"

    @property
    def seconds(self) -> float:
        return (self.finished - self.started).total_seconds() if self.finished else 0.0

    @property
    def ok(self) -> bool:
        return self.status not in FAILING and self.status != "skipped"

    @property
    def failed(self) -> bool:
        return self.status in FAILING


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """All nodes of one invocation in the order in which they ended."""

    results: Sequence[NodeResult]
    seconds: float

    @property
    def exit_code(self) -> int:
        """0, or 1 when a node failed or was skipped."""
        return 1 if any(result.failed or result.status == "skipped" for result in self.results) else 0

    def count(self, *statuses: str) -> int:
        return sum(1 for result in self.results if result.status in statuses)
