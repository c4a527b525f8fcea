"""Which project a repository is: the same identity as the engine's (`engine/projects.py`), asked of git.

Owns the questions to git and the normalised form of a remote, because this package imports nothing of the engine; a
test keeps the two equal. Refuses to send credentials: they are cut off here, before anything leaves the machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
LOCATING_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")

_SCP_LIKE = re.compile(r"^(?:[^@/\s]+@)?(\[[^\]]+\]|[^:/@\s\\]+):(?!//)(.+)$", re.DOTALL)


class GitError(Exception):
    """git did not answer; the message is its last line."""


@dataclass(frozen=True, slots=True)
class Project:
    """A repository's identity and its name; `remote_url` without credentials."""

    project_id: str
    name: str
    remote_url: str | None


def git(folder: Path, *words: str, git_dir: Path | None = None, stdin: bytes | None = None) -> bytes:
    """What git prints, in a plain environment. Raises GitError."""
    environment = {name: value for name, value in os.environ.items() if name not in LOCATING_VARIABLES}
    environment.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0", GIT_NO_LAZY_FETCH="1")
    where = ["-C", str(folder)] if git_dir is None else [f"--git-dir={git_dir}"]
    try:
        done = subprocess.run(
            ["git", "--no-pager", *where, *words], input=stdin, capture_output=True, env=environment, check=False
        )
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}") from None
    if done.returncode != 0:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise GitError(lines[-1] if lines else f"git ended with {done.returncode}")
    return done.stdout


def project_of(folder: Path, git_dir: Path | None = None) -> Project:
    """The project of a folder inside a repository. Raises GitError outside one."""
    answers = git(folder, "rev-parse", "--absolute-git-dir", "--git-common-dir", git_dir=git_dir)
    own, common_text = os.fsdecode(answers).splitlines()
    real_own = Path(os.path.realpath(own))
    common = Path(os.path.realpath(folder / common_text))
    if common != real_own:
        root = common.parent if common.name == ".git" else common
    else:
        try:
            root = Path(os.path.realpath(os.fsdecode(git(folder, "rev-parse", "--show-toplevel")).rstrip("\n")))
        except GitError:  # bare, or asked from inside the git folder
            root = real_own.parent if real_own.name == ".git" else real_own
    url = _remote(real_own)
    project_id = normalise_remote(url) if url is not None else None
    if url is None or project_id is None:
        digest = hashlib.blake2b(os.fsencode(root), digest_size=8).hexdigest()
        return Project(f"root:{digest}", os.fsencode(root.name).decode("utf-8", "replace"), None)
    return Project(project_id, project_id.rsplit("/", 1)[-1], without_credentials(url))


def _remote(git_dir: Path) -> str | None:
    """The URL of `origin`, else of `upstream`, else of the first remote."""
    try:
        listing = git(git_dir, "config", "--local", "-z", "--get-regexp", r"^remote\..*\.url$", git_dir=git_dir)
    except GitError:
        return None
    found: dict[str, str] = {}
    for entry in listing.decode("utf-8", "replace").split("\0"):
        key, _, value = entry.partition("\n")
        if value:
            found.setdefault(key.removeprefix("remote.").removesuffix(".url"), value)
    return found.get("origin") or found.get("upstream") or next(iter(found.values()), None)


def normalise_remote(url: str) -> str | None:
    """`host/owner/name`; None for a local path and for what is no address."""
    text = url.strip()
    parts = _split(text)
    if parts is not None:
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        scheme = parts.scheme.lower().removeprefix("git+")
        if not host or scheme == "file":
            return None
        if port is not None and scheme != "ssh" and DEFAULT_PORTS.get(scheme) != port:
            host = f"{host}:{port}"
        path = parts.path
    else:
        match = _SCP_LIKE.match(text)
        if match is None or len(match[1]) == 1:  # one letter is a drive, not a host
            return None
        host, path = match[1], match[2]
    path = re.sub(r"/{2,}", "/", path).strip("/")
    if path.lower().endswith(".git"):
        path = path[:-4].rstrip("/")
    if not path or any(ord(letter) < 32 for letter in path):
        return None
    return f"{host.lower()}/{path}"


def without_credentials(url: str) -> str:
    """The address without password, token, query and fragment; the user stays only in ssh addresses."""
    text = url.strip()
    parts = _split(text)
    if parts is None:
        return text
    user, _, place = parts.netloc.rpartition("@")
    login = user.split(":", 1)[0]
    if login and parts.scheme.lower().endswith("ssh"):
        place = f"{login}@{place}"
    return urlunsplit(SplitResult(parts.scheme, place, parts.path, "", ""))


def _split(text: str) -> SplitResult | None:
    if not re.match(r"^[A-Za-z][A-Za-z0-9+.-]*://", text):
        return None
    try:
        return urlsplit(text)
    except ValueError:
        return None
