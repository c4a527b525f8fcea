"""Several processes read histories, one keeps what they tell.

Owns the readers' processes, the pipes to them and the order of work: files go out in portions, batches (rows,
positions, what was counted) come back, and a reader waits while its last batch was not taken, so that memory stays
flat. Refuses to store: whoever takes a batch does. A reader ends when its pipe does, so none outlives a killed import;
what it had not handed over is read again.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from engine.agents.transcripts.reader import Workplace
from engine.agents.transcripts.registry import BY_AGENT
from engine.errors import EngineError
from engine.ingest.transcript_files import FoundFile
from engine.ingest.transcript_reading import Reading, Tally
from engine.ingest.transcript_state import Position
from engine.store.rows import Columns, RawRows

PORTION_BYTES = 8 << 20
PORTION_FILES = 64
TOLD_BYTES = 8 << 20
"""After so many bytes of a file a reader says where it is, also without rows."""
BATCH_ROWS = 8_000
BATCHES_WAITING = 4

Job = tuple[FoundFile, Position | None]
"""A file, and where reading of it stands."""

NamedJob = tuple[FoundFile, str | None, Position | None]

_START = "from engine.ingest.transcript_crew import serve; serve()"


@dataclass(frozen=True, slots=True)
class Batch:
    """What came back: rows and the positions that hold once these are durable, what was counted since the last one, and
    how many bytes and files of the work are behind it."""

    tables: dict[str, Columns]
    positions: dict[str, Position]
    tally: Tally
    bytes_done: int
    files_done: int

    def rows(self) -> RawRows:
        """The rows, for a recorder."""
        rows = RawRows()
        rows.tables = self.tables
        return rows


@dataclass(frozen=True, slots=True)
class Setup:
    """What a reader needs to know."""

    developer_id: str | None
    hash_key: bytes


class Crew:
    """`size` reading processes; a context that ends them."""

    def __init__(self, size: int, setup: Setup) -> None:
        # The same modules as here, wherever this program was started from.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        self._readers = [
            subprocess.Popen(
                [sys.executable, "-c", _START],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                bufsize=-1,
            )
            for _ in range(size)
        ]
        self._setup = setup
        self._batches: queue.Queue[Batch | EngineError | None] = queue.Queue(BATCHES_WAITING)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stopping.set()
        for reader in self._readers:
            reader.kill()
        while any(thread.is_alive() for thread in self._threads):
            try:
                self._batches.get(timeout=0.05)
            except queue.Empty:
                pass
        for reader in self._readers:
            reader.wait()
            for pipe in (reader.stdin, reader.stdout):
                if pipe is not None:
                    try:
                        pipe.close()
                    except BrokenPipeError:
                        pass

    def start(self, jobs: Iterable[Job]) -> None:
        """Begin to read these files; batches wait until they are taken."""
        waiting, lock = portions(jobs), threading.Lock()
        for reader in self._readers:
            thread = threading.Thread(target=self._attend, args=(reader, waiting, lock), daemon=True)
            self._threads.append(thread)
            thread.start()

    def batches(self) -> Iterator[Batch]:
        """Everything the files tell, as it comes. Raises EngineError when a reader died."""
        ended = 0
        while ended < len(self._readers):
            batch = self._batches.get()
            if isinstance(batch, EngineError):
                raise batch
            if batch is None:
                ended += 1
            else:
                yield batch

    def _attend(self, reader: subprocess.Popen[bytes], waiting: Iterator[list[Job]], lock: threading.Lock) -> None:
        """Keep one reader busy until nothing waits; its own thread."""
        assert reader.stdin is not None
        assert reader.stdout is not None
        try:
            _send(reader.stdin, self._setup)
            portion: list[Job] | None = []
            while portion is not None:
                with lock:
                    portion = next(waiting, None)
                _send(reader.stdin, None if portion is None else [_by_name(job) for job in portion])
                while (batch := pickle.load(reader.stdout)) is not None:
                    self._batches.put(batch)
                    if self._stopping.is_set():
                        return
            self._batches.put(None)
        except (OSError, EOFError, pickle.UnpicklingError):
            if not self._stopping.is_set():
                self._batches.put(EngineError("a process that reads histories ended", hint="run the import again"))
        except Exception as error:
            self._batches.put(EngineError(f"reading of histories failed: {type(error).__name__}: {error}"))


def portions(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    """The work in portions that are neither many nor large."""
    portion: list[Job] = []
    size = 0
    for found, before in jobs:
        portion.append((found, before))
        size += found.size - (before.offset if before is not None else 0)
        if size >= PORTION_BYTES or len(portion) >= PORTION_FILES:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


def _by_name(job: Job) -> NamedJob:
    """The job without its agent's declaration, which holds functions: the other side has it too."""
    found, before = job
    return replace(found, source=None), None if found.source is None else found.source.agent_type, before


def _send(stream: IO[bytes], value: Any) -> None:
    pickle.dump(value, stream, protocol=pickle.HIGHEST_PROTOCOL)
    stream.flush()


# -- the process that reads ------------------------------------------------------------------------------------------


def serve() -> None:
    """Read portions from standard input until it ends; batches go to standard output."""
    import gc

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the importer hears of it, and ends this one
    gc.disable()  # there are no cycles in what is read, and much of it
    work, told = sys.stdin.buffer, os.fdopen(os.dup(1), "wb", buffering=1 << 20)
    os.dup2(2, 1)  # nothing else may get between the batches
    try:
        setup: Setup = pickle.load(work)
        clerk = Clerk(setup, told)
        while (portion := pickle.load(work)) is not None:
            clerk.read(portion)
        clerk.end()
    except (EOFError, BrokenPipeError):
        os._exit(1)


class Clerk:
    """Reads portions and tells what it found."""

    def __init__(self, setup: Setup, told: IO[bytes]) -> None:
        self._told = told
        self._reading = Reading(setup.developer_id, Workplace(setup.hash_key), self._deliver, batch_rows=BATCH_ROWS)
        self._bytes = 0
        self._files = 0

    def read(self, portion: Sequence[NamedJob]) -> None:
        """Read these files; rows of the last may stay for the next portion."""
        for named, agent_type, before in portion:
            found = named if agent_type is None else replace(named, source=BY_AGENT[agent_type])
            left = found.size
            told = 0

            def moved(read: int) -> None:
                nonlocal told
                told += read
                self._bytes += read
                if self._bytes >= TOLD_BYTES:
                    self._tell({}, {})

            self._reading.read(found, before, on_bytes=moved)
            self._bytes += max(0, left - told)
            self._files += 1
        self._tell({}, {})
        _send(self._told, None)

    def end(self) -> None:
        """Tell the rest."""
        self._reading.hand_over()
        _send(self._told, None)

    def _deliver(self, rows: RawRows, positions: dict[str, Position]) -> None:
        self._tell(rows.tables, positions)

    def _tell(self, tables: dict[str, Columns], positions: dict[str, Position]) -> None:
        tally, self._reading.tally = self._reading.tally, Tally()
        _send(self._told, Batch(tables, positions, tally, self._bytes, self._files))
        self._bytes = self._files = 0
