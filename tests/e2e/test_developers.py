"""People are merged and split again, in a running engine and without one."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.captures import captures, send_http
from tests.e2e.engine_process import EngineProcess, aa_engine, eventually, running

OWNERS = "select distinct developer_id from mart.fct_commit_costs order by 1"
SESSIONS = "select session_id, developer_id, cost_usd from mart.fct_sessions order by 1"


def developers(engine: EngineProcess, *words: str) -> tuple[int, str]:
    """Exit code, and what was said of a verb that writes nothing to standard output."""
    done = aa_engine(engine.folder, "developers", *words, "--data-dir", str(engine.data_dir))
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.returncode, done.stderr


def refused(engine: EngineProcess, *words: str) -> str:
    code, said = developers(engine, *words)
    assert code == 2, said
    assert len(said.strip().splitlines()) == 1
    return said


def shown(engine: EngineProcess) -> set[str]:
    with engine.local() as client:
        answer = client.get("/api/v1/sessions", params={"limit": 1000})
    return {row["developer_id"] for row in answer.json()["data"]}


def test_a_merge_holds_everywhere_until_it_is_undone(tmp_path: Path) -> None:
    mail = "dev@example.com"
    with running(tmp_path) as engine:
        with engine.client() as client:
            for capture in captures("claude/oauth", "claude/edit"):
                assert send_http(client, capture, "gzip").status_code == 200
        first = eventually(lambda: found if len(found := shown(engine)) == 2 else None, "both are there")
        gone, stays = sorted(first)
        assert "cannot be merged into itself" in refused(engine, "merge", gone, gone)
        assert "there is no developer nobody" in refused(engine, "merge", "nobody", stays)
        assert "is no person" in refused(engine, "merge", "unknown", stays)
        assert "was not merged into anybody" in refused(engine, "split", gone)
        assert "is no e-mail address" in refused(engine, "alias", stays, "--email", "nonsense")
        assert developers(engine, "merge", gone, stays)[0] == 0
        assert shown(engine) == {stays}
        assert "one developer already" in refused(engine, "merge", stays, gone)
        assert "is no longer" in developers(engine, "split", gone)[1]
        assert shown(engine) == first
        assert developers(engine, "alias", stays, "--email", mail)[0] == 0
    before = engine.ask(SESSIONS)
    assert "undoes it" in developers(engine, "merge", gone, stays)[1]
    assert engine.ask(OWNERS) == [(stays,)]
    assert f"into {stays} were merged: {gone}" in refused(engine, "split", stays)
    assert developers(engine, "split", gone)[0] == 0
    assert engine.ask(SESSIONS) == before
    assert {owner for (owner,) in engine.ask(OWNERS)} == first
