"""dbt_project.yml and the packages a project stands on.

Owns the settings of one package, the layering of configuration by folder, and variables. Refuses packages from the
network: only `local:` entries of packages.yml and what already lies in dbt_packages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.modelrunner import project_keys, yamlfile
from engine.modelrunner.jinja import render_value
from engine.modelrunner.nodes import merged
from engine.modelrunner.problems import ParseProblem

# Where dbt looks for each kind of file when dbt_project.yml does not say.
FOLDERS = {
    "model-paths": ("models",),
    "seed-paths": ("seeds",),
    "snapshot-paths": ("snapshots",),
    "test-paths": ("tests",),
    "analysis-paths": ("analyses",),
    "macro-paths": ("macros",),
    "docs-paths": (),
    "asset-paths": (),
}
_UNRENDERED = frozenset({"on-run-start", "on-run-end", "query-comment"})


@dataclass(frozen=True, slots=True)
class Package:
    """One package: its folder and its dbt_project.yml, rendered."""

    name: str
    root: Path
    where: str
    values: Mapping[str, Any]
    variables: Mapping[str, Any] = field(default_factory=dict)
    written: Mapping[str, Any] = field(default_factory=dict)
    """dbt_project.yml before rendering."""

    def folders(self, key: str) -> tuple[str, ...]:
        """Folders of one kind, relative to the package."""
        value = self.values.get(key, FOLDERS[key])
        return (value,) if isinstance(value, str) else tuple(value or ())

    def files(self, keys: tuple[str, ...], endings: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
        """(folder, file) of every file of these kinds, sorted, hidden ones left out."""
        for key in keys:
            for folder in self.folders(key):
                base = self.root / folder
                for path in sorted(base.rglob("*")):
                    relative = path.relative_to(base)
                    hidden = any(part.startswith(".") for part in relative.parts)
                    if path.suffix in endings and path.is_file() and not hidden:
                        yield folder, path

    def inside(self, file: str) -> Path:
        """A file's path below its kind's folder: `models/marts/a.yml` → `marts/a.yml`."""
        for key in FOLDERS:
            for folder in self.folders(key):
                if file.startswith(folder.rstrip("/") + "/"):
                    return Path(file[len(folder.rstrip("/")) + 1 :])
        return Path(file)

    def section(self, kind: str, fqn: tuple[str, ...]) -> dict[str, Any]:
        """The configuration that a section (`models`, …) holds for the node with this fqn, outer levels first."""
        found: dict[str, Any] = {}
        for level in _levels(self.values, kind, fqn):
            found = merged(found, level)
        return found

    def section_as_written(self, kind: str, fqn: tuple[str, ...]) -> dict[str, Any]:
        """The same before rendering, and as dbt keeps it: an inner level replaces what an outer one says."""
        found: dict[str, Any] = {}
        for level in _levels(self.written, kind, fqn):
            found.update(level)
        return found

    def hooks(self, key: str) -> tuple[str, ...]:
        """`on-run-start` or `on-run-end`."""
        value = self.values.get(key) or ()
        items = (value,) if isinstance(value, str | Mapping) else tuple(value)
        return tuple(item["sql"] if isinstance(item, Mapping) else str(item) for item in items)

    def flag(self, name: str, default: bool) -> bool:
        """One of the project's `flags:`."""
        flags = self.values.get("flags")
        found = flags.get(name, default) if isinstance(flags, Mapping) else default
        return found if isinstance(found, bool) else default

    def search_order(self, namespace: str) -> tuple[str, ...] | None:
        """The packages that `dispatch:` names for a namespace, or None."""
        for entry in self.values.get("dispatch") or ():
            if isinstance(entry, Mapping) and entry.get("macro_namespace") == namespace:
                return tuple(entry.get("search_order") or ())
        return None


def _levels(values: Mapping[str, Any], kind: str, fqn: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for key in (kind, "data_tests") if kind == "tests" else (kind,):
        level = values.get(key)
        for part in ("", *fqn):
            level = level if part == "" else level.get(part) if isinstance(level, Mapping) else None
            if not isinstance(level, Mapping):
                break
            yield _settings_of(level)


def _settings_of(level: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of one level that are configuration: those with a plus, and those whose value is not a mapping."""
    found: dict[str, Any] = {}
    for key, value in level.items():
        if key.startswith("+"):
            found[key[1:].strip()] = value
        elif not isinstance(value, Mapping):
            found[key] = value
    return found


def read(root: Path, context: Mapping[str, Any], variables: Mapping[str, Any] | None = None) -> Package:
    """The package in a folder. ParseProblem when dbt_project.yml is missing, broken or has an unknown key."""
    path = root / "dbt_project.yml"
    if not path.is_file():
        raise ParseProblem(f"no dbt_project.yml in {root}", hint="name the project's folder with --project-dir")
    content = yamlfile.read(path, "dbt_project.yml" if variables is None else str(path))
    name = content.get("name")
    if not isinstance(name, str) or not name.isidentifier():
        raise ParseProblem(f"the project's name is {name!r}", where=f"{path}:1", hint="use letters, digits and _")
    project_keys.check(content, str(path))
    values = {
        key: value if key in _UNRENDERED else _render(value, context, f"{path}") for key, value in content.items()
    }
    own = values.get("vars")
    return Package(name, root, str(path), values, dict(own) if isinstance(own, Mapping) else {}, content)


def _render(value: Any, context: Mapping[str, Any], where: str) -> Any:
    """Hooks keep their Jinja: they are rendered when they run."""
    if isinstance(value, Mapping):
        return {
            key: item
            if key.lstrip("+").replace("_", "-") in ("pre-hook", "post-hook")
            else _render(item, context, where)
            for key, item in value.items()
        }
    return render_value(value, context, where)


def variables_for(package: Package, root: Package, command_line: Mapping[str, Any]) -> dict[str, Any]:
    """What `var()` sees in a package."""

    def scoped(owner: Package) -> dict[str, Any]:
        plain = {key: value for key, value in owner.variables.items() if not isinstance(value, Mapping)}
        mappings = {key: value for key, value in owner.variables.items() if isinstance(value, Mapping)}
        inner = mappings.get(package.name)
        return {**plain, **mappings, **(inner if isinstance(inner, Mapping) else {})}

    own = scoped(package) if package is not root else {}
    return {**own, **scoped(root), **command_line}


def dependencies(root: Package, context: Mapping[str, Any]) -> list[Package]:
    """Every package below the root, each once: local ones, and what lies in dbt_packages."""
    found: dict[str, Package] = {}
    installed = root.root / str(root.values.get("packages-install-path", "dbt_packages"))
    there = sum(1 for _ in installed.glob("*/dbt_project.yml"))
    queue = [root]
    while queue:
        package = queue.pop(0)
        folders: list[Path] = []
        for file in ("packages.yml", "dependencies.yml"):
            path = package.root / file
            if not path.is_file():
                continue
            content = yamlfile.read(path, str(path))
            for entry in content.get("packages") or ():
                local = entry.get("local") if isinstance(entry, Mapping) else None
                if local is not None:
                    folder = (package.root / str(render_value(local, context, str(path)))).resolve()
                    if not (folder / "dbt_project.yml").is_file():
                        raise ParseProblem(f"no project in {folder}", where=f"{path}:{yamlfile.line_of(entry)}")
                    folders.append(folder)
                    continue
                # As dbt does, packages are counted: a package from git has its project's name, not its address's.
                there -= package is root
                if there < 0:
                    raise ParseProblem(
                        f"package {dict(entry) if isinstance(entry, Mapping) else entry} is not installed",
                        where=f"{path}:{yamlfile.line_of(entry)}",
                        hint="put a copy on disk and name it with `- local: PATH`",
                    )
        for folder in folders:
            child = read(folder, context, {})
            if child.name not in found and child.name != root.name:
                found[child.name] = child
                queue.append(child)
    if installed.is_dir():
        for folder in sorted(installed.iterdir()):
            if (folder / "dbt_project.yml").is_file():
                child = read(folder.resolve(), context, {})
                if child.name not in found and child.name != root.name:
                    found[child.name] = child
    return list(found.values())
