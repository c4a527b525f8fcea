"""engine.repos.scan: what is read of a repository, and when it is read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.clock import FixedClock
from engine.errors import ConfigurationError, StorageError
from engine.repos.registry import Memory
from engine.repos.scan import MessageMode, message_mode, stored_message
from engine.repos.scanner import Scanner
from tests.unit.repos.conftest import NOW, Kept, Repo


def test_a_root_commit_is_compared_with_nothing(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    commit = repo.commit("first", a="1\n2\n3\n")
    scan = scanner.scan(repo.path)
    row = kept.commits()[commit]
    assert (scan.remembered.state, scan.new_commits) == ("ready", 1)
    assert (row["files_changed"], row["lines_added"], row["lines_deleted"], row["parents"]) == (1, 3, 0, "")


def test_author_committer_and_offsets_are_kept_apart(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.write("a", "1\n")
    repo.git("add", "-A")
    repo.git(
        "commit",
        "-q",
        "-m",
        "x",
        GIT_AUTHOR_NAME="Grace",
        GIT_AUTHOR_EMAIL="grace@example.com",
        GIT_AUTHOR_DATE="1700000000 +0530",
        GIT_COMMITTER_DATE="1700000600 -0330",
    )
    scanner.scan(repo.path)
    (row,) = kept.commits().values()
    assert (row["author_name"], row["author_email"], row["developer_id"]) == (
        "Grace",
        "grace@example.com",
        "grace@example.com",
    )
    assert (row["author_timestamp"], row["author_offset_minutes"]) == (1_700_000_000_000_000, 330)
    assert (row["committer_name"], row["committer_email"]) == ("Ada Lovelace", "Ada@Example.com")
    assert (row["commit_timestamp"], row["commit_offset_minutes"]) == (1_700_000_600_000_000, -210)


def test_a_developer_is_an_address_in_lower_case(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit()
    scanner.scan(repo.path)
    (row,) = kept.commits().values()
    assert (row["author_email"], row["developer_id"]) == ("Ada@Example.com", "ada@example.com")


def test_a_merge_is_compared_with_its_first_parent(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("base", a="1\n")
    repo.git("checkout", "-q", "-b", "feature")
    side = repo.commit("side", b="1\n2\n")
    repo.git("checkout", "-q", "main")
    first = repo.commit("on main", c="1\n")
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "feature")
    scanner.scan(repo.path)
    row = kept.commits()[repo.git("rev-parse", "HEAD")]
    assert row["parents"] == f"{first} {side}"
    assert (row["files_changed"], row["lines_added"]) == (1, 2)


def test_a_rename_counts_only_what_changed(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("first", a="".join(f"{line}\n" for line in range(50)))
    (repo.path / "a").rename(repo.path / "b")
    with (repo.path / "b").open("a") as stream:
        stream.write("more\n")
    commit = repo.commit("rename")
    scanner.scan(repo.path)
    row = kept.commits()[commit]
    assert (row["files_changed"], row["lines_added"], row["lines_deleted"]) == (1, 1, 0)


def test_a_binary_file_is_a_file_without_lines(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    commit = repo.commit("binary", picture=b"\0\1\2" * 100, text="1\n")
    scanner.scan(repo.path)
    row = kept.commits()[commit]
    assert (row["files_changed"], row["lines_added"], row["lines_added_total"]) == (2, 1, 1)


def test_lock_generated_and_vendored_files_count_only_in_the_total(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.write("src/main.py", "1\n")
    repo.write("uv.lock", "1\n" * 10)
    repo.write("web/app.min.js", "1\n" * 100)
    repo.write("node_modules/left/pad.js", "1\n" * 1000)
    commit = repo.commit()
    scanner.scan(repo.path)
    row = kept.commits()[commit]
    assert (row["files_changed"], row["lines_added"], row["lines_added_total"]) == (4, 1, 1111)


def test_names_and_messages_that_are_not_utf_8_are_read(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.write("a", "1\n")
    (Path(repo.path) / "h\udce9.txt").write_text("1\n")  # the byte E9
    repo.git("add", "-A")
    tree = repo.git("write-tree")
    body = b"tree %s\nauthor Andr\xe9 <andre@example.com> 1700000000 +0000\n" % tree.encode()
    body += b"committer Andr\xe9 <andre@example.com> 1700000000 +0000\n\nr\xe9sum\xe9\n"
    commit = repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=body)
    repo.git("update-ref", "refs/heads/main", commit)
    assert scanner.scan(repo.path).remembered.state == "ready"
    row = kept.commits()[commit]
    assert (row["author_name"], row["commit_message"], row["files_changed"]) == ("André", "résumé", 2)


def test_a_message_in_another_declared_encoding_is_read(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.git("config", "i18n.commitEncoding", "ISO-8859-15")
    repo.git("commit", "-q", "--allow-empty", "-F", "-", stdin="5 €".encode("iso-8859-15"))
    scanner.scan(repo.path)
    (row,) = kept.commits().values()
    assert row["commit_message"] == "5 €"


def test_an_empty_commit_changes_nothing_and_is_there(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    commit = repo.commit("nothing")
    scanner.scan(repo.path)
    row = kept.commits()[commit]
    assert (row["files_changed"], row["lines_added"], row["lines_deleted"]) == (0, 0, 0)


def test_a_commit_without_a_message_is_there(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    commit = repo.commit("")
    scanner.scan(repo.path)
    assert kept.commits()[commit]["commit_message"] == ""


def test_an_author_without_name_and_address_is_unknown(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    tree = repo.git("write-tree")
    body = f"tree {tree}\nauthor  <> 1700000000 +0000\ncommitter  <> 99999999999999 +9999\n\nx\n".encode()
    commit = repo.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=body)
    repo.git("update-ref", "refs/heads/main", commit)
    scanner.scan(repo.path)
    row = kept.commits()[commit]
    assert (row["author_name"], row["author_email"], row["developer_id"]) == (None, None, None)
    assert (row["commit_timestamp"], row["commit_offset_minutes"]) == (0, 0)


def test_an_empty_repository_is_fine(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    scan = scanner.scan(repo.path)
    assert (scan.remembered.state, scan.remembered.detail) == ("empty", "no commit yet")
    assert kept.commits() == {}


def test_the_first_commit_of_an_empty_repository_is_read(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    scanner.scan(repo.path)
    commit = repo.commit()
    assert scanner.scan(repo.path).remembered.state == "ready"
    assert list(kept.commits()) == [commit]


def test_only_new_commits_are_read_later(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("one")
    repo.commit("two")
    assert scanner.scan(repo.path).new_commits == 2
    third = repo.commit("three")
    again = scanner.scan(repo.path)
    assert (again.new_commits, again.remembered.commits) == (1, 3)
    assert kept.commits()[third]["source"] == "watch"
    assert scanner.scan(repo.path).new_commits == 0


def test_everything_is_read_again_when_asked(repo: Repo, scanner: Scanner) -> None:
    repo.commit("one")
    scanner.scan(repo.path)
    again = scanner.scan(repo.path, again=True)
    assert (again.new_commits, again.remembered.commits) == (1, 1)


def test_a_fresh_database_is_filled_again(repo: Repo, scanner: Scanner, memory: Memory, tmp_path: Path) -> None:
    repo.commit("one")
    scanner.scan(repo.path)
    (tmp_path / "data" / "agent_analytics.duckdb").write_bytes(b"new")
    assert scanner.scan(repo.path).new_commits == 1


def test_an_amended_commit_is_a_new_one(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("base")
    old = repo.commit("tpyo", a="1\n")
    scanner.scan(repo.path)
    repo.git("commit", "-q", "--amend", "-m", "typo")
    assert scanner.scan(repo.path).new_commits == 1
    assert {old, repo.git("rev-parse", "HEAD")} <= set(kept.commits())


def test_a_known_tip_that_was_collected_as_garbage_does_no_harm(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("base")
    repo.commit("gone soon", a="1\n")
    scanner.scan(repo.path)
    repo.git("commit", "-q", "--amend", "-m", "stays")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert scanner.scan(repo.path).remembered.state == "ready"
    assert repo.git("rev-parse", "HEAD") in kept.commits()


def test_a_rebased_change_keeps_its_patch_id(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("base")
    scanner.scan(repo.path)
    old = repo.commit("change", a="1\n")
    scanner.scan(repo.path)
    repo.git("commit", "-q", "--amend", "-m", "the same change")
    scanner.scan(repo.path)
    commits = kept.commits()
    assert commits[old]["patch_id"] == commits[repo.git("rev-parse", "HEAD")]["patch_id"] is not None


def test_packed_refs_are_read(repo: Repo, scanner: Scanner) -> None:
    repo.commit("one")
    repo.git("branch", "other")
    repo.git("pack-refs", "--all")
    assert scanner.scan(repo.path).new_commits == 1


def test_every_branch_counts_once_and_names_its_own_commits(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    base = repo.commit("base")
    repo.git("checkout", "-q", "-b", "feature/login")
    side = repo.commit("side")
    repo.git("checkout", "-q", "--detach")
    loose = repo.commit("loose")
    repo.git("tag", "-a", "v1", "-m", "v1", loose)
    assert scanner.scan(repo.path).new_commits == 3
    branches = {name: row["branch"] for name, row in kept.commits().items()}
    assert branches == {base: "main", side: "feature/login", loose: None}


def test_commits_of_others_are_read_from_remote_branches(
    repo: Repo, new_repo: Callable[[str], Repo], scanner: Scanner, kept: Kept
) -> None:
    theirs = new_repo("theirs")
    base = theirs.commit("base")
    theirs.git("checkout", "-q", "-b", "topic")
    topic = theirs.commit("topic")
    theirs.git("checkout", "-q", "main")
    repo.git("remote", "add", "origin", str(theirs.path))
    repo.git("fetch", "-q")
    repo.git("remote", "set-head", "origin", "--auto")
    scanner.scan(repo.path)
    assert {name: row["branch"] for name, row in kept.commits().items()} == {base: "main", topic: "topic"}


def test_stash_and_notes_are_no_commits_of_anybody(repo: Repo, scanner: Scanner) -> None:
    repo.commit("one", a="1\n")
    repo.write("a", "2\n")
    repo.git("stash", "-q")
    repo.git("notes", "add", "-m", "a note")
    assert scanner.scan(repo.path).new_commits == 1


def test_a_worktree_belongs_to_its_repository(repo: Repo, scanner: Scanner, kept: Kept, tmp_path: Path) -> None:
    repo.commit("one")
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "elsewhere"))
    loose = Repo(tmp_path / "elsewhere").commit("detached")
    scanner.scan(repo.path)
    assert loose in kept.commits()
    seen_from_there = scanner.scan(tmp_path / "elsewhere").remembered
    assert {row["project_id"] for row in kept.table("git_commits")} == {seen_from_there.project_id}


def test_a_bare_repository_is_read(repo: Repo, scanner: Scanner, tmp_path: Path) -> None:
    repo.commit("one")
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare.git"))
    assert scanner.scan(tmp_path / "bare.git").new_commits == 1


def test_the_border_of_a_shallow_clone_has_no_figures(repo: Repo, scanner: Scanner, kept: Kept, tmp_path: Path) -> None:
    repo.commit("one", a="1\n")
    border = repo.commit("two", b="1\n")
    repo.git("clone", "-q", "--depth", "1", f"file://{repo.path}", str(tmp_path / "shallow"))
    clone = Repo(tmp_path / "shallow")
    scanner.scan(clone.path)
    assert kept.commits()[border]["lines_added"] is None
    clone.git("fetch", "-q", "--unshallow")
    kept.rows.tables.clear()
    scanner.scan(clone.path)
    assert kept.commits()[border]["lines_added"] == 1


def test_a_project_that_gets_a_remote_is_read_under_its_new_name(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.commit("one")
    scanner.scan(repo.path)
    repo.git("remote", "add", "origin", "git@github.com:acme/payments.git")
    assert scanner.scan(repo.path).new_commits == 1
    assert {row["project_id"] for row in kept.table("git_commits")} >= {"github.com/acme/payments"}


def test_the_repository_itself_is_recorded_once(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    repo.git("remote", "add", "origin", "https://ada:secret@github.com/acme/payments.git")
    repo.commit("one")
    scanner.scan(repo.path)
    repo.commit("two")
    scanner.scan(repo.path)
    (row,) = kept.table("repositories")
    assert (row["project_id"], row["project_name"], row["watched"]) == ("github.com/acme/payments", "payments", True)
    assert (row["remote_url"], row["default_branch"]) == ("https://github.com/acme/payments.git", "main")


def test_settings_of_the_user_change_nothing(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    for name, value in {
        "log.showRoot": "false",
        "diff.renames": "false",
        "log.date": "relative",
        "core.quotePath": "true",
        "color.ui": "always",
        "diff.noprefix": "true",
        "log.decorate": "full",
        "format.pretty": "oneline",
        "notes.displayRef": "refs/notes/*",
        "log.follow": "true",
        "diff.external": "false",
    }.items():
        repo.git("config", name, value)
    repo.commit("first", ü="1\n" * 9)
    (repo.path / "ü").rename(repo.path / "ö")
    renamed = repo.commit("second")
    scanner.scan(repo.path)
    row = kept.commits()[renamed]
    assert (row["commit_message"], row["lines_added"], row["files_changed"]) == ("second", 0, 1)


def test_git_variables_of_a_surrounding_hook_point_nowhere(
    repo: Repo, new_repo: Callable[[str], Repo], scanner: Scanner, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit("one")
    other = new_repo("other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "index")
    assert scanner.scan(repo.path).new_commits == 1


def test_a_folder_that_is_missing_is_missing(scanner: Scanner, tmp_path: Path) -> None:
    state = scanner.scan(tmp_path / "nowhere").remembered
    assert (state.state, state.detail) == ("missing", f"{tmp_path / 'nowhere'}: no such folder")


def test_a_folder_without_git_is_no_repository(scanner: Scanner, tmp_path: Path) -> None:
    assert scanner.scan(tmp_path).remembered.state == "not_a_repository"


def test_a_damaged_repository_is_told_and_read_once_it_is_whole(repo: Repo, scanner: Scanner, tmp_path: Path) -> None:
    repo.commit("one", a="1\n")
    shutil.move(repo.path / ".git" / "objects", tmp_path / "aside")
    (repo.path / ".git" / "objects").mkdir()
    broken = scanner.scan(repo.path).remembered
    assert broken.state == "failed"
    assert broken.detail is not None
    assert str(repo.path) in broken.detail
    (repo.path / ".git" / "objects").rmdir()
    shutil.move(tmp_path / "aside", repo.path / ".git" / "objects")
    assert scanner.scan(repo.path).remembered.state == "ready"


def test_what_could_not_be_recorded_is_read_again(repo: Repo, scanner: Scanner, kept: Kept) -> None:
    commit = repo.commit("one")
    kept.refusing = True
    with pytest.raises(StorageError):
        scanner.scan(repo.path)
    kept.refusing = False
    scanner.scan(repo.path)
    assert list(kept.commits()) == [commit]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("full", "Subject on\ntwo lines\n\nBody"),
        ("subject", "Subject on two lines"),
        ("hash", "blake2b:2a0d2dc9b1a07aa01bc5eb4d4ab7b1d4"),
        ("none", None),
    ],
)
def test_a_message_is_kept_as_far_as_the_setting_says(mode: MessageMode, expected: str | None) -> None:
    found = stored_message("Subject on\ntwo lines\n\nBody", mode)
    if mode == "hash":
        assert found is not None
        assert found.startswith("blake2b:")
        assert len(found) == len(expected or "")
    else:
        assert found == expected


def test_without_the_message_only_trailers_that_are_evidence_stay(repo: Repo, kept: Kept, memory: Memory) -> None:
    repo.commit("x\n\nReviewed-by: Grace\nCo-Authored-By: Claude Opus 5 <noreply@anthropic.com>\n")
    Scanner(kept, memory, "none", FixedClock(NOW)).scan(repo.path)
    (row,) = kept.commits().values()
    assert row["commit_message"] is None
    assert json.loads(row["trailers"]) == [["Co-Authored-By", "Claude Opus 5 <noreply@anthropic.com>"]]


def test_an_unknown_mode_is_an_error_of_the_configuration() -> None:
    with pytest.raises(ConfigurationError):
        message_mode("some")


def test_progress_tells_how_many_there_are(repo: Repo, scanner: Scanner) -> None:
    for number in range(3):
        repo.commit(str(number))
    told: list[tuple[int, int]] = []
    scanner.scan(repo.path, progress=lambda done, total: told.append((done, total)))
    assert told == [(3, 3)]
