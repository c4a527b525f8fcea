"""What a run says while it goes, and its summary: dbt's lines, in dbt's order.

Owns the events of nodes that start and end, of the whole run, and the list of what failed with its file, line and
compiled SQL. Refuses forms and levels (log), phrases (words), and to decide the
exit code: the outcome does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engine.commands.models import words
from engine.commands.models.log import Level, Log
from engine.errors import EngineError
from engine.modelrunner.nodes import Node, Source

if TYPE_CHECKING:
    from engine.modelrunner.project import Project
    from engine.modelrunner.results import NodeResult, RunOutcome

_LEVELS: dict[str, Level] = {"warn": "warn", "fail": "error", "error": "error", "runtime error": "error"}
_EVENTS = {
    "model": "LogModelResult",
    "snapshot": "LogSnapshotResult",
    "seed": "LogSeedResult",
    "test": "LogTestResult",
    "unit_test": "LogTestResult",
    "source": "LogFreshnessResult",
    "operation": "LogHookEndLine",
    "exposure": "LogNodeNoOpResult",
}


class Cancelled(EngineError):
    """Nobody waits for the command any more."""

    code = "cancelled"
    exit_code = 130


class Report(Protocol):
    """Hears of a run from beginning to end."""

    def begin(self, verb: str) -> None: ...

    def started(self, node: Node | Source, index: int, total: int) -> None: ...

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None: ...

    def end(self, verb: str, outcome: RunOutcome) -> int: ...


class Lines:
    """dbt's log. On a terminal that somebody watches, a START line is replaced by what becomes of it."""

    def __init__(
        self, project: Project, log: Log, width: int, cancelled: threading.Event, *, announces: bool = True
    ) -> None:
        """`announces`: a line for each node, not only for what failed."""
        self.announces = announces
        self.project = project
        self.log = log
        self.width = width
        self.cancelled = cancelled
        self.members: dict[str, Node | Source] = {}

    def begin(self, verb: str) -> None:
        """The project and where it runs."""
        import duckdb

        version = duckdb.__version__
        self.log.say("AdapterRegistered", f"Registered adapter: duckdb={version}", adapter_name="duckdb",
                     adapter_version=f"={version}")  # fmt: skip
        found = words.found(self.project)
        self.log.say("FoundStats", f"Found {found}", stat_line=found)
        self.log.gap()
        target, threads = self.project.target.name, self.project.target.threads
        said = f"Concurrency: {words.counted(threads, 'thread')} (target='{target}')"
        self.log.say("ConcurrencyLine", said, num_threads=threads, node_count=len(self.project.nodes),
                     target_name=target)  # fmt: skip
        self.log.gap()

    def started(self, node: Node | Source, index: int, total: int) -> None:
        if self.cancelled.is_set():
            raise Cancelled("cancelled")
        info = words.node_info(node, None)
        self.log.say("NodeStart", f"Began running node {node.unique_id}", node_info=info)
        if not self.announces:
            return
        described = words.described(node)
        if isinstance(node, Source):
            described = f"freshness of {described}"
        message = words.line(f"{index} of {total} START {described}", "RUN", self.width)
        if self.log.terminal.live and self.log.format != "json":
            if self.log.level in ("debug", "info"):
                self.log.terminal.progress(described, index, total)
            return
        if node.resource_type == "operation":
            assert isinstance(node, Node)
            hook = words.hook_name(node)
            self.log.say("LogHookStartLine", message, statement=hook, index=index, total=total, node_info=info)
            return
        self.log.say("LogStartLine", message, description=described, index=index, total=total, node_info=info)

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None:
        self.members[result.unique_id] = node
        if result.sql is not None and self.log.level == "debug":
            self.log.say("SQLQuery", f"On {node.unique_id}: {result.sql}", conn_name=node.unique_id, sql=result.sql,
                         node_info=words.node_info(node, result))  # fmt: skip
        if not self.announces:
            return
        head = f"{index} of {total} " if total else ""
        of = "num_models" if node.resource_type in ("test", "unit_test") and result.status != "skipped" else "total"
        facts: dict[str, Any] = {"index": index, of: total, "node_info": words.node_info(node, result)}
        if result.status == "skipped":
            assert isinstance(node, Node)
            state = words.painted("SKIP", words.YELLOW, self.log.colours)
            text = words.line(head + words.skipped(node), state, self.width)
            self.log.say("SkippingDetails", text, node_name=node.name, resource_type=node.resource_type,
                         schema=node.schema, **facts)  # fmt: skip
            return
        said, state = words.finished(node, result)
        state = words.painted(state, words.colour_of(result.status), self.log.colours)
        text = words.line(head + said, f"{state} in {result.seconds:.2f}s", self.width)
        level = _LEVELS.get(result.status, "info")
        event = _EVENTS.get(node.resource_type, "LogModelResult")
        self.log.say(event, text, level=level, **{**_data(node, result), **facts})

    def end(self, verb: str, outcome: RunOutcome) -> int:
        """The summary; the exit code comes back."""
        self.log.terminal.progress(None, 0, 0)
        results = list(outcome.results)
        if not self.announces:
            self._failures([result for result in results if result.failed])
            return outcome.exit_code
        if not results:
            self.nothing()
            return outcome.exit_code
        stats = words.worked(self.members[result.unique_id] for result in results if result.unique_id in self.members)
        spent = words.elapsed(outcome.seconds)
        self.log.gap()
        self.log.say("FinishedRunningStats", f"Finished running {stats}{spent} ({outcome.seconds:.2f}s).",
                     execution=spent, execution_time=outcome.seconds, stat_line=stats)  # fmt: skip
        failed = [result for result in results if result.failed]
        warned = [result for result in results if result.status == "warn"]
        if verb == "source":
            self._failures([result for result in failed if result.message])
            self.log.say("FreshnessCheckComplete", "Done.")
            return outcome.exit_code
        self.log.gap()
        if failed or warned:
            summary = (
                f"Completed with {words.counted(len(failed), 'error')}, 0 partial successes, "
                f"and {words.counted(len(warned), 'warning')}:"
            )
            colour = words.RED if failed else words.YELLOW
        else:
            summary, colour = "Completed successfully", words.GREEN
        self.log.say("EndOfRunSummary", words.painted(summary, colour, self.log.colours), num_errors=len(failed),
                     num_warnings=len(warned), num_partial_success=0, keyboard_interrupt=False)  # fmt: skip
        self._failures(failed)
        self._failures(warned)
        self.log.gap()
        self._stats(outcome)
        return outcome.exit_code

    def nothing(self, criterion: Sequence[str] = ()) -> None:
        """The selection matches no node."""
        self.log.say("NothingToDo", "Nothing to do: the selection matches no node")

    def _stats(self, outcome: RunOutcome) -> None:
        count = outcome.count
        stats = {
            "pass": count("success", "pass"),
            "warn": count("warn"),
            "error": count("error", "fail", "runtime error", "partial success"),
            "skip": count("skipped"),
            "noop": count("no-op"),
            "total": len(outcome.results),
        }
        text = "PASS={pass} WARN={warn} ERROR={error} SKIP={skip} NO-OP={noop} TOTAL={total}".format(**stats)
        self.log.say("StatsLine", f"Done. {text}", stats=stats)

    def _failures(self, results: Sequence[NodeResult]) -> None:
        """Each failed node once more: what, where, why, and its SQL."""
        for result in results:
            node = self.members.get(result.unique_id)
            where = result.file or ""
            if node is not None and node.line > 1:
                where = f"{where}:{node.line}"
            info: dict[str, Any] = {} if node is None else {"node_info": words.node_info(node, result)}
            kind: dict[str, Any] = {
                "resource_type": result.resource_type,
                "node_name": result.name,
                "path": result.file or "",
            }
            warning = result.status == "warn"
            title = f"{'Warning' if warning else 'Failure'} in {result.resource_type} {result.name} ({where})"
            painted = words.painted(title, words.YELLOW if warning else words.RED, self.log.colours)
            self.log.gap()
            self.log.say("RunResultWarning" if warning else "RunResultFailure", painted, **kind, **info)
            message = result.message or ""
            self.log.say(
                "RunResultWarningMessage" if warning else "RunResultError", f"  {message}", msg=message, **info
            )
            self._compiled(node, info)

    def _compiled(self, node: Node | Source | None, info: dict[str, Any]) -> None:
        from engine.modelrunner.artifacts import sql_place

        if not isinstance(node, Node):
            return
        path = sql_place(self.project, node, "compiled")
        if path.is_file():
            shown = words.shown_path(path, self.project.folder)
            self.log.gap()
            self.log.say("SQLCompiledPath", f"  compiled code at {shown}", path=shown, **info)


class Records:
    """One JSON object for each node that ended, and one for the run: what `--output json` gives for a run."""

    def __init__(self, log: Log, cancelled: threading.Event) -> None:
        self.log = log
        self.cancelled = cancelled

    def begin(self, verb: str) -> None:
        pass

    def started(self, node: Node | Source, index: int, total: int) -> None:
        if self.cancelled.is_set():
            raise Cancelled("cancelled")

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None:
        record = {
            "unique_id": result.unique_id,
            "status": result.status,
            "seconds": round(result.seconds, 4),
            "failures": result.failures,
            "rows": result.rows,
            "message": result.message,
        }
        self.log.terminal.out(json.dumps(record, default=str))

    def end(self, verb: str, outcome: RunOutcome) -> int:
        count = len(outcome.results)
        if not count:
            self.log.say("NothingToDo", "Nothing to do: the selection matches no node")
        summary = {"verb": verb, "seconds": outcome.seconds, "exit_code": outcome.exit_code, "nodes": count}
        self.log.terminal.out(json.dumps(summary))
        return outcome.exit_code


def _data(node: Node | Source, result: NodeResult) -> dict[str, Any]:
    """What dbt's event of this kind of node carries besides node_info."""
    common: dict[str, Any] = {"status": result.status, "execution_time": result.seconds}
    if isinstance(node, Source):
        return {**common, "source_name": node.source_name, "table_name": node.name}
    match node.resource_type:
        case "test" | "unit_test":
            attached = node.test.attached if node.test is not None else None
            return {**common, "name": words.test_name(node), "num_failures": result.failures or 0,
                    "attached_node": attached or ""}  # fmt: skip
        case "seed":
            message = "ERROR" if result.failed else f"INSERT {result.rows}"
            return {**common, "relation": node.alias, "schema": node.schema, "result_message": message}
        case "snapshot":
            message = "ERROR" if result.failed else "OK"
            return {**common, "description": f"{node.schema}.{node.alias}", "result_message": message,
                    "cfg": {key: str(value) for key, value in node.config.items()}}  # fmt: skip
        case "operation":
            return {**common, "statement": words.hook_name(node)}
        case _:
            status = result.status if result.failed else "OK"
            return {**common, "status": status, "description": words.described(node)}
