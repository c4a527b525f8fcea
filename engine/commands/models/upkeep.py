"""Verbs about the project itself: parse, deps, debug, clean.

Owns what they check and remove. Refuses to touch tables; deps and clean also work when a model is broken.
"""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

from engine import __version__
from engine.commands.models import words
from engine.commands.models.work import Work
from engine.errors import EngineError, UsageError


def parse(work: Work) -> int:
    """Read the project and write manifest.json."""
    from engine.modelrunner import artifacts

    project = work.project
    found = words.found(project)
    work.log.say("FoundStats", f"Found {found}", stat_line=found)
    if work.choices.yes("write_json"):
        artifacts.write(project.target_folder / "manifest.json", artifacts.manifest(project))
    return 0


def deps(work: Work) -> int:
    """Local packages are there; for others, what to do instead, because nothing is fetched from the network."""
    from engine.modelrunner import yamlfile

    folder = work.chosen.folder
    entries = []
    for file in ("packages.yml", "dependencies.yml"):
        path = folder / file
        if path.is_file():
            content = yamlfile.read(path, file)
            entries += [(file, entry) for entry in content.get("packages") or ()]
    if not entries:
        work.log.say("DepsNoPackagesFound", "No packages were found in packages.yml")
        return 0
    for file, entry in entries:
        where = f"{file}:{yamlfile.line_of(entry)}"
        local = entry.get("local") if isinstance(entry, dict) else None
        if local is None:
            name = next((str(entry[key]) for key in ("package", "git", "tarball") if key in entry), str(entry))
            if _installed(folder, name):
                work.log.say("DepsInstallInfo", f"{name} lies in dbt_packages", version_name="")
                continue
            raise UsageError(
                f"{where}: package {name} is not on this machine, and nothing is fetched from the network",
                hint="put a copy into the project and name it `- local: PATH`, or into dbt_packages/",
            )
        place = (folder / str(local)).resolve()
        work.log.say("DepsStartPackageInstall", f"Installing {local}", package_name=str(local))
        if not (place / "dbt_project.yml").is_file():
            raise UsageError(f"{where}: no dbt_project.yml in {place}", hint="name the folder of a project")
        work.log.say("DepsInstallInfo", f"Installed from <local @ {local}>", version_name=f"<local @ {local}>")
    return 0


def _installed(folder: Path, name: str) -> bool:
    short = name.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return (folder / "dbt_packages" / short / "dbt_project.yml").is_file()


def clean(work: Work) -> int:
    """Remove `clean-targets`. UsageError (exit 2) for one that is outside the project or holds its files."""
    from engine.modelrunner import yamlfile
    from engine.modelrunner.packages import FOLDERS

    folder = work.chosen.folder.resolve()
    if not (folder / "dbt_project.yml").is_file():
        raise UsageError(f"no dbt_project.yml in {folder}", hint="name the project's folder with --project-dir")
    values = yamlfile.read(folder / "dbt_project.yml", "dbt_project.yml")
    sources = {
        (folder / str(part)).resolve()
        for key, usual in FOLDERS.items()
        for part in ([values.get(key, usual)] if isinstance(values.get(key, usual), str) else values.get(key, usual))
    }
    targets = [(folder / str(name)).resolve() for name in values.get("clean-targets") or _usual(work, values)]
    for place in targets:
        if not place.is_relative_to(folder) or place == folder:
            raise UsageError(f"clean-targets: {place} is not inside the project {folder}", hint="remove it by hand")
        if any(source.is_relative_to(place) for source in sources):
            raise UsageError(f"clean-targets: {place} holds files of the project", hint="name target folders only")
    for place in targets:
        work.log.say("CheckCleanPath", f"Checking {place}/*", path=str(place))
        if place.is_dir():
            shutil.rmtree(place)
        work.log.say("ConfirmCleanPath", f"Cleaned {place}/*", path=str(place))
    work.log.say("FinishedCleanPaths", "Finished cleaning all paths.")
    return 0


def _usual(work: Work, values: dict[str, object]) -> list[str]:
    given = work.choices.path("target_path")
    return [str(given or values.get("target-path") or "target")]


def debug(work: Work) -> int:
    """What would be used, and whether it can be: project, profile, database. Exit 1 when one of them cannot."""
    folder = work.chosen.folder
    if work.choices.yes("config_dir"):
        work.log.answer(str(_profiles_folder(work)), "DebugCmdOut")
        return 0
    for line in (
        f"aa-engine version: {__version__}",
        f"python version: {platform.python_version()}",
        f"python path: {sys.executable}",
        f"os info: {platform.platform()}",
        f"Using profiles dir at {_profiles_folder(work)}",
        f"Using dbt_project.yml file at {folder / 'dbt_project.yml'}",
        "adapter type: duckdb",
    ):
        _tell(work, line)
    try:
        project = work.project
    except EngineError as error:
        _tell(work, f"  project and profile [{_painted(work, 'ERROR', words.RED)}] {error.line()}")
        return _verdict(work, failed=1)
    if not work.choices.yes("connection"):
        good = _painted(work, "OK found and valid", words.GREEN)
        _tell(work, "Configuration:")
        _tell(work, f"  profiles.yml file [{good}]")
        _tell(work, f"  dbt_project.yml file [{good}]")
    target = project.target
    _tell(work, "Connection:")
    for name, value in (
        ("project", project.name), ("profile", target.profile_name), ("target", target.name),
        ("database", target.database), ("schema", target.schema), ("path", target.path), ("threads", target.threads),
        ("extensions", list(target.extensions)), ("settings", dict(target.settings)),
        ("attach", [dict(item) for item in target.attach]),
    ):  # fmt: skip
        _tell(work, f"  {name}: {value}")
    try:
        work.connect().close()
    except EngineError as error:
        _tell(work, f"  Connection test: [{_painted(work, 'ERROR', words.RED)}] {error.line()}")
        return _verdict(work, failed=1)
    _tell(work, f"  Connection test: [{_painted(work, 'OK connection ok', words.GREEN)}]")
    return _verdict(work, failed=0)


def _verdict(work: Work, *, failed: int) -> int:
    said = "1 check failed" if failed else "All checks passed!"
    message = _painted(work, said, words.RED if failed else words.GREEN)
    work.log.say("DebugCmdResult", message, level="error" if failed else "info", msg=said)
    return 1 if failed else 0


def _tell(work: Work, line: str) -> None:
    work.log.say("DebugCmdOut", line, msg=line)


def _painted(work: Work, text: str, colour: str) -> str:
    return words.painted(text, colour, work.log.colours)


def _profiles_folder(work: Work) -> Path:
    from engine.modelrunner.project import profile_folders

    given = work.choices.path("profiles_dir")
    folders = profile_folders(
        work.chosen.folder, None if given is None else work.place.path(given), work.place.environment
    )
    return next((folder for folder in folders if (folder / "profiles.yml").is_file()), folders[-1])
