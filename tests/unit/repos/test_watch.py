"""engine.repos.watch: what is committed appears by itself."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.clock import FixedClock
from engine.repos import registry
from engine.repos.watch import Watcher
from engine.settings import Settings
from tests.unit.repos.conftest import DEADLINE_SECONDS, NOW, Kept, Repo


@pytest.fixture
def watching(kept: Kept, settings: Settings) -> Iterator[Callable[..., Watcher]]:
    """Start a watcher on some repositories; it is stopped at the end."""
    started: list[Watcher] = []

    def start(*repos: Repo | Path) -> Watcher:
        registry.add(settings, [repo.path if isinstance(repo, Repo) else repo for repo in repos], NOW)
        watcher = Watcher(kept, settings, clock=FixedClock(NOW))
        watcher.start()
        started.append(watcher)
        return watcher

    yield start
    for watcher in started:
        watcher.stop()


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)


def state_of(watcher: Watcher, repo: Repo | Path) -> str:
    path = repo.path if isinstance(repo, Repo) else repo
    return next(state.state for state in watcher.states() if state.path == str(path))


def test_the_history_is_read_at_the_start(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    commit = repo.commit("before")
    watcher = watching(repo)
    kept.wait_for(kept.has_commit(commit))
    until(lambda: state_of(watcher, repo) == "ready")
    assert kept.commits()[commit]["source"] == "backfill"


def test_a_new_commit_arrives(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    before = repo.commit("before")
    watching(repo)
    kept.wait_for(kept.has_commit(before))
    commit = repo.commit("after")
    kept.wait_for(kept.has_commit(commit))
    assert kept.commits()[commit]["source"] == "watch"


def test_the_first_commit_of_an_empty_repository_arrives(
    repo: Repo, kept: Kept, watching: Callable[..., Watcher]
) -> None:
    watcher = watching(repo)
    until(lambda: state_of(watcher, repo) == "empty")
    kept.wait_for(kept.has_commit(repo.commit("first")))


def test_a_commit_on_a_new_branch_in_a_folder_of_its_own_arrives(
    repo: Repo, kept: Kept, watching: Callable[..., Watcher]
) -> None:
    kept_before = repo.commit("before")
    watching(repo)
    kept.wait_for(kept.has_commit(kept_before))
    repo.git("checkout", "-q", "-b", "feature/deep/er")
    kept.wait_for(kept.has_commit(repo.commit("first there")))
    kept.wait_for(kept.has_commit(repo.commit("second there")))


def test_a_commit_after_packing_refs_arrives(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    kept_before = repo.commit("before")
    watching(repo)
    kept.wait_for(kept.has_commit(kept_before))
    repo.git("pack-refs", "--all", "--prune")
    kept.wait_for(kept.has_commit(repo.commit("after packing")))


def test_a_commit_on_a_detached_head_of_a_new_worktree_arrives(
    repo: Repo, kept: Kept, watching: Callable[..., Watcher], tmp_path: Path
) -> None:
    kept_before = repo.commit("before")
    watching(repo)
    kept.wait_for(kept.has_commit(kept_before))
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "elsewhere"))
    kept.wait_for(kept.has_commit(Repo(tmp_path / "elsewhere").commit("detached")))


def test_an_amended_commit_arrives(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    old = repo.commit("tpyo")
    watching(repo)
    kept.wait_for(kept.has_commit(old))
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "typo")
    kept.wait_for(kept.has_commit(repo.git("rev-parse", "HEAD")))


def test_what_was_committed_while_nobody_watched_arrives(
    repo: Repo, kept: Kept, watching: Callable[..., Watcher]
) -> None:
    first = repo.commit("first")
    watcher = watching(repo)
    kept.wait_for(kept.has_commit(first))
    until(lambda: state_of(watcher, repo) == "ready")
    watcher.stop()
    second = repo.commit("second")
    watching(repo)
    kept.wait_for(kept.has_commit(second))
    assert len(kept.commits()) == 2


def test_a_repository_added_to_the_list_is_followed(
    repo: Repo, new_repo: Callable[[str], Repo], kept: Kept, settings: Settings, watching: Callable[..., Watcher]
) -> None:
    watching()
    commit = repo.commit("there before")
    registry.add(settings, [repo.path], NOW)
    kept.wait_for(kept.has_commit(commit))
    kept.wait_for(kept.has_commit(repo.commit("there after")))


def test_a_repository_of_the_configuration_is_followed(repo: Repo, kept: Kept, settings: Settings) -> None:
    from engine.settings import load

    commit = repo.commit("one")
    watcher = Watcher(kept, load(settings.data_dir, flags={"repositories": [str(repo.path)]}, environment={}))
    watcher.start()
    try:
        kept.wait_for(kept.has_commit(commit))
    finally:
        watcher.stop()


def test_a_repository_taken_off_the_list_is_no_longer_watched(
    repo: Repo, kept: Kept, settings: Settings, watching: Callable[..., Watcher]
) -> None:
    kept_before = repo.commit("before")
    watcher = watching(repo)
    kept.wait_for(kept.has_commit(kept_before))
    until(lambda: state_of(watcher, repo) == "ready")
    registry.remove(settings, repo.path)
    kept.wait_for(lambda: [row["watched"] for row in kept.table("repositories")] == [True, False])
    assert watcher.states() == ()


def test_troubled_repositories_have_a_state_and_the_rest_goes_on(
    repo: Repo, new_repo: Callable[[str], Repo], kept: Kept, watching: Callable[..., Watcher], tmp_path: Path
) -> None:
    empty = new_repo("empty")
    plain = tmp_path / "plain"
    plain.mkdir()
    broken = new_repo("broken")
    broken.commit("x")
    shutil.rmtree(broken.path / ".git" / "objects")
    (broken.path / ".git" / "objects").mkdir()
    commit = repo.commit("fine")
    watcher = watching(tmp_path / "missing", plain, broken, empty, repo)
    kept.wait_for(kept.has_commit(commit))
    until(lambda: state_of(watcher, empty) == "empty")
    until(lambda: state_of(watcher, broken) == "failed")
    assert state_of(watcher, tmp_path / "missing") == "missing"
    assert state_of(watcher, plain) == "not_a_repository"


def test_a_missing_repository_is_followed_once_it_is_there(
    new_repo: Callable[[str], Repo], kept: Kept, watching: Callable[..., Watcher], tmp_path: Path
) -> None:
    watcher = watching(tmp_path / "later")
    until(lambda: state_of(watcher, tmp_path / "later") == "missing")
    later = new_repo("later")
    kept.wait_for(kept.has_commit(later.commit("one")))
    kept.wait_for(kept.has_commit(later.commit("two")))


def test_a_repository_that_is_cloned_anew_is_followed_again(
    repo: Repo, kept: Kept, watching: Callable[..., Watcher], tmp_path: Path
) -> None:
    first = repo.commit("one")
    watching(repo)
    kept.wait_for(kept.has_commit(first))
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "upstream.git"))
    shutil.rmtree(repo.path)
    Repo(tmp_path).git("clone", "-q", str(tmp_path / "upstream.git"), str(repo.path))
    kept.wait_for(kept.has_commit(repo.commit("after cloning")))


def test_a_broken_list_is_told_and_the_list_before_stays_in_force(
    repo: Repo, kept: Kept, settings: Settings, watching: Callable[..., Watcher]
) -> None:
    kept_before = repo.commit("before")
    watcher = watching(repo)
    kept.wait_for(kept.has_commit(kept_before))
    registry.list_file(settings).write_text('{"repositories": [\n  oops')
    until(lambda: watcher.problem is not None)
    assert watcher.problem is not None
    assert "repositories.json:2" in watcher.problem
    kept.wait_for(kept.has_commit(repo.commit("after")))
    registry.list_file(settings).write_text(json.dumps({"repositories": [{"path": str(repo.path)}]}))
    until(lambda: watcher.problem is None)


def test_a_store_that_refuses_is_tried_again(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    commit = repo.commit("one")
    kept.refusing = True
    watcher = watching(repo)
    until(lambda: watcher.problem is not None)
    kept.refusing = False
    kept.wait_for(kept.has_commit(commit))
    until(lambda: watcher.problem is None)


def test_a_note_written_after_the_commit_is_evidence(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    commit = repo.commit("one", a="1\n")
    watching(repo)
    kept.wait_for(kept.has_commit(commit))
    note = {"sessions": {"s_1": {"agent_id": {"tool": "claude", "id": "abc", "model": "opus"}}}}
    repo.git("notes", "--ref=ai", "add", "-m", "a\n  s_1 1-1\n---\n" + json.dumps(note))
    kept.wait_for(lambda: "git_commit_evidence" in kept.rows.tables)
    (row,) = kept.table("git_commit_evidence")
    assert (row["commit_hash"], row["kind"], row["agent_type"], row["session_id"]) == (
        commit,
        "git_ai_note",
        "claude_code",
        "abc",
    )


def test_stopping_ends_every_thread(repo: Repo, kept: Kept, watching: Callable[..., Watcher]) -> None:
    commit = repo.commit("one")
    watcher = watching(repo)
    kept.wait_for(kept.has_commit(commit))
    watcher.stop()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("repositories-")] == []
