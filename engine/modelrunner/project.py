"""A project: everything that its files say, read once.

Owns loading (dbt_project.yml, profile, packages, macros, properties, nodes, graph), finding what a name refers to, and
the fingerprint that tells whether anything changed. Refuses to touch a database; a Project is read-only after loading.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from engine.modelrunner import (
    described,
    doc_blocks,
    profile,
    project_keys,
    properties,
    resolve,
    unit_parse,
    yaml_selectors,
    yamlfile,
)
from engine.modelrunner import packages as package_files
from engine.modelrunner.context import Environ, Flags, Variables, general, new_invocation_id
from engine.modelrunner.fingerprint import OWN_MACROS, of_files
from engine.modelrunner.graph import Graph
from engine.modelrunner.jinja import ENVIRONMENT, Macros, compile_text, macros_in, render_value
from engine.modelrunner.memory import Memory
from engine.modelrunner.nodes import Exposure, Member, Node, Source
from engine.modelrunner.packages import Package
from engine.modelrunner.parse import Parser
from engine.modelrunner.problems import ParseProblem, SelectionProblem
from engine.modelrunner.profile import Target
from engine.modelrunner.reading import Reader


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr)


@dataclass(frozen=True, slots=True)
class Project:
    """A parsed project. `nodes`, `sources` and `exposures` are by unique id and enabled; `disabled` is the rest."""

    root: Package
    packages: Mapping[str, Package]
    target: Target
    variables: Mapping[str, Mapping[str, Any]]
    macros: Macros
    nodes: Mapping[str, Node]
    sources: Mapping[str, Source]
    exposures: Mapping[str, Exposure]
    disabled: Mapping[str, Node | Source]
    groups: tuple[properties.Entry, ...]
    selectors: tuple[Mapping[str, Any], ...]
    names: resolve.Names
    docs: doc_blocks.DocBlocks
    graph: Graph
    environ: Environ
    flags: Flags
    general: Mapping[str, Any]
    fingerprint: str
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        profiles_dir: Path | None = None,
        target: str | None = None,
        profile_name: str | None = None,
        variables: Mapping[str, Any] | None = None,
        environment: Mapping[str, str] | None = None,
        flags: Flags | None = None,
        threads: int | None = None,
        say: Callable[[str], None] = _to_stderr,
        show: Callable[[str], None] | None = None,
        warn: Callable[[str], None] | None = None,
        invocation_id: str | None = None,
        memory: Memory | None = None,
    ) -> Project:
        """Read the project in `folder`. ParseProblem (exit 2) says file, line and the nearest valid name.

        `say` takes what templates log, `show` what they print, `warn` what they warn of. With a
        `memory` of an earlier reading only what changed since is made anew.
        """
        folder = folder.resolve()
        environ = Environ(os.environ if environment is None else environment)
        flags = flags or Flags()
        given = dict(variables or {})
        # As in dbt, dbt_project.yml and profiles.yml see the variables of the command line only.
        early: dict[str, Any] = {"env_var": environ, "var": Variables(given, "the command line", parsing=False)}
        root = package_files.read(folder, {**early, "target": {}})
        where = profile_name or root.values.get("profile")
        if not isinstance(where, str):
            raise ParseProblem("dbt_project.yml names no profile", where="dbt_project.yml", hint="add profile: NAME")
        chosen = profile.load(
            where, profile_folders(folder, profiles_dir, environ.values), target=target, context=early, threads=threads
        )
        early["target"] = chosen.for_templates()
        root = package_files.read(folder, early)
        packages = {root.name: root, **{p.name: p for p in package_files.dependencies(root, early)}}
        scoped = {name: package_files.variables_for(package, root, given) for name, package in packages.items()}
        heed = warn or (lambda message: say(f"Warning: {message}"))
        context = general(
            project_name=root.name,
            target=chosen.for_templates(),
            environ=environ,
            flags=flags,
            started_at=datetime.datetime.now(datetime.UTC),
            invocation_id=invocation_id or new_invocation_id(),
            say=say,
            warn=heed,
            show=show,
        )
        macros = _macros(packages, root)
        memory = memory or Memory()
        memory.begin(packages.values(), macros, scoped, chosen, flags, environ)
        parser = Parser(root, Reader(packages, scoped, macros, chosen, context), memory)
        nodes: list[Node] = []
        sources: list[Source] = []
        exposures: list[Exposure] = []
        groups: list[tuple[str, properties.Entry]] = []
        written: dict[str, properties.Properties] = {}
        yaml_contexts: dict[str, Mapping[str, Any]] = {}
        for package in packages.values():
            found = written[package.name] = properties.read(package, memory)
            nodes.extend(parser.nodes(package, found))
            yaml_context = {**context, "var": Variables(scoped[package.name], package.name, parsing=False)}
            yaml_contexts[package.name] = yaml_context
            sources.extend(described.sources_of(package, root, found, chosen, yaml_context))
            exposures.extend(described.exposures_of(package, found, yaml_context))
            groups.extend((package.name, group) for group in found.groups)
            nodes.extend(unit_parse.unit_tests_of(package, root, found, chosen, yaml_context, nodes))
            for warning in found.warnings:
                heed(warning)
        connected, open_sources, done, disabled = resolve.connect(nodes, sources, exposures, root.name, heed)
        resolve.check_groups(groups, connected.values())
        described_members: list[Member] = [*nodes, *sources, *exposures]
        for path in project_keys.unused(root.values, ((item.resource_type, item.fqn) for item in described_members)):
            heed(f"dbt_project.yml: the configuration {path} applies to nothing")
        docs = doc_blocks.read(packages.values(), root.name)
        descriptions = doc_blocks.Descriptions(docs, yaml_contexts, written)
        connected = {key: descriptions.node(node) for key, node in connected.items()}
        open_sources = {key: descriptions.source(source) for key, source in open_sources.items()}
        done = {key: descriptions.exposure(exposure) for key, exposure in done.items()}
        for macro in macros.all():
            descriptions.macro(macro)
        members: dict[str, Member] = {**open_sources, **connected, **done}
        graph = Graph({key: member.depends_on for key, member in members.items()})
        graph.order()
        memory.end()
        return cls(
            root=root,
            packages=packages,
            target=chosen,
            variables=scoped,
            macros=macros,
            nodes=connected,
            sources=open_sources,
            exposures=done,
            disabled=disabled,
            groups=tuple(group for _, group in groups),
            selectors=_selectors(folder, early),
            names=resolve.Names(root.name, connected.values(), open_sources.values()),
            docs=docs,
            graph=graph,
            environ=environ,
            flags=flags,
            general=context,
            fingerprint=f"{of_files(folder, given)}.{_fingerprint(packages, scoped, chosen, environ)}",
        )

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def folder(self) -> Path:
        return self.root.root

    @property
    def target_folder(self) -> Path:
        """Where artifacts and compiled SQL go."""
        return self.folder / str(
            self.environ.values.get("DBT_TARGET_PATH") or self.root.values.get("target-path") or "target"
        )

    def member(self, unique_id: str) -> Member:
        """A node, source or exposure by unique id."""
        found = self.nodes.get(unique_id) or self.sources.get(unique_id) or self.exposures.get(unique_id)
        assert found is not None, unique_id
        return found

    def members(self) -> dict[str, Member]:
        """All of them, sources first."""
        return {**self.sources, **self.nodes, **self.exposures}

    def with_flags(self, flags: Flags) -> Project:
        """The same project under other flags of the command line."""
        return replace(self, flags=flags, general={**self.general, "flags": flags.for_templates()})


def profile_folders(folder: Path, profiles_dir: Path | None, environment: Mapping[str, str]) -> list[Path]:
    """Where profiles.yml is looked for: the flag, DBT_PROFILES_DIR, the project, ~/.dbt."""
    if profiles_dir is not None:
        return [profiles_dir]
    if environment.get("DBT_PROFILES_DIR"):
        return [Path(environment["DBT_PROFILES_DIR"])]
    return [Path.cwd(), folder, Path.home() / ".dbt"] if Path.cwd() == folder else [folder, Path.home() / ".dbt"]


def _macros(packages: Mapping[str, Package], root: Package) -> Macros:
    macros = Macros(root.name)
    for path in sorted(OWN_MACROS.glob("*.sql")):
        for macro in macros_in(path.read_text(encoding="utf-8"), "dbt", f"dbt/{path.name}"):
            macros.add(macro)
    for package in packages.values():
        folders = [("macro-paths", ""), ("test-paths", "generic"), ("snapshot-paths", None)]
        for key, only in folders:
            for folder, path in package.files((key,), (".sql",)):
                inside = path.relative_to(package.root / folder).parts
                if (only == "generic" and inside[0] != "generic") or only is None:
                    continue
                file = path.relative_to(package.root).as_posix()
                try:
                    text = path.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    raise ParseProblem("not UTF-8 text", where=file) from None
                if only == "":
                    # The whole file must be Jinja, also what stands between macros.
                    compile_text(text_without_blocks(text, file), file, ENVIRONMENT)
                for macro in macros_in(text, package.name, file):
                    macro.template(ENVIRONMENT)
                    macros.add(macro)
    return macros


def text_without_blocks(text: str, file: str) -> str:
    """A macro file with dbt's own blocks blanked out, line for line."""
    from engine.modelrunner.jinja import blocks

    for block in blocks(text, file):
        text = text.replace(block.text, "\n" * block.text.count("\n"), 1)
    return text


def _selectors(folder: Path, context: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    path = folder / "selectors.yml"
    if not path.is_file():
        return ()
    found = yamlfile.read(path, "selectors.yml").get("selectors") or ()
    if not isinstance(found, list) or not all(isinstance(item, Mapping) and item.get("name") for item in found):
        raise ParseProblem("'selectors' must be a list of named selectors", where="selectors.yml:1")
    rendered = render_value(found, context, "selectors.yml")
    try:
        yaml_selectors.definitions(rendered)
    except SelectionProblem as problem:
        raise ParseProblem(problem.sentence, where="selectors.yml", hint=problem.hint) from problem
    return tuple(rendered)


def _fingerprint(
    packages: Mapping[str, Package], variables: Mapping[str, Mapping[str, Any]], target: Target, environ: Environ
) -> str:
    """A hash of every file that can change a result, the variables, the target and the environment that was asked."""
    digest = hashlib.sha256()
    keys = ("model-paths", "seed-paths", "snapshot-paths", "test-paths", "macro-paths", "analysis-paths")
    for package in packages.values():
        digest.update((package.root / "dbt_project.yml").read_bytes())
        for _, path in package.files(keys, (".sql", ".yml", ".yaml", ".csv")):
            digest.update(path.relative_to(package.root).as_posix().encode() + b"\0")
            digest.update(path.read_bytes() + b"\0")
    for path in sorted(OWN_MACROS.glob("*.sql")):
        digest.update(path.read_bytes())
    # Where the database lies changes no table; everything else that was asked of the environment may.
    asked = {key: value for key, value in sorted(environ.asked.items()) if value != target.path}
    told = [variables, target.name, target.schema, asked]
    digest.update(json.dumps(told, sort_keys=True, default=str).encode())
    return digest.hexdigest()
