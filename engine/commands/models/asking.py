"""Verbs that answer on standard output: ls, show, compile.

Owns which nodes are asked about and the form of the answer: nothing but data on standard output, so that it can be
piped, besides the run_results.json that says what was answered. Refuses to change the database.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from engine.commands.models.nodes import say_unmatched
from engine.commands.models.work import Work
from engine.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from engine.modelrunner.compile import Compiler
    from engine.modelrunner.nodes import Node
    from engine.modelrunner.result_table import ResultTable
    from engine.modelrunner.results import NodeResult


def ls(work: Work) -> int:
    """One line per node."""
    from engine.modelrunner.listing import lines

    form = (work.output or "selector").lower()
    keys = work.choices.many("output_keys")
    ids = work.runner(work.report()).ls(work.selection())
    found = lines(work.project, ids, form, keys)
    if not found:
        say_unmatched(work)
        work.log.say("NoNodesSelected", "No nodes selected!")
    for line in found:
        work.log.answer(line, "ListCmdOut")
    return 0


def compile(work: Work) -> int:
    """SQL of nodes to files; of --inline, and of nodes that --select names, to standard output as well."""
    inline = work.choices.text("inline")
    if inline is not None:
        started = datetime.now(UTC)
        node, sql = _inline(work, inline)
        _compiled(work, "inline", sql)
        _write(work, [_result(node, started, datetime.now(UTC), sql)])
        return 0
    report = work.report()
    outcome = work.runner(report).compile(work.selection())
    named = {*work.choices.many("select"), *work.choices.many("models")}
    if not outcome.results:
        say_unmatched(work)
    for result in outcome.results:
        if result.name in named and result.sql is not None:
            _compiled(work, result.name, result.sql)
    return report.end(work.verb, outcome)


def _compiled(work: Work, name: str, sql: str) -> None:
    inline = name == "inline"
    title = "Compiled inline node is:" if inline else f"Compiled node '{name}' is:"
    facts: dict[str, Any] = {
        "node_name": name,
        "compiled": sql,
        "is_inline": inline,
        "output_format": work.output or "text",
    }
    if work.output == "json":
        text = json.dumps({"compiled": sql} if inline else {"node": name, "compiled": sql}, indent=2)
        work.log.answer(text, "CompiledNode", **facts)
        return
    _title(work, title)
    work.log.answer(sql, "CompiledNode", message=f"{title}\n{sql}", **facts)


def _title(work: Work, text: str) -> None:
    if work.log.format != "json" and work.log.level in ("debug", "info"):
        work.place.terminal.err(text)


def _inline(work: Work, text: str) -> tuple[Node, str]:
    from engine.modelrunner.compile import Compiler
    from engine.modelrunner.database import Connection

    connection = Connection(work.connect())
    try:
        with _named("--inline"):
            compiler = Compiler(work.project, connection, deferral=work.deferral())
            return compiler.inline(text), compiler.compile_text(text).sql
    finally:
        connection.raw.close()


@contextmanager
def _named(what: str) -> Iterator[None]:
    """What fails is said to be of `what`; as in dbt, an answer that cannot be given is exit 2."""
    from engine.modelrunner.problems import NodeProblem

    try:
        yield
    except NodeProblem as problem:
        # SQL that stands in no file is rendered as if it stood at the head of the project file.
        said = problem.sentence.removeprefix("dbt_project.yml:1: ")
        raise UsageError(said if said.startswith(what) else f"{what}: {said}", hint=problem.hint) from None


def show(work: Work) -> int:
    """The first rows of nodes, or of --inline."""
    from engine.modelrunner.compile import Compiler
    from engine.modelrunner.database import Connection

    choices = work.choices
    inline, limit = choices.text("inline"), choices.number("limit")
    if inline is None and not any(choices.values.get(name) for name in ("select", "models", "selector")):
        raise UsageError("show needs nodes or SQL", hint="pass --select NODE or --inline SQL")
    connection = Connection(work.connect())
    try:
        nodes = [] if inline is not None else _nodes(work)
        selected = tuple(node.unique_id for node in nodes)
        compiler = Compiler(work.project, connection, deferral=work.deferral(), selected=selected)
        told = []
        for node, where, make in _parts(nodes, compiler, inline):
            started = datetime.now(UTC)
            with _named(where):
                sql = f"select * from (\n{make()}\n) as model_limit_subq"
                if limit is not None and limit >= 0:
                    sql += f" limit {limit}"
                compiled = datetime.now(UTC)
                _shown(work, node.name, connection.query(sql))
            told.append(_result(node, started, compiled, sql))
        if not told:
            say_unmatched(work)
            work.log.say("NothingToDo", "Nothing to do: the selection matches no node")
        _write(work, told)
    finally:
        connection.raw.close()
    return 0


def _result(node: Node, started: datetime, compiled: datetime, sql: str) -> NodeResult:
    from engine.modelrunner.results import NodeResult

    return NodeResult(
        node.unique_id, node.name, node.resource_type, "success", started=started, compiled=compiled,
        finished=datetime.now(UTC), sql=sql, relation_name=node.relation_name, file=node.original_path,
    )  # fmt: skip


def _write(work: Work, told: Sequence[NodeResult]) -> None:
    """What was answered is the last command's result, as in dbt."""
    if not work.choices.yes("write_json"):
        return
    from engine.modelrunner import artifacts
    from engine.modelrunner.run_results import run_results

    seconds = sum(result.seconds for result in told)
    folder = work.project.target_folder
    artifacts.write(folder / "manifest.json", artifacts.manifest(work.project))
    artifacts.write(folder / "run_results.json", run_results(work.project, work.verb, told, seconds))


def _nodes(work: Work) -> list[Node]:
    from engine.modelrunner.choosing import VERB_TYPES, selected_ids

    ids = selected_ids(work.project, work.selection(), VERB_TYPES["show"], work.previous())
    named = {*work.choices.many("select"), *work.choices.many("models")}
    nodes = [work.project.nodes[uid] for uid in work.project.graph.order() if uid in ids]
    # Tests come along with what they test; asked for is what has rows of its own, or was named.
    return [node for node in nodes if node.resource_type != "test" or node.name in named]


def _parts(
    nodes: Iterable[Node], compiler: Compiler, inline: str | None
) -> Iterator[tuple[Node, str, Callable[[], str]]]:
    """Node, place and SQL of what is to be shown; the SQL is made when it is asked for."""
    if inline is not None:
        yield compiler.inline(inline), "--inline", lambda: compiler.compile_text(inline).sql
        return
    for node in nodes:
        yield node, node.original_path, partial(_sql_of, node, compiler)


def _sql_of(node: Node, compiler: Compiler) -> str:
    return f"select * from {node.relation_name}" if node.resource_type == "seed" else compiler.compile(node).sql


def _shown(work: Work, name: str, table: ResultTable) -> None:
    inline = name == "inline"
    title = "Previewing inline node:" if inline else f"Previewing node '{name}':"
    facts: dict[str, Any] = {"node_name": name, "is_inline": inline, "output_format": work.output or "text"}
    if work.output == "json":
        rows = [row.dict() for row in table.rows]
        text = json.dumps({"show": rows} if inline else {"node": name, "show": rows}, default=str, indent=2)
        work.log.answer(text, "ShowNode", preview=json.dumps(rows, default=str), **facts)
        return
    text = _table(table)
    _title(work, title)
    work.log.answer(text, "ShowNode", message=f"{title}\n{text}\n", preview=text, **facts)


def _table(table: ResultTable) -> str:
    """Rows between bars, numbers on the right."""
    names = list(table.column_names)
    cells = [["" if value is None else str(value) for value in row] for row in table.rows]
    numbers = [_is_number(row[place] for row in table.rows) for place in range(len(names))]
    widths = [max(len(text) for text in (name, *(row[place] for row in cells))) for place, name in enumerate(names)]

    def row_text(row: Sequence[str]) -> str:
        parts = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, numbers, strict=True)
        )
        return "| " + " | ".join(parts) + " |"

    head = "| " + " | ".join(name.ljust(width) for name, width in zip(names, widths, strict=True)) + " |"
    rule = "| " + " | ".join("-" * width for width in widths) + " |"
    return "\n".join([head, rule, *(row_text(row) for row in cells)])


def _is_number(values: Any) -> bool:
    return all(value is None or (isinstance(value, int | float | Decimal) and not isinstance(value, bool))
               for value in values)  # fmt: skip
