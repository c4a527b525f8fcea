"""DuckDB's own threads, which small data have no use for.

Owns keeping them away while many small statements run: where no table is longer than what DuckDB gives to one thread,
others find nothing to share, and only cost their waking up, which is a fifth of the time then. Refuses wherever
something bigger may come in: files that are read, databases that are attached, a number of threads that somebody set,
and a run that goes on for long.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from engine.modelrunner import external
from engine.modelrunner.database import Connection
from engine.modelrunner.project import Project

ROW_GROUP = 122_880
"""Rows that DuckDB reads in one thread."""
LARGE_SEED = 4_000_000
"""Bytes of a seed that is worth several threads."""
LONG_SECONDS = 1.0
"""After this it was not small, whatever it seemed, and all threads come back."""

_READS_FILES = re.compile(
    r"(?:\bread_\w+|_scan\w*|\bglob|\bquery|\bquery_table|(?<!run)_query)\s*\("
    r"|\b(?:copy|attach)\b|(?<!distinct )\b(?:from|join)\s+(?:'|\"[^\"./]*[./])",
    re.IGNORECASE,
)
_KNOWN: dict[tuple[str, str], bool] = {}
_KEPT = 16
_COUNT = """
select
    (select coalesce(max(estimated_size), 0) from duckdb_tables()),
    (select count(*) from duckdb_databases() where not internal),
    current_setting('threads')
"""


@contextmanager
def with_few_threads(project: Project, connection: Connection) -> Iterator[None]:
    """DuckDB's threads are only those that ask it, while this goes on and as long as the data are small."""
    threads = _worth_it(project, connection)
    if threads is None:
        yield
        return
    watching = connection.raw.cursor()
    lock = threading.Lock()

    def give_back() -> None:
        with lock:
            row = watching.execute("select current_setting('threads')").fetchone()
            if row is not None and row[0] == 1:  # else somebody else has set it
                watching.execute(f"set threads = {threads}")

    timer = threading.Timer(LONG_SECONDS, give_back)
    timer.daemon = True
    connection.raw.execute("set threads = 1")
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        give_back()
        watching.close()


def _worth_it(project: Project, connection: Connection) -> int | None:
    """The number of threads to come back to; None where it must stay as it is."""
    target = project.target
    said = {str(key).lower() for key in (*target.settings, *dict(target.values.get("config_options") or {}))}
    if said & {"threads", "worker_threads", "external_threads"} or _reads_files(project):
        return None
    try:
        row = connection.raw.execute(_COUNT).fetchone()
    except duckdb.Error:
        return None
    assert row is not None
    longest, databases, threads = row
    return int(threads) if longest <= ROW_GROUP and databases == 1 and int(threads) > 1 else None


def _reads_files(project: Project) -> bool:
    """Whether anything of the project may read what is no table; looked up once for each state of its files."""
    key = (str(project.folder), project.fingerprint)
    if key not in _KNOWN:
        if len(_KNOWN) >= _KEPT:
            _KNOWN.clear()
        _KNOWN[key] = _search(project)
    return _KNOWN[key]


def _search(project: Project) -> bool:
    if any(external.location(source) is not None for source in project.sources.values()):
        return True
    for node in project.nodes.values():
        if node.resource_type == "seed":
            if (node.root / node.original_path).stat().st_size > LARGE_SEED:
                return True
        elif _READS_FILES.search(node.raw_code):
            return True
    return any(_READS_FILES.search(macro.text) for macro in project.macros.all() if macro.package != "dbt")
