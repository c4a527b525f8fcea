"""How commands ask for rows: a running engine, or the database file when none runs.

Owns that choice and gives the same Arrow batches either way. Refuses to write, to build models, and to start an engine.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

from engine.errors import EngineError, InUseError, StorageError, UnreachableError, UsageError

if TYPE_CHECKING:
    import duckdb
    import httpx
    import pyarrow as pa

    from engine.settings import Settings


class Source(Protocol):
    """Answers with Arrow batches, in order, as they come."""

    def view(self, name: str, parameters: Sequence[tuple[str, str]]) -> pa.RecordBatchReader:
        """All rows of a view (`engine.api.views`). Raises UsageError for a wrong filter, name or time."""
        ...

    def sql(self, text: str, parameters: Mapping[str, Any]) -> pa.RecordBatchReader:
        """The rows of one reading statement. Raises UsageError for anything else."""
        ...


@contextmanager
def source(settings: Settings) -> Iterator[Source]:
    """Whoever can answer for this data directory. Raises StorageError when there is no data yet."""
    from engine.client import connect, running_engine

    with ExitStack() as stack:
        address = running_engine(settings)
        if address is not None:
            yield Running(stack.enter_context(connect(address, timeout=600.0)), stack)
            return
        yield Offline(stack.enter_context(FileReader.open(settings.database)), settings, stack)


class Running:
    """Asks a running engine over its socket."""

    def __init__(self, client: httpx.Client, stack: ExitStack) -> None:
        self._client = client
        self._stack = stack

    def view(self, name: str, parameters: Sequence[tuple[str, str]]) -> pa.RecordBatchReader:
        return self._batches("GET", f"/api/v1/{name}", params=[*parameters, ("format", "arrow")])

    def sql(self, text: str, parameters: Mapping[str, Any]) -> pa.RecordBatchReader:
        return self._batches("POST", "/api/v1/internal/sql", json={"sql": text, "parameters": dict(parameters)})

    def _batches(self, method: str, path: str, **more: Any) -> pa.RecordBatchReader:
        import httpx
        import pyarrow as pa

        try:
            response = self._stack.enter_context(self._client.stream(method, path, **more))
            if response.status_code != 200:
                response.read()
                raise _refusal(response)
            return pa.ipc.open_stream(_Incoming(response.iter_bytes()))
        except httpx.HTTPError as error:
            raise UnreachableError(f"the engine does not answer: {error}") from error


def _refusal(response: httpx.Response) -> EngineError:
    """The engine's problem details as an error of ours: 4xx is our asking, the rest is its trouble."""
    try:
        said = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        said = f"the engine answered {response.status_code}"
    return UsageError(said) if 400 <= response.status_code < 500 else EngineError(said)


class _Incoming(io.RawIOBase):
    """Pieces of a response as a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class FileReader:
    """A database file opened to read: the same questions as `engine.store.reader.Reader`, for one thread."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[FileReader]:
        """Raises StorageError when there is no file, InUseError when somebody holds it without answering."""
        import duckdb

        if not path.exists():
            raise StorageError(f"there is no data in {path.parent} yet", hint="run aa-engine serve or aa-engine import")
        try:
            # Questions are about the workspace: they read no other file of this machine.
            connection = duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
        except duckdb.Error as error:
            said = str(error).splitlines()[0]
            if "lock" in said.lower():
                raise InUseError(f"{path} is in use by another process", hint="wait until it has ended") from error
            raise StorageError(f"cannot open {path}: {said}") from error
        try:
            connection.execute("set TimeZone = 'UTC'")
            yield cls(connection)
        finally:
            connection.close()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def rows(self, sql: str, parameters: Any = None) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        with self.cursor() as cursor:
            cursor.execute(sql, parameters)
            return tuple(column[0] for column in cursor.description or ()), cursor.fetchall()


class Offline:
    """Asks the database file itself."""

    def __init__(self, reader: FileReader, settings: Settings, stack: ExitStack) -> None:
        self._reader = reader
        self._settings = settings
        self._stack = stack

    def view(self, name: str, parameters: Sequence[tuple[str, str]]) -> pa.RecordBatchReader:
        import pyarrow as pa

        from engine.access.problems import Problem
        from engine.api.caller import EVERYTHING
        from engine.api.export import arrow_pieces
        from engine.api.query import read_query
        from engine.api.statements import rows_statement
        from engine.clock import SystemClock

        try:
            query = read_query(name, [*parameters, ("format", "arrow")])
            zone = ZoneInfo(self._settings["report_timezone"])
            asked, _ = rows_statement(query, EVERYTHING, SystemClock().now(), zone, resumable=False)
        except Problem as problem:
            raise UsageError(problem.detail) from problem
        pieces = arrow_pieces(self._reader, asked)
        self._stack.callback(pieces.close)
        return pa.ipc.open_stream(_Incoming(pieces))

    def sql(self, text: str, parameters: Mapping[str, Any]) -> pa.RecordBatchReader:
        import pyarrow as pa

        from engine.api.adhoc import answer

        pieces = answer(self._reader, text, parameters)
        self._stack.callback(pieces.close)
        return pa.ipc.open_stream(_Incoming(pieces))
