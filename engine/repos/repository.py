"""One repository as it stands: where it lies, what its refs point to, whether it can be read.

Owns the list of tips that history is read from (branches, remote branches, tags, heads of worktrees) and the names of
branches. Refuses to read history and to remember anything. Refs come from git itself, so packed refs, worktrees and
other ref formats need no code here; GitPython tells what kind of repository it is and its remotes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.projects import GitFolders, ProjectIdentity, find_git, identify
from engine.repos.plumbing import RepositoryError, read

NOTES_REF = "refs/notes/ai"
HEAD_LINES = ("refs/heads", "refs/remotes", "refs/tags", NOTES_REF)
REF_FORMAT = "%(objectname)%00%(objecttype)%00%(*objectname)%00%(*objecttype)%00%(refname)%00%(symref)%00%(parent)"


@dataclass(frozen=True, slots=True)
class Tip:
    """A commit that history is read from, and the branch it is the tip of; None for tags and detached heads."""

    commit_hash: str
    branch: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """What a scan needs to know. `tips` begin with the default branch; `shallow` are commits whose parents were never
    fetched, so their figures are unknown. `notes` is the tip of git-ai's notes. `parents` of the branches' tips: what
    is left of the known history when a tip was amended and then collected as garbage."""

    path: Path
    folders: GitFolders
    project: ProjectIdentity
    default_branch: str | None
    tips: tuple[Tip, ...]
    shallow: frozenset[str]
    notes: str | None
    parents: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """No commit yet."""
        return not self.tips


def locate(path: Path) -> GitFolders:
    """The repository at or above `path`. Raises RepositoryError saying what is wrong with it."""
    import git

    try:
        if not path.exists():
            raise RepositoryError(f"{path}: no such folder", state="missing")
        if path.is_dir():
            next(path.iterdir(), None)
    except PermissionError:
        hint = "give this user the right to read it"
        raise RepositoryError(f"{path}: permission denied", state="unreadable", hint=hint) from None
    folders = find_git(path)
    if folders is None:
        raise RepositoryError(
            f"{path}: not a git repository", state="not_a_repository", hint="name a folder inside a git repository"
        )
    try:
        git.Repo(folders.work, search_parent_directories=False).close()
    except (git.InvalidGitRepositoryError, git.NoSuchPathError):
        raise RepositoryError(f"{path}: its git folder is damaged", state="not_a_repository") from None
    except OSError as error:
        raise RepositoryError(f"{path}: {error.strerror or error}", state="unreadable") from None
    return folders


def inspect(path: Path) -> Repository:
    """The repository as it stands now. Raises RepositoryError."""
    folders = locate(path)
    listing = read(folders.work, "for-each-ref", f"--format={REF_FORMAT}", *HEAD_LINES).decode("utf-8", "replace")
    branches: dict[str, str] = {}
    remotes: dict[str, str] = {}
    tags: list[str] = []
    parents: set[str] = set()
    default_remote: str | None = None
    notes: str | None = None
    for line in listing.splitlines():
        name_of_object, kind, peeled, peeled_kind, name, symbolic, before = line.split("\0")
        target = name_of_object if kind == "commit" else peeled if peeled_kind == "commit" else None
        if name == NOTES_REF:
            notes = name_of_object
            continue
        parents.update(before.split())
        if name.startswith("refs/remotes/") and name.endswith("/HEAD"):
            default_remote = default_remote or symbolic or None
        elif target is None:
            continue
        elif name.startswith("refs/heads/"):
            branches[name.removeprefix("refs/heads/")] = target
        elif name.startswith("refs/remotes/"):
            remotes[name] = target
        else:
            tags.append(target)
    heads = _heads(folders)
    default = _default_branch(default_remote, branches, heads)
    found: dict[str, str | None] = {}
    if default is not None:
        for target in (branches.get(default), remotes.get(default_remote or f"refs/remotes/origin/{default}")):
            if target is not None:
                found.setdefault(target, default)
    for tip in heads:
        if tip.branch is not None:
            found.setdefault(tip.commit_hash, tip.branch)
    for branch, target in branches.items():
        found.setdefault(target, branch)
    for name, target in remotes.items():
        found.setdefault(target, name.removeprefix("refs/remotes/").split("/", 1)[-1])
    for target in (*tags, *(tip.commit_hash for tip in heads)):
        found.setdefault(target, None)
    return Repository(
        path=path,
        folders=folders,
        project=identify(folders.work),
        default_branch=default,
        tips=tuple(Tip(target, branch) for target, branch in found.items()),
        shallow=frozenset(_lines(folders.common / "shallow")),
        notes=notes,
        parents=frozenset(parents),
    )


def _heads(folders: GitFolders) -> list[Tip]:
    """What is checked out, in every worktree; a branch without a commit is left out."""
    found = []
    listing = read(folders.work, "worktree", "list", "--porcelain").decode("utf-8", "replace")
    for block in listing.split("\n\n"):
        entries = dict(line.partition(" ")[::2] for line in block.splitlines())
        target = entries.get("HEAD", "")
        if target.strip("0"):
            found.append(Tip(target, entries.get("branch", "").removeprefix("refs/heads/") or None))
    return found


def _default_branch(remote: str | None, branches: dict[str, str], heads: list[Tip]) -> str | None:
    """The remote's default branch, else main, else master, else what is checked out first."""
    if remote is not None:
        return remote.removeprefix("refs/remotes/").split("/", 1)[-1]
    for name in ("main", "master"):
        if name in branches:
            return name
    return next((tip.branch for tip in heads if tip.branch is not None), next(iter(branches), None))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []
