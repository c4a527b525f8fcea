"""How a node, a result and a whole project are named in what `aa-engine models` says.

Owns dbt's phrases (`sql table model mart.fct`, `2 view models`), the line of a node with its dots, and `node_info` of
the structured log. Refuses to print.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.modelrunner.nodes import Node, Source

if TYPE_CHECKING:
    from engine.modelrunner.project import Project
    from engine.modelrunner.results import NodeResult

GREEN, YELLOW, RED = "32", "33", "31"
_COLOURS = {"success": GREEN, "pass": GREEN, "warn": YELLOW, "skipped": YELLOW, "no-op": YELLOW}


def painted(text: str, colour: str, wanted: bool) -> str:
    """Text in a colour of the terminal."""
    return f"\x1b[{colour}m{text}\x1b[0m" if wanted else text


def colour_of(status: str) -> str:
    """Green, yellow or red."""
    return _COLOURS.get(status, RED)


def line(head: str, tail: str, width: int) -> str:
    """A node's line: what, dots up to `width`, and the state in brackets."""
    return f"{head} ".ljust(width, ".") + f" [{tail}]"


def described(member: Node | Source) -> str:
    """The node as its lines call it."""
    if isinstance(member, Source):
        return f"{member.source_name}.{member.name}"
    match member.resource_type:
        case "model":
            return f"sql {member.config.materialized} model {member.schema}.{member.alias}"
        case "seed":
            return f"seed file {member.schema}.{member.alias}"
        case "snapshot":
            return f"snapshot {member.schema}.{member.alias}"
        case "unit_test":
            return f"unit_test {test_name(member)}"
        case "operation":
            return f"hook: {hook_name(member)}"
        case kind:
            return f"{kind.replace('_', ' ')} {member.name}"


def test_name(node: Node) -> str:
    """The name of a test; a unit test's with the model it tests."""
    return f"{node.unit.model}::{node.name}" if node.unit is not None else node.name


def hook_name(node: Node) -> str:
    """`shop.on-run-start.0` of the operation `shop-on-run-start-0`."""
    package, _, rest = node.name.partition("-")
    place, _, number = rest.rpartition("-")
    return f"{package}.{place}.{number}"


def finished(member: Node | Source, result: NodeResult) -> tuple[str, str]:
    """The head of the line of an ended node and the state at its end, without the time."""
    status, failed = result.status, result.failed
    rows = "" if result.rows is None else f" {counted(result.rows, 'row')}"
    if isinstance(member, Source):
        word = {"error": "ERROR STALE", "runtime error": "ERROR"}.get(status, status.upper())
        return f"{word} freshness of {described(member)}", word
    match member.resource_type:
        case "test" | "unit_test":
            number = f" {result.failures}" if result.failures and status in ("warn", "fail") else ""
            return f"{status.upper()}{number} {test_name(member)}", f"{status.upper()}{number}"
        case "seed":
            if failed:
                return f"ERROR loading {described(member)}", "ERROR"
            return f"OK loaded {described(member)}", "OK" if result.rows is None else f"INSERT {result.rows}"
        case "snapshot":
            name = f"{member.schema}.{member.alias}"
            return (f"ERROR snapshotting {name}", "ERROR") if failed else (f"OK snapshotted {name}", f"OK{rows}")
        case "operation":
            word = "ERROR" if failed else "OK"
            return f"{word} {described(member)}", word
        case "exposure":
            return f"NO-OP exposure {member.name}", "NO-OP"
        case _:
            if failed:
                return f"ERROR creating {described(member)}", "ERROR"
            return f"OK created {described(member)}", f"OK{rows}"


def skipped(node: Node) -> str:
    """The head of the line of a skipped node."""
    if node.is_relational and node.resource_type != "test":
        return f"SKIP relation {node.schema}.{node.alias}"
    return f"SKIP {node.resource_type} {node.name}"


def counted(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    if noun == "data test" and number == 1:
        return "1 test"  # dbt's own words
    plural = {"analysis": "analyses"}.get(noun) or f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def found(project: Project) -> str:
    """What is in a project, in dbt's order."""
    kinds: dict[str, int] = {}
    for node in project.nodes.values():
        kinds[node.resource_type] = kinds.get(node.resource_type, 0) + 1
    hooks = sum(
        len(package.hooks(key)) for package in project.packages.values() for key in ("on-run-start", "on-run-end")
    )
    parts = [
        ("model", kinds.get("model", 0)),
        ("analysis", kinds.get("analysis", 0)),
        ("snapshot", kinds.get("snapshot", 0)),
        ("data test", kinds.get("test", 0)),
        ("seed", kinds.get("seed", 0)),
        ("operation", hooks),
        ("source", len(project.sources)),
        ("exposure", len(project.exposures)),
        ("macro", sum(1 for _ in project.macros.all())),
        ("unit test", kinds.get("unit_test", 0)),
    ]
    return ", ".join(counted(count, kind) for kind, count in parts if count) or "nothing"


def worked(members: Iterable[Node | Source]) -> str:
    """What a run worked on: `1 seed, 2 table models, 5 data tests`."""
    kinds: dict[str, int] = {}
    for member in members:
        if isinstance(member, Source):
            kind = "source"
        elif member.resource_type == "model":
            kind = f"{member.config.materialized} model"
        elif member.resource_type == "operation":
            kind = "project hook"
        else:
            kind = member.resource_type.replace("_", " ")
        kinds[kind] = kinds.get(kind, 0) + 1
    return ", ".join(counted(count, "data test" if kind == "test" else kind) for kind, count in sorted(kinds.items()))


def elapsed(seconds: float) -> str:
    """` in 0 hours 0 minutes and 1.04 seconds`."""
    whole, minutes = divmod(seconds, 60)[1], int(seconds // 60)
    return f" in {minutes // 60} hours {minutes % 60} minutes and {whole:.2f} seconds"


def node_info(member: Node | Source, result: NodeResult | None) -> dict[str, Any]:
    """`node_info` of dbt's structured log; `result` None: it has just started."""
    node = member if isinstance(member, Node) else None
    return {
        "materialized": node.config.materialized if node is not None and node.unit is None else "",
        "meta": dict(member.config.meta),
        "node_checksum": "" if node is None or node.test is not None or node.unit is not None else node.checksum,
        "node_finished_at": _instant(result.finished) if result is not None else "",
        "node_name": member.name,
        "node_path": member.path,
        "node_relation": {
            "alias": node.alias if node is not None else "",
            "database": member.database,
            "relation_name": member.relation_name or "",
            "schema": member.schema,
        },
        "node_started_at": _instant(result.started) if result is not None else "",
        "node_status": "started" if result is None else result.status,
        "resource_type": member.resource_type,
        "unique_id": member.unique_id,
    }


def _instant(moment: Any) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.%f")


def shown_path(path: Path, folder: Path) -> str:
    """A path as the project's folder sees it, if it is inside."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
