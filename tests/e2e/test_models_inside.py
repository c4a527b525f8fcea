"""`aa-engine models` while an engine holds the database: the engine does it, and the shell sees the same."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .engine_process import ROOT, EngineProcess, environment, eventually


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    found = EngineProcess(tmp_path_factory.mktemp("inside")).start()
    yield found
    found.end()


def command(engine: EngineProcess, *words: str) -> list[str]:
    return [sys.executable, "-m", "engine.cli", "models", *words, "--data-dir", str(engine.data_dir)]


def models(engine: EngineProcess, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(engine, *words),
        cwd=engine.folder,
        env=environment(engine.home) | {"DBT_TARGET_PATH": str(engine.folder / "target")} | more,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_run_goes_through_the_engine_that_holds_the_file(engine: EngineProcess) -> None:
    done = models(engine, "run", "-s", "stg_api_requests+", "--exclude", "tag:none")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK created sql" in done.stdout
    assert "Completed successfully" in done.stdout
    assert (engine.folder / "target" / "run_results.json").is_file()


def test_answers_are_data_on_standard_output(engine: EngineProcess) -> None:
    shown = models(engine, "show", "-s", "dim_agents", "--output", "json", "--limit", "1")
    assert shown.returncode == 0, shown.stderr
    assert len(json.loads(shown.stdout)["show"]) == 1
    compiled = models(engine, "compile", "--inline", "select count(*) as n from {{ ref('dim_agents') }}")
    assert compiled.stdout.strip().endswith('"mart"."dim_agents"'), compiled.stderr


def test_the_structured_log_comes_through(engine: EngineProcess) -> None:
    done = models(engine, "--log-format", "json", "test", "-s", "dim_agents")
    events = [json.loads(line)["info"] for line in done.stdout.splitlines()]
    assert {"MainReportVersion", "LogTestResult", "StatsLine"} <= {event["name"] for event in events}
    assert {event["pid"] for event in events} == {engine.ready["processes"]["engine"]}


def test_a_failure_is_the_shell_s_exit_code(engine: EngineProcess) -> None:
    failed = models(engine, "show", "--inline", "select nope")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert "nope" in failed.stderr
    wrong = models(engine, "run", "-s", "tagg:x")
    assert wrong.returncode == 2
    assert "did you mean 'tag'" in wrong.stderr


def test_another_project_on_the_engine_s_file_is_told_who_holds_it(engine: EngineProcess, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "dbt_project.yml").write_text("name: other\nversion: '1'\nprofile: other\n")
    (tmp_path / "models" / "a.sql").write_text("select 1 as id")
    database = engine.data_dir / "agent_analytics.duckdb"
    (tmp_path / "profiles.yml").write_text(
        f"other: {{target: dev, outputs: {{dev: {{type: duckdb, path: '{database}'}}}}}}\n"
    )
    done = models(engine, "run", "--project-dir", str(tmp_path), "--profiles-dir", str(tmp_path))
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert f"in use by the engine at unix:{engine.ready['socket']} (process {engine.ready['pid']})" in line


def test_leaving_ends_the_command_and_the_engine_goes_on(engine: EngineProcess) -> None:
    long = "select count(*) from range(100000000) a, range(100000) b"
    with subprocess.Popen(
        command(engine, "show", "--inline", long),
        cwd=engine.folder,
        env=environment(engine.home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as shell:
        working = "select count(*) as n from duckdb_settings()"
        assert models(engine, "show", "--inline", working).returncode == 0
        shell.send_signal(signal.SIGINT)
        assert shell.wait(60) == 130
    # Building takes a turn of its own: it would wait for ever if the other command still held one.
    assert models(engine, "seed").returncode == 0
    eventually(lambda: engine.settled()["models"] is not None, "the live models go on")


def test_only_the_owner_of_the_data_directory_may_send_commands(engine: EngineProcess) -> None:
    with engine.client() as client:
        assert client.post("/api/v1/internal/models", json={}).status_code in (401, 403)
    with engine.local() as client:
        assert client.get("/api/v1/internal/models").status_code == 405
        assert client.post("/api/v1/internal/models", content=b"[]").status_code == 422
        other = client.post("/api/v1/internal/models", json={"version": "0.0.0", "verb": "ls"})
        assert other.status_code == 409
        assert "restart the engine" in other.json()["detail"]


def test_the_checkout_of_the_project_is_the_default_from_anywhere(engine: EngineProcess) -> None:
    listed = models(engine, "ls", "--resource-type", "model", "--output", "name", "-s", "fct_sessions")
    assert listed.stdout.splitlines() == ["fct_sessions"]
    assert (ROOT / "sql_models" / "dbt_project.yml").is_file()
