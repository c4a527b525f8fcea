"""What `aa-engine models` prints.

Owns lines for people (one per node with status and time, a summary) and JSON lines for programs. Refuses to decide
anything but the exit code of a warning under --warn-error.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from engine.modelrunner.artifacts import node_record
from engine.modelrunner.nodes import Exposure, Node, Source
from engine.modelrunner.problems import NodeProblem, SelectionProblem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.commands.models_place import Terminal
    from engine.modelrunner.nodes import Member
    from engine.modelrunner.project import Project
    from engine.modelrunner.relation import ResultTable
    from engine.modelrunner.results import NodeResult, RunOutcome

WIDTH = 80
_COLOURS = {"OK": "32", "PASS": "32", "WARN": "33", "SKIP": "33", "FAIL": "31", "ERROR": "31"}
_WORDS = {"success": "OK", "pass": "PASS", "warn": "WARN", "fail": "FAIL", "error": "ERROR", "skipped": "SKIP"}
_KEYS = ("alias", "name", "package_name", "depends_on", "tags", "config", "resource_type", "source_name",
         "original_file_path", "unique_id")  # fmt: skip


class Printer:
    """A listener that prints; data on standard output."""

    def __init__(
        self, project: Project, terminal: Terminal, *, as_json: bool, quiet: bool, colours: bool, warn_error: bool
    ) -> None:
        self.project = project
        self.terminal = terminal
        self.as_json = as_json
        self.quiet = quiet
        self.colours = colours
        self.warn_error = warn_error

    def say(self, line: str) -> None:
        """A line for a person."""
        if not self.quiet and not self.as_json:
            self.terminal.out(line)

    def begin(self, verb: str) -> None:
        """What was found."""
        kinds: dict[str, int] = {}
        for node in self.project.nodes.values():
            kinds[node.resource_type] = kinds.get(node.resource_type, 0) + 1
        parts = [f"{count} {kind.replace('_', ' ')}{'' if count == 1 else 's'}" for kind, count in kinds.items()]
        if self.project.sources:
            parts.append(f"{len(self.project.sources)} sources")
        self.say(f"Found {', '.join(parts) or 'nothing'}")

    def started(self, node: Node, index: int, total: int) -> None:
        if not self.as_json and not self.quiet:
            self.terminal.progress(f"{index} of {total} START {self._what(node)}")

    def ended(self, node: Node | Source, result: NodeResult, index: int, total: int) -> None:
        if self.as_json:
            self.terminal.out(json.dumps(_record(result), default=str))
        elif not self.quiet or result.failed:
            word = _WORDS.get(result.status, result.status.upper())
            head = f"{index} of {total} " if total else ""
            middle = f"{head}{word} {self._what(node)} "
            detail = f"{word} {result.failures}" if result.failures and word in ("WARN", "FAIL") else word
            dots = "." * max(3, WIDTH - len(middle))
            self.terminal.out(f"{middle}{dots} [{self._colour(detail, word)} in {result.seconds:.2f}s]")
        if self.warn_error and result.status == "warn" and not isinstance(node, Source):
            raise NodeProblem(
                f"test '{result.name}' warns: {result.message}", hint="--warn-error makes a warning an error"
            )

    def end(self, verb: str, outcome: RunOutcome) -> int:
        """The summary; the exit code comes back."""
        results = list(outcome.results)
        if not results:
            if self.warn_error:
                raise SelectionProblem("the selection matches no node", hint="--warn-error makes a warning an error")
            self.terminal.err("Nothing to do: the selection matches no node")
        for result in results:
            if result.failed or result.status == "warn":
                word = "Warning" if result.status == "warn" else "Failure" if result.status == "fail" else "Error"
                line = f"{word} in {result.resource_type} {result.name} ({result.file}): {result.message}"
                self.terminal.err(line)
        count = outcome.count
        self.say("")
        self.say(f"Finished {verb} in {outcome.seconds:.2f}s")
        self.say(
            f"Done. PASS={count('success', 'pass')} WARN={count('warn')} ERROR={count('error', 'fail')} "
            f"SKIP={count('skipped')} TOTAL={len(results)}"
        )
        if self.as_json:
            summary = {"verb": verb, "seconds": outcome.seconds, "exit_code": outcome.exit_code, "nodes": len(results)}
            self.terminal.out(json.dumps(summary))
        return outcome.exit_code

    def listing(self, ids: list[str], output: str, keys: Sequence[str] | None) -> int:
        """`ls`: one line per node."""
        lines = sorted(self._listed(self.project.member(uid), output, keys) for uid in ids)
        if not lines:
            self.terminal.err("No nodes selected!")
        for line in lines:
            self.terminal.out(line)
        return 0

    def _listed(self, member: Member, output: str, keys: Sequence[str] | None) -> str:
        match output:
            case "name":
                return member.name
            case "path":
                return member.original_path
            case "json":
                record = node_record(self.project, member)
                wanted = [key for text in keys for key in text.replace(",", " ").split()] if keys else list(_KEYS)
                return json.dumps({key: record[key] for key in wanted if key in record}, default=str)
            case _:
                if isinstance(member, Source):
                    return f"source:{member.package}.{member.source_name}.{member.name}"
                if member.resource_type == "unit_test":
                    return f"unit_test:{member.package}.{member.name}"
                if isinstance(member, Exposure):
                    return f"exposure:{member.package}.{member.name}"
                return ".".join(member.fqn)

    def table(self, name: str, table: ResultTable, output: str | None) -> None:
        """`show`: a few rows."""
        if output == "json" or self.as_json:
            rows = [row.dict() for row in table.rows]
            self.terminal.out(json.dumps({"node": name, "show": rows}, default=str, indent=2))
            return
        cells = [list(table.column_names), *([_cell(value) for value in row] for row in table.rows)]
        widths = [max(len(row[place]) for row in cells) for place in range(len(table.column_names))]
        self.terminal.out(f"Previewing node '{name}':")
        for number, row in enumerate(cells):
            self.terminal.out(
                "| " + " | ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) + " |"
            )
            if number == 0:
                self.terminal.out("| " + " | ".join("-" * width for width in widths) + " |")

    def _what(self, node: Node | Source) -> str:
        if isinstance(node, Source):
            return f"freshness of {node.source_name}.{node.name}"
        if node.resource_type == "model":
            return f"{node.config.materialized} model {node.schema}.{node.alias}"
        if node.resource_type == "seed":
            return f"seed {node.schema}.{node.alias}"
        return f"{node.resource_type.replace('_', ' ')} {node.name}"

    def _colour(self, text: str, word: str) -> str:
        code = _COLOURS.get(word)
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and code else text


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _record(result: NodeResult) -> dict[str, Any]:
    return {
        "unique_id": result.unique_id,
        "status": result.status,
        "seconds": round(result.seconds, 4),
        "failures": result.failures,
        "rows": result.rows,
        "message": result.message,
    }
