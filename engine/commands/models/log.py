"""What `aa-engine models` says, as dbt says it: events with a name, a code and a level.

Owns the three forms of an event (a line as dbt prints it, a line with instant and level, one JSON object of dbt's
structured log), which levels are said, which warnings are errors, and what goes to standard output and what to
standard error. Refuses to know what an event is about: report and the verbs do.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from engine.commands.models.place import Terminal
from engine.errors import EngineError

Level = Literal["debug", "info", "warn", "error"]
Format = Literal["text", "debug", "json"]
_RANK = {"debug": 0, "info": 1, "warn": 2, "error": 3, "none": 4}

# dbt's names of events, with dbt's codes and usual levels: tools find lines of the structured log by them.
EVENTS: Mapping[str, tuple[str, Level]] = {
    "MainReportVersion": ("A001", "info"),
    "AdapterRegistered": ("E034", "info"),
    "FoundStats": ("W006", "info"),
    "ConcurrencyLine": ("Q027", "info"),
    "Formatting": ("Z017", "info"),
    "LogStartLine": ("Q011", "info"),
    "LogModelResult": ("Q012", "info"),
    "LogSnapshotResult": ("Q015", "info"),
    "LogSeedResult": ("Q016", "info"),
    "LogTestResult": ("Q007", "info"),
    "LogFreshnessResult": ("Q018", "info"),
    "LogNodeNoOpResult": ("Q019", "info"),
    "LogHookStartLine": ("Q032", "info"),
    "LogHookEndLine": ("Q033", "info"),
    "SkippingDetails": ("Q034", "info"),
    "NothingToDo": ("Q035", "warn"),
    "NoNodesForSelectionCriteria": ("M030", "warn"),
    "NoNodesSelected": ("P003", "warn"),
    "NodeStart": ("Q024", "debug"),
    "SQLQuery": ("E016", "debug"),
    "FinishedRunningStats": ("E047", "info"),
    "FreshnessCheckComplete": ("Q003", "info"),
    "EndOfRunSummary": ("Z030", "info"),
    "RunResultWarning": ("Z021", "warn"),
    "RunResultWarningMessage": ("Z046", "warn"),
    "RunResultFailure": ("Z022", "error"),
    "RunResultError": ("Z024", "error"),
    "SQLCompiledPath": ("Z026", "info"),
    "StatsLine": ("Z023", "info"),
    "CommandCompleted": ("Q039", "debug"),
    "MainEncounteredError": ("Z002", "error"),
    "MainKeyboardInterrupt": ("Z001", "error"),
    "RunningOperationCaughtError": ("Q001", "error"),
    "JinjaLogInfo": ("I062", "info"),
    "JinjaLogWarning": ("I061", "warn"),
    "PrintEvent": ("Z052", "info"),
    "ListCmdOut": ("Z052", "info"),
    "ShowNode": ("Q041", "info"),
    "CompiledNode": ("Q042", "info"),
    "BuildingCatalog": ("E043", "info"),
    "CatalogWritten": ("E044", "info"),
    "DebugCmdOut": ("Z047", "info"),
    "DebugCmdResult": ("Z048", "info"),
    "ConfirmCleanPath": ("Z037", "info"),
    "CheckCleanPath": ("Z036", "info"),
    "FinishedCleanPaths": ("Z040", "info"),
    "DepsNoPackagesFound": ("M013", "info"),
    "DepsStartPackageInstall": ("M014", "info"),
    "DepsInstallInfo": ("M015", "info"),
    "Note": ("Z050", "info"),
}  # fmt: skip


# Said of a node whose status stands: whether a warning of it is an error was decided where it was judged.
_OF_RESULTS = frozenset({"LogTestResult", "LogFreshnessResult", "RunResultWarning", "RunResultWarningMessage"})


class WarningIsError(EngineError):
    """A warning that --warn-error or --warn-error-options makes an error."""

    code = "warn_error"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Strictness:
    """Which warnings are errors: `everything` but `excepted`, or the `named` ones. `silenced` are not even said."""

    everything: bool = False
    named: frozenset[str] = frozenset()
    excepted: frozenset[str] = frozenset()
    silenced: frozenset[str] = frozenset()

    @property
    def says_anything(self) -> bool:
        """Whether a warning is treated in another way than being said."""
        return self.everything or bool(self.named or self.silenced)

    def error(self, name: str) -> bool:
        return (self.everything and name not in self.excepted) or name in self.named


@dataclass(slots=True)
class Log:
    """Says events on a terminal. `answers`: the verb's data go to standard output, so the talk goes to standard error.

    `clock` gives the instant of an event, aware.
    """

    terminal: Terminal
    invocation_id: str
    format: Format = "text"
    level: str = "info"
    colours: bool = False
    answers: bool = False
    prints: bool = True
    strictness: Strictness = field(default_factory=Strictness)
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    def say(self, name: str, message: str = "", /, *, level: Level | None = None, **data: Any) -> None:
        """One event. WarningIsError for a warning that counts as one."""
        code, usual = EVENTS[name]
        rank = level or usual
        if rank == "warn" and name not in _OF_RESULTS:
            if name in self.strictness.silenced:
                return
            if self.strictness.error(name):
                raise WarningIsError(message, hint="--warn-error makes a warning an error")
        if _RANK[rank] < _RANK[self.level]:
            return
        talk = self.terminal.err if self.answers and self.format != "json" else self.terminal.out
        now = self.clock()
        if self.format == "json":
            talk(self._json(name, code, rank, message, data, now))
            return
        head = f"{now:%H:%M:%S}  " if self.format == "text" else f"{now:%H:%M:%S.%f} [{rank:<5}] [MainThread]: "
        talk(head + message)

    def gap(self) -> None:
        """An empty line."""
        self.say("Formatting", "", msg="")

    def answer(self, text: str, name: str = "PrintEvent", /, *, message: str | None = None, **data: Any) -> None:
        """Data on standard output, said at every level; in the structured log an event like the others.

        `message`: what stands in that log instead of the text.
        """
        if self.format != "json":
            self.terminal.out(text)
            return
        said = text if message is None else message
        code, level = EVENTS[name]
        self.terminal.out(self._json(name, code, level, said, data or {"msg": said}, self.clock()))

    def printed(self, text: str) -> None:
        """`print()` of a macro."""
        if self.prints:
            self.answer(text)

    def _json(self, name: str, code: str, level: str, message: str, data: Mapping[str, Any], now: datetime) -> str:
        info = {
            "category": "",
            "code": code,
            "extra": {},
            "invocation_id": self.invocation_id,
            "level": level,
            "msg": message,
            "name": name if name != "ListCmdOut" else "PrintEvent",
            "pid": os.getpid(),
            "thread": threading.current_thread().name,
            "ts": instant(now),
        }
        return json.dumps({"data": data, "info": info}, default=str, ensure_ascii=False)


def instant(moment: datetime | None = None) -> str:
    """An instant as the structured log writes it; now when none is given."""
    return (moment or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
