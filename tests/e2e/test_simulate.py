"""The simulated team against real engines: the same seed is the same work, and a demonstration is alive at once."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.e2e.engine_process import EngineProcess, aa_engine, environment, eventually, running
from tests.e2e.terminal import terminal

MEASURES = ("agent_type", "developer_id", "request_count", "total_tokens", "cost_usd", "tool_call_count")


def simulate(folder: Path, engine: EngineProcess, *flags: str) -> dict[str, int]:
    done = aa_engine(folder, "simulate", "--data-dir", str(engine.data_dir), "--json", "--duration", "1", *flags)
    assert done.returncode == 0, done.stderr
    sent: dict[str, int] = json.loads(done.stdout)
    return sent


def rows(engine: EngineProcess, view: str) -> list[dict[str, Any]]:
    eventually(
        lambda: (status := engine.settled())["batch_id"] == status["journal"]["batch_id"], "the models are up to date"
    )
    with engine.local() as client:
        answer = client.get(f"/api/v1/{view}", params={"limit": 1000})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def worked(folder: Path, seed: str) -> dict[str, tuple[Any, ...]]:
    """Sessions that a fresh engine knows after three simulated hours, by id."""
    folder.mkdir()
    with running(folder) as engine:
        simulate(folder, engine, "--seed", seed, "--developers", "3", "--history", "3h", "--no-commits")
        return {row["session_id"]: tuple(row[name] for name in MEASURES) for row in rows(engine, "sessions")}


def test_the_same_seed_is_the_same_work_on_any_day(tmp_path: Path) -> None:
    first, again, other = (worked(tmp_path / name, seed) for name, seed in (("a", "7"), ("b", "7"), ("c", "8")))
    assert len(first) > 5
    assert first == again
    assert first.keys().isdisjoint(other)


def test_its_commits_are_real_and_find_their_sessions(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        sent = simulate(tmp_path, engine, "--developers", "4", "--history", "1d")
        assert sent["commits"] > 0
        commits = eventually(
            lambda: found if len(found := rows(engine, "commits")) == sent["commits"] else None, "every commit is known"
        )
        linked = [row for row in commits if row["attribution"] in ("assisted", "possible")]
        assert len(linked) / len(commits) > 0.9


def test_a_demonstration_shows_a_living_team_and_nothing_real(tmp_path: Path) -> None:
    home = tmp_path / "home"
    machine = environment(home) | {"AA_DATA_DIR": str(tmp_path / "data")}
    real = home / ".claude" / "projects" / "-src-secret"
    real.mkdir(parents=True)
    line = {
        "type": "assistant",
        "sessionId": "a-real-session",
        "timestamp": "2026-11-20T10:00:00Z",
        "requestId": "req_real",
        "message": {"id": "msg_real", "model": "claude-opus-4-8", "usage": {"input_tokens": 1, "output_tokens": 1}},
    }
    (real / "a-real-session.jsonl").write_text(json.dumps(line) + "\n")
    with terminal(tmp_path, [sys.executable, "-m", "console.cli", "--demo"], machine) as opened:
        shown = opened.wait_for("● live", seconds=60)
        address = json.loads((tmp_path / "data" / "demo" / "engine.json").read_text())
        try:
            assert "DEMO" in shown
            assert "secret" not in opened.screen()
            assert not (tmp_path / "data" / "agent_analytics.duckdb").exists()
        finally:
            # The engine would end half a minute after its console, and the team with it; the test does not wait.
            os.kill(address["pid"], signal.SIGTERM)
