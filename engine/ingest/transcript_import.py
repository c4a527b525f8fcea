"""Batches of histories into the store.

Owns the order that makes it safe to stop anywhere: rows are recorded, their durability awaited, then the positions of
their files are saved; what was recorded but not saved is read again and adds nothing, since its dedup keys are the
same. Refuses to choose files: callers hand them in, newest first or as they change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import BY_AGENT
from engine.ingest.transcript_files import FoundFile
from engine.ingest.transcript_reading import Reading, Tally
from engine.ingest.transcript_state import Known, Position, Positions
from engine.store.recorder import Recorder
from engine.store.rows import RawRows

BATCHES_IN_FLIGHT = 2


class Keeper:
    """Positions that wait until the rows before them are durable. Not for several threads at once."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions
        self._in_flight: deque[tuple[Future[None] | None, Mapping[str, Position]]] = deque()
        self.unsaved: dict[str, Position] = {}

    def keep(self, future: Future[None] | None, positions: Mapping[str, Position]) -> None:
        """Rows are on their way; waits for the oldest when too many are. Raises what the recorder raises."""
        self.unsaved.update(positions)
        self._in_flight.append((future, positions))
        while len(self._in_flight) > BATCHES_IN_FLIGHT:
            self._settle()

    def flush(self) -> None:
        """Wait for all."""
        while self._in_flight:
            self._settle()

    def forget(self) -> None:
        """What is on its way will be read again."""
        self._in_flight.clear()
        self.unsaved.clear()

    def _settle(self) -> None:
        future, positions = self._in_flight.popleft()
        try:
            if future is not None:
                future.result()
            self._positions.save(positions.values())
        except BaseException:
            self.forget()
            raise
        for path, position in positions.items():
            if self.unsaved.get(path) is position:
                del self.unsaved[path]


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
        self._recorder = recorder
        self._positions = positions
        self._again = again
        self._keeper = Keeper(positions)
        self._reading = Reading(developer_id, workplace, self._record)

    @property
    def tally(self) -> Tally:
        """What was read so far."""
        return self._reading.tally

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
        before = self._reading.ready.get(found.path) or self._keeper.unsaved.get(found.path)
        if before is None and not self._again:
            before = self._positions.of_path(found.path) or self._positions.of_file(found.device, found.inode)
        if before is not None and is_unchanged(before, found):
            self.tally.files_unchanged += 1
            return True
        return self._reading.read(found, before, pause=pause, on_bytes=on_bytes)

    def flush(self) -> None:
        """Make durable and remember everything that was read. Raises what the recorder raises."""
        self._reading.hand_over()
        self._keeper.flush()

    def abandon(self) -> None:
        """Forget what is not saved: it will be read again."""
        self._reading.forget()
        self._keeper.forget()

    def _record(self, rows: RawRows, positions: dict[str, Position]) -> None:
        try:
            self._keeper.keep(self._recorder.record(rows) if rows else None, positions)
        except BaseException:
            self.abandon()
            raise


def is_unchanged(before: Position | Known, found: FoundFile) -> bool:
    """Whether a file was read to its end as it is now."""
    source = BY_AGENT.get(before.agent_type)
    return (
        before.path == found.path
        and (before.device, before.inode, before.size, before.modified_ns)
        == (found.device, found.inode, found.size, found.modified_ns)
        and source is not None
        and before.reader_version == source.reader_version
    )
