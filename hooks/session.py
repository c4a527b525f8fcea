"""What an agent's own hooks tell: a session began, ended, was asked something, works in this folder, made a commit.

Owns reading the JSON that agents hand to their hooks and the lines that are noted of it: agent, session, event, folder,
a commit that a command's output names, the hash of an edited file's name. Refuses content (prompts, arguments, answers
stay unread; a command and its output are looked at for a commit and forgotten), output (an agent would read it as
context) and failure.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping
from typing import Any

from hooks import edits
from hooks.folder import Folder
from hooks.spool import Spool

EVENTS = {
    "sessionstart": ("start", "source"),
    "sessionend": ("end", "reason"),
    "userpromptsubmit": ("prompt", None),
    "userpromptsubmitted": ("prompt", None),
    "beforesubmitprompt": ("prompt", None),
    "beforeagent": ("prompt", None),
    "agent-turn-complete": ("context", None),
}
FILE_EVENTS = frozenset({"afterfileedit", "aftertabfileedit"})
SHELL_EVENTS = frozenset({"aftershellexecution"})
LONGEST = 200
LOOKED_AT = 65_536
GIT_COMMIT = re.compile(r"\bgit\b[^\n;|&]*\bcommit\b")
COMMIT_LINE = re.compile(r"^\[[^\]\n]{1,250}? ([0-9a-f]{7,40})\]", re.MULTILINE)


def note(folder: Folder, text: str | bytes, agent: str | None, event: str | None = None) -> bool:
    """Note one hook's JSON; False when there is nothing in it to be delivered. Never raises."""
    try:
        told = json.loads(text)
        if not isinstance(told, dict):
            return False
        now = round(time.time(), 3)
        named = (event or _text(told, "hook_event_name", "type", "hookName") or "").lower()
        if named in FILE_EVENTS:
            session, path = session_of(told), _text(told, "file_path", longest=4096)
            if session is not None and path is not None:
                edits.note(folder, now, agent or guess(told), session, path)
            return False
        lines = [line for line in (of_hook(told, agent, named), commit_of(told, agent, named)) if line is not None]
        for line in lines:
            Spool(folder.spool).append(json.dumps(line | {"at": now}).encode())
    except (OSError, ValueError, RecursionError):
        return False
    return bool(lines)


def session_of(told: Mapping[str, Any]) -> str | None:
    """The session; None for a sub-agent's hook and for what names none."""
    if _text(told, "agent_id") is not None:
        return None
    return _text(told, "session_id", "thread-id", "sessionId", "conversation_id")


def of_hook(told: Mapping[str, Any], agent: str | None, named: str) -> dict[str, Any] | None:
    """The line for a hook's JSON, without its time; None for a sub-agent's hook and for what names no session."""
    session = session_of(told)
    if session is None:
        return None
    event, reason_field = EVENTS.get(named, ("context", None))
    return {
        "kind": "session",
        "agent": agent or guess(told),
        "session": session,
        "event": event,
        "reason": _text(told, reason_field) if reason_field else None,
        "folder": _folder(told),
        "version": _text(told, "cursor_version"),
        "email": _text(told, "user_email"),
    }


def commit_of(told: Mapping[str, Any], agent: str | None, named: str) -> dict[str, Any] | None:
    """The line for the commit that a command made, as git named it in the command's output; else None."""
    session, command, output = session_of(told), told.get("command"), told.get("output")
    if named not in SHELL_EVENTS or session is None or not isinstance(command, str) or not isinstance(output, str):
        return None
    found = COMMIT_LINE.findall(output[:LOOKED_AT]) if GIT_COMMIT.search(command[:LOOKED_AT]) else []
    if not found:
        return None
    sign = {"kind": "telemetry_sha", "agent_type": agent or guess(told), "session_id": session, "value": named}
    return {"kind": "commit", "folder": _folder(told), "variables": {}, "commit": {"only": found[-1]}, "signs": [sign]}


def guess(told: Mapping[str, Any]) -> str:
    """Which agent speaks, where the command line does not say."""
    if "cursor_version" in told:
        return "cursor"
    transcript = _text(told, "transcript_path", longest=4096) or ""
    for part, agent in (("/.codex/", "codex"), ("/.gemini/", "gemini_cli"), ("/.qwen/", "qwen_code")):
        if part in transcript:
            return agent
    return "codex" if "thread-id" in told else "github_copilot" if "sessionId" in told else "claude_code"


def _folder(told: Mapping[str, Any]) -> str:
    """Where the session works: Cursor names the folders of its window, the others one."""
    named = _text(told, "cwd", longest=4096)
    roots = told.get("workspace_roots")
    if named is None and isinstance(roots, list) and roots and isinstance(roots[0], str) and len(roots[0]) <= 4096:
        named = roots[0]
    return named or os.getcwd()


def _text(told: Mapping[str, Any], *names: str, longest: int = LONGEST) -> str | None:
    for name in names:
        value = told.get(name)
        if isinstance(value, str) and 0 < len(value) <= longest:
            return value
    return None
