"""One commit as the payload of POST /v1/commits.

Owns reading a commit from git (root commits, merges by first parent, renames, binary and non-UTF-8 content) and the
fields that are sent. Refuses to send file names and contents: figures, names of people, message and trailers only.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hooks import edits, environment
from hooks.project import GitError, Project, git, project_of
from hooks.written import is_written

FIELDS = ("%H", "%P", "%an", "%ae", "%ad", "%cn", "%ce", "%cd", "%B", "%(trailers:only,unfold)")
LARGEST_CHANGE = 20_000
"""Lines of a change that still gets a patch id."""

LONGEST_TEXT = 1000
LONGEST_MESSAGE = 500_000


def payload(
    commit_hash: str,
    folder: Path,
    git_dir: Path | None,
    variables: Mapping[str, str],
    developer: str | None,
    signs: Sequence[Mapping[str, str]] = (),
    spool: Path | None = None,
) -> dict[str, Any]:
    """What is sent about a commit, with what the environment, `signs` and the edits noted in `spool` say of agents.

    Raises GitError when git cannot tell.
    """
    output = git(
        folder,
        "-c",
        "i18n.logOutputEncoding=UTF-8",
        "-c",
        "log.showRoot=true",
        "-c",
        "log.mailmap=false",
        "-c",
        "trailer.separators=:",
        "log",
        "-1",
        "-z",
        "--numstat",
        "--no-show-signature",
        "--no-color",
        "--no-notes",
        "--no-ext-diff",
        "--no-textconv",
        "--date=raw",
        "--diff-merges=first-parent",
        "--diff-algorithm=myers",
        "--find-renames",
        "--format=tformat:" + "%x00".join(FIELDS) + "%x00",
        commit_hash,
        "--",
        git_dir=git_dir,
    )
    tokens = output.split(b"\0")
    if len(tokens) <= len(FIELDS):
        raise GitError(f"git tells nothing about {commit_hash}")
    fields = [_text(token) for token in tokens[: len(FIELDS)]]
    figures = _figures(tokens[len(FIELDS) + 1 :])
    authored, author_offset = _moment(fields[4])
    committed, commit_offset = _moment(fields[7])
    body: dict[str, Any] = {
        "commit_hash": fields[0],
        "commit_message": fields[8].rstrip("\n"),
        "author_name": fields[2],
        "author_email": fields[3].strip(),
        "timestamp": committed,
        **figures,
        "author_timestamp": authored,
        "author_offset_minutes": author_offset,
        "committer_name": fields[5],
        "committer_email": fields[6].strip(),
        "commit_offset_minutes": commit_offset,
        "parents": fields[1].split(),
        "branch": _branch(folder, git_dir),
        "patch_id": _patch_id(folder, git_dir, fields, figures),
        "trailers": _trailers(fields[9]),
    }
    more = list(signs)
    if spool is not None:
        more += edits.of_commit(spool, folder, git_dir, fields[0], fields[1].split(), committed)
    return finished(body, project_of(folder, git_dir), variables, developer, more)


def finished(
    body: dict[str, Any],
    project: Project | None,
    variables: Mapping[str, str],
    developer: str | None,
    more: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    """A payload with project, developer and what the environment tells of agents; without unknown fields. `more` signs
    do not make it the agent's own commit."""
    signs = environment.evidence(variables)
    session = next((sign for sign in signs if "session_id" in sign), None)
    first = session or next(iter(signs), None)
    body = body | {
        "agent_assisted": bool(signs),
        "agent_session_id": session["session_id"] if session else None,
        "agent_type": first["agent_type"] if first else None,
        "evidence": [*signs, *more] or None,
        "source": "hook",
        "developer_id": developer,
    }
    if project is not None:
        body |= {"project_id": project.project_id, "project_name": project.name, "remote_url": project.remote_url}
    kept = ("agent_assisted", "commit_message", "parents")
    return {
        name: value[: LONGEST_MESSAGE if name == "commit_message" else LONGEST_TEXT]
        if isinstance(value, str)
        else value
        for name, value in body.items()
        if value not in (None, "") or name in kept
    }


def _figures(tokens: list[bytes]) -> dict[str, int]:
    files = added = deleted = added_total = deleted_total = 0
    source = iter(tokens)
    for token in source:
        parts = token.lstrip(b"\n").split(b"\t", 2)
        if len(parts) != 3:
            continue
        plus, minus, path = parts
        if not path:  # a rename: the old and the new name follow
            next(source, b"")
            path = next(source, b"")
        files += 1
        if plus != b"-":
            added_total += int(plus)
            deleted_total += int(minus)
            if is_written(path):
                added += int(plus)
                deleted += int(minus)
    return {
        "files_changed": files,
        "lines_added": added,
        "lines_deleted": deleted,
        "lines_added_total": added_total,
        "lines_deleted_total": deleted_total,
    }


def _patch_id(folder: Path, git_dir: Path | None, fields: list[str], figures: dict[str, int]) -> str | None:
    changed = figures["lines_added_total"] + figures["lines_deleted_total"]
    if len(fields[1].split()) > 1 or not figures["files_changed"] or changed > LARGEST_CHANGE:
        return None
    words = ("diff-tree", "-p", "-r", "--root", "--no-color", "--no-ext-diff", "--no-textconv", fields[0])
    try:
        diff = git(folder, *words, git_dir=git_dir)
    except GitError:
        return None
    told = subprocess.run(["git", "patch-id", "--stable"], input=diff, capture_output=True, check=False, cwd="/")
    return told.stdout.decode("ascii", "replace").partition(" ")[0] or None


def _branch(folder: Path, git_dir: Path | None) -> str | None:
    try:
        return _text(git(folder, "symbolic-ref", "--short", "-q", "HEAD", git_dir=git_dir)).strip() or None
    except GitError:
        return None


def _trailers(block: str) -> list[list[str]] | None:
    pairs = (line.partition(":") for line in block.splitlines())
    return [[key.strip(), value.strip()] for key, colon, value in pairs if colon and key.strip()] or None


def _moment(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(-?\d+)(?: ([+-])(\d\d)(\d\d))?", text)
    if match is None:
        return 0, 0
    offset = (int(match[3]) * 60 + int(match[4])) * (-1 if match[2] == "-" else 1) if match[2] else 0
    return int(match[1]), offset if abs(offset) <= 1440 else 0


def _text(value: bytes) -> str:
    """UTF-8, else Latin-1: nothing is refused for its encoding."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
