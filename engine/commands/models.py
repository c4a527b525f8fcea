"""`aa-engine models`: dbt's verbs on any dbt project over DuckDB.

Owns the flags, the choice of project and database, opening the file, and what is printed. Refuses the work itself:
engine.modelrunner does it.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InUseError, StorageError, UsageError

if TYPE_CHECKING:
    import duckdb

    from engine.modelrunner.project import Project
    from engine.modelrunner.runner import Selection

VERBS = {
    "run": "make models",
    "build": "seeds, models, snapshots and tests, in order",
    "test": "run tests",
    "seed": "load CSV files",
    "snapshot": "remember what rows look like now",
    "source": "freshness: how old the rows of sources are",
    "retry": "what failed or was skipped in the last run, again",
    "run-operation": "call a macro",
    "compile": "write the SQL of nodes without running it",
    "parse": "read the project and write manifest.json",
    "ls": "list nodes",
    "show": "show the first rows of a node or of SQL",
    "debug": "check project, profile and database",
    "deps": "check that packages are there",
    "clean": "remove the target folder",
}
ALIASES = {"list": "ls"}
REFUSED = {
    "docs": "not in this version; `aa-engine models parse` writes manifest.json",
    "lineage": "not in this version; `aa-engine models ls --select +NODE` lists what a node stands on",
    "clone": "use `aa-engine models build` on another target",
    "init": "copy an existing project; `aa-engine models debug` checks it",
    "sl": "there is no semantic layer; select from the marts",
}


EXAMPLES = {verb: verb for verb in ("debug", "parse", "retry", "deps", "clean")} | {
    "source": "source freshness",
    "run-operation": "run-operation my_macro --args '{day: 2026-01-31}'",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags stand before or after the verb, as in dbt."""
    flags = _flags()
    for name, (words, options) in flags.items():
        parser.add_argument(*words, dest=name, **options)
    verbs = parser.add_subparsers(dest="model_verb", metavar="VERB", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    for name, (words, options) in flags.items():
        shared.add_argument(*words, dest=name, **options)
    shared.add_argument("--data-dir", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    shared.add_argument("--config", type=Path, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    shared.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for verb, summary in VERBS.items():
        aliases = [alias for alias, name in ALIASES.items() if name == verb]
        example = EXAMPLES.get(verb, f"{verb} -s +fct_sessions")
        parser_of_verb = verbs.add_parser(
            verb,
            help=summary,
            description=summary,
            epilog=f"Example: aa-engine models {example}",
            parents=[shared],
            aliases=aliases,
        )
        if verb == "source":
            parser_of_verb.add_argument("action", choices=("freshness", "snapshot-freshness"))
            parser_of_verb.add_argument("-o", dest="output", default=argparse.SUPPRESS, metavar="FILE")
        if verb == "run-operation":
            parser_of_verb.add_argument("macro", help="the macro's name, with its package if need be")
            parser_of_verb.add_argument("--args", default="{}", metavar="YAML", help="its arguments")
    for verb in REFUSED:
        verbs.add_parser(verb, add_help=False, parents=[shared]).add_argument("words", nargs="*")


def _flags() -> dict[str, tuple[tuple[str, ...], dict[str, Any]]]:
    quiet = argparse.SUPPRESS
    many = {"nargs": "+", "action": "extend", "default": quiet, "metavar": "SELECTOR"}
    yes = {"action": "store_true", "default": quiet}

    def text(help: str, metavar: str = "NAME") -> dict[str, Any]:
        return {"default": quiet, "metavar": metavar, "help": help}

    def switch(help: str) -> dict[str, Any]:
        return {"action": argparse.BooleanOptionalAction, "default": quiet, "help": help}

    return {
        "select": (("--select", "-s"), {**many, "help": "nodes to work on"}),
        "models": (("--models", "--model", "-m"), {**many, "help": "the same as --select; with ls models only"}),
        "exclude": (("--exclude",), {**many, "help": "nodes to leave out"}),
        "selector": (("--selector",), text("a selector of selectors.yml")),
        "indirect": (("--indirect-selection",), text("eager, cautious, buildable or empty", "MODE")),
        "resource_types": (
            ("--resource-type", "--resource-types"),
            {**many, "help": "only these kinds of node", "metavar": "TYPE"},
        ),
        "exclude_resource_types": (
            ("--exclude-resource-type", "--exclude-resource-types"),
            {**many, "help": "not these kinds of node", "metavar": "TYPE"},
        ),
        "project_dir": (("--project-dir",), {**text("folder with dbt_project.yml", "DIR"), "type": Path}),
        "profiles_dir": (("--profiles-dir",), {**text("folder with profiles.yml", "DIR"), "type": Path}),
        "profile": (("--profile",), text("another profile than dbt_project.yml names")),
        "target": (("--target", "-t"), text("a target of the profile")),
        "state": (("--state",), {**text("folder of earlier artifacts, for state: and result:", "DIR"), "type": Path}),
        "target_path": (("--target-path",), text("where artifacts go", "DIR")),
        "log_path": (("--log-path",), text("accepted for dbt's sake; there is no log file", "DIR")),
        "variables": (("--vars",), text("variables as YAML: '{key: value}'", "YAML")),
        "full_refresh": (("--full-refresh", "-f"), {**yes, "help": "rebuild incremental models and seeds"}),
        "threads": (("--threads",), {**text("nodes run one after another, each on all cores", "N"), "type": int}),
        "fail_fast": (("--fail-fast", "-x"), {**switch("stop after the first failure")}),
        "warn_error": (("--warn-error",), switch("the first warning ends the run")),
        "empty": (("--empty",), switch("build with no rows of sources and refs")),
        "store_failures": (("--store-failures",), switch("keep failing rows of tests as tables")),
        "output": (("--output",), text("name, path, json or selector (ls); elsewhere json", "FORMAT")),
        "json": (("--json",), {**yes, "help": "the same as --output json"}),
        "output_keys": (("--output-keys",), {**many, "metavar": "KEY", "help": "keys of ls --output json"}),
        "inline": (("--inline",), text("SQL to compile or show", "SQL")),
        "limit": (("--limit",), {**text("rows to show; -1 for all", "N"), "type": int}),
        "quiet": (("--quiet", "-q"), {**yes, "help": "errors only"}),
        "use_colors": (("--use-colors",), switch("colours")),
        "partial_parse": (("--partial-parse",), switch("accepted for dbt's sake")),
        "version_check": (("--version-check",), switch("accepted for dbt's sake")),
        "populate_cache": (("--populate-cache",), switch("accepted for dbt's sake")),
        "static_parser": (("--static-parser",), switch("accepted for dbt's sake")),
        "write_json": (("--write-json",), switch("write artifacts")),
        "print": (("--print",), switch("accepted for dbt's sake")),
        "introspect": (("--introspect",), switch("accepted for dbt's sake")),
        "show_all": (("--show",), {**yes, "help": "accepted for dbt's sake"}),
        "send_stats": (("--send-anonymous-usage-stats",), switch("accepted for dbt's sake; nothing is sent")),
    }  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """One verb. Exit codes as dbt's: 0, 1 a node failed, 2 wrong usage or an unreadable project."""
    from engine.commands.models_output import Printer
    from engine.modelrunner import artifacts, state
    from engine.modelrunner.runner import Runner

    verb = ALIASES.get(arguments.model_verb, arguments.model_verb)
    if verb in REFUSED:
        raise UsageError(f"`models {verb}` is not supported", hint=REFUSED[verb])
    output = "json" if getattr(arguments, "json", False) else getattr(arguments, "output", None)
    project = _load(arguments, verb)
    printer = Printer(
        project,
        as_json=output == "json",
        quiet=getattr(arguments, "quiet", False),
        colours=_colours(arguments),
        warn_error=project.flags.warn_error,
    )
    chosen = _selection(arguments)
    folder = getattr(arguments, "state", None) or os.environ.get("DBT_STATE")
    previous = state.read(Path(folder)) if folder else None
    runner = Runner(project, lambda: connect(project), listener=printer, previous=previous)
    match verb:
        case "ls":
            return printer.listing(runner.ls(chosen), output or "selector", getattr(arguments, "output_keys", None))
        case "parse" | "deps":
            artifacts.write(project.target_folder / "manifest.json", artifacts.manifest(project))
            printer.say(
                f"{len(project.nodes)} nodes, {len(project.sources)} sources, {len(project.exposures)} exposures"
            )
            return 0
        case "run-operation":
            outcome = runner.run_operation(arguments.macro, _mapping(arguments.args, "--args"))
            return printer.end(verb, outcome)
        case "clean":
            return _clean(project, printer)
        case "debug":
            return _debug(project, printer)
        case "show":
            return _show(runner, chosen, printer, arguments, output)
        case "compile" if getattr(arguments, "inline", None) is not None:
            return _show(runner, chosen, printer, arguments, output, run_it=False)
    printer.begin(verb)
    if verb == "source":
        file = Path(output) if output not in (None, "json") else None
        return printer.end(verb, runner.freshness(chosen, file))
    if verb == "retry":
        verb, outcome = runner.retry()
        return printer.end(verb, outcome)
    outcome = getattr(runner, verb)(chosen)
    return printer.end(verb, outcome)


def _load(arguments: argparse.Namespace, verb: str) -> Project:
    import engine
    from engine import settings as engine_settings
    from engine.modelrunner.context import Flags
    from engine.modelrunner.project import Project

    given = getattr(arguments, "project_dir", None)
    packaged = Path(engine.__file__).parent.parent / "sql_models"
    folder = given or (Path.cwd() if (Path.cwd() / "dbt_project.yml").is_file() else packaged)
    variables = _mapping(getattr(arguments, "variables", None) or "{}", "--vars")
    environment = dict(os.environ)
    if folder.resolve() == packaged.resolve():
        settings = engine_settings.load(arguments.data_dir, arguments.config, {})
        if arguments.data_dir is not None or "AA_DATABASE" not in environment:
            environment["AA_DATABASE"] = str(settings.database)
        own = {
            "report_timezone": settings["report_timezone"],
            "internal_domains": list(settings["internal_domains"]),
            "correlation_window": settings["git.correlation_window"],
        }
        variables = {**own, **variables}
    elif arguments.data_dir is not None:
        environment["AA_DATABASE"] = str(engine_settings.load(arguments.data_dir, arguments.config, {}).database)
    if target_path := getattr(arguments, "target_path", None):
        environment["DBT_TARGET_PATH"] = target_path
    flags = Flags(
        full_refresh=getattr(arguments, "full_refresh", False),
        empty=getattr(arguments, "empty", False),
        store_failures=getattr(arguments, "store_failures", None),
        which=verb if verb != "ls" else "list",
        warn_error=getattr(arguments, "warn_error", False),
        fail_fast=getattr(arguments, "fail_fast", False),
    )
    project = Project.load(
        folder,
        profiles_dir=getattr(arguments, "profiles_dir", None),
        target=getattr(arguments, "target", None),
        profile_name=getattr(arguments, "profile", None),
        variables=variables,
        environment=environment,
        flags=flags,
        threads=getattr(arguments, "threads", None),
    )
    return project


def _mapping(text: str, flag: str) -> dict[str, Any]:
    """A YAML mapping given as a flag."""
    import yaml

    try:
        value = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"{flag} must be a YAML mapping", hint=f"for example {flag} '{{day: 2026-01-31}}'")
    return value


def _selection(arguments: argparse.Namespace) -> Selection:
    from engine.modelrunner.runner import Selection

    named = tuple(getattr(arguments, "models", ()))
    types = tuple(_kind(kind) for kind in getattr(arguments, "resource_types", ()) if kind not in ("all", "default"))
    if named and arguments.model_verb in ("ls", "list"):
        types = types or ("model",)
    return Selection(
        tuple(getattr(arguments, "select", ())) + named,
        tuple(getattr(arguments, "exclude", ())),
        getattr(arguments, "selector", None),
        getattr(arguments, "indirect", "eager"),
        types,
        tuple(_kind(kind) for kind in getattr(arguments, "exclude_resource_types", ())),
    )


def _kind(name: str) -> str:
    from engine.modelrunner.problems import nearest
    from engine.modelrunner.runner import VERB_TYPES

    if name not in VERB_TYPES["ls"]:
        raise UsageError(f"unknown resource type '{name}'", hint=nearest(name, VERB_TYPES["ls"]))
    return name


def _colours(arguments: argparse.Namespace) -> bool:
    wanted = getattr(arguments, "use_colors", None)
    return (sys.stdout.isatty() and "NO_COLOR" not in os.environ) if wanted is None else bool(wanted)


def connect(project: Project) -> duckdb.DuckDBPyConnection:
    """The database of the project's target. InUseError names who holds the file."""
    import duckdb

    target = project.target
    try:
        if target.path not in ("", ":memory:"):
            Path(target.path).parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(target.path)
    except OSError as error:
        raise StorageError(f"{target.path}: {error.strerror}") from None
    except duckdb.IOException as error:
        holder = re.search(r"held in (.+?) \(PID (\d+)\)", str(error))
        if holder is None:
            raise StorageError(f"cannot open {target.path}: {str(error).splitlines()[0]}") from None
        raise InUseError(
            f"{target.path} is in use by process {holder.group(2)} ({Path(holder.group(1)).name})",
            hint="stop it, or work on a copy of the file",
        ) from None
    for extension in target.extensions:
        connection.load_extension(extension)
    for key, value in target.settings.items():
        connection.execute(f"set {key} = ?", [value])
    for attached in target.attach:
        alias = f" as {attached['alias']}" if attached.get("alias") else ""
        mode = " (read_only)" if attached.get("read_only") else ""
        connection.execute(f"attach '{attached['path']}'{alias}{mode}")
    return connection


def _clean(project: Project, printer: Any) -> int:
    import shutil

    for name in project.root.values.get("clean-targets") or ("target",):
        place = (project.folder / str(name)).resolve()
        if place.is_relative_to(project.folder) and place != project.folder and place.is_dir():
            shutil.rmtree(place)
            printer.say(f"removed {place}")
    return 0


def _debug(project: Project, printer: Any) -> int:
    connection = connect(project)
    connection.close()
    printer.say(f"project   {project.name} in {project.folder}")
    printer.say(
        f"profile   {project.target.profile_name}, target {project.target.name}, schema {project.target.schema}"
    )
    printer.say(f"database  {project.target.path}")
    printer.say("All checks passed!")
    return 0


def _show(
    runner: Any,
    chosen: Selection,
    printer: Any,
    arguments: argparse.Namespace,
    output: str | None,
    *,
    run_it: bool = True,
) -> int:
    from engine.modelrunner.compile import Compiler
    from engine.modelrunner.database import Connection
    from engine.modelrunner.runner import VERB_TYPES, selected_ids

    project = runner.project
    inline = getattr(arguments, "inline", None)
    limit = getattr(arguments, "limit", 5)
    connection = Connection(connect(project))
    try:
        compiler = Compiler(project, connection)
        if inline is not None:
            parts = [("inline", compiler.compile_text(inline).sql)]
        else:
            ids = selected_ids(project, chosen, VERB_TYPES["show"])
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
                print(sql)
                continue
            shown = f"select * from (\n{sql}\n) as model_limit_subq" + (f" limit {limit}" if limit >= 0 else "")
            printer.table(name, connection.query(shown), output)
        if not parts:
            printer.say("Nothing to do: the selection matches no node")
    finally:
        connection.raw.close()
    return 0
