"""Files of histories become batches of rows, a bounded number at a time.

Owns reading one file from where reading of it stands, what was read so far (`Tally`), and when a batch is handed over:
its rows together with the positions that are true once they are durable. Refuses to choose files and to store: the
callers do, in this process (`transcript_import`) or in several (`transcript_crew`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from engine.agents.transcripts.facts import Fact
from engine.agents.transcripts.reader import Reader, Workplace
from engine.agents.transcripts.registry import BY_AGENT, TranscriptSource
from engine.ingest.transcript_databases import changed_since
from engine.ingest.transcript_files import (
    DATABASE_MAGIC,
    HEAD_BYTES,
    FoundFile,
    document,
    head_of,
    is_document,
    pieces,
    sniff,
)
from engine.ingest.transcript_rows import ByKind, RowBuilder
from engine.ingest.transcript_state import Position
from engine.store.rows import RawRows

BATCH_ROWS = 4_000
BATCH_FILES = 500


@dataclass(slots=True)
class Tally:
    """What was read so far. `requests` are replies and failures, each once per file however often it is written."""

    files_read: int = 0
    files_unchanged: int = 0
    files_unfinished: int = 0
    bytes_read: int = 0
    lines_read: int = 0
    lines_skipped: int = 0
    rows: int = 0
    requests: int = 0
    tool_calls: int = 0
    prompts: int = 0
    commits: int = 0
    sessions: set[tuple[str, str]] = field(default_factory=set)
    projects: set[str] = field(default_factory=set)
    requests_by_agent: dict[str, int] = field(default_factory=dict)
    files_by_agent: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    def count(self, agent_type: str, facts: ByKind) -> None:
        """Take in what was told."""
        told = sum(not fact.is_update for fact in facts.usages)
        if told:
            self.requests += told
            self.requests_by_agent[agent_type] = self.requests_by_agent.get(agent_type, 0) + told
        self.tool_calls += len(facts.calls)
        self.prompts += sum(fact.event == "prompt" for fact in facts.moments)
        self.commits += len(facts.commits)
        for session in {fact.session_id for fact in facts.usages} | {fact.session_id for fact in facts.moments}:
            if session is not None:
                self.sessions.add((agent_type, session))

    def merge(self, other: Tally) -> None:
        """Take in what another one counted elsewhere."""
        for name in (
            "files_read", "files_unchanged", "files_unfinished", "bytes_read", "lines_read", "lines_skipped", "rows",
            "requests", "tool_calls", "prompts", "commits",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.sessions |= other.sessions
        self.projects |= other.projects
        for mine, theirs in (
            (self.requests_by_agent, other.requests_by_agent),
            (self.files_by_agent, other.files_by_agent),
        ):
            for agent_type, number in theirs.items():
                mine[agent_type] = mine.get(agent_type, 0) + number
        self.unreadable |= other.unreadable
        self.unknown |= other.unknown


class Reading:
    """Reads files for one developer, one after the other. Not for several threads at once.

    `deliver(rows, positions)` takes a batch: positions by path, to be saved when the rows are durable. It is called
    while a file is read and by `hand_over`; what it raises, `read` raises.
    """

    def __init__(
        self,
        developer_id: str | None,
        workplace: Workplace,
        deliver: Callable[[RawRows, dict[str, Position]], None],
        *,
        batch_rows: int = BATCH_ROWS,
    ) -> None:
        self.tally = Tally()
        self.ready: dict[str, Position] = {}
        """Where files stand whose rows were not handed over yet."""
        self._developer_id = developer_id
        self._workplace = workplace
        self._deliver = deliver
        self._batch_rows = batch_rows
        self._builder = RowBuilder(developer_id)

    def forget(self) -> None:
        """Drop what was not handed over."""
        self._builder = RowBuilder(self._developer_id)
        self.ready = {}

    def hand_over(self) -> None:
        """Deliver what was read, be it much or little."""
        ready, self.ready = self.ready, {}
        rows = self._builder.take()
        self.tally.rows += rows.total()
        self.tally.projects |= self._builder.projects
        if rows or ready:
            self._deliver(rows, ready)

    def read(
        self,
        found: FoundFile,
        before: Position | None,
        *,
        pause: Callable[[], bool] = lambda: False,
        on_bytes: Callable[[int], None] = lambda read: None,
    ) -> bool:
        """Read what is new in one file; whether its end was reached (`pause` is asked now and then).

        What cannot be opened or is no history of a known agent is counted in the tally.
        """
        try:
            with open(found.path, "rb") as stream:
                return self._read_open(stream, found, before, pause, on_bytes)
        except OSError as error:
            self.tally.unreadable[found.path] = error.strerror or type(error).__name__
            return True

    def _read_open(
        self,
        stream: BinaryIO,
        found: FoundFile,
        before: Position | None,
        pause: Callable[[], bool],
        on_bytes: Callable[[int], None],
    ) -> bool:
        start = before if before is not None and _goes_on(before, stream, found) else None
        if start is not None and is_document(os.path.basename(found.path), BY_AGENT[start.agent_type]):
            start = replace(start, offset=0)
        source = BY_AGENT[start.agent_type] if start is not None else (found.source or sniff(found.path))
        if source is None:
            if found.size:
                self.tally.unknown[found.path] = None
            return True
        reader = source.reader(self._workplace, start.reader_state if start is not None else None)
        # A database's head counts its changes: only the mark of its kind stays.
        head_bytes, head_hash = head_of(stream, len(DATABASE_MAGIC) if source.is_database else HEAD_BYTES)
        offset = start.offset if start is not None else 0
        is_inside_long_line = start is not None and start.is_inside_long_line

        def position(size: int, modified_ns: int) -> Position:
            return Position(
                found.path, source.agent_type, found.device, found.inode, size, modified_ns, offset,
                head_bytes, head_hash, source.reader_version, reader.state(), is_inside_long_line,
            )  # fmt: skip

        ended = True
        if source.is_database:
            found_pieces = changed_since(source.agent_type, found.path, offset)
        elif is_document(os.path.basename(found.path), source):
            found_pieces = document(stream, source)
        else:
            found_pieces = pieces(stream, offset, is_inside_long_line)
        for piece in found_pieces:
            read = sum(map(len, piece.lines)) if source.is_database else piece.offset - offset
            on_bytes(read)
            self.tally.bytes_read += read
            offset, is_inside_long_line = piece.offset, piece.is_inside_long_line
            self.tally.lines_skipped += piece.too_long
            self._take(reader, source, piece.lines)
            if self._builder.size >= self._batch_rows:
                self.ready[found.path] = position(-1, -1)
                self.hand_over()
            if pause():
                ended = False
                break
        if ended:
            self.tally.files_read += 1
            self.tally.files_by_agent[source.agent_type] = self.tally.files_by_agent.get(source.agent_type, 0) + 1
            self.tally.files_unfinished += not source.is_database and offset < found.size
        self.ready[found.path] = position(found.size, found.modified_ns) if ended else position(-1, -1)
        if len(self.ready) >= BATCH_FILES:
            self.hand_over()
        return ended

    def _take(self, reader: Reader, source: TranscriptSource, lines: list[bytes]) -> None:
        facts: list[Fact] = []
        self.tally.lines_skipped += reader.read(lines, facts)
        self.tally.lines_read += len(lines)
        self.tally.count(source.agent_type, self._builder.add(source.agent_type, facts))


def _goes_on(before: Position, stream: BinaryIO, found: FoundFile) -> bool:
    """Whether this is the file that was read before, grown or not: else it is read from its beginning. A document is
    always read whole; what is kept of it says what was told."""
    source = BY_AGENT.get(before.agent_type)
    if source is None or before.reader_version != source.reader_version:
        return False
    if is_document(os.path.basename(found.path), source):
        return True
    return (before.offset <= found.size or source.is_database) and (
        head_of(stream, before.head_bytes) == (before.head_bytes, before.head_hash)
    )
