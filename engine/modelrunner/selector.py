"""Which nodes a selection means.

Owns the methods (`tag:`, `path:`, `config.…:`, `result:` …), graph operators, and the four modes of selecting tests
along with what they test. Refuses to parse and to run anything: criteria come in, a set of unique ids comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from engine.modelrunner import yaml_selectors
from engine.modelrunner.nodes import Member, Node, Source
from engine.modelrunner.problems import SelectionProblem, nearest
from engine.modelrunner.project import Project
from engine.modelrunner.records import full_config
from engine.modelrunner.selection import Criterion, Spec
from engine.modelrunner.state import Changes, Previous

# Everything that dbt calls a resource type; most never stand in a graph and select nothing.
RESOURCE_TYPES = (
    "model", "analysis", "test", "snapshot", "operation", "seed", "rpc", "sql_operation", "doc", "source", "macro",
    "exposure", "metric", "group", "saved_query", "semantic_model", "unit_test", "fixture", "function",
)  # fmt: skip
_TESTS = ("test", "unit_test")


class Selector:
    """Evaluates selections over one project. `unmatched` are the terms of the command line that meant nothing."""

    def __init__(self, project: Project, previous: Previous | None = None) -> None:
        self.project = project
        self.previous = previous
        self.members: dict[str, Member] = project.members()
        self.unmatched: list[str] = []
        self._changes: Changes | None = None

    def select(self, spec: Spec) -> set[str]:
        """The unique ids that `spec` means, with the tests that come along."""
        self.unmatched = []
        return self._resolve(spec)[0]

    def named(self, name: str, indirect: str = "eager") -> Spec:
        """A selector of selectors.yml."""
        known = yaml_selectors.definitions(self.project.selectors, indirect)
        if name not in known:
            raise SelectionProblem(f"no selector '{name}' in selectors.yml", hint=nearest(name, known))
        return known[name]

    def default(self, indirect: str = "eager") -> Spec | None:
        """The selector that selectors.yml marks as default."""
        name = yaml_selectors.default_of(self.project.selectors)
        return None if name is None else self.named(name, indirect)

    # Sets -------------------------------------------------------------------------------------------------------

    def _resolve(self, spec: Spec) -> tuple[set[str], set[str]]:
        """(selected, tests that wait for more of their parents to be selected)."""
        if isinstance(spec, Criterion):
            return self._criterion(spec)
        sides = [self._resolve(part) for part in spec.parts]
        direct = _combined(spec.kind, [chosen for chosen, _ in sides])
        waiting = _combined(spec.kind, [chosen | later for chosen, later in sides])
        found = self._adopt(direct, waiting, spec.indirect)
        if spec.expected and not found:
            self.unmatched.append(spec.text)
        return found, waiting

    def _adopt(self, direct: set[str], waiting: set[str], indirect: str) -> set[str]:
        if direct == waiting or indirect not in ("cautious", "buildable"):
            return direct
        reach = direct if indirect == "cautious" else direct | self.project.graph.ancestors(direct)
        return direct | {
            uid
            for uid in waiting
            if (node := self.project.nodes.get(uid)) is not None and node.unit is None and set(node.depends_on) <= reach
        }

    def _criterion(self, spec: Criterion) -> tuple[set[str], set[str]]:
        graph = self.project.graph
        found = set(self._matching(spec))
        more: set[str] = set()
        if spec.childrens_parents:
            below = graph.descendants(found) | found
            more |= below | graph.ancestors(below)
        if spec.parents:
            more |= graph.ancestors(found, spec.parents_depth)
        if spec.children:
            more |= graph.descendants(found, spec.children_depth)
        selected = found | more
        if spec.indirect == "empty":
            return selected, set()
        return self._expand(selected, spec.indirect)

    def _expand(self, selected: set[str], indirect: str) -> tuple[set[str], set[str]]:
        graph = self.project.graph
        direct, waiting = set(selected), set()
        reach = selected
        if indirect == "buildable":
            reach = selected | graph.ancestors(selected) | set(self.project.sources)
        for uid in {child for node in selected for child in graph.children.get(node, ())}:
            node = self.project.nodes.get(uid)
            if node is None or node.resource_type not in _TESTS:
                continue
            if indirect == "eager" or set(node.depends_on) <= reach:
                direct.add(uid)
            else:
                waiting.add(uid)
        return direct, waiting

    # Methods ----------------------------------------------------------------------------------------------------

    def _matching(self, spec: Criterion) -> Iterable[str]:
        method: Callable[[Criterion], Iterable[str]] = getattr(self, f"_by_{spec.method}")
        return method(spec)

    def _where(self, test: Callable[[Member], bool]) -> list[str]:
        return [uid for uid, member in self.members.items() if test(member)]

    def _by_fqn(self, spec: Criterion) -> list[str]:
        return self._where(lambda member: not isinstance(member, Source) and fqn_matches(member.fqn, spec.value))

    def _by_tag(self, spec: Criterion) -> list[str]:
        return self._where(lambda member: any(fnmatchcase(str(tag), spec.value) for tag in member.tags))

    def _by_group(self, spec: Criterion) -> list[str]:
        def matches(member: Member) -> bool:
            group = member.config.get("group") if isinstance(member, Node) and member.unit is None else None
            return bool(group) and fnmatchcase(str(group), spec.value)

        return self._where(matches)

    def _by_access(self, spec: Criterion) -> list[str]:
        return self._where(
            lambda member: member.resource_type == "model" and member.config.get("access", "protected") == spec.value
        )

    def _by_source(self, spec: Criterion) -> list[str]:
        parts = spec.value.split(".")
        if len(parts) > 3:
            raise SelectionProblem(f"source '{spec.value}' has too many parts", hint="write source:NAME.TABLE")
        package, source, table = {1: ("*", parts[0], "*"), 2: ("*", *parts), 3: tuple(parts)}[len(parts)]
        return self._where(
            lambda member: (
                isinstance(member, Source)
                and fnmatchcase(member.package, package)
                and fnmatchcase(member.source_name, source)
                and fnmatchcase(member.name, table)
            )
        )

    def _by_exposure(self, spec: Criterion) -> list[str]:
        return self._by_kind("exposure", spec.value)

    def _by_unit_test(self, spec: Criterion) -> list[str]:
        return self._by_kind("unit_test", spec.value)

    # There are no metrics, semantic models and saved queries here (a project with them is refused), so as in dbt the
    # methods are known and select nothing.

    def _by_metric(self, spec: Criterion) -> list[str]:
        return self._by_kind("metric", spec.value)

    def _by_semantic_model(self, spec: Criterion) -> list[str]:
        return self._by_kind("semantic_model", spec.value)

    def _by_saved_query(self, spec: Criterion) -> list[str]:
        return self._by_kind("saved_query", spec.value)

    def _by_kind(self, kind: str, value: str) -> list[str]:
        parts = value.split(".")
        if len(parts) > 2:
            said = kind.replace("_", " ")
            raise SelectionProblem(f"{said} '{value}' has too many parts", hint=f"write {kind}:NAME")
        package, name = ("*", *parts) if len(parts) == 1 else parts
        return self._where(
            lambda member: (
                member.resource_type == kind and fnmatchcase(member.package, package) and fnmatchcase(member.name, name)
            )
        )

    def _by_path(self, spec: Criterion) -> list[str]:
        root = self.project.folder
        try:
            paths = {PurePosixPath(path.relative_to(root).as_posix()) for path in root.glob(spec.value)}
        except (ValueError, NotImplementedError, IndexError):
            raise SelectionProblem(
                f"path '{spec.value}' is no pattern inside the project", hint="write for example path:models/staging"
            ) from None

        def inside(member: Member) -> bool:
            path = PurePosixPath(member.original_path)
            patched = member.patch_path is not None and PurePosixPath(member.patch_path) in paths
            return path in paths or patched or any(parent in paths for parent in path.parents)

        return self._where(inside)

    def _by_file(self, spec: Criterion) -> list[str]:
        def matches(member: Member) -> bool:
            path = PurePosixPath(member.original_path)
            return fnmatchcase(path.name, spec.value) or fnmatchcase(path.stem, spec.value)

        return self._where(matches)

    def _by_package(self, spec: Criterion) -> list[str]:
        wanted = self.project.name if spec.value == "this" else spec.value
        return self._where(lambda member: fnmatchcase(member.package, wanted))

    def _by_config(self, spec: Criterion) -> list[str]:
        def matches(member: Member) -> bool:
            if not isinstance(member, Source) and (not isinstance(member, Node) or member.unit is not None):
                return False
            value: Any = full_config(member)
            for part in spec.arguments:
                if not isinstance(value, Mapping) or part not in value:
                    return False
                value = value[part]
            return config_matches(value, spec.value, ignore_case=spec.arguments == ("severity",))

        return self._where(matches)

    def _by_resource_type(self, spec: Criterion) -> list[str]:
        if spec.value not in RESOURCE_TYPES:
            raise SelectionProblem(f"unknown resource type '{spec.value}'", hint=nearest(spec.value, RESOURCE_TYPES))
        return self._where(lambda member: member.resource_type == spec.value)

    def _by_test_name(self, spec: Criterion) -> list[str]:
        def matches(member: Member) -> bool:
            if not isinstance(member, Node):
                return False
            name = member.test.name if member.test is not None else member.name if member.unit is not None else None
            return name is not None and fnmatchcase(name, spec.value)

        return self._where(matches)

    def _by_test_type(self, spec: Criterion) -> list[str]:
        wanted: set[str] | None = None
        if spec.value in ("generic", "schema"):
            wanted = {"generic"}
        # As in dbt, any piece of one of these words stands for it.
        for word, kinds in (("data", {"generic", "singular"}), ("singular", {"singular"}), ("unit", {"unit"})):
            if wanted is None and spec.value in word:
                wanted = kinds
        if wanted is None:
            known = ("generic", "singular", "data", "unit")
            raise SelectionProblem(
                f"unknown test type '{spec.value}'", hint=nearest(spec.value, known) or f"use {', '.join(known)}"
            )
        return self._where(lambda member: _test_type(member) in wanted)

    def _by_version(self, spec: Criterion) -> list[str]:
        known = ("latest", "prerelease", "old", "none")
        if spec.value not in known:
            raise SelectionProblem(
                f"unknown version '{spec.value}'", hint=nearest(spec.value, known) or f"use {', '.join(known)}"
            )
        return self._where(lambda member: member.resource_type == "model") if spec.value == "none" else []

    def _by_result(self, spec: Criterion) -> list[str]:
        if self.previous is None or self.previous.results is None:
            raise SelectionProblem("result: needs an earlier run", hint="name its artifacts with --state")
        return [uid for uid in self.members if self.previous.results.get(uid) == spec.value]

    def _by_source_status(self, spec: Criterion) -> list[str]:
        if self.previous is None or self.previous.sources is None:
            raise SelectionProblem(
                "source_status: needs an earlier sources.json",
                hint="name its folder with --state; `source freshness` writes the file",
            )
        before, now = self.previous.sources, self.previous.sources_now
        if now is None:
            raise SelectionProblem(
                "source_status: needs a sources.json of now", hint="run `source freshness` before selecting"
            )
        if spec.value != "fresher":
            return []
        return [uid for uid in self.members if uid in now and (uid not in before or now[uid] > before[uid])]

    def _by_state(self, spec: Criterion) -> list[str]:
        if self.previous is None or self.previous.manifest is None:
            raise SelectionProblem("state: needs an earlier manifest", hint="name its folder with --state")
        if self._changes is None:
            self._changes = Changes(self.project, self.previous.manifest)
        return self._where(self._changes.question(spec.value))


def _test_type(member: Member) -> str | None:
    if not isinstance(member, Node) or member.resource_type not in _TESTS:
        return None
    return "unit" if member.unit is not None else "generic" if member.test is not None else "singular"


def config_matches(value: Any, wanted: str, *, ignore_case: bool = False) -> bool:
    """Whether a configuration value is the text of a selector: lists by member, booleans as true and false."""
    if isinstance(value, list | tuple):
        return any(config_matches(item, wanted) for item in value if not isinstance(item, list | tuple))
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    if not isinstance(value, str):
        return False
    return value.lower() == wanted.lower() if ignore_case else value == wanted


def fqn_matches(fqn: Sequence[str], wanted: str) -> bool:
    """dbt's rule: the name, or a prefix of the fqn with or without its package; from a wildcard on, all of it."""
    return _matches(fqn, wanted) or _matches(fqn[1:], wanted)


def _matches(fqn: Sequence[str], wanted: str) -> bool:
    if fqn and fqn[-1] == wanted:
        return True
    flat = [part for segment in fqn for part in segment.split(".")]
    parts = wanted.split(".")
    if len(flat) < len(parts):
        return False
    for place, part in enumerate(parts):
        if any(sign in part for sign in "*?[]"):
            whole = fnmatchcase(".".join(flat[place:]), ".".join(parts[place:]))
            return whole or (len(parts) == 1 and fnmatchcase(fqn[-1], wanted))
        if flat[place] != part:
            return False
    return True


def _combined(kind: str, sets: list[set[str]]) -> set[str]:
    if not sets:
        return set()
    if kind == "union":
        return set().union(*sets)
    if kind == "intersection":
        return set.intersection(*sets)
    return sets[0].difference(*sets[1:])
