"""What readers of one-object-a-line histories with plain messages share.

Owns the loop over lines, the kept state (place, open calls, replies already told, the session's last told place) and
the telling of session moments and tool calls. Refuses the meaning of an entry: each agent's reader gives it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import orjson

from engine.agents import arguments
from engine.agents.transcripts.calls import OpenCall, OpenCalls
from engine.agents.transcripts.commits import commit_folder, named_commits
from engine.agents.transcripts.facts import Fact, Instant, SessionMoment, Surroundings
from engine.agents.transcripts.reader import Workplace, load, mapping, pack, text, unpack

RECENT_IDS = 256
"""Replies and calls whose id is kept in mind: a message is written again when its tools are done, never much later."""


class EntryReader(ABC):
    """Reads one file whose lines are JSON objects.

    Subclasses give `entry`, which appends what an object tells and returns whether it could be read.
    """

    version: ClassVar[int] = 1

    def __init__(self, workplace: Workplace, kept: bytes | None = None) -> None:
        self.workplace = workplace
        state: dict[str, Any] = orjson.loads(kept) if kept else {}
        self.session: str | None = state.get("session")
        self.cwd: str | None = state.get("cwd")
        self.where = unpack(state["where"]) if "where" in state else Surroundings()
        self.model: str | None = state.get("model")
        self.sequence: int = state.get("sequence", 0)
        self.is_sidechain: bool = state.get("is_sidechain", False)
        self.flags: dict[str, bool] = state.get("flags", {})
        """What a subclass has learnt of the form of its file."""
        self._told: list[str | None] | None = state.get("told")
        self._recent: dict[str, list[int]] = state.get("recent", {})
        self.calls = OpenCalls(state.get("calls"))

    def state(self) -> bytes:
        return orjson.dumps(
            {
                "session": self.session,
                "cwd": self.cwd,
                "where": pack(self.where),
                "model": self.model,
                "sequence": self.sequence,
                "is_sidechain": self.is_sidechain,
                "flags": self.flags,
                "told": self._told,
                "recent": self._recent,
                "calls": self.calls.kept(),
            }
        )

    def read(self, lines: Iterable[bytes], facts: list[Fact]) -> int:
        broken = 0
        for line in lines:
            entry = load(line)
            if entry is None:
                broken += bool(line.strip())
            elif not self.entry(entry, facts):
                broken += 1
        return broken

    @abstractmethod
    def entry(self, entry: Mapping[str, Any], facts: list[Fact]) -> bool:
        """Append what one object tells. False when it should have told something and could not be read."""

    def locate(self, cwd: str | None, branch: str | None, version: str | None) -> None:
        """From here on the agent works there; what is None stays as it was."""
        project, cwd_hash = self.where.project, self.where.cwd_hash
        if cwd is not None and cwd != self.cwd:
            self.cwd = cwd
            project, cwd_hash = self.workplace.place(cwd)
        self.where = Surroundings(project, cwd_hash, branch or self.where.branch, version or self.where.version)

    def tell_moment(self, timestamp: Instant, facts: list[Fact]) -> None:
        """Tells when the session starts, or goes on elsewhere. Sub-agents start no session of their own."""
        if self.session is None or self.is_sidechain:
            return
        where = self.where
        place = [where.project.project_id if where.project is not None else None, where.branch, where.version]
        if place != self._told:
            facts.append(SessionMoment(timestamp, self.session, "context" if self._told else "start", where))
            self._told = place

    def is_new(self, key: str, tokens: list[int]) -> tuple[int | None, bool]:
        """(sequence, whether it is an update) of a reply; no sequence when it was told with the same tokens."""
        known = self._recent.pop(key, None)
        if known is None:
            self.sequence += 1
            self._recent[key] = [self.sequence, *tokens]
            if len(self._recent) > RECENT_IDS:
                del self._recent[next(iter(self._recent))]
            return self.sequence, False
        self._recent[key] = [known[0], *tokens]
        return (None if known[1:] == tokens else known[0]), True

    def open_call(
        self, timestamp: Instant, call_id: str, name: str, given: Any, facts: list[Fact], *, is_sidechain: bool
    ) -> None:
        """A call began; `given` are its arguments, which are looked at and forgotten."""
        call = OpenCall(
            timestamp=timestamp,
            session_id=self.session,
            is_sidechain=is_sidechain,
            tool_name=name,
            file_extension=arguments.file_extension(given),
            arguments_hash=arguments.hashed(self.workplace.hash_key, name, given),
        )
        command = mapping(given).get("command")
        if isinstance(command, str) and arguments.commits(command):
            call.is_git_commit = True
            if self.cwd is not None:
                project, _ = self.workplace.place(commit_folder(command, self.cwd))
                call.commit_project = [project.project_id, project.name, project.remote_url]
        facts.extend(self.calls.open(call_id, call))

    def close_call(
        self, timestamp: Instant, call_id: str, success: bool | None, error_type: str | None, output: str,
        facts: list[Fact],
    ) -> None:  # fmt: skip
        """A call ended; of its output only the commit that git names is kept."""
        call = self.calls.get(call_id)
        if call is not None:
            commits = named_commits(output) if call.is_git_commit else []
            facts.extend(self.calls.close(call_id, timestamp, success, error_type, commits))


def short(value: object) -> str | None:
    """A path or name of up to 4096 characters."""
    return text(value, 4096)


def plain(value: object) -> str:
    """The text, or none."""
    return value if isinstance(value, str) else ""
