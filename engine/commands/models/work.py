"""What a verb of `aa-engine models` is given to work with.

Owns the way from flags to a loaded project, a selection, a runner and a report, each made when a verb asks for it.
Refuses the verbs themselves (nodes, asking, upkeep …) and to print an error: `perform` lets it
rise, except into the structured log.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.commands.models import project, remote
from engine.commands.models.choices import Choices, again, choose, strictness
from engine.commands.models.log import Log, instant
from engine.commands.models.place import Place
from engine.commands.models.report import Lines, Records, Report
from engine.commands.models.verbs import VERBS, Verb
from engine.errors import EngineError, UsageError

if TYPE_CHECKING:
    import duckdb

    from engine.modelrunner.choosing import Selection
    from engine.modelrunner.defer import Deferral
    from engine.modelrunner.project import Project
    from engine.modelrunner.runner import Runner
    from engine.modelrunner.state import Previous


@dataclass(slots=True)
class Work:
    """One command: its verb and what was chosen, where it runs, what it says, and, once asked for, the project.

    `words`: the verb's positional arguments by name. `log` takes talk, and data by `log.answer`.
    """

    verb: str
    choices: Choices
    words: Mapping[str, Any]
    place: Place
    log: Log
    chosen: project.Choice
    _project: Project | None = field(default=None, repr=False)

    @property
    def project(self) -> Project:
        """The project, read at first use. ParseProblem (exit 2) says file and line."""
        if self._project is None:
            self._project = project.load(self.choices, self.place, self.chosen, self.log)
            for warning in self._project.warnings:
                self.log.say("Note", warning, level="warn", msg=warning)
        return self._project

    @property
    def output(self) -> str | None:
        """--output, or json for --json."""
        return "json" if self.choices.yes("json") else self.choices.text("output")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The database; the caller closes it."""
        return (self.place.connect or project.connect)(self.project)

    def report(self) -> Report:
        """What says how the run goes."""
        if self.output == "json" and self.log.format != "json" and self.verb != "compile":
            return Records(self.log, self.place.cancelled)
        width = self.choices.number("printer_width") or 80
        return Lines(self.project, self.log, width, self.place.cancelled, announces=self.verb not in ("compile", "ls"))

    def runner(self, report: Report | None = None) -> Runner:
        """A runner that tells the report of every node."""
        from engine.modelrunner.database import beside
        from engine.modelrunner.runner import Runner

        return Runner(
            self.project,
            self.connect,
            listener=report,
            previous=self.previous(),
            write_artifacts=self.choices.yes("write_json"),
            deferral=self.deferral(),
            cursors=self.place.cursors or beside,
        )

    def previous(self, flag: str = "state") -> Previous | None:
        """The earlier artifacts that --state (or another flag) names."""
        from engine.modelrunner import state

        folder = self.choices.path(flag)
        if folder is None:
            return None
        here = self.place.path(folder)
        return state.read(here if here.exists() else self.chosen.folder / folder, self.project.target_folder)

    def deferral(self) -> Deferral | None:
        """What --defer means; None without it, and for ls, which refers to nothing."""
        from engine.modelrunner import defer

        if not self.choices.yes("defer") or self.verb == "ls":
            return None
        earlier = self.previous("defer_state") or self.previous()
        return defer.deferral(earlier, favor_state=self.choices.yes("favor_state"))

    def selection(self) -> Selection:
        """What the command is about."""
        from engine.modelrunner.choosing import Selection

        choices = self.choices
        named, types = choices.many("models"), choices.many("resource_types")
        if named and self.verb == "ls":
            # As in dbt, with ls --models means models alone.
            for words, given in (("--select", choices.many("select")), ("--resource-type", types)):
                if given:
                    raise UsageError(f"ls takes --models or {words}, not both", hint="use --select alone")
            types = ("model",)
        return Selection(
            choices.many("select") + named,
            choices.many("exclude"),
            choices.text("selector"),
            choices.text("indirect_selection") or "eager",
            types,
            choices.many("exclude_resource_types"),
        )


def perform(verb: Verb, command_line: Mapping[str, Any], place: Place) -> int:
    """Do one command; the exit code. Raises EngineError, unless the structured log has said what is wrong."""
    log = _log(choose(verb.name, command_line, place.environment, {}, lenient=True), verb, place)
    began = time.monotonic()
    try:
        work = _work(verb, command_line, place, log)
        address = remote.engine_for(verb, work.choices, work.chosen, place)
        if address is not None:
            return remote.perform_inside(address, verb, command_line, place)
        if not verb.answers and not work.choices.yes("config_dir"):
            said = f"Running with aa-engine={__version__}"
            log.say("MainReportVersion", said, version=f"={__version__}", log_version=3)
        code = verb.function()(work)
    except EngineError as error:
        if log.format != "json" or command_line.get("debug"):
            raise
        code = error.exit_code
        log.say("MainEncounteredError", f"Encountered an error:\n{error.line()}", exc=error.line())
    except (KeyboardInterrupt, RuntimeError) as error:
        # DuckDB turns an interrupt that comes during a statement into an error of its own.
        if isinstance(error, RuntimeError) and "interrupted" not in str(error):
            raise
        log.say("MainKeyboardInterrupt", "interrupted: what has ended stands, what was under way has left nothing")
        raise KeyboardInterrupt from None
    finally:
        place.terminal.progress(None, 0, 0)
    took = time.monotonic() - began
    log.say("CommandCompleted", f"Command `models {verb.name}` {'failed' if code else 'succeeded'} after {took:.2f} s",
            command=f"models {verb.name}", completed_at=instant(), elapsed=took, success=code == 0)  # fmt: skip
    return code


def _work(verb: Verb, command_line: Mapping[str, Any], place: Place, log: Log) -> Work:
    """Flags, and the project's own `flags:`; the log follows them."""
    early = choose(verb.name, command_line, place.environment, {})
    chosen = project.folder_of(early.path("project_dir"), place)
    block = project.flags_block(chosen.folder)
    choices = choose(verb.name, command_line, place.environment, block)
    if verb.name == "retry":
        last = project.last_run(choices, place, chosen)
        if last is not None and last.get("which") in {known.name for known in VERBS}:
            choices = choose(str(last["which"]), {**again(last), **command_line}, place.environment, block)
    final = _log(choices, verb, place, debug=bool(command_line.get("debug")))
    for name in ("format", "level", "colours", "prints", "strictness"):
        setattr(log, name, getattr(final, name))
    return Work(verb.name, choices, command_line, place, log, chosen)


def _log(choices: Choices, verb: Verb, place: Place, *, debug: bool = False) -> Log:
    level = "debug" if debug and "log_level" not in choices.given else choices.text("log_level") or "info"
    said = choices.text("log_format")
    as_json = said == "json"
    if "use_colors" in choices.given:
        colours = choices.yes("use_colors")
    else:
        colours = place.terminal.colours and not as_json and choices.switch("use_colors") is not False
    return Log(
        place.terminal,
        str(uuid.uuid4()),
        format="json" if as_json else "debug" if said == "debug" else "text",
        level="error" if choices.yes("quiet") else level,
        colours=colours,
        answers=verb.answers or (choices.yes("json") or choices.text("output") == "json"),
        prints=choices.yes("print"),
        strictness=strictness(choices),
    )
