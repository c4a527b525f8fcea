"""Which project a folder belongs to.

Owns the identity of a project: the normalised remote of its git repository, else a hash of the repository's root, else
a hash of the folder. It reads `.git` itself (worktrees, submodules and bare repositories too) and costs a handful of
small reads. Refuses to start git, to follow includes or rewrites of git's configuration, and to fail: a folder that is
gone or unreadable still has an identity.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

PREFERRED_REMOTES = ("origin", "upstream")
DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22, "git": 9418}
LARGEST_CONFIG = 1 << 20

_SECTION = re.compile(r'^\[\s*([A-Za-z0-9.-]+)(?:\s+"((?:[^"\\]|\\.)*)")?\s*\]')
_ENTRY = re.compile(r"^([A-Za-z][A-Za-z0-9-]*)\s*(?:=\s*(.*))?$", re.DOTALL)
_SCP_LIKE = re.compile(r"^(?:[^@/\s]+@)?(\[[^\]]+\]|[^:/@\s\\]+):(?!//)(.+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ProjectIdentity:
    """A project as its folder tells it.

    `project_id`: `host/owner/name`, `root:<16 hex>` or `path:<16 hex>`. `remote_url`: as configured, without
    credentials. `root`: the main working folder (of a bare repository: itself); None outside git.
    """

    project_id: str
    name: str
    remote_url: str | None
    root: Path | None


@dataclass(frozen=True, slots=True)
class GitFolders:
    """Where a repository lies: `work` is the folder that `.git` was found in, `git` this worktree's own git folder,
    `common` the one that all its worktrees share (refs, packed-refs, config)."""

    work: Path
    git: Path
    common: Path

    @property
    def root(self) -> Path:
        """The main working folder, the same for all worktrees; of a bare repository the repository itself."""
        if self.common == self.git:
            return self.work
        return self.common.parent if self.common.name == ".git" else self.common


def identify(path: Path) -> ProjectIdentity:
    """The project of a folder or file. Never raises.

    A folder that was deleted belongs to the repository that still lies above it, except to one in the home folder.
    """
    absolute = Path(os.path.abspath(path))
    folders = find_git(absolute)
    if folders is None:
        return ProjectIdentity(f"path:{_digest(absolute)}", _name(absolute), None, None)
    url = remote_of(folders)
    project_id = normalise_remote(url) if url is not None else None
    if url is None or project_id is None:
        return ProjectIdentity(f"root:{_digest(folders.root)}", _name(folders.root), None, folders.root)
    return ProjectIdentity(project_id, project_id.rsplit("/", 1)[-1], without_credentials(url), folders.root)


def find_git(path: Path) -> GitFolders | None:
    """The repository that `path` lies in, or None. Never raises."""
    try:
        real = Path(os.path.realpath(path))
        gone = not real.exists()
        for folder in (real, *real.parents):
            found = _git_at(folder)
            if found is not None:
                return None if gone and found.root == Path(os.path.realpath(Path.home())) else found
    except (OSError, ValueError, RuntimeError):
        return None
    return None


def remote_of(folders: GitFolders) -> str | None:
    """The URL of `origin`, else of `upstream`, else of the first remote; as configured. Never raises."""
    remotes: dict[str, str] = {}
    for section, name, key, value in _entries(_read(folders.common / "config")):
        if section == "remote" and key == "url" and value:
            remotes.setdefault(name, value)
    for name in PREFERRED_REMOTES:
        if name in remotes:
            return remotes[name]
    return next(iter(remotes.values()), None)


def normalise_remote(url: str) -> str | None:
    """`host/owner/name`: host in lower case, no user, no `.git`; the same for ssh, scp-like and http addresses.

    None for a local path and for what is no address. A port stays only where it is not the scheme's own; of ssh it is
    the daemon's and never stays.
    """
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


def _digest(path: Path) -> str:
    return hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()


def _name(path: Path) -> str:
    return os.fsencode(path.name).decode("utf-8", "replace") or str(path)


def _git_at(folder: Path) -> GitFolders | None:
    """The repository whose working folder, or whose bare self, is exactly `folder`."""
    marker = folder / ".git"
    if marker.is_dir() and (marker / "HEAD").exists():
        return GitFolders(folder, marker, _common(marker))
    if marker.is_file():
        text = _read(marker)
        if text.startswith("gitdir:"):
            git = Path(os.path.realpath(folder / text.removeprefix("gitdir:").strip()))
            if git.is_dir():
                return GitFolders(folder, git, _common(git))
        return None
    if (folder / "HEAD").is_file() and (folder / "objects").is_dir() and (folder / "refs").is_dir():
        return GitFolders(folder.parent if folder.name == ".git" else folder, folder, folder)
    return None


def _common(git: Path) -> Path:
    text = _read(git / "commondir").strip()
    return Path(os.path.realpath(git / text)) if text else git


def _read(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST_CONFIG).decode("utf-8", "replace")
    except OSError:
        return ""


def _entries(text: str) -> list[tuple[str, str, str, str]]:
    """(section, subsection, key, value) of git's configuration format; section and key in lower case."""
    found: list[tuple[str, str, str, str]] = []
    section = name = ""
    lines = iter(text.splitlines())
    for line in lines:
        rest = line.strip()
        header = _SECTION.match(rest)
        if header is not None:
            section, name = header[1].lower(), re.sub(r"\\(.)", r"\1", header[2] or "")
            if header[2] is None and "." in section:
                section, name = section.split(".", 1)
            rest = rest[header.end() :].strip()
        if not rest or rest[0] in "#;":
            continue
        while rest.endswith("\\"):
            rest = rest[:-1] + next(lines, "").strip()
        entry = _ENTRY.match(rest)
        if entry is not None:
            found.append((section, name, entry[1].lower(), _value(entry[2] or "")))
    return found


def _value(text: str) -> str:
    """A value without its quotes, escapes and trailing comment."""
    result: list[str] = []
    kept = 0  # length up to which trailing blanks are part of the value
    quoted = False
    letters = iter(text)
    for letter in letters:
        if letter == '"':
            quoted = not quoted
            kept = len(result)
        elif letter == "\\":
            following = next(letters, "")
            result.append({"n": "\n", "t": "\t", "b": "\b"}.get(following, following))
            kept = len(result)
        elif letter in "#;" and not quoted:
            break
        else:
            result.append(letter)
            if quoted or not letter.isspace():
                kept = len(result)
    return "".join(result[:kept])
