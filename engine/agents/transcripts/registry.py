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
from engine.agents.transcripts.cursor import CursorReader
from engine.agents.transcripts.gemini_cli import GeminiReader, lines_of_document
from engine.agents.transcripts.github_copilot import CopilotReader
from engine.agents.transcripts.opencode import OpencodeReader
from engine.agents.transcripts.qwen_code import QwenReader
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
    is_database: bool = False
    """A SQLite database, of which rows that changed are read; else lines that are appended."""
    document_patterns: tuple[str, ...] = ()
    """Names of files that hold a whole history as one JSON object and are written anew each time."""
    document: Callable[[bytes], list[bytes] | None] = lambda content: None
    """The lines of such a file; None while it is being written."""


def claude_code_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """CLAUDE_CONFIG_DIR (a list with commas) if it is set, else both default places."""
    named = [part.strip() for part in environment.get("CLAUDE_CONFIG_DIR", "").split(",") if part.strip()]
    folders = [Path(part).expanduser() for part in named] or [home / ".claude", home / ".config" / "claude"]
    return tuple(folder if folder.name == "projects" else folder / "projects" for folder in folders)


def codex_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """CODEX_HOME if it is set, else `~/.codex`; archived sessions lie beside the others."""
    folder = Path(environment["CODEX_HOME"]).expanduser() if environment.get("CODEX_HOME") else home / ".codex"
    return folder / "sessions", folder / "archived_sessions"


def gemini_cli_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """`~/.gemini/tmp`: a folder for each project."""
    return (home / ".gemini" / "tmp",)


def qwen_code_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """`~/.qwen/projects`, and `tmp` of older releases."""
    return home / ".qwen" / "projects", home / ".qwen" / "tmp"


def github_copilot_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """COPILOT_HOME if it is set, else `~/.copilot`."""
    named = environment.get("COPILOT_HOME")
    return ((Path(named).expanduser() if named else home / ".copilot") / "session-state",)


def opencode_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """XDG_DATA_HOME if it is set, else `~/.local/share`."""
    named = environment.get("XDG_DATA_HOME")
    return ((Path(named).expanduser() if named else home / ".local" / "share") / "opencode",)


def cursor_roots(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """`~/.cursor/ai-tracking`."""
    return (home / ".cursor" / "ai-tracking",)


def is_nothing(entry: Mapping[str, Any]) -> bool:
    """No line of text is a database's."""
    return False


def is_gemini_cli(entry: Mapping[str, Any]) -> bool:
    """The head names session and project; a message has Gemini's own type."""
    return "projectHash" in entry or (entry.get("type") == "gemini" and "tokens" in entry)


def is_qwen_code(entry: Mapping[str, Any]) -> bool:
    """Lines like Claude Code's, with Gemini's parts in the messages."""
    message = entry.get("message")
    return "sessionId" in entry and (
        (isinstance(message, dict) and "parts" in message) or entry.get("subtype") == "ui_telemetry"
    )


def is_github_copilot(entry: Mapping[str, Any]) -> bool:
    """Events with dotted names, data and a parent."""
    kind = entry.get("type")
    return isinstance(kind, str) and "." in kind and isinstance(entry.get("data"), dict) and "parentId" in entry


def is_claude_code(entry: Mapping[str, Any]) -> bool:
    """Lines of every kind name the session, the message they follow or the leaf they sum up."""
    named = "sessionId" in entry or "leafUuid" in entry or "parentUuid" in entry
    return named and "payload" not in entry and not is_qwen_code(entry) and not is_gemini_cli(entry)


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
    TranscriptSource(
        agent_type="gemini_cli",
        display_name="Gemini CLI",
        roots=gemini_cli_roots,
        patterns=("*.jsonl",),
        reader=GeminiReader,
        reader_version=GeminiReader.version,
        recognises=is_gemini_cli,
        document_patterns=("session-*.json",),
        document=lines_of_document,
    ),
    TranscriptSource(
        agent_type="qwen_code",
        display_name="Qwen Code",
        roots=qwen_code_roots,
        patterns=("*.jsonl",),
        reader=QwenReader,
        reader_version=QwenReader.version,
        recognises=is_qwen_code,
    ),
    TranscriptSource(
        agent_type="github_copilot",
        display_name="Copilot CLI",
        roots=github_copilot_roots,
        patterns=("events.jsonl",),
        reader=CopilotReader,
        reader_version=CopilotReader.version,
        recognises=is_github_copilot,
    ),
    TranscriptSource(
        agent_type="opencode",
        display_name="opencode",
        roots=opencode_roots,
        patterns=("opencode.db", "opencode-*.db"),
        reader=OpencodeReader,
        reader_version=OpencodeReader.version,
        recognises=is_nothing,
        is_database=True,
    ),
    TranscriptSource(
        agent_type="cursor",
        display_name="Cursor",
        roots=cursor_roots,
        patterns=("ai-code-tracking.db",),
        reader=CursorReader,
        reader_version=CursorReader.version,
        recognises=is_nothing,
        is_database=True,
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
