"""`aa-engine import transcripts` from outside: a real data directory, exit codes and words."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from engine.cli import main
from engine.ingest.transcript_state import FILE_NAME, known_files
from engine.store.lock import DirectoryLock
from tests.unit.transcripts.support import FIXTURES, append_lines, reply, write_lines


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder and an environment that points nowhere else."""
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / ".gitconfig").write_text("[user]\n\temail = Dev@Example.org\n")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("AA_DATA_DIR", str(tmp_path / "data"))
    return folder


def raw(tmp_path: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(tmp_path / "data/agent_analytics.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_histories_become_rows_of_the_database(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = FIXTURES / "telemetry/claude/commit-details/transcripts"
    for file in source.glob("*.jsonl"):
        write_lines(home / ".claude/projects/p" / file.name, file.read_bytes().splitlines())
    assert main(["import", "transcripts"]) == 0
    printed = capsys.readouterr()
    assert "requests  4 (claude_code 4)" in printed.out
    assert "sessions  1 in 1 projects" in printed.out
    usage = (
        "select count(*), sum(input_tokens), sum(cache_write_5m_tokens), any_value(developer_id)"
        " from raw.transcript_usage"
    )
    assert raw(tmp_path, usage) == [(4, 4100, 1210, "dev@example.org")]
    assert raw(tmp_path, "select kind, commit_hash from raw.git_commit_evidence") == [("telemetry_sha", "a7436e3")]
    assert raw(tmp_path, "select count(*) from raw.transcript_tool_calls") == [(3,)]


def test_a_second_import_adds_what_is_new(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_lines(home / ".claude/projects/p/a.jsonl", [reply(1, 1)])
    main(["import", "transcripts"])
    append_lines(path, [reply(2, 2)])
    capsys.readouterr()
    assert main(["import", "transcripts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 1
    assert main(["import", "transcripts", "--again", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["requests"] == 2
    assert raw(tmp_path, "select count(*) from raw.transcript_usage") == [(2,)]


def test_an_import_with_nothing_new_opens_nothing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.client.STARTING_SECONDS", 0.0)
    path = write_lines(home / ".claude/projects/p/a.jsonl", [reply(1, 1)])
    main(["import", "transcripts"])
    lock = DirectoryLock.acquire(tmp_path / "data")  # whoever would open it now, would be refused
    try:
        capsys.readouterr()
        assert main(["import", "transcripts"]) == 0
        assert "files     0 read, 1 unchanged" in capsys.readouterr().out
        append_lines(path, [reply(2, 2)])
        assert main(["import", "transcripts"]) == 1
    finally:
        lock.release()
    assert main(["import", "transcripts"]) == 0
    assert raw(tmp_path, "select count(*) from raw.transcript_usage") == [(2,)]


def test_after_an_import_that_did_not_finish_the_next_goes_through(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_lines(home / ".claude/projects/p/a.jsonl", [reply(1, 1)])
    with monkeypatch.context() as patched:
        patched.setattr("engine.ingest.transcript_state.Positions.finished", lambda self: None)
        main(["import", "transcripts"])
    file, database = tmp_path / "data" / FILE_NAME, tmp_path / "data/agent_analytics.duckdb"
    assert known_files(file, database) == {}
    assert main(["import", "transcripts"]) == 0
    assert list(known_files(file, database)) == [str(home / ".claude/projects/p/a.jsonl")]


def test_a_named_folder_is_read(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_lines(tmp_path / "backup/a.jsonl", [reply(1, 1)])
    assert main(["import", "transcripts", str(tmp_path / "backup")]) == 0
    assert "files     1 read" in capsys.readouterr().out


def test_a_path_that_does_not_exist_is_wrong_usage(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "transcripts", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.startswith(f"aa-engine: {tmp_path / 'nothing'} does not exist; ")


def test_a_named_file_that_is_no_history_fails(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("hello\n")
    assert main(["import", "transcripts", str(tmp_path / "notes.txt")]) == 1
    assert "notes.txt: no history of a known agent" in capsys.readouterr().err


def test_nothing_found_says_where_it_looked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "transcripts"]) == 0
    assert not (home.parent / "data").exists()
    told = capsys.readouterr().err
    assert f"looked in {home / '.claude/projects'}" in told
    assert str(home / ".codex/sessions") in told


def test_the_kind_must_be_said(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["import"])
    assert stopped.value.code == 2
