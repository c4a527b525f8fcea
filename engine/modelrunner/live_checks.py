"""Every data test of the models that are served, asked in the background.

Owns the round: all data tests, gates included and over all rows, one at a time so that no refresh waits for the rest,
after each build, and again a few minutes after the last round if anything changed since. Refuses to undo anything: that
is the gates' part, inside the transaction; what fails here is told and recorded.
"""

from __future__ import annotations

import datetime
import time
import uuid
from dataclasses import dataclass

import duckdb

from engine.errors import ModelError
from engine.modelrunner import live_tables, tests
from engine.modelrunner.compile import Compiler
from engine.modelrunner.database import Connection
from engine.modelrunner.live_refresh import Ran
from engine.modelrunner.nodes import Node
from engine.modelrunner.project import Project
from engine.modelrunner.run import now

INTERVAL_SECONDS = 300.0
"""From the end of one round to the beginning of the next."""


@dataclass(frozen=True, slots=True)
class Round:
    """What a round of tests found. `failed` are names with what was found, errors included; `warned` likewise."""

    finished_at: datetime.datetime
    passed: int
    warned: tuple[str, ...]
    failed: tuple[str, ...]


class Checks:
    """The rounds of one project over one connection; `step` asks one test."""

    def __init__(self, project: Project, connection: Connection, *, at_once: bool) -> None:
        self.last: Round | None = None
        self._project = project
        self._connection = connection
        self._compiler = Compiler(project, connection)
        self._waiting: list[Node] = []
        self._round = ""
        self._passed = 0
        self._warned: list[str] = []
        self._failed: list[str] = []
        self._due = time.monotonic() + (0.0 if at_once else INTERVAL_SECONDS)
        self._changed = True
        self.all: tuple[Node, ...] = tuple(
            node for node in project.nodes.values() if node.resource_type == "test" and node.unit is None
        )

    def wait(self) -> float:
        """Seconds until the next test wants to be asked; 0 in the middle of a round."""
        if self._waiting:
            return 0.0
        return max(0.0, self._due - time.monotonic()) if self._changed else INTERVAL_SECONDS

    def changed(self) -> None:
        """Rows of the models changed: the next round is worth the while."""
        self._changed = True

    def step(self) -> bool:
        """Ask one test if one is due. True when a round ended with it."""
        if not self._waiting:
            if time.monotonic() < self._due or not self._changed:
                return False
            self._changed = False
            self._round = f"tests-{uuid.uuid4().hex[:8]}"
            self._waiting = list(reversed(self.all))
            self._passed, self._warned, self._failed = 0, [], []
        if self._waiting:
            self._ask(self._waiting.pop())
        if self._waiting:
            return False
        self._due = time.monotonic() + INTERVAL_SECONDS
        self.last = Round(now(), self._passed, tuple(self._warned), tuple(self._failed))
        return True

    def _ask(self, node: Node) -> None:
        began, clock = now(), time.perf_counter()
        failures: int | None = None
        try:
            verdict = tests.run(node, self._compiler.compile(node).sql, self._connection, store_failures=False)
            status, message, failures = verdict.status, verdict.message, verdict.failures
        except (ModelError, duckdb.Error) as error:
            status, message = "error", str(error).strip().splitlines()[0]
        match status:
            case "pass":
                self._passed += 1
            case "warn":
                self._warned.append(f"{node.name}: {message}")
            case _:
                self._failed.append(f"{node.name}: {message}")
        took = (time.perf_counter() - clock) * 1000
        live_tables.record(self._connection, self._round, [Ran(node.unique_id, status, began, took, failures, message)])
