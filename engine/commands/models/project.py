"""The project and the database that an `aa-engine models` command works on.

Owns the choice of the project's folder, what the engine's settings say to the packaged project, and opening the
database file. Refuses to parse projects (engine.modelrunner) and to read flags (flags).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import InUseError, StorageError

if TYPE_CHECKING:
    import duckdb

    from engine.commands.models.choices import Choices
    from engine.commands.models.log import Log
    from engine.commands.models.place import Place
    from engine.modelrunner.project import Project

PACKAGED = Path(__file__).resolve().parents[3] / "sql_models"


@dataclass(frozen=True, slots=True)
class Choice:
    """The project's folder, and whether it is the one whose models the engine keeps."""

    folder: Path
    own: bool


def folder_of(given: Path | None, place: Place) -> Choice:
    """--project-dir, else the working directory if it holds a project, else the engine's project."""
    if given is None and (place.folder / "dbt_project.yml").is_file():
        given = place.folder
    own = PACKAGED
    if given is None or place.settings is not None or place.path(given).resolve() != PACKAGED:
        setting = place.engine_settings()["models.project_dir"]
        own = Path(setting).expanduser().resolve() if setting else PACKAGED
    folder = place.path(given) if given is not None else own
    return Choice(folder, folder.resolve() == own)


def flags_block(folder: Path) -> Mapping[str, Any]:
    """`flags:` of dbt_project.yml; empty when there is none or the file cannot be read (loading will say why)."""
    from engine.errors import EngineError
    from engine.modelrunner import yamlfile

    path = folder / "dbt_project.yml"
    try:
        block = yamlfile.read(path, "dbt_project.yml").get("flags") if path.is_file() else None
    except EngineError:
        return {}
    return block if isinstance(block, Mapping) else {}


def last_run(choices: Choices, place: Place, chosen: Choice) -> Mapping[str, Any] | None:
    """The flags of the last run, as its run_results.json holds them; None when there was none."""
    from engine.modelrunner import artifacts, yamlfile

    path = chosen.folder / "dbt_project.yml"
    said = yamlfile.read(path, "dbt_project.yml").get("target-path") if path.is_file() else None
    given = choices.path("target_path")
    folder = chosen.folder / (given or str(said or "target"))
    found = (artifacts.read(folder / "run_results.json") or {}).get("args")
    return found if isinstance(found, Mapping) else None


def load(choices: Choices, place: Place, chosen: Choice, log: Log) -> Project:
    """Read the project under the flags chosen. ParseProblem (exit 2) says file and line."""
    from engine.modelrunner.context import Flags
    from engine.modelrunner.project import Project

    variables = choices.mapping("variables")
    environment = dict(place.environment)
    if chosen.own:
        settings = place.engine_settings()
        if place.data_dir is not None or place.settings is not None or "AA_DATABASE" not in environment:
            environment["AA_DATABASE"] = str(settings.database)
        if not os.access(chosen.folder, os.W_OK) and not environment.get("DBT_TARGET_PATH"):
            # An installed package is nobody's to write into.
            environment["DBT_TARGET_PATH"] = str(settings.data_dir / "models" / "target")
        own = {
            "report_timezone": settings["report_timezone"],
            "internal_domains": list(settings["internal_domains"]),
            "correlation_window": settings["git.correlation_window"],
        }
        variables = {**own, **variables}
    elif place.data_dir is not None:
        environment["AA_DATABASE"] = str(place.engine_settings().database)
    if (target_path := choices.path("target_path")) is not None:
        environment["DBT_TARGET_PATH"] = str(target_path)
    flags = Flags(
        full_refresh=choices.yes("full_refresh"),
        empty=choices.yes("empty"),
        store_failures=choices.switch("store_failures"),
        which=choices.verb if choices.verb != "ls" else "list",
        warn_error=log.strictness.error("LogTestResult"),
        fail_fast=choices.yes("fail_fast"),
        extra={**flags_block(chosen.folder), **choices.recorded()},
    )
    profiles = choices.path("profiles_dir")
    return Project.load(
        chosen.folder,
        profiles_dir=None if profiles is None else place.path(profiles),
        target=choices.text("target"),
        profile_name=choices.text("profile"),
        variables=variables,
        environment=environment,
        flags=flags,
        threads=choices.number("threads"),
        say=lambda text: log.say("JinjaLogInfo", text, msg=text),
        show=log.printed,
        warn=lambda text: log.say("JinjaLogWarning", text, msg=text),
        invocation_id=log.invocation_id,
    )


def connect(project: Project) -> duckdb.DuckDBPyConnection:
    """The database of the project's target. InUseError names who holds the file."""
    import duckdb

    from engine.modelrunner import opening

    target = project.target
    opening.refuse(target)
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
        raise _in_use(Path(target.path), Path(holder.group(1)).name, int(holder.group(2))) from None
    try:
        opening.prepare(connection, target)
    except BaseException:
        connection.close()
        raise
    return connection


def _in_use(path: Path, program: str, pid: int) -> InUseError:
    """Who holds a database file, and what to do."""
    from engine.client import read_address

    address = read_address(path.parent / "engine.json")
    if address is not None and pid in (address.pid, *address.processes.values()):
        place = f"unix:{address.socket}" if address.socket else address.http
        return InUseError(
            f"{path} is in use by the engine at {place} (process {address.pid})",
            hint="`aa-engine models` with the engine's own project works inside it; for another project, target or "
            "program stop the engine, or work on a copy of the file made while it is stopped",
        )
    return InUseError(
        f"{path} is in use by process {pid} ({_command_line(pid) or program})",
        hint="wait until it has ended or stop it, or work on a copy of the file",
    )


def _command_line(pid: int) -> str | None:
    """What a process was started as, where the system tells."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return None
    said = " ".join([Path(words[0]).name, *words[1:]]).strip()
    return said if len(said) <= 60 else f"{said[:59]}…"
