"""What an agent's own hooks tell: a session began, ended, or works in this folder.

Owns reading the JSON that Claude Code and Codex hand to their hooks and the line that is noted of it: agent, session,
event, folder. Refuses content (prompts, tool arguments, answers stay unread), output (an agent would read it as
context) and failure.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any

from hooks.folder import Folder
from hooks.spool import Spool

EVENTS = {
    "sessionstart": ("start", "source"),
    "sessionend": ("end", "reason"),
    "userpromptsubmit": ("prompt", None),
    "agent-turn-complete": ("context", None),
}
LONGEST = 200


def note(folder: Folder, text: str | bytes, agent: str | None) -> bool:
    """Note one hook's JSON; False when there is nothing to note in it. Never raises."""
    try:
        told = json.loads(text)
        line = of_hook(told, agent) if isinstance(told, dict) else None
        if line is None:
            return False
        Spool(folder.spool).append(json.dumps(line | {"at": round(time.time(), 3)}).encode())
    except (OSError, ValueError, RecursionError):
        return False
    return True


def of_hook(told: Mapping[str, Any], agent: str | None) -> dict[str, Any] | None:
    """The line for a hook's JSON, without its time; None for a sub-agent's hook and for what names no session."""
    session = _text(told, "session_id", "thread-id", "sessionId", "conversation_id")
    if session is None or _text(told, "agent_id") is not None:
        return None
    event, reason_field = EVENTS.get(
        (_text(told, "hook_event_name", "type", "hookName") or "").lower(), ("context", None)
    )
    return {
        "kind": "session",
        "agent": agent or guess(told),
        "session": session,
        "event": event,
        "reason": _text(told, reason_field) if reason_field else None,
        "folder": _text(told, "cwd", longest=4096) or os.getcwd(),
    }


def guess(told: Mapping[str, Any]) -> str:
    """Which agent speaks, where the command line does not say."""
    transcript = _text(told, "transcript_path", longest=4096) or ""
    return "codex" if "thread-id" in told or "/.codex/" in transcript else "claude_code"


def _text(told: Mapping[str, Any], *names: str, longest: int = LONGEST) -> str | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and 0 < len(value) <= longest:
            return value
    return None
