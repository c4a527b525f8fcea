"""`doctor`, `dead-letters` and `/metrics`: what an administrator asks when something seems wrong."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import duckdb
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.engine_process import EngineProcess, aa_engine, eventually, running


def findings(engine: EngineProcess, **environment: str) -> dict[str, dict[str, Any]]:
    """The doctor's findings by part; the worst of each."""
    done = aa_engine(engine.folder, "doctor", "--json", "--data-dir", str(engine.data_dir))
    order = ("ok", "note", "wrong")
    found: dict[str, dict[str, Any]] = {}
    for finding in json.loads(done.stdout):
        known = found.get(finding["part"])
        if known is None or order.index(finding["verdict"]) > order.index(known["verdict"]):
            found[finding["part"]] = finding
    assert (done.returncode == 1) == any(each["verdict"] == "wrong" for each in found.values()), done.stdout
    return found


def post(engine: EngineProcess, *names: str) -> int:
    with engine.client() as client:
        return client.post("/v1/events", json=[{"event_type": "drill", "id": name} for name in names]).status_code


def test_an_engine_that_is_well_is_called_well(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert post(engine, "a") == 200
        engine.settled()
        eventually(lambda: engine.status()["models"], "the models are built")
        found = findings(engine)
        done = aa_engine(tmp_path, "doctor", "--data-dir", str(engine.data_dir))
    assert {part for part, finding in found.items() if finding["verdict"] == "wrong"} == set()
    assert {"version", "data", "engine", "models", "backup", "keys"} <= set(found)
    assert found["backup"]["todo"] == "aa-engine backup create"
    assert done.returncode == 0
    assert "→ aa-engine backup create" in done.stdout


def test_without_an_engine_the_doctor_tells_what_it_can(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        pass
    engine.data_dir.chmod(0o755)
    found = findings(engine)
    assert found["engine"]["todo"] == "aa-engine serve"
    assert (found["data"]["verdict"], found["data"]["todo"]) == ("wrong", f"chmod 700 {engine.data_dir}")


def test_a_machine_whose_clock_is_wrong_is_named(tmp_path: Path) -> None:
    def told(developer: str, seconds: float) -> None:
        attributes = {"event.name": "api_request", "session.id": f"of-{developer}", "model": "claude-opus-4-8"}
        record = {
            "timeUnixNano": str(round((time.time() + seconds) * 1e9)),
            "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]
            + [{"key": name, "value": {"intValue": "5"}} for name in ("input_tokens", "output_tokens")],
        }
        service = {"attributes": [{"key": "service.name", "value": {"stringValue": "claude-code"}}]}
        body = {"resourceLogs": [{"resource": service, "scopeLogs": [{"logRecords": [record]}]}]}
        with engine.client() as client:
            answer = client.post("/v1/logs", json=body, headers={"x-developer-id": developer})
        assert answer.status_code == 200
        engine.settled()

    with running(tmp_path) as engine:
        told("ada", 3600)
        told("bob", -2)
        told("bob", -7200)
        eventually(lambda: engine.status()["models"] and "clocks" in findings(engine), "the clock is told of")
        found = findings(engine)["clocks"]
    assert found["verdict"] == "note"
    assert re.search(r"ada runs claude_code is 3,[56]\d\d s ahead", found["said"])


def test_metrics_are_for_those_who_may_read_and_prometheus_understands_them(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        assert post(engine, "a", "b") == 200
        engine.settled()
        with engine.client() as client:
            assert client.get("/metrics").status_code == 401
        with engine.local() as client:
            answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    values = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert values[("aa_stored_rows_total", ("table", "events"))] == 2
    assert values[("aa_journal_lag_bytes",)] == 0
    assert values[("aa_ready",)] == 1
    assert values[("aa_store_commit_seconds_count",)] >= 1
    assert values[("aa_file_bytes", ("file", "database"))] > 0


def test_a_record_that_the_database_refused_is_listed_without_content_and_replayed_after_the_repair(
    tmp_path: Path,
) -> None:
    with running(tmp_path) as engine:
        pass
    database = str(engine.data_dir / "agent_analytics.duckdb")
    with duckdb.connect(database) as connection:
        connection.execute("create unique index only_one on raw.events (event_type)")
    with running(tmp_path) as engine:
        assert post(engine, "secret-name", "another") == 200  # it is in the journal, and that is what counts
        eventually(lambda: engine.status()["dead_letters"]["count"] == 1, "it is set aside")
        engine.settled()
        assert findings(engine)["refused"]["todo"] == "aa-engine dead-letters list"
        listed = aa_engine(tmp_path, "dead-letters", "list", "--json", "--data-dir", str(engine.data_dir))
    (letter,) = json.loads(listed.stdout)
    assert (letter["signal"], letter["replayable"]) == ("journal", True)
    assert "could not be applied" in letter["reason"]
    assert "secret-name" not in listed.stdout
    with duckdb.connect(database) as connection:
        connection.execute("drop index raw.only_one")
    with running(tmp_path) as engine:
        for _ in range(2):  # the second time changes nothing
            done = aa_engine(tmp_path, "dead-letters", "replay", "--data-dir", str(engine.data_dir))
            assert done.returncode == 0, done.stderr
        engine.settled()
    assert engine.ask("select count(*) from raw.events") == [(2,)]


def test_what_was_refused_at_the_door_is_listed_and_not_replayed(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        with engine.client() as client:
            headers = {"content-type": "application/x-protobuf"}
            assert client.post("/v1/logs", content=b"\xff\xff\xff", headers=headers).status_code == 400
        eventually(lambda: engine.status()["dead_letters"]["count"] == 1, "it is counted")
        table = aa_engine(tmp_path, "dead-letters", "list", "--data-dir", str(engine.data_dir))
        replayed = aa_engine(tmp_path, "dead-letters", "replay", "--json", "--data-dir", str(engine.data_dir))
    assert "logs" in table.stdout
    assert json.loads(replayed.stdout) == {"replayed": 0, "gone": []}


def test_a_log_collector_gets_an_object_a_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o700)
    (tmp_path / "data" / "prices.yaml").write_text("models: [\n")
    (tmp_path / "data" / "engine.yaml").write_text("log:\n  format: json\n")
    with running(tmp_path) as engine:
        eventually(lambda: engine.stderr().strip(), "the wrong file is told")
    said = [json.loads(line) for line in engine.stderr().splitlines()]
    assert any(each["part"] == "prices" and "prices.yaml" in each["message"] for each in said)
    assert {"time", "level", "message"} <= set(said[0])
