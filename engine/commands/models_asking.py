"""Verbs that answer on standard output: ls, show, compile.

Owns which nodes are asked about and the form of the answer. Refuses to change the database.
"""

from __future__ import annotations

from engine.commands.models_work import Work


def ls(work: Work) -> int:
    """One line per node."""
    keys = work.choices.many("output_keys")
    return work.printer.listing(work.runner().ls(work.selection()), work.output or "selector", keys)


def compile(work: Work) -> int:
    """SQL of nodes to files, or of --inline to standard output."""
    if work.choices.text("inline") is not None:
        return _answer(work, run_it=False)
    runner, chosen = work.runner(), work.selection()
    work.printer.begin(work.verb)
    return work.printer.end(work.verb, runner.compile(chosen))


def show(work: Work) -> int:
    """The first rows of nodes, or of --inline."""
    return _answer(work, run_it=True)


def _answer(work: Work, *, run_it: bool) -> int:
    from engine.modelrunner.compile import Compiler
    from engine.modelrunner.database import Connection
    from engine.modelrunner.runner import VERB_TYPES, selected_ids

    project = work.project
    inline, limit = work.choices.text("inline"), work.choices.number("limit")
    connection = Connection(work.connect())
    try:
        compiler = Compiler(project, connection)
        if inline is not None:
            parts = [("inline", compiler.compile_text(inline).sql)]
        else:
            ids = selected_ids(project, work.selection(), VERB_TYPES["show"])
            nodes = [project.nodes[uid] for uid in project.graph.order() if uid in ids]
            parts = [
                (
                    node.name,
                    f"select * from {node.relation_name}"
                    if node.resource_type == "seed"
                    else compiler.compile(node).sql,
                )
                for node in nodes
            ]
        for name, sql in parts:
            if not run_it:
                work.place.terminal.out(sql)
                continue
            shown = f"select * from (\n{sql}\n) as model_limit_subq"
            if limit is not None and limit >= 0:
                shown += f" limit {limit}"
            work.printer.table(name, connection.query(shown), work.output)
        if not parts:
            work.printer.say("Nothing to do: the selection matches no node")
    finally:
        connection.raw.close()
    return 0
