"""The nodes of one invocation on several threads.

Owns handing out what may start to workers that are free, stopping them, and doing once more, with nothing beside it,
what failed because two transactions met. Refuses to choose (schedule.py), to do a node (worker.py), and to say or
decide anything in another thread than the caller's: results come back to it in the order in which nodes ended.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import NodeProblem
from engine.modelrunner.results import NodeResult
from engine.modelrunner.schedule import Schedule
from engine.modelrunner.worker import Worker, now

_PATIENCE = 0.05
"""Seconds between two attempts to interrupt; one that comes between two statements stops neither."""
Done = list[tuple[NodeResult, bool]]


class Teller(Protocol):
    """What hears of nodes and decides what their failures stop."""

    stopped: bool

    def blocked(self, node: Node) -> bool: ...

    def start(self, node: Node) -> None: ...

    def finish(self, node: Node, result: NodeResult) -> None: ...

    def skip(self, node: Node) -> None: ...

    def note(self, result: NodeResult) -> None:
        """It has ended, and nobody is told any more."""
        ...

    def inline(self, node: Node, sql: str | NodeProblem) -> None:
        """An ephemeral model is compiled, or cannot be."""
        ...


class Parallel:
    """One pass over a schedule with some workers."""

    def __init__(self, schedule: Schedule, workers: Sequence[Worker], teller: Teller, *, together: bool) -> None:
        """`together`: tests of one relation may be asked in one statement."""
        self._schedule = schedule
        self._idle = list(reversed(workers))
        self._workers = workers
        self._teller = teller
        self._together = together
        self._under_way: dict[Future[Done | str], tuple[Worker, list[Node]]] = {}
        self._alone: list[Node] = []
        self._repeated: set[str] = set()

    def run(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Everything, and `meanwhile` beside the first nodes. What raises here ends it all: what is under way is
        interrupted first."""
        with ThreadPoolExecutor(len(self._workers), thread_name_prefix="models") as pool:
            try:
                self._hand_out(pool)
                meanwhile()
                while self._under_way or self._alone:
                    if not self._under_way:
                        self._submit(pool, [self._alone.pop(0)])
                    for future in wait(self._under_way, return_when=FIRST_COMPLETED).done:
                        self._take_in(future)
                    self._hand_out(pool)
            except BaseException:
                self._interrupt()
                raise
        for node in self._schedule.rest():
            if node.config.materialized != "ephemeral":
                self._teller.skip(node)

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        """Give every free worker something, unless a node waits for having no neighbours."""
        while self._idle and not self._alone and not self._teller.stopped:
            nodes = self._schedule.take(together=self._together)
            if not nodes:
                return
            wanted = [node for node in nodes if not self._passed_over(node)]
            if wanted:
                if wanted[0].config.materialized != "ephemeral":
                    self._teller.start(wanted[0])
                self._submit(pool, wanted)

    def _submit(self, pool: ThreadPoolExecutor, nodes: list[Node]) -> None:
        worker = self._idle.pop()
        self._under_way[pool.submit(_work, worker, nodes)] = (worker, nodes)

    def _passed_over(self, node: Node) -> bool:
        if node.config.materialized == "ephemeral" or not self._teller.blocked(node):
            return False
        self._teller.skip(node)
        self._schedule.done(node.unique_id)
        return True

    def _take_in(self, future: Future[Done | str]) -> None:
        worker, nodes = self._under_way.pop(future)
        self._idle.append(worker)
        try:
            told = future.result()
        except NodeProblem as problem:
            if nodes[0].config.materialized != "ephemeral":
                raise
            self._teller.inline(nodes[0], problem)
            self._schedule.done(nodes[0].unique_id)
            return
        if isinstance(told, str):
            self._teller.inline(nodes[0], told)
            self._schedule.done(nodes[0].unique_id)
            return
        for place, (node, (result, conflict)) in enumerate(zip(nodes, told, strict=True)):
            if place:
                self._teller.start(node)
            if conflict and node.unique_id not in self._repeated and _repeatable(node):
                self._repeated.add(node.unique_id)
                self._alone.append(node)
                continue
            self._teller.finish(node, result)
            self._schedule.done(node.unique_id)

    def _interrupt(self) -> None:
        for future in self._under_way:
            future.cancel()
        while wait(self._under_way, timeout=_PATIENCE).not_done:
            for worker, _ in self._under_way.values():
                worker.connection.raw.interrupt()
        for future in self._under_way:
            # What was made although nobody waited for it is there, and those who keep books have to know.
            told = [] if future.cancelled() or future.exception() else future.result()
            for result, _ in () if isinstance(told, str) else told:
                if not result.failed:
                    self._teller.note(result)


def _work(worker: Worker, nodes: list[Node]) -> Done | str:
    """In a worker's thread: one node, or some tests; an ephemeral model gives its SQL."""
    if nodes[0].config.materialized == "ephemeral":
        return worker.ephemeral(nodes[0])
    if len(nodes) > 1:
        worker.ask_together(nodes)
    return [worker.attempt(node, now()) for node in nodes]


def _repeatable(node: Node) -> bool:
    """Whether nothing of a failed attempt stays: a hook outside the transaction would run twice."""
    return all(hook.transaction for key in ("pre-hook", "post-hook") for hook in node.config.hooks(key))
