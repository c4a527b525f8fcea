"""What a command is about.

Owns a command's selection as it was said, the kinds of node each verb works on, and the set of unique ids that follows.
Refuses to evaluate terms (selector.py) and to run anything (runner.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from engine.modelrunner.problems import SelectionProblem, nearest
from engine.modelrunner.project import Project
from engine.modelrunner.selection import parse
from engine.modelrunner.selector import Selector
from engine.modelrunner.state import Previous

VERB_TYPES: dict[str, tuple[str, ...]] = {
    "run": ("model",),
    "seed": ("seed",),
    "snapshot": ("snapshot",),
    "test": ("test", "unit_test"),
    "build": ("model", "seed", "snapshot", "test", "unit_test", "exposure"),
    "compile": ("model", "seed", "snapshot", "test", "analysis"),
    "show": ("model", "seed", "snapshot", "test", "analysis"),
    # As in dbt, `ls` lists analyses only when it is asked for them.
    "ls": ("model", "seed", "snapshot", "test", "unit_test", "source", "exposure"),
}
LISTED = (*VERB_TYPES["ls"], "analysis")
# Kinds that dbt knows and a project here cannot have.
ABSENT = ("metric", "semantic_model", "saved_query", "function")


@dataclass(frozen=True, slots=True)
class Selection:
    """What a command is about, as on dbt's command line; an empty one means everything.

    Resource types may also be `all` and `default`.
    """

    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    selector: str | None = None
    indirect: str = "eager"
    resource_types: tuple[str, ...] = ()
    exclude_resource_types: tuple[str, ...] = ()


def selected_ids(
    project: Project,
    selection: Selection,
    types: Sequence[str],
    previous: Previous | None = None,
    unmatched: Callable[[str], None] = lambda _: None,
) -> set[str]:
    """Unique ids of a selection, of these resource types only; `unmatched` hears of terms that mean no node."""
    selector = Selector(project, previous)
    if selection.selector is not None:
        spec = selector.named(selection.selector, selection.indirect)
    else:
        default = selector.default(selection.indirect) if not selection.select and not selection.exclude else None
        spec = default or parse(selection.select, selection.exclude, selection.indirect)
    wanted = _types(selection, types)
    found = {uid for uid in selector.select(spec) if project.member(uid).resource_type in wanted}
    for term in selector.unmatched:
        unmatched(term)
    # As in dbt, a model without any text is listed and otherwise passed over.
    return found if tuple(types) == VERB_TYPES["ls"] else {uid for uid in found if not _is_empty(project, uid)}


def _types(selection: Selection, default: Sequence[str]) -> set[str]:
    wanted: set[str] = set()
    whole = LISTED if tuple(default) == VERB_TYPES["ls"] else tuple(default)
    for kind in selection.resource_types or ("default",):
        wanted.update(whole if kind == "all" else default if kind == "default" else (_known(kind),))
    return wanted - {_known(kind) for kind in selection.exclude_resource_types}


def _known(kind: str) -> str:
    if kind not in LISTED and kind not in ABSENT:
        raise SelectionProblem(f"unknown resource type '{kind}'", hint=nearest(kind, LISTED))
    return kind


def _is_empty(project: Project, uid: str) -> bool:
    node = project.nodes.get(uid)
    return node is not None and node.resource_type == "model" and not node.raw_code.strip()


def ordered(ids: Iterable[str]) -> list[str]:
    """Unique ids in the order in which dbt lists them."""
    return sorted(ids)
