"""Cursor: `~/.cursor/hooks.json`.

Owns the events that our session hook hears of. Cursor sends no telemetry of its own, so these hooks and its tracking
database are all there is. Refuses to touch other people's hooks of the same events.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hooks.agents import settings as files
from hooks.agents.setup import SetupError

AGENT = "cursor"
NAME = "Cursor"
KIND = "cursor hooks"
EVENTS = ("sessionStart", "sessionEnd", "beforeSubmitPrompt", "afterFileEdit", "afterShellExecution", "stop")
TIMEOUT_SECONDS = 5
VERSION = 1


def folder(environment: Mapping[str, str]) -> Path:
    """Cursor's folder."""
    return Path(environment.get("HOME") or Path.home()) / ".cursor"


def hooks_file(environment: Mapping[str, str]) -> Path:
    """Where the user's hooks lie."""
    return folder(environment) / "hooks.json"


def is_installed(environment: Mapping[str, str]) -> bool:
    """Whether this machine has the agent: its folder, or one of its programs on the PATH."""
    import shutil

    path = environment.get("PATH", os.defpath)
    return folder(environment).is_dir() or any(shutil.which(name, path=path) for name in ("cursor", "cursor-agent"))


def configured(before: bytes | None, path: Path, command: Sequence[str]) -> bytes:
    """The hooks with ours among them; the same bytes when they are there already. Raises SetupError."""
    settings = files.parse(before, path)
    hooks = settings.get("hooks", {})
    if not isinstance(hooks, dict):
        raise SetupError(f"{path}: hooks is not an object", "repair the file")
    entry = {"command": shlex.join([*command, "session", "--agent", AGENT]), "timeout": TIMEOUT_SECONDS}
    found = dict(hooks)
    for event in EVENTS:
        entries = found.get(event, [])
        if not isinstance(entries, list):
            raise SetupError(f"{path}: hooks.{event} is not a list", "repair the file")
        if entry not in entries:
            found[event] = [*_others(entries), entry]
    changed = {"version": VERSION} | settings | {"hooks": found}
    return before if changed == settings and before is not None else files.written(changed, before)


def without(before: bytes, path: Path) -> bytes:
    """The hooks without ours. Raises SetupError when the file cannot be read."""
    settings = files.parse(before, path)
    hooks = settings.get("hooks")
    if not isinstance(hooks, dict):
        return before
    kept: dict[str, Any] = {}
    for event, entries in hooks.items():
        others = _others(entries) if isinstance(entries, list) else entries
        if others or not entries:
            kept[event] = others
    changed = settings | {"hooks": kept}
    return before if changed == settings else files.written(changed, before)


def _others(entries: list[Any]) -> list[Any]:
    return [entry for entry in entries if not files.is_ours(entry, AGENT)]
