"""Which agents keep a history on this machine, where, and who reads it.

Owns one declaration per agent. Refuses to open files: `recognise` is shown what stands in the head of one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.agents.transcripts.claude_code import ClaudeCodeReader
from engine.agents.transcripts.codex import CodexReader
from engine.agents.transcripts.reader import Reader, Workplace, load


@dataclass(frozen=True, slots=True)
class TranscriptSource:
    """The local history of one agent.

    `roots`: folders that hold it, from the environment and the home folder, whether they exist or not; `patterns`:
    names of its files, at any depth below a root; `recognises`: whether a line is this agent's.
    """

    agent_type: str
    display_name: str
    roots: Callable[[Mapping[str, str], Path], tuple[Path, ...]]
    patterns: tuple[str, ...]
    reader: Callable[[Workplace, bytes | None], Reader]
    reader_version: int
    recognises: Callable[[Mapping[str, Any]], bool]


def claude_code_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """CLAUDE_CONFIG_DIR (a list with commas) if it is set, else both default places."""
    named = [part.strip() for part in environment.get("CLAUDE_CONFIG_DIR", "").split(",") if part.strip()]
    folders = [Path(part).expanduser() for part in named] or [home / ".claude", home / ".config" / "claude"]
    return tuple(folder if folder.name == "projects" else folder / "projects" for folder in folders)


def codex_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """CODEX_HOME if it is set, else `~/.codex`; archived sessions lie beside the others."""
    folder = Path(environment["CODEX_HOME"]).expanduser() if environment.get("CODEX_HOME") else home / ".codex"
    return folder / "sessions", folder / "archived_sessions"


def is_claude_code(entry: Mapping[str, Any]) -> bool:
    """Lines of every kind name the session, the message they follow or the leaf they sum up."""
    return "payload" not in entry and ("sessionId" in entry or "leafUuid" in entry or "parentUuid" in entry)


def is_codex(entry: Mapping[str, Any]) -> bool:
    """Every line is an envelope with a payload."""
    return isinstance(entry.get("payload"), dict) and "timestamp" in entry and "type" in entry


SOURCES: tuple[TranscriptSource, ...] = (
    TranscriptSource(
        agent_type="claude_code",
        display_name="Claude Code",
        roots=claude_code_roots,
        patterns=("*.jsonl",),
        reader=ClaudeCodeReader,
        reader_version=ClaudeCodeReader.version,
        recognises=is_claude_code,
    ),
    TranscriptSource(
        agent_type="codex",
        display_name="Codex",
        roots=codex_roots,
        patterns=("rollout-*.jsonl",),
        reader=CodexReader,
        reader_version=CodexReader.version,
        recognises=is_codex,
    ),
)
BY_AGENT: Mapping[str, TranscriptSource] = {source.agent_type: source for source in SOURCES}


def recognise(lines: Iterable[bytes]) -> TranscriptSource | None:
    """The agent that wrote these lines; None when none of them says."""
    for line in lines:
        entry = load(line) if line[:1] == b"{" else None
        for source in SOURCES if entry is not None else ():
            if entry is not None and source.recognises(entry):
                return source
    return None
