"""Where a project's tables go: profiles.yml.

Owns the search for the file, the choice of the target and its fields. Refuses adapters other than DuckDB, and to open
the database: `connect` of the command line does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.modelrunner import yamlfile
from engine.modelrunner.jinja import render_value
from engine.modelrunner.problems import ParseProblem, nearest


@dataclass(frozen=True, slots=True)
class Target:
    """One output of a profile; `settings` are DuckDB settings, `extensions` are loaded, `attach` are more databases."""

    profile_name: str
    name: str
    path: str
    schema: str
    database: str
    threads: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)
    extensions: tuple[str, ...] = ()
    attach: tuple[Mapping[str, Any], ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    type: str = "duckdb"

    def for_templates(self) -> dict[str, Any]:
        """The variable `target` of templates."""
        return {
            **{key: value for key, value in self.values.items() if key != "password"},
            "name": self.name,
            "target_name": self.name,
            "profile_name": self.profile_name,
            "schema": self.schema,
            "database": self.database,
            "dbname": self.database,
            "type": self.type,
            "threads": self.threads,
            "path": self.path,
        }


def catalog_of(path: str) -> str:
    """The name DuckDB gives the database of a file."""
    return "memory" if path in ("", ":memory:") else Path(path).stem


def load(
    profile_name: str,
    folders: list[Path],
    *,
    target: str | None,
    context: Mapping[str, Any],
    threads: int | None = None,
) -> Target:
    """The target of a profile; `folders` are searched in order for profiles.yml. ParseProblem when there is none."""
    path = next((folder / "profiles.yml" for folder in folders if (folder / "profiles.yml").is_file()), None)
    if path is None:
        searched = ", ".join(str(folder) for folder in folders)
        raise ParseProblem(f"no profiles.yml in {searched}", hint="name its folder with --profiles-dir")
    content = yamlfile.read(path, str(path))
    names = [key for key in content if key != "config"]
    if profile_name not in content:
        raise ParseProblem(
            f"no profile '{profile_name}'", where=str(path), hint=nearest(profile_name, names) or f"it has {names}"
        )
    profile = content[profile_name]
    if not isinstance(profile, Mapping) or not isinstance(profile.get("outputs"), Mapping):
        raise ParseProblem(f"profile '{profile_name}' has no outputs", where=str(path))
    wanted = target or render_value(profile.get("target", "default"), context, str(path))
    outputs = profile["outputs"]
    if wanted not in outputs:
        raise ParseProblem(
            f"profile '{profile_name}' has no target '{wanted}'",
            where=str(path),
            hint=nearest(str(wanted), outputs) or f"it has {list(outputs)}",
        )
    values = render_value(dict(outputs[wanted]), context, f"{path}:{yamlfile.line_of(outputs[wanted])}")
    if values.get("type") != "duckdb":
        raise ParseProblem(
            f"target '{wanted}' is of type '{values.get('type')}'", where=str(path), hint="only duckdb is supported"
        )
    file = str(values.get("path", ":memory:"))
    return Target(
        profile_name=profile_name,
        name=str(wanted),
        path=file,
        schema=str(values.get("schema", "main")),
        database=str(values.get("database") or catalog_of(file)),
        threads=_threads(threads or values.get("threads") or 1, f"{path}:{yamlfile.line_of(outputs[wanted])}"),
        settings=dict(values.get("settings") or {}),
        extensions=tuple(
            item if isinstance(item, str) else str(item["name"]) for item in values.get("extensions") or ()
        ),
        attach=tuple(values.get("attach") or ()),
        values=values,
    )


def _threads(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ParseProblem(f"'threads' is {value!r}", where=where, hint="give a whole number")
    return value
