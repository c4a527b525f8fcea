"""What can be wrong with a project, a node or a selection, said in one line.

Owns the errors of the runner and the search for the nearest valid name. Refuses to print or to retry: the command line
and the engine decide what becomes of an error.

    ParseProblem       the project cannot be read: configuration, names, cycles (exit 2, like dbt's parse errors)
    SelectionProblem   a selector that means nothing (exit 2)
    NodeProblem        one node failed while it was compiled or run (exit 1)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from types import TracebackType

from engine.errors import ConfigurationError, ModelError, UsageError


class ParseProblem(ConfigurationError):
    """The project cannot be read; `where` is `file:line` or `file`."""

    code = "model_parse"

    def __init__(self, sentence: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(f"{where}: {sentence}" if where else sentence, hint=hint)
        self.where = where


class SelectionProblem(UsageError):
    """A selector that names a method, a value or a selector that does not exist."""

    code = "model_selection"


class NodeProblem(ModelError):
    """One node failed: its Jinja, its SQL or what it depends on.

    `statement` is the SQL that the database refused, `conflict` whether another transaction was in its way.
    """

    code = "model_node"

    def __init__(
        self, sentence: str, *, hint: str | None = None, statement: str | None = None, conflict: bool = False
    ) -> None:
        super().__init__(sentence, hint=hint)
        self.statement = statement
        self.conflict = conflict


def nearest(word: str, known: Iterable[str]) -> str | None:
    """`did you mean X?` for the known name nearest to `word`, or None."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean '{found[0]}'?" if found else None


def template_line(error: BaseException, filename: str) -> int | None:
    """The line of the Jinja template `filename` in which `error` was raised, where the traceback knows it."""
    line = getattr(error, "lineno", None)
    if isinstance(line, int):
        return line
    found = None
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            found = trace.tb_lineno
        trace = trace.tb_next
    return found
