"""Settings that are JSON, and the form of hooks that several agents took over from Claude Code.

Owns reading such a file, writing it in its own indentation, and putting our command into groups of hooks and taking it
out again. Refuses files (`changes.py` reads and writes them) and to lose anything that is not ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hooks.agents.setup import SetupError


def parse(content: bytes | None, path: Path) -> dict[str, Any]:
    """The object in a file; empty where there is none. Raises SetupError naming the line."""
    if content is None or not content.strip():
        return {}
    try:
        settings = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        raise SetupError(f"{path}:{error.lineno}: {error.msg}", "repair the file; it was left as it is") from None
    except UnicodeDecodeError:
        raise SetupError(f"{path}: not UTF-8 text", "repair the file; it was left as it is") from None
    if not isinstance(settings, dict):
        raise SetupError(f"{path}: not a JSON object", "repair the file; it was left as it is")
    return settings


def written(settings: dict[str, Any], before: bytes | None) -> bytes:
    """JSON in the file's own indentation."""
    text = (before or b"").decode("utf-8-sig", "replace")
    match = re.search(r"^([ \t]+)\"", text, re.MULTILINE)
    end = "\n" if before is None or text.endswith("\n") or not text else ""
    return (json.dumps(settings, indent=match[1] if match else 2, ensure_ascii=False) + end).encode()


def with_hooks(
    hooks: Any, path: Path, events: Sequence[str], agent: str, command: str, timeout: int | None
) -> dict[str, Any]:
    """The hooks with one group of ours for each event. Raises SetupError for what has another form."""
    if not isinstance(hooks, dict):
        raise SetupError(f"{path}: hooks is not an object", "repair the file")
    ours: dict[str, Any] = {"type": "command", "command": command}
    entry = {"hooks": [ours if timeout is None else {**ours, "timeout": timeout}]}
    found = dict(hooks)
    for event in events:
        groups = found.get(event, [])
        if not isinstance(groups, list):
            raise SetupError(f"{path}: hooks.{event} is not a list", "repair the file")
        if entry not in groups:
            found[event] = [*groups_of_others(groups, agent), entry]
    return found


def without_hooks(hooks: dict[str, Any], agent: str) -> dict[str, Any]:
    """The hooks without ours; events that held nothing else are gone."""
    kept = {
        event: groups_of_others(groups, agent) if isinstance(groups, list) else groups
        for event, groups in hooks.items()
    }
    return {event: groups for event, groups in kept.items() if groups or not hooks[event]}


def groups_of_others(groups: list[Any], agent: str) -> list[Any]:
    """Hook groups without our command."""
    kept = []
    for group in groups:
        entries = group.get("hooks") if isinstance(group, dict) else None
        if not isinstance(entries, list):
            kept.append(group)
            continue
        others = [entry for entry in entries if not is_ours(entry, agent)]
        if others == entries:
            kept.append(group)
        elif others:
            kept.append({**group, "hooks": others})
    return kept


def is_ours(entry: Any, agent: str) -> bool:
    """Whether a hook calls our command for this agent, wherever it is installed."""
    command = entry.get("command") if isinstance(entry, dict) else None
    return isinstance(command, str) and re.search(rf"\bsession --agent {agent}$", command) is not None
