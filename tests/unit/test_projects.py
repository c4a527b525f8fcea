"""engine.projects: which project a folder belongs to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.projects import find_git, identify, normalise_remote, without_credentials


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration of this machine's git takes part."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


def git(folder: Path, *words: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "payments"
    git(folder, "init")
    return folder


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://github.com/acme/web.git", "github.com/acme/web"),
        ("https://GitHub.com/Acme/Web/", "github.com/Acme/Web"),
        ("https://ada:ghp_secret@github.com/acme/web.git", "github.com/acme/web"),
        ("https://github.com:443/acme/web", "github.com/acme/web"),
        ("https://git.example.com:8443/acme/web", "git.example.com:8443/acme/web"),
        ("git@github.com:acme/web.git", "github.com/acme/web"),
        ("github.com:acme/web", "github.com/acme/web"),
        ("ssh://git@github.com/acme/web.git", "github.com/acme/web"),
        ("ssh://git@git.example.com:7999/acme/web.git", "git.example.com/acme/web"),
        ("git+ssh://git@github.com/acme/web", "github.com/acme/web"),
        ("git://github.com//acme/web.git", "github.com/acme/web"),
        ("https://gitlab.com/group/sub/web.git?private_token=x#y", "gitlab.com/group/sub/web"),
        ("ssh://git@[2001:db8::1]/acme/web.git", "2001:db8::1/acme/web"),
    ],
)
def test_one_repository_has_one_name_however_it_is_addressed(url: str, expected: str) -> None:
    assert normalise_remote(url) == expected


@pytest.mark.parametrize(
    "url",
    ["", "  ", "/srv/git/web.git", "../web", "file:///srv/web.git", "C:\\src\\web", "https://", "https://[broken/x"],
)
def test_a_local_path_is_no_remote(url: str) -> None:
    assert normalise_remote(url) is None


@given(st.text(max_size=60))
def test_any_text_is_normalised_without_an_error_and_only_once(url: str) -> None:
    found = normalise_remote(url)
    assert found is None or (found.split("/", 1)[0] == found.split("/", 1)[0].lower() and not found.endswith("/"))


@given(st.from_regex(r"[a-z]{1,8}:[A-Za-z0-9_]{1,20}", fullmatch=True))
def test_credentials_never_survive(credentials: str) -> None:
    url = f"https://{credentials}@example.com/acme/web.git?token=abc"
    assert without_credentials(url) == "https://example.com/acme/web.git"


def test_the_login_of_an_ssh_address_stays() -> None:
    assert without_credentials("ssh://git:pw@example.com/acme/web") == "ssh://git@example.com/acme/web"
    assert without_credentials("git@example.com:acme/web") == "git@example.com:acme/web"


def test_a_remote_names_the_project(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "https://ada:secret@github.com/acme/web.git")
    found = identify(repository)
    assert found.project_id == "github.com/acme/web"
    assert found.name == "web"
    assert found.remote_url == "https://github.com/acme/web.git"
    assert found.root == Path(os.path.realpath(repository))


def test_a_folder_deep_inside_belongs_to_the_repository(repository: Path) -> None:
    deep = repository / "src" / "deep"
    deep.mkdir(parents=True)
    assert identify(deep) == identify(repository)


def test_a_file_belongs_to_the_repository(repository: Path) -> None:
    (repository / "README").write_text("hello")
    assert identify(repository / "README") == identify(repository)


def test_a_deleted_folder_belongs_to_the_repository_above_it(repository: Path) -> None:
    assert identify(repository / "gone" / "deeper") == identify(repository)


def test_a_deleted_folder_does_not_belong_to_a_repository_of_the_home_folder() -> None:
    git(Path.home(), "init")
    assert identify(Path.home() / "gone").project_id.startswith("path:")
    assert identify(Path.home()).project_id.startswith("root:")


def test_origin_wins_over_other_remotes(repository: Path) -> None:
    git(repository, "remote", "add", "fork", "git@github.com:ada/web.git")
    assert identify(repository).project_id == "github.com/ada/web"
    git(repository, "remote", "add", "origin", "git@github.com:acme/web.git")
    assert identify(repository).project_id == "github.com/acme/web"


def test_without_a_remote_the_root_is_hashed(repository: Path) -> None:
    found = identify(repository)
    assert found.project_id.startswith("root:")
    assert len(found.project_id) == len("root:") + 16
    assert found.name == "payments"
    assert found.remote_url is None


def test_a_remote_that_is_a_folder_of_this_machine_counts_as_none(repository: Path) -> None:
    git(repository, "remote", "add", "origin", "../elsewhere")
    assert identify(repository).project_id.startswith("root:")


def test_outside_git_the_path_is_hashed(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    found = identify(folder)
    assert found.project_id.startswith("path:")
    assert len(found.project_id) == len("path:") + 16
    assert (found.name, found.remote_url, found.root) == ("notes", None, None)


def test_a_folder_that_is_gone_keeps_its_identity(tmp_path: Path) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    before = identify(folder)
    folder.rmdir()
    assert identify(folder) == before


def test_a_worktree_is_the_same_project(repository: Path, tmp_path: Path) -> None:
    git(repository, "commit", "--allow-empty", "-m", "first")
    git(repository, "worktree", "add", str(tmp_path / "elsewhere"))
    assert identify(tmp_path / "elsewhere") == identify(repository)


def test_a_bare_repository_is_its_own_root(tmp_path: Path) -> None:
    folder = tmp_path / "web.git"
    git(folder, "init", "--bare")
    assert identify(folder).root == Path(os.path.realpath(folder))


def test_a_git_folder_that_lies_elsewhere_is_followed(tmp_path: Path) -> None:
    work, separate = tmp_path / "work", tmp_path / "separate"
    git(work, "init", "--separate-git-dir", str(separate))
    git(work, "remote", "add", "origin", "https://example.com/acme/web")
    found = identify(work)
    assert (found.project_id, found.root) == ("example.com/acme/web", Path(os.path.realpath(work)))


def test_a_hook_inside_the_git_folder_finds_its_repository(repository: Path) -> None:
    assert identify(repository / ".git" / "hooks") == identify(repository)


def test_a_git_file_that_points_nowhere_is_no_repository(tmp_path: Path) -> None:
    folder = tmp_path / "torn"
    folder.mkdir()
    (folder / ".git").write_text("gitdir: /nowhere/at/all\n")
    assert identify(folder).project_id.startswith("path:")


@pytest.mark.parametrize(
    "config",
    [
        '[remote "origin"] url = https://example.com/acme/web ; comment\n',
        '[remote "origin"]\n\turl = "https://example.com/acme/web" # comment\n',
        "[REMOTE.origin]\nURL=https://example.com/acme/web\n",
        '[remote "origin"]\n\turl = https://example.com/\\\nacme/web\n',
        '[core]\n\tbare\n[remote "fork"]\n\tpushurl = x\n[remote "origin"]\nurl = https://example.com/acme/web',
    ],
)
def test_every_way_to_write_the_configuration_is_read(repository: Path, config: str) -> None:
    (repository / ".git" / "config").write_text(config)
    assert identify(repository).project_id == "example.com/acme/web"


@given(st.binary(max_size=200))
def test_a_damaged_configuration_never_raises(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    for name in ("objects", "refs"):
        (folder / ".git" / name).mkdir(parents=True)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git" / "config").write_bytes(content)
    assert identify(folder).root is not None


def test_a_path_that_no_system_call_takes_has_an_identity() -> None:
    assert identify(Path("a\0b")).project_id.startswith("path:")


def test_the_folders_of_a_worktree_are_told_apart(repository: Path, tmp_path: Path) -> None:
    git(repository, "commit", "--allow-empty", "-m", "first")
    git(repository, "worktree", "add", str(tmp_path / "elsewhere"))
    found = find_git(tmp_path / "elsewhere")
    assert found is not None
    assert found.common == Path(os.path.realpath(repository / ".git"))
    assert found.git.parent == found.common / "worktrees"
