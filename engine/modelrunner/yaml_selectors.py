"""selectors.yml: selectors with names.

Owns the shapes that a definition may have (text, one method, a full method, unions, intersections, exclusions, another
selector) and their form in the manifest. Refuses to know a project: selector.py says which nodes are meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.modelrunner.problems import SelectionProblem, nearest
from engine.modelrunner.selection import INDIRECT, Combination, Criterion, Spec, method_of, parse_term

Entries = Sequence[Mapping[str, Any]]


def definitions(entries: Entries, indirect: str = "eager") -> dict[str, Spec]:
    """Every selector by name, in order. SelectionProblem when one is malformed or two are the default."""
    found: dict[str, Spec] = {}
    default: str | None = None
    for entry in entries:
        name = str(entry["name"])
        if entry.get("default") is True:
            if default is not None:
                raise SelectionProblem(
                    f"selectors.yml: both '{default}' and '{name}' are the default", hint="keep one default: true"
                )
            default = name
        definition = entry.get("definition")
        if not isinstance(definition, str | Mapping):
            raise SelectionProblem(
                f"selector '{name}' has a definition that is neither text nor a mapping",
                hint="put a list under union: or intersection:",
            )
        if isinstance(definition, Mapping) and len(definition) > 1 and {"union", "intersection"} & set(definition):
            raise SelectionProblem(
                f"selector '{name}' has more than one key beside 'union' or 'intersection'",
                hint="put exclude: into the list",
            )
        # As in dbt, a selector knows those that stand above it.
        found[name] = _Reader(name, found, indirect).spec(definition)
    return found


def default_of(entries: Entries) -> str | None:
    """The selector that is used when nothing is selected."""
    return next((str(entry["name"]) for entry in entries if entry.get("default") is True), None)


class _Reader:
    """Reads the definition of one selector; `known` are those above it."""

    def __init__(self, name: str, known: Mapping[str, Spec], indirect: str) -> None:
        self.name = name
        self.known = known
        self.indirect = indirect

    def spec(self, value: Any) -> Spec:
        if isinstance(value, str):
            return parse_term(value, self.indirect)
        if not isinstance(value, Mapping):
            raise self._problem(f"has {value!r} where a definition should be")
        for kind in ("union", "intersection"):
            if kind in value:
                return self._joined(kind, self._list(value, kind))
        return self._method(value)

    def _method(self, value: Mapping[str, Any]) -> Spec:
        if len(value) == 1:
            ((given, inner),) = value.items()
            method, arguments = method_of(str(given))
            return Criterion(method, arguments, str(inner), indirect=self.indirect, text=f"{given}:{inner}")
        if value.get("method") == "selector":
            other = str(value.get("value"))
            if other not in self.known:
                hint = nearest(other, self.known) or "a selector knows those that stand above it"
                raise self._problem(f"uses selector '{other}', which was not found", hint)
            return self.known[other]
        if "method" not in value or "value" not in value:
            raise self._problem(f"has a definition with {', '.join(map(str, value))}", "write method: and value:")
        mode = str(value.get("indirect_selection", self.indirect))
        if mode not in INDIRECT:
            raise self._problem(f"has indirect_selection '{mode}'", f"use one of {', '.join(INDIRECT)}")
        method, arguments = method_of(str(value["method"]))
        spec = Criterion(
            method,
            arguments,
            str(value["value"]),
            bool(value.get("parents")),
            self._depth(value, "parents_depth"),
            bool(value.get("children")),
            self._depth(value, "children_depth"),
            bool(value.get("childrens_parents")),
            mode,
            f"{value['method']}:{value['value']}",
        )
        if spec.children and spec.childrens_parents:
            raise self._problem("has both children and childrens_parents", "childrens_parents includes children")
        excluded = self._excluded(value) if "exclude" in value else None
        return spec if excluded is None else Combination("difference", (spec, excluded))

    def _joined(self, kind: str, items: Iterable[Any]) -> Spec:
        parts: list[Spec] = []
        excluded: Spec | None = None
        excludes = 0
        for item in items:
            # As in dbt: in a list, whatever has exclude: is an exclusion and nothing else.
            if isinstance(item, Mapping) and "exclude" in item:
                excludes += 1
                if excludes > 1:
                    raise self._problem("excludes twice in one list", "put both into one exclude:")
                excluded = self._excluded(item)
            else:
                parts.append(self.spec(item))
        spec = Combination(kind, tuple(parts))
        return spec if excluded is None else Combination("difference", (spec, excluded))

    def _excluded(self, value: Mapping[str, Any]) -> Spec | None:
        parts = tuple(self.spec(item) for item in self._list(value, "exclude"))
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else Combination("union", parts)

    def _list(self, value: Mapping[str, Any], key: str) -> list[Any]:
        items = value[key]
        if not isinstance(items, list):
            raise self._problem(f"has no list under '{key}'", f"write {key}: [...]")
        return items

    def _depth(self, value: Mapping[str, Any], key: str) -> int | None:
        try:
            return int(value[key]) if value.get(key) else None
        except (TypeError, ValueError):
            raise self._problem(f"has {key} {value[key]!r}", "write a whole number") from None

    def _problem(self, sentence: str, hint: str | None = None) -> SelectionProblem:
        return SelectionProblem(f"selector '{self.name}' {sentence}", hint=hint)


def recorded(entries: Entries) -> dict[str, dict[str, Any]]:
    """The selectors as the manifest has them: every term a mapping, other selectors put in."""
    found: dict[str, dict[str, Any]] = {}
    for entry in entries:
        name = str(entry["name"])
        found[name] = {**entry, "definition": _recorded(entry.get("definition"), found)}
    return found


def _recorded(value: Any, known: Mapping[str, Mapping[str, Any]]) -> Any:
    if isinstance(value, str):
        return _term(parse_term(value))
    if not isinstance(value, Mapping):
        return value
    for kind in ("union", "intersection"):
        if kind in value:
            return {kind: [_recorded(item, known) for item in value[kind]]}
    if value.get("method") == "selector":
        return known[str(value.get("value"))]["definition"]
    if len(value) == 1:
        ((key, inner),) = value.items()
        items = _recorded_list(inner, known) if isinstance(inner, list) else inner
        return {"exclude": items} if key == "exclude" else {"method": key, "value": items}
    return dict(value)


def _recorded_list(items: list[Any], known: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    return [_recorded(item, known) for item in items]


def _term(term: Criterion) -> dict[str, Any]:
    said: dict[str, Any] = {
        "childrens_parents": term.childrens_parents or None,
        "parents": term.parents or None,
        "parents_depth": None if term.parents_depth is None else str(term.parents_depth),
        "method": ".".join((term.method, *term.arguments)),
        "value": term.value or None,
        "children": term.children or None,
        "children_depth": None if term.children_depth is None else str(term.children_depth),
    }
    return {key: value for key, value in said.items() if value is not None}
