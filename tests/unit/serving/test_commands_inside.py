"""A command inside the engine stops when nobody waits for it, wherever between two statements that becomes known."""

from __future__ import annotations

import threading
from typing import Any, cast

import duckdb
import pytest

from engine.commands.models.inside import Cursors, _interrupt


def test_a_statement_that_begins_after_the_caller_left_is_stopped_too() -> None:
    cursor = duckdb.connect()
    cancelled, ended = threading.Event(), threading.Event()
    cancelled.set()
    watcher = threading.Thread(target=_interrupt, args=(cancelled, ended, Cursors(cast(Any, None), [cursor])))
    watcher.start()
    # The first interruption comes while nothing runs, and is forgotten by the time this begins.
    cursor.execute("select 1").fetchall()
    with pytest.raises(duckdb.InterruptException):
        cursor.execute(
            "select count(*) from range(100000000) a, range(100000) b where a.range + b.range < 0"
        ).fetchall()
    ended.set()
    watcher.join()
