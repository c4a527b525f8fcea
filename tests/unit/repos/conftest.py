"""Real git repositories and a recorder that keeps what it is given."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from engine.clock import FixedClock
from engine.errors import StorageError
from engine.repos.registry import Memory
from engine.repos.scanner import Scanner
from engine.settings import Settings, load
from engine.store.rows import RawRows

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DEADLINE_SECONDS = 20.0


class Repo:
    """A git repository in a temporary folder, driven by git itself."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def git(self, *words: str, stdin: bytes | None = None, **environment: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.path, input=stdin, env=os.environ | environment, check=True, capture_output=True
        )
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, name: str, content: str | bytes) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, message: str = "change", **files: str | bytes) -> str:
        """Commit all of the working folder; with no file, an empty commit. Returns the hash."""
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-F", "-", stdin=message.encode())
        return self.git("rev-parse", "HEAD")


class Kept:
    """A recorder that is durable at once and lets a test wait for rows."""

    def __init__(self) -> None:
        self.rows = RawRows()
        self.refusing = False
        self._arrived = threading.Condition()

    def record(self, rows: RawRows) -> Future[None]:
        future: Future[None] = Future()
        with self._arrived:
            if self.refusing:
                future.set_exception(StorageError("the disk is full"))
                return future
            self.rows.merge(rows)
            self._arrived.notify_all()
        future.set_result(None)
        return future

    def table(self, name: str) -> list[dict[str, Any]]:
        columns = self.rows.tables.get(name, {})
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def commits(self) -> dict[str, dict[str, Any]]:
        """Rows of raw.git_commits by hash; the same commit twice is an error."""
        rows = self.table("git_commits")
        assert len({row["dedup_key"] for row in rows}) == len(rows)
        return {row["commit_hash"]: row for row in rows}

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._arrived:
            assert self._arrived.wait_for(condition, DEADLINE_SECONDS), "it did not arrive"

    def has_commit(self, commit_hash: str) -> Callable[[], bool]:
        return lambda: commit_hash in self.rows.tables.get("git_commits", {}).get("commit_hash", [])


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of its own: no configuration or identity of this machine takes part."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada Lovelace\n\temail = Ada@Example.com\n[init]\n\tdefaultBranch = main\n"
        "[merge]\n\tautoStash = false\n[commit]\n\tgpgSign = false\n"
    )
    for name in [name for name in os.environ if name.startswith(("GIT_", "AA_", "XDG_", "CLAUDE", "CODEX"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def new_repo(tmp_path: Path) -> Callable[[str], Repo]:
    def make(name: str) -> Repo:
        folder = tmp_path / name
        folder.mkdir(parents=True)
        repo = Repo(folder)
        repo.git("init", "-q")
        return repo

    return make


@pytest.fixture
def repo(new_repo: Callable[[str], Repo]) -> Repo:
    return new_repo("payments")


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return load(tmp_path / "data", environment={})


@pytest.fixture
def memory(settings: Settings) -> Memory:
    return Memory(settings)


@pytest.fixture
def scanner(kept: Kept, memory: Memory) -> Scanner:
    return Scanner(kept, memory, "full", FixedClock(NOW))
