"""What a verb of `aa-engine models` is given to work with.

Owns the way from flags to a loaded project, a selection and a runner. Refuses the verbs themselves (models_nodes,
models_asking, models_upkeep …).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.commands import models_project
from engine.commands.models_choices import Choices, choose
from engine.commands.models_output import Printer
from engine.commands.models_place import Place

if TYPE_CHECKING:
    import duckdb

    from engine.modelrunner.project import Project
    from engine.modelrunner.runner import Runner, Selection


@dataclass(frozen=True, slots=True)
class Work:
    """One command: its verb and what was chosen, the project, where it runs, and who prints.

    `words`: the verb's positional arguments by name.
    """

    verb: str
    choices: Choices
    words: Mapping[str, Any]
    project: Project
    place: Place
    printer: Printer

    @classmethod
    def of(cls, verb: str, command_line: Mapping[str, Any], place: Place) -> Work:
        """Read flags and project. UsageError and ParseProblem (exit 2)."""
        early = choose(verb, command_line, place.environment, {})
        chosen = models_project.folder_of(early.path("project_dir"), place)
        block = models_project.flags_block(chosen.folder)
        choices = choose(verb, command_line, place.environment, block)
        say = place.terminal.err
        project = models_project.load(choices, place, chosen, verb, say)
        printer = Printer(
            project,
            place.terminal,
            as_json=choices.yes("json") or choices.text("output") == "json",
            quiet=choices.yes("quiet"),
            colours=_colours(choices, place),
            warn_error=choices.yes("warn_error"),
        )
        return cls(verb, choices, command_line, project, place, printer)

    @property
    def output(self) -> str | None:
        """--output, or json for --json."""
        return "json" if self.choices.yes("json") else self.choices.text("output")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The database; the caller closes it."""
        return (self.place.connect or models_project.connect)(self.project)

    def runner(self) -> Runner:
        """A runner that tells the printer of every node."""
        from engine.modelrunner import state
        from engine.modelrunner.runner import Runner

        folder = self.choices.path("state")
        previous = None if folder is None else state.read(self.place.path(folder))
        return Runner(self.project, self.connect, listener=self.printer, previous=previous)

    def selection(self) -> Selection:
        """What the command is about."""
        from engine.modelrunner.runner import VERB_TYPES, Selection

        choices = self.choices
        named = choices.many("models")
        types = tuple(kind for kind in choices.many("resource_types") if kind in VERB_TYPES["ls"])
        if named and self.verb == "ls":
            types = types or ("model",)
        return Selection(
            choices.many("select") + named,
            choices.many("exclude"),
            choices.text("selector"),
            choices.text("indirect_selection") or "eager",
            types,
            choices.many("exclude_resource_types"),
        )


def _colours(choices: Choices, place: Place) -> bool:
    if "use_colors" in choices.given:
        return choices.yes("use_colors")
    return place.terminal.colours and choices.switch("use_colors") is not False
