"""Facts of local histories as rows of the raw tables.

Owns the columns and the dedup keys: a key holds what was told, never the file or the line that told it, so that the
same history read twice, moved or copied gives the same keys. Refuses reading and meaning.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.agents.transcripts.facts import CommitSeen, Fact, SessionMoment, ToolCall, Usage
from engine.projects import ProjectIdentity
from engine.store.rows import RawRows, dedup_key

EVIDENCE_KIND = "telemetry_sha"


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
    def projects(self) -> int:
        """How many projects were met."""
        return len(self._projects)

    def add(self, agent_type: str, facts: Iterable[Fact]) -> None:
        usages: list[Usage] = []
        calls: list[ToolCall] = []
        moments: list[SessionMoment] = []
        commits: list[CommitSeen] = []
        for fact in facts:
            match fact:
                case Usage():
                    usages.append(fact)
                case ToolCall():
                    calls.append(fact)
                case SessionMoment():
                    moments.append(fact)
                case CommitSeen():
                    commits.append(fact)
        self._add_usages(agent_type, usages)
        self._add_calls(agent_type, calls)
        self._add_moments(agent_type, moments)
        self._add_commits(agent_type, commits)
        self.size = self._rows.total()

    def take(self) -> RawRows:
        rows, self._rows, self.size = self._rows, RawRows(), 0
        return rows

    def _add_usages(self, agent_type: str, facts: list[Usage]) -> None:
        table, developer_id = "transcript_usage", self._developer_id
        for project in {fact.where.project for fact in facts}:
            self._add_project(project)
        self._rows.extend(
            table,
            {
                "dedup_key": [dedup_key(table, (agent_type, f.session_id, *f.identity)) for f in facts],
                "timestamp": [f.timestamp for f in facts],
                "agent_type": [agent_type] * len(facts),
                "service_version": [f.where.version for f in facts],
                "developer_id": [developer_id] * len(facts),
                "session_id": [f.session_id for f in facts],
                "parent_session_id": [f.parent_session_id for f in facts],
                "is_sidechain": [f.is_sidechain for f in facts],
                "agent_name": [f.agent_name for f in facts],
                "request_id": [f.request_id for f in facts],
                "message_id": [f.message_id for f in facts],
                "sequence": [f.sequence for f in facts],
                "model": [f.model for f in facts],
                "input_tokens": [f.input_tokens for f in facts],
                "cache_read_tokens": [f.cache_read_tokens for f in facts],
                "cache_write_5m_tokens": [f.cache_write_5m_tokens for f in facts],
                "cache_write_1h_tokens": [f.cache_write_1h_tokens for f in facts],
                "cache_write_unknown_tokens": [f.cache_write_unknown_tokens for f in facts],
                "output_tokens": [f.output_tokens for f in facts],
                "reasoning_tokens": [f.reasoning_tokens for f in facts],
                "cost_usd": [f.cost_usd for f in facts],
                "speed": [f.speed for f in facts],
                "service_tier": [f.service_tier for f in facts],
                "success": [f.success for f in facts],
                "error_code": [f.error_code for f in facts],
                "project_id": [f.where.project.project_id if f.where.project else None for f in facts],
                "branch": [f.where.branch for f in facts],
            },
        )

    def _add_calls(self, agent_type: str, facts: list[ToolCall]) -> None:
        table = "transcript_tool_calls"
        self._rows.extend(
            table,
            {
                "dedup_key": [dedup_key(table, (agent_type, f.session_id, f.tool_use_id, f.success)) for f in facts],
                "timestamp": [f.timestamp for f in facts],
                "agent_type": [agent_type] * len(facts),
                "developer_id": [self._developer_id] * len(facts),
                "session_id": [f.session_id for f in facts],
                "is_sidechain": [f.is_sidechain for f in facts],
                "tool_name": [f.tool_name for f in facts],
                "tool_use_id": [f.tool_use_id for f in facts],
                "duration_ms": [f.duration_ms for f in facts],
                "success": [f.success for f in facts],
                "error_type": [f.error_type for f in facts],
                "file_extension": [f.file_extension for f in facts],
                "arguments_hash": [f.arguments_hash for f in facts],
                "is_git_commit": [f.is_git_commit for f in facts],
                "commit_sha": [f.commit_sha for f in facts],
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
                    dedup_key(
                        table, (EVIDENCE_KIND, agent_type, f.session_id, project_id, f.commit_hash, f.tool_use_id)
                    )
                    for f, project_id in zip(facts, ids, strict=True)
                ],
                "project_id": ids,
                "commit_hash": [f.commit_hash for f in facts],
                "kind": [EVIDENCE_KIND] * len(facts),
                "agent_type": [agent_type] * len(facts),
                "session_id": [f.session_id for f in facts],
                "value": [f.tool_use_id for f in facts],
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
