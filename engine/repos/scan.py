"""Reading what is new in a repository, as rows.

Owns the question "which commits are not known yet", the rows of commits, repositories and evidence, and how much of a
message is kept. One `git log` streams the history of the default branch and a second one, only where there is more, the
rest; memory stays flat. Refuses to watch, to schedule and to remember: callers pass what is known and keep the result.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from engine.errors import ConfigurationError
from engine.repos import evidence, log, mailmap
from engine.repos.notes import changed_notes
from engine.repos.patches import patch_ids
from engine.repos.plumbing import read, stream
from engine.repos.repository import Repository, Tip
from engine.store.rows import Columns, RawRows, dedup_key

MessageMode = Literal["full", "subject", "hash", "none"]
Source = Literal["watch", "backfill"]

FIRST_BATCH = 100
BATCH = 2_000
PATCH_IDS_UP_TO = 100
"""Patch ids need the whole diff, so only a handful of new commits get one; a long history does without."""

EVIDENCE_KEYS = evidence.CO_AUTHOR_KEYS | evidence.TOOL_KEYS | frozenset(evidence.SESSION_KEYS)


@dataclass(frozen=True, slots=True)
class Known:
    """What of a repository was read before: its project, tips, shallow border and the tip of its notes.

    `older` are more commits known to be read: they count where a tip no longer exists.
    """

    project_id: str
    tips: frozenset[str]
    shallow: frozenset[str]
    notes: str | None
    older: frozenset[str] = field(default=frozenset(), compare=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows ready to be recorded, and how many commits they hold."""

    rows: RawRows
    commits: int


def message_mode(value: str) -> MessageMode:
    """`git.commit_messages` as a mode. Raises ConfigurationError."""
    if value in ("full", "subject", "hash", "none"):
        return value  # type: ignore[return-value]
    raise ConfigurationError(f"git.commit_messages is {value!r}", hint="use full, subject, hash or none")


def known_after(repository: Repository) -> Known:
    """What is known once everything that `repository` shows was recorded."""
    return Known(
        repository.project.project_id,
        frozenset(tip.commit_hash for tip in repository.tips),
        repository.shallow,
        repository.notes,
        repository.parents,
    )


def is_known(repository: Repository, known: Known | None) -> bool:
    """Whether there is nothing to read."""
    return known == known_after(repository)


def usable(repository: Repository, known: Known | None) -> Known | None:
    """`known`, unless the project got another name or older history arrived: then everything is read again."""
    if known is None or known.project_id != repository.project.project_id or known.shallow != repository.shallow:
        return None
    return known


def count_new(repository: Repository, known: Known | None) -> int:
    """How many commits `new_rows` will give. Raises RepositoryError."""
    known = usable(repository, known)
    tips = [tip.commit_hash for tip in repository.tips if known is None or tip.commit_hash not in known.tips]
    if not tips:
        return 0
    asked = _revisions(tips, known.tips | known.older if known else ())
    words = ("rev-list", "--count", "--ignore-missing", "--stdin")
    return int(read(repository.folders.work, *words, stdin=asked))


def new_rows(repository: Repository, known: Known | None, *, source: Source, messages: MessageMode) -> Iterator[Batch]:
    """Everything not known yet, newest first, in batches. Raises RepositoryError, TornHistoryError."""
    known = usable(repository, known)
    batch: list[log.Commit] = []
    size = FIRST_BATCH  # a small first batch: what is newest shows at once
    only = True
    for commit in _new_commits(repository, known):
        batch.append(commit)
        if len(batch) >= size:
            yield _batch(repository, batch, source, messages, with_patches=False)
            batch, size, only = [], BATCH, False
    if batch:
        patches = only and known is not None and len(batch) <= PATCH_IDS_UP_TO
        yield _batch(repository, batch, source, messages, with_patches=patches)
    said = _mailmap(repository, known)
    if said:
        yield Batch(said, 0)
    if repository.notes is not None and (known is None or known.notes != repository.notes):
        before = known.notes if known is not None else None
        for found in changed_notes(repository.folders.work, before, repository.notes):
            signs = [sign for commit_hash, note in found for sign in evidence.of_note(commit_hash, note)]
            if signs:
                rows = RawRows()
                rows.extend("git_commit_evidence", _evidence_columns(repository.project.project_id, signs, None))
                yield Batch(rows, 0)


def _mailmap(repository: Repository, known: Known | None) -> RawRows:
    """What the default branch says of its authors' addresses, where it has moved since."""
    tips = [tip for tip in repository.tips if tip.branch == repository.default_branch] or list(repository.tips)
    if not tips or (known is not None and tips[0].commit_hash in known.tips):
        return RawRows()
    return mailmap.rows_at(repository.folders.work, tips[0].commit_hash)


def repository_row(repository: Repository, *, watched: bool) -> RawRows:
    """The row of raw.repositories."""
    root = repository.project.root
    return project_row(
        repository.project.project_id,
        repository.project.name,
        repository.project.remote_url,
        str(root) if root is not None else None,
        repository.default_branch,
        watched=watched,
    )


def project_row(
    project_id: str, name: str, remote_url: str | None, root: str | None, default_branch: str | None, *, watched: bool
) -> RawRows:
    """A row of raw.repositories from its values."""
    values = (project_id, name, remote_url, _printable(root), default_branch, watched)
    rows = RawRows()
    columns = ("project_id", "project_name", "remote_url", "root_path", "default_branch", "watched")
    rows.append(
        "repositories", dict(zip(columns, values, strict=True)) | {"dedup_key": dedup_key("repositories", values)}
    )
    return rows


def stored_message(message: str, mode: MessageMode) -> str | None:
    """What is kept of a message. The subject is its first paragraph on one line, as git shows it."""
    match mode:
        case "full":
            return message
        case "subject":
            return " ".join(re.split(r"\n\s*\n", message.lstrip(), maxsplit=1)[0].split())
        case "hash":
            return "blake2b:" + hashlib.blake2b(message.encode("utf-8", "replace"), digest_size=16).hexdigest()
        case "none":
            return None


def _new_commits(repository: Repository, known: Known | None) -> Iterator[log.Commit]:
    """Commits with their branch in `source`: first what the default branch holds, then the others without it."""
    seen = known.tips if known is not None else frozenset()
    fresh = [tip for tip in repository.tips if tip.commit_hash not in seen]
    main = [tip for tip in fresh if tip.branch is not None and tip.branch == repository.default_branch]
    rest = [tip for tip in fresh if tip not in main]
    everything_main = {tip.commit_hash for tip in repository.tips if tip.branch == repository.default_branch}
    read_before = seen | known.older if known is not None else seen
    for tips, excluded in ((main, read_before), (rest, read_before | everything_main)):
        if tips:
            yield from _log(repository, tips, excluded)


def _log(repository: Repository, tips: Sequence[Tip], excluded: frozenset[str] | set[str]) -> Iterator[log.Commit]:
    asked = _revisions([tip.commit_hash for tip in tips], excluded)
    words = (*log.ARGUMENTS, "--ignore-missing", "--stdin")
    with stream(repository.folders.work, *words, stdin=asked) as output:
        yield from log.parse(output)


def _revisions(tips: Sequence[str], excluded: frozenset[str] | set[str] | tuple[str, ...]) -> bytes:
    return "".join([*(f"{tip}\n" for tip in tips), *(f"^{tip}\n" for tip in sorted(excluded))]).encode("ascii")


def _batch(
    repository: Repository, commits: list[log.Commit], source: Source, messages: MessageMode, *, with_patches: bool
) -> Batch:
    project_id = repository.project.project_id
    patches = patch_ids(repository.folders.work, commits) if with_patches else {}
    branch_of = {tip.commit_hash: tip.branch for tip in repository.tips}
    columns: Columns = {name: [] for name in COMMIT_COLUMNS}
    signs: list[evidence.Evidence] = []
    moments: list[int] = []
    for commit in commits:
        found = evidence.of_commit(commit)
        signs.extend(found)
        moments.extend([commit.committed.seconds * 1_000_000] * len(found))
        counted = commit.commit_hash not in repository.shallow
        values = (
            dedup_key("git_commits", (project_id, commit.commit_hash, "git")),
            project_id,
            commit.commit_hash,
            stored_message(commit.message, messages),
            commit.author_name or None,
            commit.author_email or None,
            commit.authored.seconds * 1_000_000,
            commit.authored.offset_minutes,
            commit.committer_name or None,
            commit.committer_email or None,
            commit.committed.seconds * 1_000_000,
            commit.committed.offset_minutes,
            " ".join(commit.parents),
            branch_of.get(commit.source),
            commit.files_changed if counted else None,
            commit.lines_added if counted else None,
            commit.lines_deleted if counted else None,
            commit.lines_added_total if counted else None,
            commit.lines_deleted_total if counted else None,
            patches.get(commit.commit_hash),
            _trailers(commit, messages),
            source,
            commit.author_email.lower() or None,
        )
        for column, value in zip(columns.values(), values, strict=True):
            column.append(value)
    rows = RawRows()
    rows.extend("git_commits", columns)
    if signs:
        rows.extend("git_commit_evidence", _evidence_columns(project_id, signs, moments))
    return Batch(rows, len(commits))


COMMIT_COLUMNS = (
    "dedup_key",
    "project_id",
    "commit_hash",
    "commit_message",
    "author_name",
    "author_email",
    "author_timestamp",
    "author_offset_minutes",
    "committer_name",
    "committer_email",
    "commit_timestamp",
    "commit_offset_minutes",
    "parents",
    "branch",
    "files_changed",
    "lines_added",
    "lines_deleted",
    "lines_added_total",
    "lines_deleted_total",
    "patch_id",
    "trailers",
    "source",
    "developer_id",
)


def _trailers(commit: log.Commit, mode: MessageMode) -> str | None:
    """Trailers as JSON, [[key, value], …]; without the full message only those that are evidence."""
    kept = [[key, value] for key, value in commit.trailers if mode == "full" or key.lower() in EVIDENCE_KEYS]
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")) if kept else None


def _evidence_columns(project_id: str, signs: list[evidence.Evidence], moments: list[int] | None) -> Columns:
    """`moments` in microseconds; None: the sign has no time of its own, so it is dated when it is read."""
    from datetime import UTC, datetime

    return {
        "dedup_key": [
            dedup_key(
                "git_commit_evidence",
                (project_id, sign.commit_hash, sign.kind, sign.agent_type, sign.session_id, sign.value),
            )
            for sign in signs
        ],
        "project_id": [project_id] * len(signs),
        "commit_hash": [sign.commit_hash for sign in signs],
        "kind": [sign.kind for sign in signs],
        "agent_type": [sign.agent_type for sign in signs],
        "session_id": [sign.session_id for sign in signs],
        "value": [sign.value for sign in signs],
        "observed_at": moments if moments is not None else [datetime.now(UTC)] * len(signs),
    }


def _printable(value: str | None) -> str | None:
    """A path as text that any store takes: undecodable bytes are replaced."""
    return None if value is None else value.encode("utf-8", "replace").decode("utf-8")
