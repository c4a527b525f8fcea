"""Changing other programs' files so that it can be undone.

Owns planned changes (before and after, as bytes), writing them atomically with a backup of what was there, and the
manifest by which `uninstall` puts every byte back. Refuses to know what the files mean: callers say how to take only
their own part out of a file that somebody edited since.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from hooks.folder import Folder
from hooks.spool import write_whole

KEY = re.compile(r"aa_[A-Za-z0-9]+_[A-Za-z0-9_-]{6,}")


@dataclass(frozen=True, slots=True)
class Change:
    """One file as it is and as it shall be; None: it does not exist. `kind` names who can take our part out again."""

    path: Path
    before: bytes | None
    after: bytes | None
    kind: str
    mode: int | None = None
    """Permissions to set; None keeps those of the file."""

    @property
    def is_none(self) -> bool:
        """Nothing to do."""
        return self.before == self.after and (self.mode is None or _mode(self.path) == self.mode)

    def shown(self) -> str:
        """The change as a unified diff, keys masked."""
        old = (self.before or b"").decode("utf-8", "replace").splitlines(keepends=True)
        new = (self.after or b"").decode("utf-8", "replace").splitlines(keepends=True)
        name = str(self.path)
        diff = "".join(
            line if line.endswith("\n") else line + "\n"
            for line in difflib.unified_diff(old, new, "/dev/null" if self.before is None else name, name)
        )
        if not diff and not self.is_none:
            diff = f"permissions of {name}: {self.mode:o}\n"
        return masked(diff)


@dataclass(frozen=True, slots=True)
class Installed:
    """What was done to one file. `backup`: name in the folder of backups, None for a file that did not exist.
    `after`: digest of what we wrote. `edited`: somebody changed the file between two runs of `init`."""

    path: str
    kind: str
    backup: str | None
    after: str
    mode_before: int | None
    edited: bool = False


def read(path: Path) -> bytes | None:
    """A file's content; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def masked(text: str) -> str:
    """Text without keys."""
    return KEY.sub(lambda match: match[0][: match[0].rindex("_") + 1] + "…", text)


def real(path: Path) -> Path:
    """Where a link leads: the file is changed, not the link replaced."""
    return Path(os.path.realpath(path))


def read_manifest(folder: Folder) -> dict[str, Installed]:
    """What `init` did, by path."""
    try:
        body = json.loads(folder.manifest.read_bytes())
        return {entry["path"]: Installed(**entry) for entry in body["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def write_manifest(folder: Folder, installed: Iterable[Installed]) -> None:
    """Keep what `init` did."""
    body = {"files": [asdict(entry) for entry in installed]}
    write_whole(folder.manifest, (json.dumps(body, indent=2) + "\n").encode())


def apply(folder: Folder, changes: Iterable[Change]) -> list[Change]:
    """Carry changes out; those that changed something. The manifest grows before each file changes, so that a crash
    leaves nothing behind that `uninstall` does not know. Raises OSError."""
    manifest = read_manifest(folder)
    done = []
    for change in changes:
        if change.is_none:
            continue
        path = real(change.path)
        known = manifest.get(str(path))
        edited = False
        if known is None:
            backup = _keep(folder, path, change.before)
            known = Installed(str(path), change.kind, backup, "", _mode(path))
        elif change.before is None or digest(change.before) != known.after:
            edited = True
        manifest[str(path)] = replace(known, after=digest(change.after or b""), edited=known.edited or edited)
        write_manifest(folder, manifest.values())
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.after is None:
            path.unlink(missing_ok=True)
        else:
            mode = change.mode if change.mode is not None else _mode(path)
            write_whole(path, change.after, 0o644 if mode is None else mode)
        done.append(change)
    return done


def restore(folder: Folder, entry: Installed) -> str | None:
    """Put a file back as it was before `init`, if nobody edited it since: what was done, in words; else None."""
    path = Path(entry.path)
    now = read(path)
    if now is None:
        return f"{path}: gone already"
    if entry.edited or digest(now) != entry.after:
        return None
    if entry.backup is None:
        path.unlink()
        return f"{path}: removed"
    content = (folder.backups / entry.backup).read_bytes()
    write_whole(path, content, entry.mode_before if entry.mode_before is not None else 0o644)
    return f"{path}: restored"


def digest(content: bytes) -> str:
    """What identifies a content."""
    return hashlib.sha256(content).hexdigest()


def _keep(folder: Folder, path: Path, content: bytes | None) -> str | None:
    if content is None:
        return None
    folder.backups.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = f"{hashlib.blake2b(os.fsencode(path), digest_size=8).hexdigest()}-{path.name}"
    write_whole(folder.backups / name, content)
    return name


def _mode(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        return None
