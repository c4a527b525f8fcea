"""run_results.json: what became of every node of the last run.

Owns its shape, version 6 of dbt's schema. Refuses to decide what became of a node (run.py) and to write files.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from typing import Any

from engine.modelrunner.artifacts import instant, metadata
from engine.modelrunner.project import Project
from engine.modelrunner.results import FAIL_FAST, NodeResult


def run_results(project: Project, verb: str, results: Iterable[NodeResult], elapsed: float) -> dict[str, Any]:
    """The whole file."""
    return {
        "metadata": metadata(project, "run-results/v6"),
        "results": [record(result) for result in results],
        "elapsed_time": elapsed,
        "args": {**project.flags.extra, "which": verb},
    }


def record(result: NodeResult) -> dict[str, Any]:
    """One node. As in dbt, what was skipped gives no reason, and what did not compile was never executed."""
    compiles = result.resource_type not in ("seed", "exposure", "source")
    return {
        "status": result.status,
        "timing": _timing(result),
        "thread_id": result.thread,
        "execution_time": result.seconds,
        "adapter_response": _response(result),
        "message": _message(result),
        "failures": result.failures,
        "unique_id": result.unique_id,
        "compiled": _compiled(result) if compiles else None,
        "compiled_code": result.sql,
        "relation_name": result.relation_name if compiles else None,
        "batch_results": None,
    }


def _response(result: NodeResult) -> dict[str, Any]:
    if not result.executed or result.status in ("error", "skipped"):
        return {}
    if result.resource_type == "seed":
        return {"_message": f"INSERT {result.rows}", "code": "INSERT", "rows_affected": result.rows}
    return {"_message": "OK"}


def _message(result: NodeResult) -> str | None:
    told = result.resource_type == "operation" or result.message == FAIL_FAST
    return None if result.status == "skipped" and not told else result.message


def _compiled(result: NodeResult) -> bool | None:
    if result.resource_type == "unit_test":
        return True if result.status in ("pass", "fail") else None
    return result.sql is not None


def _timing(result: NodeResult) -> list[dict[str, str]]:
    if result.status == "skipped":
        return []
    spans: list[tuple[str, datetime.datetime, datetime.datetime | None]] = [
        ("compile", result.started, result.compiled or result.finished)
    ]
    if result.compiled is not None:
        spans.append(("execute", result.compiled, result.finished))
    return [{"name": name, "started_at": instant(start), "completed_at": instant(end)} for name, start, end in spans]
