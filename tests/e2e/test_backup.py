"""Backups as an administrator needs them: made under load, restored after a disaster, refused when damaged."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.engine_process import EngineProcess, aa_engine, eventually, running


def send(engine: EngineProcess, *names: str) -> None:
    """Events that the engine acknowledges."""
    with engine.client() as client:
        answer = client.post("/v1/events", json=[{"event_type": "drill", "id": name} for name in names])
        assert answer.status_code == 200, answer.text


def told(engine: EngineProcess, *words: str) -> Any:
    """The JSON of a verb that works, on the engine's data directory."""
    done = aa_engine(engine.folder, *words, "--json", "--data-dir", str(engine.data_dir))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def events(engine: EngineProcess) -> int:
    """Events in the file of a stopped engine."""
    ((count,),) = engine.ask("select count(*) from raw.events")
    return int(count)


def test_a_backup_made_under_load_holds_everything_acknowledged_before_it(tmp_path: Path) -> None:
    acknowledged = 0
    stop = threading.Event()

    def load(address: str) -> None:
        nonlocal acknowledged
        with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
            while not stop.is_set():
                body = [{"event_type": "load", "id": f"l{acknowledged + number}"} for number in range(20)]
                assert client.post("/v1/events", json=body).status_code == 200
                acknowledged += 20

    with running(tmp_path) as engine:
        sender = threading.Thread(target=load, args=(engine.ready["http"],))
        sender.start()
        try:
            eventually(lambda: acknowledged > 200, "some load")
            before = acknowledged
            made = told(engine, "backup", "create")
            during = acknowledged
        finally:
            stop.set()
            sender.join()
        verified = told(engine, "backup", "verify")
    assert during > before, "nothing was acknowledged while the backup was made"
    assert before <= made["rows"] - _others(engine, made)
    assert made["tests"]["failed"] == 0
    assert made["tests"]["passed"] > 100
    assert verified["damage"] == []
    assert verified["tests"] == {**made["tests"], "failing": []}
    (tmp_path / "elsewhere").mkdir()
    elsewhere = EngineProcess(tmp_path / "elsewhere")
    restored = aa_engine(tmp_path, "backup", "restore", made["path"], "--json", "--data-dir", str(elsewhere.data_dir))
    assert restored.returncode == 0, restored.stderr
    assert before <= events(elsewhere) < acknowledged
    try:
        elsewhere.start()
        send(elsewhere, "one more")
        elsewhere.settled()
    finally:
        elsewhere.end()


def _others(engine: EngineProcess, made: dict[str, Any]) -> int:
    """Rows of a backup that are no events: the price book and what belongs to it."""
    import duckdb

    with duckdb.connect(str(Path(made["path"]) / "agent_analytics.duckdb"), read_only=True) as connection:
        rows = connection.execute("select count(*) from raw.events").fetchall()
    return int(made["rows"]) - int(rows[0][0])


def test_a_damaged_database_names_the_way_back_and_the_journal_brings_what_came_after_the_backup(
    tmp_path: Path,
) -> None:
    engine = EngineProcess(tmp_path)
    try:
        engine.start()
        send(engine, "before")
        told(engine, "backup", "create")
        send(engine, "after", "and later")
        engine.settled()
        engine.kill()
        database = engine.data_dir / "agent_analytics.duckdb"
        for path in (database, Path(f"{database}.wal")):
            if path.exists():
                path.write_bytes(b"\xff" * path.stat().st_size)
        refused = aa_engine(tmp_path, "serve", "--data-dir", str(engine.data_dir))
        assert refused.returncode == 1
        command = f"aa-engine backup restore latest --data-dir {engine.data_dir}"
        assert command in refused.stderr
        done = aa_engine(tmp_path, *command.split()[1:])
        assert done.returncode == 0, done.stderr
        assert "journal are applied on top" in done.stdout
        engine.start()
        engine.settled()
        assert engine.terminate() == 0
        assert events(engine) == 3
    finally:
        engine.end()
    assert list(engine.data_dir.glob("agent_analytics.duckdb.replaced-*")), "what stood there was thrown away"


@pytest.fixture
def stopped(tmp_path: Path) -> EngineProcess:
    """An engine that took one event, made a backup and stopped."""
    with running(tmp_path) as engine:
        send(engine, "one")
        told(engine, "backup", "create")
    return engine


def test_a_backup_that_was_changed_is_neither_verified_nor_restored(stopped: EngineProcess) -> None:
    (made,) = told(stopped, "backup", "list")
    copy = Path(made["path"]) / "agent_analytics.duckdb"
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    before = (stopped.data_dir / "agent_analytics.duckdb").read_bytes()
    for action in ("verify", "restore"):
        done = aa_engine(stopped.folder, "backup", action, "--data-dir", str(stopped.data_dir))
        assert done.returncode == 1
        assert "digest" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (stopped.data_dir / "agent_analytics.duckdb").read_bytes() == before


def test_the_journal_of_another_workspace_is_not_applied_on_top(stopped: EngineProcess, tmp_path: Path) -> None:
    (made,) = told(stopped, "backup", "list")
    other_home = tmp_path / "other"
    other_home.mkdir()
    with running(other_home) as other:
        send(other, "foreign 1", "foreign 2")
    done = aa_engine(tmp_path, "backup", "restore", made["path"], "--json", "--data-dir", str(other.data_dir))
    assert done.returncode == 0, done.stderr
    aside = {Path(path).name.split(".replaced")[0] for path in json.loads(done.stdout)["aside"]}
    assert aside == {"agent_analytics.duckdb", "hash.key", "journal"}
    assert (other.data_dir / "hash.key").read_bytes() == (stopped.data_dir / "hash.key").read_bytes()
    try:
        other.start()
        other.settled()
        assert other.terminate() == 0
        assert events(other) == 1
    finally:
        other.end()


def test_rows_that_neither_backup_nor_journal_hold_are_told(stopped: EngineProcess) -> None:
    journal = stopped.data_dir / "journal"
    shutil.rmtree(journal)
    with running(stopped.folder) as engine:  # its journal begins behind what the database has
        send(engine, "two")
        engine.settled()
    shutil.copy(sorted(journal.glob("*.journal"))[-1], journal / f"{10**15:020d}.journal")
    for path in sorted(journal.glob("*.journal"))[:-1]:
        path.unlink()
    done = aa_engine(stopped.folder, "backup", "restore", "--data-dir", str(stopped.data_dir))
    assert done.returncode == 0
    assert "what came in between is lost" in done.stderr


def test_a_backup_is_not_restored_under_a_running_engine(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        told(engine, "backup", "create")
        done = aa_engine(tmp_path, "backup", "restore", "--data-dir", str(engine.data_dir))
    assert done.returncode == 1
    assert "in use by process" in done.stderr


def test_without_an_engine_a_backup_is_made_just_the_same(stopped: EngineProcess) -> None:
    made = told(stopped, "backup", "create")
    assert next(each["name"] for each in told(stopped, "backup", "list")) == made["name"]
    assert made["tests"]["failed"] == 0


def test_wrong_names_and_empty_directories_are_told(tmp_path: Path) -> None:
    for words, said in (
        (("restore", "yesterday"), "there is no backup yesterday"),
        (("verify",), "holds no backup"),
        (("create",), "holds no data yet"),
    ):
        done = aa_engine(tmp_path, "backup", *words, "--data-dir", str(tmp_path / "data"))
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    assert json.loads(aa_engine(tmp_path, "backup", "list", "--json", "--data-dir", str(tmp_path)).stdout) == []
