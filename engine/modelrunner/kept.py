"""What a verb does to models that somebody keeps up to date.

Owns taking back what the database says about relations before a verb touches them, and saying what they are made of
afterwards: a killed verb leaves a claim that is missing, never one that is false. Refuses databases in which nobody
keeps this project, which are everybody else's: nothing is written there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.modelrunner import live_tables, node_state
from engine.modelrunner.database import Connection
from engine.modelrunner.live_tables import Built
from engine.modelrunner.project import Project
from engine.modelrunner.results import NodeResult

VERBS = ("run", "build", "seed", "snapshot")


@dataclass(frozen=True, slots=True)
class Noted:
    """What was known of the relations that a verb is about to touch, and the newest batch before it began."""

    known: Mapping[str, Built]
    rows: Mapping[str, tuple[Any, ...]]
    batch: int


def before(project: Project, connection: Connection, verb: str, ids: Iterable[str]) -> Noted | None:
    """Take back what is said about the relations of these nodes; None when nobody keeps them in this database."""
    if verb not in VERBS or not live_tables.kept(connection, project.name):
        return None
    there = live_tables.nodes(connection, project.name)
    wanted = [project.nodes[uid] for uid in ids if uid in project.nodes]
    # Another target has other relations, and a new node none: of those nothing was said.
    known = {
        node.unique_id: there[node.unique_id]
        for node in wanted
        if node.unique_id in there and there[node.unique_id].relation == node.relation_name
    }
    if not known:
        return None
    return Noted(
        known, live_tables.take_out(connection, project.name, sorted(known)), live_tables.newest_batch(connection)
    )


def after(project: Project, connection: Connection, noted: Noted | None, results: Iterable[NodeResult]) -> None:
    """Say what the relations are made of now, in the order in which they were made.

    What failed stays unsaid, and so does an incremental model that was not rebuilt although it had changed: the next
    start of the engine builds both.
    """
    if noted is None:
        return
    full = project.flags.full_refresh
    for result in results:
        old = noted.known.get(result.unique_id)
        if old is None:
            continue
        node = project.nodes[result.unique_id]
        if result.status == "skipped":
            live_tables.put_back(connection, noted.rows[result.unique_id])
        if result.status != "success":
            continue
        fingerprint = node_state.fingerprints(project, connection, [node]).get(node.unique_id)
        grown = node.config.materialized == "incremental" and not full
        if fingerprint is None or (grown and old.fingerprint != fingerprint):
            continue
        sequence = live_tables.next_sequence(connection, project.name)
        live_tables.write_nodes(
            connection,
            project.name,
            [Built(node.unique_id, old.relation, fingerprint, result.rows, result.seconds * 1000)],
            batch=noted.batch,
            build_id=f"command-{noted.batch}-{sequence}",
            sequence=sequence,
        )
