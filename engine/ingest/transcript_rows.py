"""Facts of local histories as rows of the raw tables.

Owns the columns and the dedup keys: a key holds what was told, never the file or the line that told it, so that the
same history read twice, moved or copied gives the same keys. Refuses reading and meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.agents.transcripts.facts import CommitSeen, Fact, SessionMoment, Surroundings, ToolCall, Usage
from engine.projects import ProjectIdentity
from engine.store.rows import RawRows, dedup_key


class ByKind:
    """Facts, sorted out."""

    __slots__ = ("calls", "commits", "moments", "usages")

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.usages: list[Usage] = []
        self.calls: list[ToolCall] = []
        self.moments: list[SessionMoment] = []
        self.commits: list[CommitSeen] = []
        append: dict[type, Any] = {
            Usage: self.usages.append,
            ToolCall: self.calls.append,
            SessionMoment: self.moments.append,
            CommitSeen: self.commits.append,
        }
        for fact in facts:
            append[type(fact)](fact)


class RowBuilder:
    """Turns facts into rows for one developer; remembers which projects it has told of.

    `add` takes what a reader yielded for one file; `take` hands the rows over and starts anew.
    """

    def __init__(self, developer_id: str | None) -> None:
        self._developer_id = developer_id
        self._projects: set[str] = set()
        self._rows = RawRows()
        self.size = 0

    @property
    def projects(self) -> frozenset[str]:
        """The projects that were met."""
        return frozenset(self._projects)

    def add(self, agent_type: str, facts: Iterable[Fact]) -> ByKind:
        """Take facts of one agent in; returns them sorted out."""
        found = ByKind(facts)
        self._add_usages(agent_type, found.usages)
        self._add_calls(agent_type, found.calls)
        self._add_moments(agent_type, found.moments)
        self._add_commits(agent_type, found.commits)
        self.size = self._rows.total()
        return found

    def take(self) -> RawRows:
        rows, self._rows, self.size = self._rows, RawRows(), 0
        return rows

    def _add_usages(self, agent_type: str, facts: list[Usage]) -> None:
        if not facts:
            return
        table = "transcript_usage"
        told = _columns(facts)
        where: list[Surroundings] = told.pop("where")
        for project in {place.project for place in where}:
            self._add_project(project)
        identities = told.pop("identity")
        del told["is_update"]
        self._rows.extend(
            table,
            {
                "dedup_key": [
                    dedup_key(table, (agent_type, session, *identity))
                    for session, identity in zip(told["session_id"], identities, strict=True)
                ],
                "agent_type": [agent_type] * len(facts),
                "developer_id": [self._developer_id] * len(facts),
                "service_version": [place.version for place in where],
                "project_id": [place.project.project_id if place.project else None for place in where],
                "branch": [place.branch for place in where],
                **told,
            },
        )

    def _add_calls(self, agent_type: str, facts: list[ToolCall]) -> None:
        if not facts:
            return
        table = "transcript_tool_calls"
        self._rows.extend(
            table,
            {
                "dedup_key": [dedup_key(table, (agent_type, f.session_id, f.tool_use_id, f.success)) for f in facts],
                "agent_type": [agent_type] * len(facts),
                "developer_id": [self._developer_id] * len(facts),
                **_columns(facts),
            },
        )

    def _add_moments(self, agent_type: str, facts: list[SessionMoment]) -> None:
        table = "session_context"
        for fact in facts:
            self._add_project(fact.where.project)
        ids = [f.where.project.project_id if f.where.project else None for f in facts]
        self._rows.extend(
            table,
            {
                "dedup_key": [
                    dedup_key(
                        table,
                        (agent_type, f.session_id, f.event, f.timestamp, project_id, f.where.branch, f.where.version)
                        + (() if f.parent_session_id is None else (f.parent_session_id,)),
                    )
                    for f, project_id in zip(facts, ids, strict=True)
                ],
                "timestamp": [f.timestamp for f in facts],
                "agent_type": [agent_type] * len(facts),
                "session_id": [f.session_id for f in facts],
                "developer_id": [self._developer_id] * len(facts),
                "event": [f.event for f in facts],
                "parent_session_id": [f.parent_session_id for f in facts],
                "project_id": ids,
                "cwd_hash": [f.where.cwd_hash for f in facts],
                "branch": [f.where.branch for f in facts],
                "service_version": [f.where.version for f in facts],
                "source": ["transcript"] * len(facts),
            },
        )

    def _add_commits(self, agent_type: str, facts: list[CommitSeen]) -> None:
        table = "git_commit_evidence"
        for fact in facts:
            self._add_project(fact.project)
        ids = [f.project.project_id if f.project else None for f in facts]
        self._rows.extend(
            table,
            {
                "dedup_key": [
                    dedup_key(table, (f.kind, agent_type, f.session_id, project_id, f.commit_hash, f.value))
                    for f, project_id in zip(facts, ids, strict=True)
                ],
                "project_id": ids,
                "commit_hash": [f.commit_hash for f in facts],
                "kind": [f.kind for f in facts],
                "agent_type": [agent_type] * len(facts),
                "session_id": [f.session_id for f in facts],
                "value": [f.value for f in facts],
                "observed_at": [f.timestamp for f in facts],
            },
        )

    def _add_project(self, project: ProjectIdentity | None) -> None:
        """Tell of a project once. Its place on this machine stays untold: `repos` tells it of what is watched."""
        if project is None or project.project_id in self._projects:
            return
        self._projects.add(project.project_id)
        table = "repositories"
        self._rows.append(
            table,
            {
                "dedup_key": dedup_key(table, (project.project_id, project.name, project.remote_url, "transcript")),
                "project_id": project.project_id,
                "project_name": project.name,
                "remote_url": project.remote_url,
                "root_path": None,
                "default_branch": None,
                "watched": False,
            },
        )


def _columns(facts: Sequence[Usage] | Sequence[ToolCall]) -> dict[str, list[Any]]:
    """The fields of facts of one kind, each as a column of its name."""
    return {name: list(values) for name, values in zip(facts[0]._fields, zip(*facts, strict=True), strict=True)}
