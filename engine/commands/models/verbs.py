"""The verbs of `aa-engine models`, one line each.

Owns their names, what they are for, and where the code of each is: `run(work)` of a module of this package, or a named
function of it. Refuses the verbs of dbt that are not ours, and says what to use instead.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.commands.models.work import Work


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb. `code`: `module` or `module:function` below engine.commands; `words`: positional arguments.

    `answers`: what it gives is data on standard output, so its talk goes to standard error. `writes`: it may change
    tables, so in an engine it takes turns with refreshes. `resident`: with the engine's own project and an engine
    running on the data directory, the engine does it; the others need no database.
    """

    name: str
    summary: str
    code: str
    example: str
    aliases: tuple[str, ...] = ()
    words: tuple[Words, ...] = ()
    answers: bool = False
    writes: bool = False
    resident: bool = True

    def function(self) -> Callable[[Work], int]:
        """What does the work; imported when it is used."""
        module, _, name = self.code.partition(":")
        found: Callable[[Work], int] = getattr(
            importlib.import_module(f"engine.commands.models.{module}"), name or "run"
        )
        return found


@dataclass(frozen=True, slots=True)
class Words:
    """A positional argument of a verb, or a flag that only it has."""

    name: str
    help: str
    choices: tuple[str, ...] = ()
    optional: bool = False


VERBS: tuple[Verb, ...] = (
    Verb("run", "make models", "nodes:run", "run -s +fct_sessions", writes=True),
    Verb("build", "seeds, models, snapshots and tests, in order", "nodes:run", "build -s +fct_sessions",
         writes=True),
    Verb("test", "run tests", "nodes:run", "test -s +fct_sessions", writes=True),
    Verb("seed", "load CSV files", "nodes:run", "seed -s model_names", writes=True),
    Verb("snapshot", "remember what rows look like now", "nodes:run", "snapshot -s orders_snapshot",
         writes=True),
    Verb("source", "freshness: how old the rows of sources are", "nodes:freshness", "source freshness",
         words=(Words("action", "freshness", choices=("freshness", "snapshot-freshness")),)),
    Verb("retry", "what failed or was skipped in the last run, again", "nodes:retry", "retry", writes=True),
    Verb("run-operation", "call a macro", "nodes:operation", "run-operation my_macro --args '{day: 2026-01-31}'",
         answers=True, writes=True, words=(Words("macro", "the macro's name, with its package if need be"),)),
    Verb("compile", "write the SQL of nodes without running it", "asking:compile", "compile -s fct_sessions",
         answers=True),
    Verb("show", "show the first rows of a node or of SQL", "asking:show", "show -s fct_sessions --limit 10",
         answers=True),
    Verb("ls", "list nodes", "asking:ls", "ls -s +fct_sessions", aliases=("list",), answers=True,
         resident=False),
    Verb("docs", "generate: catalog.json and documentation as a page that needs nothing else", "docs:run",
         "docs generate --markdown docs", words=(Words("action", "generate", choices=("generate", "serve")),)),
    Verb("lineage", "where nodes and columns come from and where they go", "lineage:run",
         "lineage fct_sessions.cost_usd", answers=True,
         words=(Words("node", "a node, or a column as NODE.COLUMN; nothing: all of --select", optional=True),)),
    Verb("parse", "read the project and write manifest.json", "upkeep:parse", "parse", resident=False),
    Verb("debug", "check project, profile and database", "upkeep:debug", "debug"),
    Verb("deps", "check that packages are there", "upkeep:deps", "deps", resident=False),
    Verb("clean", "remove the target folder", "upkeep:clean", "clean", resident=False),
)  # fmt: skip

REFUSED = {
    "clone": "use `aa-engine models build` on another target",
    "init": "copy an existing project; `aa-engine models debug` checks it",
    "sl": "there is no semantic layer; select from the marts",
}
"""Verbs of dbt that are not ours → what to use instead."""


def verb_of(name: str) -> Verb:
    """The verb of that name or alias."""
    return next(verb for verb in VERBS if name == verb.name or name in verb.aliases)
