"""Relations of an earlier state in place of those that are not here (`--defer`).

Owns dbt's rule: a reference to a model, seed or snapshot means the earlier manifest's relation where its own does not
exist yet, or, with --favor-state, wherever the node is not selected itself. Ephemeral models are never deferred: their
SQL is here. Refuses to read files (state.py) and to render references (compile.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.modelrunner.database import Connection
from engine.modelrunner.nodes import Node
from engine.modelrunner.problems import SelectionProblem
from engine.modelrunner.relation import Relation
from engine.modelrunner.state import Previous

_KINDS = ("model", "seed", "snapshot")


@dataclass(frozen=True, slots=True)
class Deferral:
    """Where the earlier state has its nodes, by unique id."""

    places: Mapping[str, Relation]
    favor_state: bool = False

    def relation(self, node: Node, selected: Collection[str], connection: Connection | None) -> Relation | None:
        """The earlier state's relation when it stands for the node's own, else None; asks the database."""
        place = self.places.get(node.unique_id)
        if place is None:
            return None
        if self.favor_state and node.unique_id not in selected:
            return place
        if connection is None or connection.relation(node.database, node.schema, node.alias) is not None:
            return None
        return place


def deferral(previous: Previous | None, *, favor_state: bool = False) -> Deferral:
    """What --defer means with this earlier state. SelectionProblem when there is none or it has no manifest."""
    if previous is None:
        raise SelectionProblem(
            "--defer needs an earlier state, but neither --state nor --defer-state names one",
            hint="name the folder of an earlier manifest.json with --state",
        )
    if previous.manifest is None:
        raise SelectionProblem(
            f"no manifest.json in {previous.folder}", hint="--defer needs the manifest of an earlier run"
        )
    places = {}
    for uid, record in (previous.manifest.get("nodes") or {}).items():
        ephemeral = (record.get("config") or {}).get("materialized") == "ephemeral"
        if record.get("resource_type") in _KINDS and not (ephemeral and record["resource_type"] == "model"):
            places[str(uid)] = Relation(record["database"], record["schema"], record["alias"])
    return Deferral(places, favor_state)
