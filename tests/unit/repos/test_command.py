"""`aa-engine repos`: the list, and reading histories into a real data directory."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from engine.cli import main
from engine.repos import registry
from engine.settings import Settings
from tests.unit.repos.conftest import NOW, Repo


@pytest.fixture(autouse=True)
def own_data_directory(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    """Every command works on the test's data directory."""
    monkeypatch.setenv("AA_DATA_DIR", str(settings.data_dir))


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["repos", *map(str, words)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_repository_is_added_once(repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    repo.commit()
    code, _, told = run(capsys, "add", repo.path)
    assert (code, told.split()[0]) == (0, "watching")
    assert run(capsys, "add", repo.path)[2].startswith("already watching")
    (repo.path / "deep").mkdir()
    assert run(capsys, "add", repo.path / "deep")[2].startswith("already watching")
    assert [entry.path for entry in registry.read_list(settings)] == [repo.path]


def test_an_empty_repository_is_fine(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, told = run(capsys, "add", repo.path)
    assert code == 0
    assert "no commit yet" in told
    assert run(capsys, "scan")[:2] == (0, f"{repo.path}: no commit yet\n")


def test_one_wrong_path_is_told_and_the_others_are_added(
    repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, told = run(capsys, "add", tmp_path / "nowhere", tmp_path, repo.path)
    assert code == 1
    assert f"{tmp_path / 'nowhere'}: no such folder" in told
    assert f"{tmp_path}: not a git repository" in told
    assert [entry.path for entry in registry.read_list(settings)] == [repo.path]


def test_a_repository_is_removed(repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "add", repo.path)
    assert run(capsys, "remove", repo.path)[0] == 0
    assert registry.read_list(settings) == ()
    code, _, told = run(capsys, "remove", repo.path)
    assert (code, "is not watched" in told) == (2, True)


def test_a_repository_that_is_gone_can_be_removed(
    repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "add", repo.path)
    repo.path.rename(repo.path.with_name("moved"))
    (listed,) = json.loads(run(capsys, "list", "--json")[1])["data"]
    assert listed["state"] == "missing"
    assert run(capsys, "remove", repo.path)[0] == 0


def test_a_scan_fills_the_store_and_the_list_tells(
    repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    commits = {repo.commit("one"), repo.commit("two\n\nCo-Authored-By: Claude <noreply@anthropic.com>")}
    run(capsys, "add", repo.path)
    assert run(capsys, "scan")[:2] == (0, f"{repo.path}: 2 new commits, 2 in all\n")
    assert run(capsys, "scan")[:2] == (0, f"{repo.path}: 0 new commits, 2 in all\n")
    (listed,) = json.loads(run(capsys, "list", "--json")[1])["data"]
    assert (listed["state"], listed["commits"], listed["default_branch"]) == ("ready", 2, "main")
    assert stored(settings, "select commit_hash from raw.git_commits") == {(commit,) for commit in commits}
    assert stored(settings, "select kind, agent_type from raw.git_commit_evidence") == {
        ("agent_trailer", "claude_code")
    }
    assert stored(settings, "select watched from raw.repositories") == {(True,)}


def test_reading_everything_again_stores_nothing_twice(
    repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit("one")
    run(capsys, "scan", repo.path)
    assert run(capsys, "scan", repo.path, "--again")[0] == 0
    assert stored(settings, "select count(*) from raw.git_commits") == {(1,)}


def test_a_scan_of_a_troubled_repository_fails_and_reads_the_others(
    repo: Repo, settings: Settings, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    repo.commit("one")
    registry.add(settings, [tmp_path / "nowhere", repo.path], NOW)
    code, out, told = run(capsys, "scan")
    assert code == 1
    assert out == f"{repo.path}: 1 new commits, 1 in all\n"
    assert told == f"aa-engine: {tmp_path / 'nowhere'}: no such folder\n"


def test_a_broken_list_names_file_and_line(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    registry.list_file(settings).write_text('{"repositories": [\n\n}')
    code, _, told = run(capsys, "list")
    assert code == 2
    assert f"{registry.list_file(settings)}:3" in told


@pytest.mark.parametrize(
    "content", ["[]", '{"repositories": {}}', '{"repositories": [{"add": 1}]}', '{"repositories": [5]}']
)
def test_a_list_of_another_shape_is_told(settings: Settings, capsys: pytest.CaptureFixture[str], content: str) -> None:
    registry.list_file(settings).write_text(content)
    code, _, told = run(capsys, "list")
    assert code == 2
    assert "repositories.json" in told


def test_editors_of_the_list_do_not_overwrite_each_other(settings: Settings, tmp_path: Path) -> None:
    workers = [
        threading.Thread(target=registry.add, args=(settings, [tmp_path / str(number)], NOW)) for number in range(8)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {entry.path for entry in registry.read_list(settings)} == {tmp_path / str(number) for number in range(8)}


def stored(settings: Settings, sql: str) -> set[tuple[object, ...]]:
    """Rows of the data directory's database, opened by itself."""
    import duckdb

    with duckdb.connect(str(settings.database), read_only=True) as connection:
        return set(connection.execute(sql).fetchall())
