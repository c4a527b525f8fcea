"""The flags of `aa-engine models`: one declaration each.

Owns dbt's spelling of every flag, which verbs take it, the DBT_… variable and the key of `flags:` in dbt_project.yml
that say the same. Refuses to read values: choices does, and a verb asks `Choices` for what was chosen.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Kind = Literal["switch", "yes", "text", "number", "path", "many", "mapping"]

BUILDING = ("run", "build", "test", "seed", "snapshot")
SELECTING = (*BUILDING, "compile", "show", "ls", "docs", "lineage", "source")
ALL = (*SELECTING, "retry", "run-operation", "parse", "debug", "deps", "clean")
CONNECTED = (*SELECTING, "retry", "run-operation", "parse", "debug", "clean", "deps")
_TYPES = ("model", "seed", "snapshot", "test", "unit_test", "analysis", "source", "exposure")
_NOT_OURS = ("metric", "semantic_model", "saved_query", "function")
TYPES = (*_TYPES, *_NOT_OURS, "all", "default")


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag. `verbs`: which take it; `early`: it may also stand before the verb, as dbt's global flags may.

    Kinds: `switch` --x/--no-x, `yes` --x, `many` one or more words, `mapping` a YAML mapping. `accepted`: taken for
    dbt's sake, without effect. `refused`: dbt has it and we do not; says what to use instead.
    """

    name: str
    words: tuple[str, ...]
    kind: Kind
    help: str = ""
    verbs: tuple[str, ...] = ALL
    early: bool = False
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    variable: str | None = None
    accepted: bool = False
    refused: str | None = None

    @property
    def configurable(self) -> bool:
        """Whether `flags:` of dbt_project.yml may set it: dbt's global flags, except what names a place or a target."""
        return self.early and self.kind != "path" and self.name not in ("target", "profile", "defer", "favor_state")


def _flag(words: str, kind: Kind, help: str = "", **more: Any) -> Flag:
    parts = tuple(words.split())
    name = more.pop("name", None) or next(part for part in parts if part.startswith("--"))[2:].replace("-", "_")
    return Flag(name, parts, kind, help, **more)


def _global(words: str, kind: Kind, help: str = "", **more: Any) -> Flag:
    flag_name = next(part for part in words.split() if part.startswith("--"))[2:].replace("-", "_")
    return _flag(words, kind, help, early=True, **{"variable": f"DBT_{flag_name.upper()}", **more})


def _accepted(words: str, kind: Kind = "switch", **more: Any) -> Flag:
    return _global(words, kind, "accepted for dbt's sake", accepted=True, **more)


FLAGS: tuple[Flag, ...] = (
    # What a verb is about.
    _flag("--select -s", "many", "nodes to work on", verbs=SELECTING, metavar="SELECTOR"),
    _flag("--models --model -m", "many", "the same as --select; with ls models only", verbs=SELECTING,
          metavar="SELECTOR"),
    _flag("--exclude", "many", "nodes to leave out", verbs=SELECTING, metavar="SELECTOR"),
    _flag("--selector", "text", "a selector of selectors.yml", verbs=SELECTING, metavar="NAME"),
    _global("--indirect-selection", "text", "tests that come with a node: eager, cautious, buildable or empty",
            choices=("eager", "cautious", "buildable", "empty"), default="eager", metavar="MODE"),
    _flag("--resource-type --resource-types", "many", "only these kinds of node", name="resource_types",
          verbs=("build", "test", "ls"), choices=TYPES, metavar="TYPE", variable="DBT_RESOURCE_TYPES"),
    _flag("--exclude-resource-type --exclude-resource-types", "many", "not these kinds of node",
          name="exclude_resource_types", verbs=("build", "test", "ls"), choices=TYPES, metavar="TYPE",
          variable="DBT_EXCLUDE_RESOURCE_TYPES"),
    _global("--state", "path", "folder of earlier artifacts, for state:, result: and --defer", metavar="DIR"),
    _global("--defer", "switch", "unselected nodes are those of --state"),
    _global("--defer-state", "path", "another folder than --state for --defer", metavar="DIR"),
    _global("--favor-state", "switch", "with --defer: --state's node even if the node exists here"),
    # Where.
    _flag("--project-dir", "path", "folder with dbt_project.yml", early=True, metavar="DIR",
          variable="DBT_PROJECT_DIR"),
    _flag("--profiles-dir", "path", "folder with profiles.yml", early=True, metavar="DIR",
          variable="DBT_PROFILES_DIR"),
    _global("--profile", "text", "another profile than dbt_project.yml names", metavar="NAME"),
    _global("--target -t", "text", "a target of the profile", metavar="NAME"),
    _flag("--target-path", "path", "where artifacts go", early=True, metavar="DIR", variable="DBT_TARGET_PATH"),
    _flag("--vars", "mapping", "variables as YAML: '{key: value}'", name="variables", early=True, metavar="YAML"),
    # How.
    _flag("--full-refresh -f", "yes", "rebuild incremental models and seeds",
          verbs=("run", "build", "seed", "compile", "show", "retry"), variable="DBT_FULL_REFRESH"),
    _flag("--empty", "switch", "build with no rows of sources and refs", verbs=("run", "build", "snapshot", "compile"),
          variable="DBT_EMPTY"),
    _flag("--store-failures", "switch", "keep failing rows of tests as tables", verbs=("test", "build"),
          variable="DBT_STORE_FAILURES"),
    _flag("--threads", "number", "nodes that run at once (default: threads of the target)", early=True, metavar="N"),
    _global("--fail-fast -x", "switch", "stop after the first failure"),
    _global("--warn-error", "yes", "a warning is an error"),
    _global("--warn-error-options", "mapping", "which warnings are errors: '{error: all, warn: [NothingToDo]}'",
            metavar="YAML"),
    _flag("--show", "yes", "print rows of what was loaded", name="show_rows", verbs=("seed", "build")),
    _flag("--args", "mapping", "the macro's arguments", name="arguments", verbs=("run-operation",), metavar="YAML"),
    _flag("--connection", "yes", "only the database", verbs=("debug",)),
    _flag("--config-dir", "yes", "print the folder of profiles.yml", verbs=("debug",)),
    _flag("--inline", "text", "SQL to compile or show, instead of a node", verbs=("compile", "show"), metavar="SQL"),
    _flag("--limit", "number", "rows to show; -1 for all", verbs=("show",), default=5, metavar="N"),
    _flag("--upgrade", "yes", "accepted for dbt's sake", verbs=("deps",), accepted=True),
    _flag("--lock", "yes", "accepted for dbt's sake", verbs=("deps",), accepted=True),
    _flag("--add-package", "text", verbs=("deps",), refused="write `- local: PATH` into packages.yml"),
    _flag("--clean-project-files-only", "switch", "accepted: nothing outside the project is removed", verbs=("clean",),
          accepted=True),
    _flag("--introspect", "switch", "accepted for dbt's sake", verbs=("compile", "show"), accepted=True),
    _flag("--compile", "switch", "compile first; without it manifest.json stays as it is", verbs=("docs",)),
    _flag("--empty-catalog", "yes", "ask the database nothing", verbs=("docs",)),
    _flag("--static", "yes", "write static_index.html too; index.html is self-contained anyway", verbs=("docs",)),
    _flag("--format", "text", "html or markdown (into target/docs)", verbs=("docs",), choices=("html", "markdown"),
          default="html", metavar="FORMAT"),
    _flag("--markdown", "path", "write a Markdown page per node here too", verbs=("docs",), metavar="DIR"),
    _flag("--upstream", "yes", "only what it stands on or is made of", verbs=("lineage",)),
    _flag("--downstream", "yes", "only what stands on it or is made of it", verbs=("lineage",)),
    _flag("--depth", "number", "so many steps, not all", verbs=("lineage",), metavar="N"),
    _flag("--columns", "yes", "the columns of the node and what each is made of", verbs=("lineage",)),
    # What is printed.
    _flag("--output", "text", "name, path, json or selector (ls); text, json, mermaid or dot (lineage); text or json",
          verbs=tuple(verb for verb in ALL if verb != "source"), metavar="FORMAT"),
    _flag("--output -o", "path", "file instead of target/sources.json", verbs=("source",), metavar="FILE",
          name="output_file"),
    _flag("--json", "yes", "the same as --output json"),
    _flag("--output-keys", "many", "keys of ls --output json", verbs=("ls",), metavar="KEY"),
    _global("--log-format", "text", "text, debug (with instants) or json (dbt's structured log)",
            choices=("text", "debug", "json", "default"), default="default", metavar="FORMAT"),
    _global("--log-level", "text", "debug, info, warn, error or none",
            choices=("debug", "info", "warn", "error", "none"), default="info", metavar="LEVEL"),
    _global("--quiet -q", "switch", "errors only"),
    _global("--print", "switch", "whether print() of macros is printed", default=True),
    _global("--printer-width", "number", "width of the lines per node", default=80, metavar="N"),
    _global("--use-colors", "switch", "colours, also where output is no terminal"),
    _global("--write-json", "switch", "write artifacts", default=True),
    # What dbt does with these happens anyway, or there is nothing for it to do.
    _accepted("--cache-selected-only"),
    _accepted("--log-cache-events"),
    _accepted("--log-format-file", "text", metavar="FORMAT"),
    _accepted("--log-level-file", "text", metavar="LEVEL"),
    _accepted("--log-path", "text", metavar="DIR"),
    _accepted("--log-file-max-bytes", "number", metavar="N"),
    _accepted("--partial-parse"),
    _accepted("--partial-parse-file-diff"),
    _accepted("--partial-parse-file-path", "text", metavar="FILE"),
    _accepted("--populate-cache"),
    _accepted("--record-timing-info -r", "text", metavar="FILE"),
    _accepted("--send-anonymous-usage-stats"),
    _accepted("--show-all-deprecations"),
    _accepted("--single-threaded"),
    _accepted("--static-parser"),
    _accepted("--use-colors-file"),
    _accepted("--use-experimental-parser"),
    _accepted("--use-fast-test-edges"),
    _accepted("--macro-debugging"),
    _accepted("--upload-to-artifacts-ingest-api"),
    _accepted("--version-check"),
    # What dbt has and we do not.
    _flag("--sample", "text", verbs=("run", "build"), variable="DBT_SAMPLE",
          refused="filter rows in the model with a variable, or use --empty"),
    _flag("--event-time-start", "text", verbs=("run", "build"), variable="DBT_EVENT_TIME_START",
          refused="there is no microbatch; pass the bounds as --vars to an incremental model"),
    _flag("--event-time-end", "text", verbs=("run", "build"), variable="DBT_EVENT_TIME_END",
          refused="there is no microbatch; pass the bounds as --vars to an incremental model"),
    _flag("--export-saved-queries", "switch", verbs=("build",),
          refused="there is no semantic layer; select from the marts"),
    _flag("--include-saved-query", "switch", verbs=("build",),
          refused="there is no semantic layer; select from the marts"),
)  # fmt: skip


def add_flags(parser: argparse.ArgumentParser, verb: str | None) -> None:
    """The flags that a verb takes; None: those that may stand before the verb."""
    for flag in FLAGS:
        if (verb in flag.verbs) if verb is not None else flag.early:
            parser.add_argument(*flag.words, dest=flag.name, **_options(flag))


def _options(flag: Flag) -> dict[str, Any]:
    # No default: a flag behind the verb must not undo what was said before it.
    hidden = flag.accepted or flag.refused is not None
    options: dict[str, Any] = {"default": argparse.SUPPRESS, "help": argparse.SUPPRESS if hidden else flag.help}
    match flag.kind:
        case "switch":
            return {**options, "action": argparse.BooleanOptionalAction}
        case "yes":
            return {**options, "action": "store_true"}
        case "many":
            return {**options, "nargs": "+", "action": "extend", "metavar": flag.metavar}
        case "path":
            return {**options, "type": Path, "metavar": flag.metavar}
        case "number":
            return {**options, "type": int, "metavar": flag.metavar}
        case _:
            return {**options, "metavar": flag.metavar}
