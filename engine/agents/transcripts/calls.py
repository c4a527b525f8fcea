"""Tool calls that wait for their result.

Owns the pairing of a call with its result inside one file, also when a restart lies between them, and what may be kept
of a call: its name, hashes and times. Refuses arguments and outputs.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from engine.agents.transcripts.facts import CommitSeen, Instant, ToolCall
from engine.projects import ProjectIdentity

LIMIT = 512
"""Calls one file may leave open; beyond it the oldest is told without its result."""


@dataclass(slots=True)
class OpenCall:
    """A call whose result has not been seen. `commit_project`: where a `git commit` in it commits, else None."""

    timestamp: Instant
    session_id: str | None
    is_sidechain: bool
    tool_name: str
    file_extension: str | None
    arguments_hash: str | None
    is_git_commit: bool = False
    commit_project: list[str | None] | None = None
    exit_code: int | None = None


class OpenCalls:
    """Open calls by the agent's id of the call, oldest first."""

    def __init__(self, kept: dict[str, dict[str, Any]] | None = None) -> None:
        self._calls = {name: OpenCall(**call) for name, call in (kept or {}).items()}

    def kept(self) -> dict[str, dict[str, Any]]:
        """JSON for a kept state."""
        return {name: asdict(call) for name, call in self._calls.items()}

    def get(self, tool_use_id: str) -> OpenCall | None:
        return self._calls.get(tool_use_id)

    def open(self, tool_use_id: str, call: OpenCall) -> list[ToolCall | CommitSeen]:
        """Keep a call in mind; what comes back is the oldest, without its result, when there are too many."""
        self._calls.setdefault(tool_use_id, call)
        if len(self._calls) <= LIMIT:
            return []
        oldest, forgotten = next(iter(self._calls.items()))
        return self.close(oldest, forgotten.timestamp, None, None, [], with_duration=False)

    def close(
        self,
        tool_use_id: str,
        timestamp: Instant,
        success: bool | None,
        error_type: str | None,
        commits: list[str],
        *,
        with_duration: bool = True,
    ) -> list[ToolCall | CommitSeen]:
        """The finished call and the commits its output named; empty when the call was never seen."""
        call = self._calls.pop(tool_use_id, None)
        if call is None:
            return []
        # By the lines' own times: what agents report as duration is sometimes that of starting the command only.
        duration = max(0, timestamp - call.timestamp) // 1000 if with_duration else None
        found: list[ToolCall | CommitSeen] = [
            ToolCall(
                timestamp=timestamp,
                session_id=call.session_id,
                is_sidechain=call.is_sidechain,
                tool_name=call.tool_name,
                tool_use_id=tool_use_id,
                duration_ms=duration,
                success=success,
                error_type=error_type,
                file_extension=call.file_extension,
                arguments_hash=call.arguments_hash,
                is_git_commit=call.is_git_commit,
                commit_sha=commits[-1] if commits else None,
            )
        ]
        if call.is_git_commit and call.session_id is not None:
            project = None
            if call.commit_project is not None and call.commit_project[0] and call.commit_project[1]:
                project = ProjectIdentity(call.commit_project[0], call.commit_project[1], call.commit_project[2], None)
            found.extend(CommitSeen(timestamp, call.session_id, sha, project, tool_use_id) for sha in commits)
        return found
