"""Reading histories into the store, a bounded number of rows at a time.

Owns the order that makes it safe to stop anywhere: rows are recorded, their durability awaited, then the position of
their file is saved; what was recorded but not saved is read again and adds nothing, since its dedup keys are the same.
Refuses to choose files: callers hand them in, newest first or as they change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import BinaryIO

from engine.agents.transcripts.facts import Fact
from engine.agents.transcripts.reader import Reader, Workplace
from engine.agents.transcripts.registry import BY_AGENT, TranscriptSource
from engine.ingest.transcript_databases import changed_since
from engine.ingest.transcript_files import DATABASE_MAGIC, HEAD_BYTES, FoundFile, head_of, pieces, sniff
from engine.ingest.transcript_rows import ByKind, RowBuilder
from engine.ingest.transcript_state import Position, Positions
from engine.store.recorder import Recorder

BATCH_ROWS = 4_000
BATCH_FILES = 500
BATCHES_IN_FLIGHT = 2


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
    requests_by_agent: dict[str, int] = field(default_factory=dict)
    files_by_agent: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    def count(self, agent_type: str, facts: ByKind) -> None:
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


class Importer:
    """Reads files into one recorder for one developer. Not for several threads at once."""

    def __init__(
        self,
        recorder: Recorder,
        positions: Positions,
        developer_id: str | None,
        workplace: Workplace,
        *,
        again: bool = False,
    ) -> None:
        """`again`: read files from their beginning, whatever was read before."""
        self.tally = Tally()
        self._recorder = recorder
        self._positions = positions
        self._developer_id = developer_id
        self._workplace = workplace
        self._again = again
        self._forget_unsaved()

    def _forget_unsaved(self) -> None:
        self._builder = RowBuilder(self._developer_id)
        self._ready: dict[str, Position] = {}
        self._unsaved: dict[str, Position] = {}
        self._in_flight: deque[tuple[Future[None] | None, dict[str, Position]]] = deque()

    @property
    def projects(self) -> int:
        """How many projects were met."""
        return self._builder.projects

    def read(
        self,
        found: FoundFile,
        *,
        pause: Callable[[], bool] = lambda: False,
        on_bytes: Callable[[int], None] = lambda read: None,
    ) -> bool:
        """Read what is new in one file; whether its end was reached (`pause` is asked now and then).

        What cannot be opened or is no history of a known agent is counted in the tally. Raises what the recorder
        raises; then nothing that was unsaved counts as read.
        """
        before = self._unsaved.get(found.path)
        if before is None and not self._again:
            before = self._positions.of_path(found.path) or self._positions.of_file(found.device, found.inode)
        if before is not None and _is_unchanged(before, found):
            self.tally.files_unchanged += 1
            return True
        try:
            with open(found.path, "rb") as stream:
                return self._read_open(stream, found, before, pause, on_bytes)
        except OSError as error:
            self.tally.unreadable[found.path] = error.strerror or type(error).__name__
            return True

    def flush(self) -> None:
        """Make durable and remember everything that was read. Raises what the recorder raises."""
        self._submit()
        while self._in_flight:
            self._settle()

    def abandon(self) -> None:
        """Forget what is not saved: it will be read again."""
        self._forget_unsaved()

    def _read_open(
        self,
        stream: BinaryIO,
        found: FoundFile,
        before: Position | None,
        pause: Callable[[], bool],
        on_bytes: Callable[[int], None],
    ) -> bool:
        start = before if before is not None and _goes_on(before, stream, found) else None
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
        else:
            found_pieces = pieces(stream, offset, is_inside_long_line)
        for piece in found_pieces:
            read = sum(map(len, piece.lines)) if source.is_database else piece.offset - offset
            on_bytes(read)
            self.tally.bytes_read += read
            offset, is_inside_long_line = piece.offset, piece.is_inside_long_line
            self.tally.lines_skipped += piece.too_long
            self._take(reader, source, piece.lines)
            if self._builder.size >= BATCH_ROWS:
                self._ready[found.path] = position(-1, -1)
                self._submit()
            if pause():
                ended = False
                break
        if ended:
            self.tally.files_read += 1
            self.tally.files_by_agent[source.agent_type] = self.tally.files_by_agent.get(source.agent_type, 0) + 1
            self.tally.files_unfinished += not source.is_database and offset < found.size
        done = position(found.size, found.modified_ns) if ended else position(-1, -1)
        self._ready[found.path] = self._unsaved[found.path] = done
        if len(self._ready) >= BATCH_FILES:
            self._submit()
        return ended

    def _take(self, reader: Reader, source: TranscriptSource, lines: list[bytes]) -> None:
        facts: list[Fact] = []
        self.tally.lines_skipped += reader.read(lines, facts)
        self.tally.lines_read += len(lines)
        self.tally.count(source.agent_type, self._builder.add(source.agent_type, facts))

    def _submit(self) -> None:
        """Send what was read on its way, and wait for the oldest when too much is."""
        ready, self._ready = self._ready, {}
        rows = self._builder.take()
        self.tally.rows += rows.total()
        if rows or ready:
            try:
                future = self._recorder.record(rows) if rows else None
            except BaseException:
                self._forget_unsaved()
                raise
            self._in_flight.append((future, ready))
        while len(self._in_flight) > BATCHES_IN_FLIGHT:
            self._settle()

    def _settle(self) -> None:
        future, positions = self._in_flight.popleft()
        try:
            if future is not None:
                future.result()
            self._positions.save(positions.values())
        except BaseException:
            self._forget_unsaved()
            raise
        for path, position in positions.items():
            if self._unsaved.get(path) is position:
                del self._unsaved[path]


def _is_unchanged(before: Position, found: FoundFile) -> bool:
    return (
        before.path == found.path
        and (before.device, before.inode, before.size, before.modified_ns)
        == (found.device, found.inode, found.size, found.modified_ns)
        and before.reader_version == BY_AGENT[before.agent_type].reader_version
    )


def _goes_on(before: Position, stream: BinaryIO, found: FoundFile) -> bool:
    """Whether this is the file that was read before, grown or not: else it is read from its beginning."""
    return (
        before.agent_type in BY_AGENT
        and (before.offset <= found.size or BY_AGENT[before.agent_type].is_database)
        and before.reader_version == BY_AGENT[before.agent_type].reader_version
        and head_of(stream, before.head_bytes) == (before.head_bytes, before.head_hash)
    )
