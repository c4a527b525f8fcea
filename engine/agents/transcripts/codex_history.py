"""Which lines of a rollout are copies of another thread's history.

Owns the lineage of one file: whose thread it is, whether it was forked or spawned, and until where its lines repeat the
parent. The copied lines come with their own or with the fork's timestamps, with or without the parent's
`session_meta`; decided is by the strongest sign there is, and only a fork that gives none of them by time. Refuses to
read the parent's file: it may be gone, and every file must tell the same alone as in company.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.agents.transcripts.facts import Instant
from engine.agents.transcripts.reader import count, instant, mapping, text

COPYING_TAKES = 2_500_000
"""Microseconds after the fork in which its lines are still copies; no model answers so fast after a fork."""


@dataclass(slots=True)
class Lineage:
    """Whose history a rollout is. All fields are JSON values: it is part of the reader's kept state."""

    thread_id: str | None = None
    parent_id: str | None = None
    agent_name: str | None = None
    born: Instant = 0
    is_met: bool = False
    is_subagent: bool = False
    is_fork: bool = False
    own_from: int | None = None
    turn_is_copied: bool | None = None

    @property
    def is_child(self) -> bool:
        """Whether any of the lines can be another thread's."""
        return self.is_fork or self.is_subagent

    def met(self, payload: Mapping[str, Any], timestamp: Instant) -> bool:
        """Take in a `session_meta`; whether it is this file's own."""
        thread = text(payload.get("id")) or text(payload.get("session_id"))
        if self.is_met:
            if thread == self.thread_id:
                self.turn_is_copied = False  # only this thread writes its own meta again
                return True
            self.is_fork = True
            return False
        self.is_met = True
        self.thread_id = thread
        self.born = instant(payload.get("timestamp")) or timestamp
        source = payload.get("source")
        subagent = source.get("subagent") if isinstance(source, dict) else None
        spawned = mapping(mapping(subagent).get("thread_spawn"))
        self.is_subagent = subagent is not None or payload.get("thread_source") == "subagent"
        forked_from = text(payload.get("forked_from_id"))
        self.parent_id = text(payload.get("parent_thread_id")) or text(spawned.get("parent_thread_id")) or forked_from
        if self.is_subagent and self.parent_id is None:
            root = text(payload.get("session_id"))
            self.parent_id = root if root != thread else None
        if self.is_subagent:
            self.agent_name = text(spawned.get("agent_nickname")) or text(spawned.get("agent_role")) or text(subagent)
        self.is_fork = forked_from is not None
        self.own_from = count(payload.get("subagent_history_start_ordinal"))
        if self.own_from is None:
            self.own_from = count(mapping(payload.get("history_base")).get("end_ordinal_exclusive"))
        return True

    def turn_began(self, payload: Mapping[str, Any]) -> None:
        """A turn that is older than the thread was copied: copies keep the turn's id and its start."""
        began = version_7_time(payload.get("turn_id"))
        if began is not None:
            born = version_7_time(self.thread_id)
            self.turn_is_copied = began < (self.born if born is None else born)
            return
        started_at = count(payload.get("started_at"))
        if started_at is not None:
            self.turn_is_copied = started_at < self.born // 1_000_000

    def is_inherited(self, timestamp: Instant, ordinal: object) -> bool:
        """Whether a line at this time and place repeats another thread's history."""
        position = count(ordinal)
        if self.own_from is not None and position is not None:
            return position < self.own_from
        if not self.is_child:
            return False
        if timestamp < self.born:
            return True
        if self.turn_is_copied is not None:
            return self.turn_is_copied
        return self.is_fork and timestamp <= self.born + COPYING_TAKES


def version_7_time(identifier: object) -> Instant | None:
    """The instant inside a version 7 UUID, in microseconds; None for every other text."""
    if not isinstance(identifier, str) or len(identifier) != 36 or identifier[14] != "7":
        return None
    digits = identifier[:8] + identifier[9:13]
    try:
        return int(digits, 16) * 1000 if digits.isalnum() else None
    except ValueError:
        return None
