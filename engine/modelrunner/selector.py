"""Which nodes a selection means.

Owns the methods (`tag:`, `path:`, `config.…:`, `result:` …), graph operators, and the four modes of selecting tests
along with what they test. Refuses to parse and to run anything: criteria come in, a set of unique ids comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from engine.modelrunner.nodes import Member, Node, Source
from engine.modelrunner.problems import SelectionProblem, nearest
from engine.modelrunner.project import Project
from engine.modelrunner.selection import Criterion, Spec, from_yaml
from engine.modelrunner.state import RESPECTS, Changes, Previous


class Selector:
    """Evaluates selections over one project."""

    def __init__(self, project: Project, previous: Previous | None = None) -> None:
        self.project = project
        self.previous = previous
        self.members: dict[str, Member] = project.members()

    def select(self, spec: Spec) -> set[str]:
        """The unique ids that `spec` means, with the tests that come along."""
        return self._resolve(spec)[0]

    def named(self, name: str, indirect: str = "eager") -> Spec:
        """A selector of selectors.yml."""
        return from_yaml(self.project.selectors, name, indirect)

    def default(self) -> Spec | None:
        """The selector that selectors.yml marks as default."""
        found = [item["name"] for item in self.project.selectors if item.get("default")]
        return self.named(str(found[0])) if found else None

    # Sets -------------------------------------------------------------------------------------------------------

    def _resolve(self, spec: Spec) -> tuple[set[str], set[str]]:
        """(selected, tests that wait for more of their parents to be selected)."""
        if isinstance(spec, Criterion):
            if spec.method == "selector":
                return self._resolve(self.named(spec.value, spec.indirect))
            return self._criterion(spec)
        sides = [self._resolve(part) for part in spec.parts]
        direct = _combined(spec.kind, [chosen for chosen, _ in sides])
        waiting = _combined(spec.kind, [chosen | later for chosen, later in sides])
        return self._adopt(direct, waiting, spec.indirect), waiting

    def _adopt(self, direct: set[str], waiting: set[str], indirect: str) -> set[str]:
        if direct == waiting or indirect not in ("cautious", "buildable"):
            return direct
        reach = direct if indirect == "cautious" else direct | self.project.graph.ancestors(direct)
        return direct | {
            uid for uid in waiting if uid in self.project.nodes and set(self.members[uid].depends_on) <= reach
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
            if node is None or node.resource_type not in ("test", "unit_test"):
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
        packages = frozenset(self.project.packages)
        return self._where(
            lambda member: not isinstance(member, Source) and fqn_matches(member.fqn, spec.value, packages)
        )

    def _by_wildcard(self, spec: Criterion) -> list[str]:
        return self._by_fqn(spec)

    def _by_tag(self, spec: Criterion) -> list[str]:
        return self._where(lambda member: any(fnmatchcase(str(tag), spec.value) for tag in member.tags))

    def _by_group(self, spec: Criterion) -> list[str]:
        return self._where(lambda member: member.config.get("group") == spec.value)

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

    def _by_kind(self, kind: str, value: str) -> list[str]:
        package, _, name = value.rpartition(".")
        return self._where(
            lambda member: (
                member.resource_type == kind
                and fnmatchcase(member.name, name)
                and fnmatchcase(member.package, package or "*")
            )
        )

    def _by_path(self, spec: Criterion) -> list[str]:
        root = self.project.folder
        value = spec.value.rstrip("/") or "."
        paths = (
            {PurePosixPath(path.relative_to(root).as_posix()) for path in root.glob(value)}
            if value != "."
            else {PurePosixPath(".")}
        )

        def inside(member: Member) -> bool:
            path = PurePosixPath(member.original_path)
            patched = member.patch_path is not None and PurePosixPath(member.patch_path) in paths
            return path in paths or patched or any(parent in paths for parent in path.parents)

        return self._where(inside)

    def _by_file(self, spec: Criterion) -> list[str]:
        return self._where(
            lambda member: (
                fnmatchcase(PurePosixPath(member.original_path).name, spec.value)
                or fnmatchcase(PurePosixPath(member.original_path).stem, spec.value)
            )
        )

    def _by_package(self, spec: Criterion) -> list[str]:
        wanted = self.project.name if spec.value == "this" else spec.value
        return self._where(lambda member: fnmatchcase(member.package, wanted))

    def _by_config(self, spec: Criterion) -> list[str]:
        def matches(member: Member) -> bool:
            value: Any = {**_defaults_of(member), **member.config}
            for part in spec.arguments:
                if not isinstance(value, Mapping) or part not in value:
                    return False
                value = value[part]
            return config_matches(value, spec.value, ignore_case=spec.arguments == ("severity",))

        return self._where(matches)

    def _by_resource_type(self, spec: Criterion) -> list[str]:
        known = ("model", "seed", "snapshot", "test", "unit_test", "analysis", "source", "exposure", "metric",
                 "semantic_model", "saved_query", "operation")  # fmt: skip
        if spec.value not in known:
            raise SelectionProblem(f"unknown resource type '{spec.value}'", hint=nearest(spec.value, known))
        return self._where(lambda member: member.resource_type == spec.value)

    def _by_test_name(self, spec: Criterion) -> list[str]:
        return self._where(
            lambda member: (
                isinstance(member, Node)
                and (
                    (member.test is not None and fnmatchcase(member.test.name, spec.value))
                    or (member.resource_type == "unit_test" and fnmatchcase(member.name, spec.value))
                )
            )
        )

    def _by_test_type(self, spec: Criterion) -> list[str]:
        kinds = {"generic": "g", "schema": "g", "singular": "s", "data": "gs", "unit": "u"}
        if spec.value not in kinds:
            raise SelectionProblem(
                f"unknown test type '{spec.value}'",
                hint=nearest(spec.value, kinds) or "use generic, singular, data or unit",
            )

        def kind(member: Member) -> str:
            if member.resource_type == "unit_test":
                return "u"
            if not isinstance(member, Node) or member.resource_type != "test":
                return "-"
            return "g" if member.test is not None else "s"

        return self._where(lambda member: kind(member) in kinds[spec.value])

    def _by_version(self, spec: Criterion) -> list[str]:
        return self._where(lambda member: member.resource_type == "model") if spec.value == "none" else []

    def _by_result(self, spec: Criterion) -> list[str]:
        if self.previous is None:
            raise SelectionProblem("result: needs an earlier run", hint="name its artifacts with --state")
        return [uid for uid in self.members if self.previous.results.get(uid) == spec.value]

    def _by_state(self, spec: Criterion) -> list[str]:
        if self.previous is None or self.previous.manifest is None:
            raise SelectionProblem("state: needs an earlier manifest", hint="name its folder with --state")
        changes = Changes(self.project, self.previous.manifest)
        word, _, respect = spec.value.partition(".")
        if respect and (word != "modified" or respect not in RESPECTS):
            raise SelectionProblem(
                f"unknown state '{spec.value}'", hint=nearest(respect, RESPECTS) or f"use {', '.join(RESPECTS)}"
            )
        questions: dict[str, Callable[[Member], bool]] = {
            "new": changes.is_new,
            "old": lambda member: not changes.is_new(member),
            "modified": lambda member: changes.is_modified(member, respect or None),
            "unmodified": lambda member: not changes.is_modified(member),
        }
        if word not in questions:
            raise SelectionProblem(
                f"unknown state '{spec.value}'", hint=nearest(word, questions) or f"use {', '.join(questions)}"
            )
        return self._where(questions[word])

    def _by_source_status(self, spec: Criterion) -> list[str]:
        raise SelectionProblem("source_status: is not supported", hint="use source:NAME+ after `source freshness`")


def _defaults_of(member: Member) -> Mapping[str, Any]:
    if isinstance(member, Node):
        return {"materialized": member.config.materialized, "enabled": True, "schema": None, "tags": []}
    return {"enabled": True}


def config_matches(value: Any, wanted: str, *, ignore_case: bool = False) -> bool:
    """Whether a configuration value is the text of a selector: lists by member, booleans as true and false."""
    if isinstance(value, Mapping):
        return wanted in value
    if isinstance(value, list | tuple):
        return any(config_matches(item, wanted) for item in value)
    if isinstance(value, bool):
        return wanted.lower() == str(value).lower()
    return str(value).lower() == wanted.lower() if ignore_case else str(value) == wanted


def fqn_matches(fqn: Sequence[str], wanted: str, packages: Iterable[str]) -> bool:
    """dbt's rule: the name, or a prefix of the fqn with or without its package; from a wildcard on, all of it."""
    if not fqn:
        return False
    return (
        fnmatchcase(fqn[-1], wanted) or _prefix(fqn, wanted) or (fqn[0] in set(packages) and _prefix(fqn[1:], wanted))
    )


def _prefix(fqn: Sequence[str], wanted: str) -> bool:
    flat = [part for segment in fqn for part in segment.split(".")]
    parts = wanted.split(".")
    if len(flat) < len(parts):
        return False
    for place, part in enumerate(parts):
        if any(sign in part for sign in "*?[]"):
            return fnmatchcase(".".join(flat[place:]), ".".join(parts[place:]))
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
