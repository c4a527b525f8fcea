"""Cursor's own account of the code it wrote: rows of `~/.cursor/ai-tracking/ai-code-tracking.db`.

Owns their meaning: which conversations wrote code, where and when, and which commits Cursor scored. It keeps no tokens
and no prompts, so no request comes from here: what a session used stays unknown. Refuses names of files beyond finding
their repository, hashes of lines, and titles and summaries, which are content.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from engine.agents.transcripts.entries import EntryReader, short
from engine.agents.transcripts.facts import CommitSeen, Fact, Instant, SessionMoment, Surroundings
from engine.agents.transcripts.opencode import milliseconds
from engine.agents.transcripts.reader import count, mapping, text

NO_REPOSITORY = "path:"
LINES = ("tabLinesAdded", "tabLinesDeleted", "composerLinesAdded", "composerLinesDeleted")
"""Lines of a commit that Cursor wrote: completions, and edits of its agent."""
HASH_LENGTHS = (40, 64)


class CursorReader(EntryReader):
    """Reads the groups of rows that one database gives, in the order in which they were written.

    Its `sequence` is the time of the last score that was told.
    """

    def entry(self, entry: Mapping[str, Any], facts: list[Fact]) -> bool:
        data = mapping(entry.get("data"))
        if entry.get("table") == "written":
            return self._written(data, facts)
        return self._scored(data, facts)

    def _written(self, data: Mapping[str, Any], facts: list[Fact]) -> bool:
        """Lines that one request of a conversation wrote: two moments at which the session was at work."""
        session = text(data.get("conversationId"))
        if session is None:
            return True  # completions and people's own lines belong to no conversation
        moments = {moment for name in ("first", "last") if (moment := instant_of(data.get(name))) is not None}
        where = self._repository(data.get("fileName"))
        facts.extend(SessionMoment(moment, session, "context", where) for moment in sorted(moments))
        return bool(moments)

    def _repository(self, name: object) -> Surroundings:
        """The repository that the file lies in; of a file elsewhere nothing is told."""
        path = short(name)
        if path is None or not os.path.isabs(path):
            return Surroundings()
        project, _ = self.workplace.place(os.path.dirname(path))
        return Surroundings() if project.project_id.startswith(NO_REPOSITORY) else Surroundings(project)

    def _scored(self, data: Mapping[str, Any], facts: list[Fact]) -> bool:
        """A commit that Cursor compared with the lines it wrote; one without any of them is no sign."""
        commit, scored = text(data.get("commitHash")), instant_of(data.get("scoredAt"))
        if commit is None or scored is None or len(commit) not in HASH_LENGTHS or not commit.isalnum():
            return False
        if scored < self.sequence:
            return True  # told before: all scores are handed out whenever one is new
        self.sequence = scored
        numbers = [count(data.get(name)) for name in LINES]
        written = sum(number or 0 for number in numbers)
        whole = (count(data.get("linesAdded")) or 0) + (count(data.get("linesDeleted")) or 0)
        if written and self.is_new(f"{commit} {written}", [])[0] is not None:
            share = f"{min(1.0, written / whole):.4f}" if whole else ""
            facts.append(CommitSeen(scored, None, commit.lower(), None, share, "vendor_api"))
        return True


def instant_of(value: object) -> Instant | None:
    """Microseconds of a time in milliseconds; older releases kept seconds, and some text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 100_000_000_000:
        value = value * 1000
    return milliseconds(value)
