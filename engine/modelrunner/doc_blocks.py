"""Doc blocks and the descriptions that use them.

Owns the `{% docs name %}` blocks of a project's Markdown files, what `doc()` means in a description, and the rendering
of every description of nodes, columns, sources, macros and exposures. Refuses to know how documentation looks: what
comes out is text, and a name that does not exist is a ParseProblem with file, line and the nearest one that does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import jinja2

from engine.modelrunner.drafts import SECTION
from engine.modelrunner.jinja import ENVIRONMENT, HAS_JINJA, Macro, MacroReturn, blocks, compile_text
from engine.modelrunner.nodes import ColumnProperties, Exposure, Node, Source
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import NodeProblem, ParseProblem, nearest
from engine.modelrunner.properties import Patch, Properties
from engine.modelrunner.yamlfile import line_of

OVERVIEW = "__overview__"
_SOURCE_PATHS = ("model-paths", "seed-paths", "snapshot-paths", "analysis-paths", "macro-paths", "test-paths")
_WELCOME = """\
# Documentation

What this project's files say about its sources, models and tests. To put your own words here, write a doc block called
`__overview__` into a Markdown file beside your models.
"""


@dataclass(frozen=True, slots=True)
class DocBlock:
    """One block: `path` is relative to its folder, `original_path` to the package; `text` is rendered Markdown."""

    name: str
    package: str
    path: str
    original_path: str
    text: str
    line: int = 1

    @property
    def unique_id(self) -> str:
        return f"doc.{self.package}.{self.name}"


class DocBlocks:
    """All blocks of a project's packages, and one of the runner's own: what stands in place of a missing overview."""

    def __init__(self, root: str, found: Iterable[DocBlock]) -> None:
        self.root = root
        self._known: dict[tuple[str, str], DocBlock] = {}
        own = DocBlock(OVERVIEW, "dbt", "overview.md", "docs/overview.md", _WELCOME.strip())
        for block in (*found, own):
            key = (block.package, block.name)
            if key in self._known:
                other = self._known[key]
                raise ParseProblem(
                    f"doc '{block.name}' is already defined in {other.original_path}:{other.line}",
                    where=f"{block.original_path}:{block.line}",
                    hint="rename one of them",
                )
            self._known[key] = block

    def __iter__(self) -> Iterator[DocBlock]:
        return iter(self._known.values())

    def find(self, name: str, package: str | None, caller: str) -> DocBlock | None:
        """The block `doc()` means: of `package`, else of the root project, the caller's package, any package."""
        if package is not None:
            return self._known.get((package, name))
        for owner in (self.root, caller):
            if (owner, name) in self._known:
                return self._known[owner, name]
        return next((block for block in self if block.name == name), None)

    def suggest(self, name: str) -> str:
        """A hint: the nearest block, or how to write one."""
        known = (block.name for block in self if block.package != "dbt")
        return nearest(name, known) or f"write {{% docs {name} %}}…{{% enddocs %}} into a Markdown file of the project"

    def overview(self, package: str | None = None) -> DocBlock:
        """The project's `__overview__`, or a package's `__<package>__`, or the runner's own words."""
        if package is not None and package != self.root:
            return self._known.get((package, f"__{package}__")) or self._known["dbt", OVERVIEW]
        for name in (OVERVIEW, f"__{self.root}__"):
            if (self.root, name) in self._known:
                return self._known[self.root, name]
        return self._known["dbt", OVERVIEW]


def read(packages: Iterable[Package], root: str) -> DocBlocks:
    """The blocks of all packages. ParseProblem names file and line of one that does not end or has no name."""
    return DocBlocks(root, [block for package in packages for block in _of_package(package)])


def _of_package(package: Package) -> Iterator[DocBlock]:
    keys = ("docs-paths",) if package.folders("docs-paths") else _SOURCE_PATHS
    seen: set[str] = set()
    for folder, path in package.files(keys, (".md",)):
        file = path.relative_to(package.root).as_posix()
        if file in seen:
            continue
        seen.add(file)
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise ParseProblem("not UTF-8 text", where=file) from None
        if "{%" not in text:
            continue
        for block in blocks(text, file, ("docs",)):
            if not block.name:
                raise ParseProblem("a docs block without a name", where=f"{file}:{block.line}", hint="write docs NAME")
            relative = path.relative_to(package.root / folder).as_posix()
            body = _render(block.body, {}, f"{file}:{block.line}").strip()
            yield DocBlock(block.name, package.name, relative, file, body, block.line)


def _render(text: str, context: Mapping[str, Any], where: str) -> str:
    """A description or the body of a block; what it does not know is empty, as in dbt. ParseProblem names `where`."""
    if not HAS_JINJA.search(text):
        return text
    try:
        return str(compile_text(text, where, ENVIRONMENT).render(dict(context)))
    except MacroReturn as result:
        return str(result.value)
    except jinja2.TemplateError as error:
        raise ParseProblem(str(error), where=where) from error
    except NodeProblem as problem:
        raise ParseProblem(problem.sentence, where=where, hint=problem.hint) from problem


@dataclass(slots=True)
class Descriptions:
    """Renders the descriptions of a project. `contexts` and `properties` are by package."""

    known: DocBlocks
    contexts: Mapping[str, Mapping[str, Any]]
    properties: Mapping[str, Properties]

    def text(self, text: str, package: str, where: str, owner: str) -> tuple[str, tuple[str, ...]]:
        """A description, and the unique ids of the blocks in it. `owner` is who is described, for the message."""
        if not HAS_JINJA.search(text):
            return text, ()
        used: list[str] = []

        def doc(*arguments: Any) -> str:
            if not 1 <= len(arguments) <= 2:
                raise ParseProblem(f"doc() takes a name or a package and a name, not {arguments}", where=where)
            of, name = (None, arguments[0]) if len(arguments) == 1 else arguments
            block = self.known.find(str(name), of, package)
            if block is None:
                full = f"{of}.{name}" if of else str(name)
                raise ParseProblem(
                    f"the description of {owner} depends on doc '{full}' which was not found",
                    where=where,
                    hint=self.known.suggest(str(name)),
                )
            used.append(block.unique_id)
            return block.text

        rendered = _render(text, {**self.contexts.get(package, {}), "doc": doc}, where)
        return rendered, tuple(dict.fromkeys(used))

    def node(self, node: Node) -> Node:
        """A node with its own and its columns' descriptions rendered."""
        if not _has_jinja(node):
            return node
        if node.unit is not None:
            return node
        patch = self._patch(node)
        file = patch.file if patch is not None else node.original_path
        line = patch.line if patch is not None else node.line
        owner = f"{node.resource_type} '{node.name}'"
        description, used = self.text(node.description, node.package, f"{file}:{line}", owner)
        lines = self._lines_of(patch.values.get("columns") if patch is not None else None)
        columns = self._columns(node.columns, node.package, owner, file, line, lines)
        return replace(node, description=description, doc_blocks=used, columns=columns)

    def source(self, source: Source) -> Source:
        """A source table with its own, its source's and its columns' descriptions rendered."""
        if not _has_jinja(source) and not HAS_JINJA.search(source.source_description):
            return source
        where = f"{source.original_path}:{source.line}"
        owner = f"source '{source.source_name}.{source.name}'"
        description, used = self.text(source.description, source.package, where, owner)
        outer, _ = self.text(source.source_description, source.package, where, f"source '{source.source_name}'")
        entries = self.properties[source.package].sources
        entry = next((e for e in entries if e.file == source.original_path and e.line == source.line), None)
        lines = self._lines_of(entry.table.get("columns") if entry is not None else None)
        columns = self._columns(source.columns, source.package, owner, source.original_path, source.line, lines)
        return replace(source, description=description, source_description=outer, doc_blocks=used, columns=columns)

    def exposure(self, exposure: Exposure) -> Exposure:
        """An exposure with its description rendered."""
        where = f"{exposure.original_path}:{exposure.line}"
        owner = f"exposure '{exposure.name}'"
        return replace(exposure, description=self.text(exposure.description, exposure.package, where, owner)[0])

    def macro(self, macro: Macro) -> None:
        """Puts what a property file says into the macro: description, where it stands, arguments, meta."""
        found = self.properties.get(macro.package)
        patch = found.patches.get(("macros", macro.name)) if found is not None else None
        if patch is None:
            return
        owner = f"macro '{macro.name}'"
        macro.description, _ = self.text(patch.description, macro.package, f"{patch.file}:{patch.line}", owner)
        macro.patch_path = patch.file
        macro.properties = {
            **{key: patch.config[key] for key in ("meta", "docs") if key in patch.config},
            "arguments": [
                {
                    "name": str(argument.get("name")),
                    "type": argument.get("type"),
                    "description": self.text(
                        str(argument.get("description") or ""),
                        macro.package,
                        f"{patch.file}:{line_of(argument, patch.line)}",
                        f"{owner}, argument '{argument.get('name')}'",
                    )[0],
                }
                for argument in patch.values.get("arguments") or ()
                if isinstance(argument, Mapping)
            ],
        }

    def _patch(self, node: Node) -> Patch | None:
        properties = self.properties.get(node.package)
        section = SECTION.get(node.resource_type)
        if properties is None or section is None or node.test is not None:
            return None
        if section == "tests":
            return properties.singular.get(node.name)
        return properties.patches.get((section, node.name))

    def _columns(
        self,
        columns: tuple[ColumnProperties, ...],
        package: str,
        owner: str,
        file: str,
        line: int,
        lines: Mapping[str, int],
    ) -> tuple[ColumnProperties, ...]:
        done = []
        for column in columns:
            where = f"{file}:{lines.get(column.name, line)}"
            description, used = self.text(column.description, package, where, f"{owner}, column '{column.name}'")
            done.append(replace(column, description=description, doc_blocks=used) if used or description else column)
        return tuple(done)

    @staticmethod
    def _lines_of(columns: Any) -> dict[str, int]:
        if not isinstance(columns, list):
            return {}
        return {str(column.get("name")): line_of(column) for column in columns if isinstance(column, Mapping)}


def _has_jinja(member: Node | Source) -> bool:
    """Whether anything in the member's descriptions is to be rendered; most say plain words."""
    texts = (member.description, *(column.description for column in member.columns))
    return any(HAS_JINJA.search(text) for text in texts)
