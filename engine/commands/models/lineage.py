"""`aa-engine models lineage`: where nodes and columns come from and where they go.

Owns what its words and flags mean and which form is printed. Refuses to follow anything itself: engine.modelrunner's
lineage modules do, and read SQL with sqlglot only when columns are asked for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.models.nodes import say_unmatched
from engine.commands.models.work import Work
from engine.errors import EngineError, UsageError

if TYPE_CHECKING:
    from engine.modelrunner.lineage import ColumnName, Lineage
    from engine.modelrunner.project import Project

FORMS = ("text", "json", "mermaid", "dot")


def run(work: Work) -> int:
    """Print the lineage of a node, of a column, or of a selection."""
    from engine.modelrunner import lineage_text

    project, choices = work.project, work.choices
    form = work.output or "text"
    if form not in FORMS:
        raise UsageError(f"--output takes no '{form}'", hint=f"use {', '.join(FORMS)}")
    up, down = choices.yes("upstream"), choices.yes("downstream")
    if not up and not down:
        up = down = True
    depth = choices.number("depth")
    if depth is not None and depth < 0:
        raise UsageError(f"--depth is {depth}", hint="use 0 or more")
    word = work.words.get("node")
    if word is None:
        selected = work.runner().ls(work.selection())
        ids = {uid for uid in selected if lineage_text.is_shown(project.member(uid))}
        if not ids:
            say_unmatched(work)
        text = lineage_text.forest(project, ids, depth)
    else:
        if choices.many("select") or choices.many("models") or choices.many("exclude"):
            raise UsageError("a node and a selection", hint="name one of them")
        node, column = _asked(project, str(word))
        if column is not None:
            only = {node} | (project.graph.descendants([node]) if down else set())
            return _column(work, _lineage(work, only), node, column, form, up=up, down=down, depth=depth)
        above = project.graph.ancestors([node], depth) if up else set()
        below = project.graph.descendants([node], depth) if down else set()
        ids = {uid for uid in {node} | above | below if lineage_text.is_shown(project.member(uid))}
        text = lineage_text.node_tree(project, node, upstream=up, downstream=down, depth=depth)
        if choices.yes("columns") and form == "text":
            text = lineage_text.columns_of(project, _lineage(work, {node}), node)
    if form == "json":
        found = lineage_text.nodes_record(project, ids, _lineage(work, ids) if choices.yes("columns") else None)
        work.log.answer(json.dumps(found, indent=2))
    elif form == "text":
        _print(work, text)
    else:
        picture = lineage_text.picture_of_nodes(project, ids)
        work.log.answer(lineage_text.mermaid(picture) if form == "mermaid" else lineage_text.dot(picture))
    return 0


def _column(
    work: Work, lineage: Lineage, node: str, column: str, form: str, *, up: bool, down: bool, depth: int | None
) -> int:
    from engine.modelrunner import lineage_text

    start: ColumnName = lineage.find(node, column)
    above = lineage.upstream(start, depth) if up else {start: 0}
    below = lineage.downstream(start, depth) if down else {start: 0}
    if form == "json":
        work.log.answer(json.dumps(lineage_text.columns_record(lineage, start, above, below), indent=2))
    elif form == "text":
        lines = lineage_text.column_tree(work.project, lineage, start, upstream=up, downstream=down, depth=depth)
        _print(work, lines)
    else:
        picture = lineage_text.picture_of_columns(work.project, lineage, {**above, **below})
        work.log.answer(lineage_text.mermaid(picture) if form == "mermaid" else lineage_text.dot(picture))
    return 0


def _asked(project: Project, word: str) -> tuple[str, str | None]:
    """The node, and the column if one is named: `fct`, `fct.cost`, `raw.logs`, `raw.logs.cost`, unique ids too."""
    from engine.modelrunner.lineage_text import is_shown, label
    from engine.modelrunner.nodes import Source
    from engine.modelrunner.problems import SelectionProblem, nearest

    known: dict[str, str] = {}
    for uid, member in project.members().items():
        if is_shown(member):
            known[uid] = uid
            for name in (f"{member.package}.{label(member)}", label(member)):
                # A bare name means the root project's before a package's.
                if name not in known or member.package == project.name:
                    known[name] = uid
            if isinstance(member, Source):
                known.setdefault(f"source:{label(member)}", uid)
    if word in known:
        return known[word], None
    head, _, column = word.rpartition(".")
    if head in known:
        return known[head], column
    raise SelectionProblem(f"no node is called '{word}'", hint=nearest(head, known) or nearest(word, known))


def _lineage(work: Work, only: Collection[str]) -> Lineage:
    """The lineage of the columns of these nodes, with what the database tells if it can be asked."""
    from engine.modelrunner import catalog, lineage
    from engine.modelrunner.database import Connection

    path = work.project.target.path
    if work.place.connect is None and path not in ("", ":memory:") and not Path(path).exists():
        return lineage.read(work.project, only=only)  # asking makes no database
    try:
        connection = Connection(work.connect())
    except EngineError as error:
        work.log.say("Note", f"Columns are read from files alone: {error.line()}", level="warn", msg=error.line())
        return lineage.read(work.project, only=only)
    try:
        return lineage.read(work.project, connection, catalog.read(work.project, connection), only)
    finally:
        connection.raw.close()


def _print(work: Work, lines: Iterable[str]) -> None:
    """Lines, cut at the terminal's width; whole where output goes elsewhere."""
    width = shutil.get_terminal_size().columns if work.place.terminal.live else None
    for line in lines:
        cut = width is not None and len(line) > width
        work.log.answer(f"{line[: width - 1]}…" if cut and width is not None else line)
