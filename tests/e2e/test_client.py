"""Commands reach the store: through the engine that runs, else by opening the directory themselves."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.client import connect, open_recorder, read_address, running_engine
from engine.errors import EngineError, InUseError
from engine.settings import Settings, load
from engine.store.lock import DirectoryLock
from engine.store.rows import RawRows, dedup_key
from tests.e2e.engine_process import EngineProcess, running


def usage(session: str, requests: int) -> RawRows:
    """Requests of one session, as a transcript tells them."""
    rows = RawRows()
    for number in range(requests):
        rows.append(
            "transcript_usage",
            {
                "dedup_key": dedup_key("transcript_usage", (session, number)),
                "timestamp": datetime(2026, 11, 20, 12, 0, number % 60, tzinfo=UTC),
                "agent_type": "claude_code",
                "developer_id": "alice",
                "session_id": session,
                "request_id": f"{session}-{number}",
                "model": "claude-sonnet-4-5",
                "input_tokens": 10,
                "output_tokens": 5,
            },
        )
    return rows


def settings_of(engine: EngineProcess) -> Settings:
    return load(engine.data_dir, environment={})


def test_offline_rows_are_in_the_models_when_the_block_ends(tmp_path: Path) -> None:
    settings = load(tmp_path / "data", environment={})
    with open_recorder(settings) as recorder:
        recorder.record(usage("s-1", 3)).result(60)
    with running(tmp_path) as engine, engine.local() as client:
        (row,) = client.get("/api/v1/sessions").json()["data"]
    assert (row["session_id"], row["request_count"], row["output_tokens"]) == ("s-1", 3, 15)


def test_beside_a_running_engine_rows_go_through_it(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        for _ in range(2):
            with open_recorder(settings_of(engine)) as recorder:
                futures = [recorder.record(usage(f"s-{number}", 100)) for number in range(10)]
            assert [future.exception(0) for future in futures] == [None] * 10
        assert engine.settled()["rows"]["transcript_usage"] == 1000


def test_rows_that_fit_no_table_fail_alone(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        wrong = RawRows()
        wrong.append("transcript_usage", {"colour": "red"})
        with open_recorder(settings_of(engine)) as recorder:
            futures = [recorder.record(rows) for rows in (usage("a", 1), wrong, usage("b", 1))]
        assert [type(future.exception(0)) for future in futures] == [type(None), ValueError, type(None)]
        assert engine.settled()["rows"]["transcript_usage"] == 2


def test_the_rows_door_takes_nothing_but_rows(tmp_path: Path) -> None:
    with running(tmp_path) as engine, engine.local() as client:
        for body in (b"x", b"\x00" * 100):
            answer = client.post("/api/v1/internal/rows", content=body)
            assert answer.status_code == 400
        assert client.post("/api/v1/internal/rows", content=b"").json() == {"accepted": 0}


def test_an_engine_is_found_by_its_file_and_its_answer(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        address = running_engine(settings_of(engine))
        assert address is not None
        assert address.pid == engine.ready["pid"]
        with connect(address) as client:
            assert client.get("/api/v1/status").status_code == 200
        engine.kill()
        assert read_address(engine.data_dir / "engine.json") == address
        assert running_engine(settings_of(engine)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"pid": "x"}',
        '{"pid": 1, "socket": "/nowhere/engine.sock"}',
        '{"pid": 99999999999999}',
        '{"pid": 1, "http": 3}',
        '{"pid": 1, "socket": 7}',
        '{"pid": 1, "http": "http://[/"}',
    ],
)
def test_a_file_that_names_no_engine_is_no_engine(tmp_path: Path, text: str) -> None:
    settings = load(tmp_path, environment={})
    settings.address_file.write_text(text)
    assert running_engine(settings) is None


def test_after_a_kill_the_next_start_serves_again(tmp_path: Path) -> None:
    engine = EngineProcess(tmp_path)
    try:
        engine.start()
        engine.kill()
        assert (engine.data_dir / "engine.sock").exists()
        engine.start()
        assert engine.status()["ready"]
    finally:
        engine.end()


def test_a_directory_whose_holder_does_not_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.client.STARTING_SECONDS", 0.2)
    lock = DirectoryLock.acquire(tmp_path)
    with pytest.raises(InUseError, match=f"process {os.getpid()}"), open_recorder(load(tmp_path, environment={})):
        pass
    lock.release()


def test_an_error_inside_the_block_is_not_mistaken_for_ours(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="mine"), open_recorder(load(tmp_path, environment={})):
        raise EngineError("mine")
    DirectoryLock.acquire(tmp_path).release()
