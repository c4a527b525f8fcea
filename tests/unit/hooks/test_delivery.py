"""From a commit to an engine: exactly once, whatever breaks in between."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from engine.projects import identify
from hooks import background
from hooks.flush import COMMIT_FIELDS, commit_fields
from tests.unit.hooks.conftest import Engine, Machine, kill, until


@pytest.fixture
def repository(machine: Machine, engine: Engine) -> Path:
    folder = machine.repository()
    machine.hooks("init", "--yes", "--agents", "none", "--backend-url", engine.url, cwd=folder)
    return folder


def test_a_commit_is_delivered_in_the_background(machine: Machine, repository: Path, engine: Engine) -> None:
    commit = machine.commit(repository, "Fix it\n\nBecause")
    until(lambda: engine.commits() == [commit])
    (item,) = engine.items("/v1/commits")
    for name in ("author_name", "author_email", "timestamp", "files_changed", "lines_added", "lines_deleted"):
        assert name in item
    assert (item["commit_message"], item["author_email"]) == ("Fix it\n\nBecause", "ada@example.com")
    assert (item["files_changed"], item["lines_added"], item["lines_deleted"]) == (1, 1, 0)
    assert (item["agent_assisted"], item["branch"], item["source"]) == (False, "main", "hook")
    assert item["project_id"] == identify(repository).project_id


def test_the_session_of_an_agent_is_evidence(machine: Machine, repository: Path, engine: Engine) -> None:
    machine.commit(repository, CLAUDE_CODE_SESSION_ID="9d1bd6a4-41b9-4e0c", CLAUDE_CODE_CHILD_SESSION="1")
    until(engine.commits)
    (item,) = engine.items("/v1/commits")
    assert (item["agent_assisted"], item["agent_type"], item["agent_session_id"]) == (
        True,
        "claude_code",
        "9d1bd6a4-41b9-4e0c",
    )
    (sign,) = item["evidence"]
    assert (sign["kind"], sign["session_id"]) == ("hook_environment", "9d1bd6a4-41b9-4e0c")


def test_a_flag_of_an_agent_is_weaker_evidence(machine: Machine, repository: Path, engine: Engine) -> None:
    machine.commit(repository, GEMINI_CLI="1")
    until(engine.commits)
    (item,) = engine.items("/v1/commits")
    assert item["evidence"] == [{"kind": "agent_flag", "agent_type": "gemini_cli", "value": "GEMINI_CLI"}]
    assert "agent_session_id" not in item


def test_an_amend_tells_which_commit_it_replaced(machine: Machine, repository: Path, engine: Engine) -> None:
    before = machine.commit(repository, CLAUDE_CODE_SESSION_ID="9d1bd6a4-41b9-4e0c")
    machine.git(repository, "commit", "-q", "--amend", "-m", "better")
    after = machine.git(repository, "rev-parse", "HEAD")

    def told() -> list[tuple[str, str]]:
        signs = [
            (item["commit_hash"], sign) for item in engine.items("/v1/commits") for sign in item.get("evidence", ())
        ]
        return [(commit, sign["value"]) for commit, sign in signs if sign["kind"] == "rewritten_from"]

    until(told)
    assert told() == [(after, before)]


def test_a_rebase_says_nothing_of_who_wrote_the_commits(machine: Machine, repository: Path, engine: Engine) -> None:
    machine.commit(repository, "first")
    machine.commit(repository, "second")
    machine.git(
        repository,
        "rebase",
        "-q",
        "--no-ff",
        "HEAD~1",
        CODEX_THREAD_ID="abcdefgh",
        GIT_COMMITTER_DATE="1700000000 +0000",
    )
    head = machine.git(repository, "rev-parse", "HEAD")
    until(lambda: head in engine.commits())
    assert [item for item in engine.items("/v1/commits") if item["agent_assisted"]] == []


def test_a_commit_works_while_the_engine_is_down_and_arrives_once_later(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    engine.answer = lambda body: 503
    commits = sorted(machine.commit(repository, str(number)) for number in range(3))
    assert machine.hooks("flush").returncode == 1
    assert engine.commits() == []
    engine.answer = lambda body: 202
    assert machine.hooks("flush").returncode == 0
    assert sorted(engine.commits()) == commits
    machine.hooks("flush")
    assert sorted(engine.commits()) == commits


def test_a_commit_works_without_any_network(machine: Machine, engine: Engine) -> None:
    repository = machine.repository()
    machine.hooks("init", "--yes", "--agents", "none", "--backend-url", "http://127.0.0.1:9", cwd=repository)
    commit = machine.commit(repository)
    until(lambda: machine.delivering() is None)
    machine.hooks("init", "--yes", "--backend-url", engine.url, cwd=repository)
    machine.hooks("flush")
    assert engine.commits() == [commit]


def test_the_engine_of_this_machine_is_found_by_its_socket(machine: Machine, socket_engine: Engine) -> None:
    repository = machine.repository()
    machine.hooks("init", "--yes", "--agents", "none", cwd=repository)
    commit = machine.commit(repository)
    until(lambda: socket_engine.commits() == [commit])


def test_without_an_engine_on_this_machine_commits_wait(machine: Machine) -> None:
    repository = machine.repository()
    machine.hooks("init", "--yes", "--agents", "none", cwd=repository)
    machine.commit(repository)
    done = machine.hooks("flush")
    assert done.returncode == 1
    assert b"no engine runs on this machine" in done.stderr
    assert len(list((machine.folder.spool / "outbox").glob("*.json"))) == 1


def test_a_delivery_killed_before_its_answer_loses_nothing_and_repeats_the_same_bytes(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    engine.held.clear()
    commit = machine.commit(repository)
    until(engine.commits)
    pid = machine.delivering()
    assert pid is not None
    kill(pid)
    until(lambda: machine.delivering() is None)
    engine.held.set()
    machine.hooks("flush")
    assert engine.commits() == [commit, commit]
    first, second = engine.items("/v1/commits")
    assert first == second


def test_a_delivery_killed_at_any_moment_loses_nothing(machine: Machine, engine: Engine, repository: Path) -> None:
    commits = []
    for number in range(8):
        commits.append(machine.commit(repository, str(number)))
        process = subprocess.Popen([*background.command(), "flush"], env=machine.environment, cwd=machine.home)
        time.sleep(0.01 * number)
        kill(process.pid)
        process.wait()
    until(lambda: machine.delivering() is None)
    machine.hooks("flush")
    assert set(engine.commits()) == set(commits)
    by_hash = {item["commit_hash"]: item for item in engine.items("/v1/commits")}
    assert all(item == by_hash[item["commit_hash"]] for item in engine.items("/v1/commits"))


def test_commits_made_while_somebody_delivers_are_delivered_too(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    engine.held.clear()
    first = machine.commit(repository)
    until(engine.commits)
    second = machine.commit(repository)
    engine.held.set()
    until(lambda: engine.commits() == [first, second])


def test_what_the_engine_refuses_is_put_aside_and_holds_up_nothing(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    engine.answer = lambda body: 503
    good, bad = machine.commit(repository, "good"), machine.commit(repository, "bad")
    until(lambda: machine.delivering() is None)
    engine.answer = lambda body: 422 if "bad" in json.dumps(body) else 202
    machine.hooks("flush")
    assert engine.commits() == [good]
    (refused,) = (machine.folder.spool / "refused").glob("*.json")
    kept = json.loads(refused.read_text())
    assert kept["reason"] == "422 because of the test"
    assert bad in kept["content"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 301])
def test_what_may_be_repaired_is_kept(machine: Machine, engine: Engine, repository: Path, status: int) -> None:
    engine.answer = lambda body: status
    commit = machine.commit(repository)
    until(lambda: machine.delivering() is None)
    engine.answer = lambda body: 202
    machine.hooks("flush")
    assert engine.commits() == [commit]


def test_the_key_and_the_developer_go_along(machine: Machine, engine: Engine, repository: Path) -> None:
    machine.hooks("init", "--yes", "--api-key", "aa_test_12345678", "--developer", "ada", cwd=repository)
    machine.commit(repository)
    until(engine.commits)
    _, headers, item = engine.received[0]
    assert (headers["authorization"], headers["x-developer-id"]) == ("Bearer aa_test_12345678", "ada")
    assert item["developer_id"] == "ada"


def test_credentials_of_a_remote_stay_here(machine: Machine, engine: Engine, repository: Path) -> None:
    machine.git(repository, "remote", "add", "origin", "https://ada:s3cret@github.com/acme/web.git")
    machine.commit(repository)
    until(engine.commits)
    assert "s3cret" not in json.dumps(engine.items("/v1/commits"))
    assert engine.items("/v1/commits")[0]["project_id"] == "github.com/acme/web"


@given(some.from_regex(rb"[0-9a-f]{38}(c1|[0-9a-f]{2}|[0-9a-f]{26})", fullmatch=True), some.binary(max_size=60))
def test_a_line_is_read_whatever_its_hash_ends_in_and_whatever_was_torn_before_it(commit: bytes, torn: bytes) -> None:
    rest = [b"c1", commit, b"1795223030", *[b""] * (COMMIT_FIELDS - 5), b"/src/c1/.git", b"/src/c1"]
    torn = torn.replace(b"\n", b"")
    assert commit_fields(torn + b"\t".join(rest)) == rest


def test_a_line_torn_by_a_crash_does_not_take_the_next_one_along(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    with (machine.folder.spool / "commits.log").open("ab") as stream:
        stream.write(b"c1\tdeadbeef\t17")
    commit = machine.commit(repository)
    until(lambda: engine.commits() == [commit])


def test_a_commit_that_is_gone_is_put_aside_with_a_reason(machine: Machine, engine: Engine, repository: Path) -> None:
    machine.commit(repository)
    until(engine.commits)
    until(lambda: machine.delivering() is None)
    fields = ["c1", "0" * 40, "1700000000", *[""] * 9, str(repository / ".git"), str(repository)]
    (machine.folder.spool / "commits.log").write_text("\t".join(fields) + "\n")
    machine.hooks("flush")
    assert len(list((machine.folder.spool / "refused").glob("*.json"))) == 1
    assert len(engine.commits()) == 1


@pytest.mark.parametrize("form", ["merge", "empty", "binary", "rename"])
def test_every_kind_of_commit_is_delivered(machine: Machine, engine: Engine, repository: Path, form: str) -> None:
    machine.commit(repository, "base")
    if form == "merge":
        machine.git(repository, "checkout", "-q", "-b", "side")
        (repository / "side").write_text("1\n2\n")
        machine.git(repository, "add", "-A")
        machine.git(repository, "commit", "-q", "-m", "side")
        machine.git(repository, "checkout", "-q", "main")
        machine.git(repository, "merge", "-q", "--no-ff", "-m", "merge", "side")
        # A merge commit runs post-merge, not post-commit: it is noted by hand here.
        machine.hooks("log-commit", cwd=repository)
        expected = (1, 2)
    elif form == "empty":
        machine.git(repository, "commit", "-q", "--allow-empty", "-m", "empty")
        expected = (0, 0)
    elif form == "binary":
        (repository / "picture").write_bytes(b"\0\1" * 50)
        machine.git(repository, "add", "-A")
        machine.git(repository, "commit", "-q", "-m", "binary")
        expected = (1, 0)
    else:
        machine.git(repository, "mv", "file", "renamed")
        machine.git(repository, "commit", "-q", "-m", "rename")
        expected = (1, 0)
    head = machine.git(repository, "rev-parse", "HEAD")
    until(lambda: head in engine.commits())
    item = next(item for item in engine.items("/v1/commits") if item["commit_hash"] == head)
    assert (item["files_changed"], item["lines_added"]) == expected


def test_a_repository_with_an_odd_name_is_delivered(machine: Machine, engine: Engine) -> None:
    repository = machine.repository('päyments & co\'s "things"')
    machine.hooks("init", "--yes", "--agents", "none", "--backend-url", engine.url, cwd=repository)
    commit = machine.commit(repository)
    until(lambda: engine.commits() == [commit])


def test_a_commit_in_a_worktree_belongs_to_its_repository(machine: Machine, engine: Engine, repository: Path) -> None:
    machine.commit(repository)
    machine.git(repository, "worktree", "add", "-q", str(machine.home / "elsewhere"))
    commit = machine.commit(machine.home / "elsewhere")
    until(lambda: commit in engine.commits())
    item = next(item for item in engine.items("/v1/commits") if item["commit_hash"] == commit)
    assert (item["project_id"], item["branch"]) == (identify(repository).project_id, "elsewhere")


# --- log-commit ---------------------------------------------------------------------------------------------------


def test_log_commit_takes_the_eight_flags_of_the_specification(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    words = ["--hash", "a" * 40, "--message", "Fix", "--author", "Ada", "--email", "ada@example.com"]
    words += ["--timestamp", "1700000000", "--files-changed", "3", "--lines-added", "10", "--lines-deleted", "2"]
    done = machine.hooks("log-commit", *words, cwd=repository, CODEX_THREAD_ID="thread-1")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    until(engine.commits)
    (item,) = engine.items("/v1/commits")
    expected = {
        "commit_hash": "a" * 40,
        "commit_message": "Fix",
        "author_name": "Ada",
        "author_email": "ada@example.com",
        "timestamp": 1700000000,
        "files_changed": 3,
        "lines_added": 10,
        "lines_deleted": 2,
        "agent_assisted": True,
        "agent_session_id": "thread-1",
        "agent_type": "codex",
    }
    assert expected.items() <= item.items()


def test_log_commit_without_flags_reads_git(machine: Machine, engine: Engine, repository: Path) -> None:
    other = machine.repository("unhooked")
    commit = machine.commit(other)
    machine.hooks("log-commit", cwd=other)
    until(lambda: engine.commits() == [commit])


@pytest.mark.parametrize("words", [("--hash", "abc"), ("--message", "x"), ("--timestamp", "soon")])
def test_log_commit_with_wrong_flags_is_told(machine: Machine, words: tuple[str, ...]) -> None:
    done = machine.hooks("log-commit", *words)
    assert done.returncode == 2
    assert len(done.stderr.decode().splitlines()) == 1


def test_log_commit_outside_a_repository_is_told(machine: Machine) -> None:
    assert machine.hooks("log-commit").returncode == 1


# --- sessions -----------------------------------------------------------------------------------------------------


def test_a_session_that_starts_is_delivered_without_its_path(
    machine: Machine, engine: Engine, repository: Path
) -> None:
    machine.git(repository, "remote", "add", "origin", "git@github.com:acme/web.git")
    told = {"session_id": "s-1234", "cwd": str(repository), "hook_event_name": "SessionStart", "source": "startup"}
    done = machine.hooks("session", "--agent", "claude_code", stdin=json.dumps(told).encode())
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    until(lambda: engine.items("/v1/sessions/context"))
    (item,) = engine.items("/v1/sessions/context")
    assert (item["agent_type"], item["session_id"], item["event"], item["reason"]) == (
        "claude_code",
        "s-1234",
        "start",
        "startup",
    )
    assert (item["project_id"], item["branch"], item["user_email"]) == (
        "github.com/acme/web",
        "main",
        "ada@example.com",
    )
    assert str(repository) not in json.dumps(item)


def test_content_of_a_hook_is_never_noted(machine: Machine, repository: Path) -> None:
    told = {
        "session_id": "s-1234",
        "cwd": str(repository),
        "hook_event_name": "UserPromptSubmit",
        "prompt": "MARKER",
        "tool_input": {"command": "MARKER"},
    }
    machine.hooks("session", stdin=json.dumps(told).encode())
    until(lambda: machine.delivering() is None)
    machine.hooks("flush")
    for path in machine.folder.path.rglob("*"):
        assert not path.is_file() or b"MARKER" not in path.read_bytes()


def test_codex_tells_its_thread_as_an_argument(machine: Machine, engine: Engine, repository: Path) -> None:
    told = {"type": "agent-turn-complete", "thread-id": "t-1234", "cwd": str(repository), "input-messages": ["x"]}
    machine.hooks("session", json.dumps(told))
    until(lambda: engine.items("/v1/sessions/context"))
    (item,) = engine.items("/v1/sessions/context")
    assert (item["agent_type"], item["session_id"], item["event"]) == ("codex", "t-1234", "context")


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"session_id": 5}', b"\xff\xfe", b'{"session_id": "s", "agent_id": "sub"}']
)
def test_a_session_hook_never_fails_and_never_speaks(machine: Machine, text: bytes) -> None:
    done = machine.hooks("session", stdin=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_session_hook_without_a_home_it_can_write_to_never_fails(machine: Machine) -> None:
    (machine.home / ".agent-analytics").write_text("in the way")
    done = machine.hooks("session", stdin=b'{"session_id": "s-1234", "cwd": "/"}')
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_commit_never_fails_because_of_the_hook(machine: Machine, repository: Path) -> None:
    os.chmod(machine.folder.spool, 0o500)
    (machine.folder.scripts / "post-commit").write_text("#!/bin/sh\necho broken >&2\nexit 7\n")
    assert machine.commit(repository)
    (machine.folder.scripts / "post-commit").unlink()
    assert machine.commit(repository)
    os.chmod(machine.folder.spool, 0o700)
