"""The local developer: git's e-mail, else the user of the operating system."""

from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from engine.access.identity import local_developer


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("GIT_CONFIG_GLOBAL", raising=False)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return tmp_path


def test_the_e_mail_of_git_in_lower_case(home: Path) -> None:
    (home / ".gitconfig").write_text("[user]\n\temail = Alice@Example.COM\n")
    assert local_developer() == "alice@example.com"


def test_without_an_e_mail_the_user(home: Path) -> None:
    assert local_developer() == getpass.getuser()


def test_without_git_the_user(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".gitconfig").write_text("[user]\n\temail = alice@example.com\n")
    monkeypatch.setenv("PATH", str(home))
    assert local_developer() == getpass.getuser()
