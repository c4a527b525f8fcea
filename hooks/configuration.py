"""`config.yaml`: what people may say about this machine, with the keys of the specification.

Owns reading, checking and writing that file, and deriving the plain state from it. Refuses to be imported on the path
of a commit: it needs PyYAML.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from hooks.agents.setup import SetupError
from hooks.folder import State

HEADER = "# Agent Analytics on this machine. Written by 'aa-hooks init'; run that again after an edit.\n"
AGENTS = ("claude_code", "codex", "gemini_cli", "qwen_code", "github_copilot", "cursor", "opencode")
ALIASES = {"claude": "claude_code", "copilot": "github_copilot", "gemini": "gemini_cli", "qwen": "qwen_code"}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The file's content. `backend_url` None: the engine of this machine. `others` are keys that are not ours."""

    api_key: str | None = None
    backend_url: str | None = None
    enabled_agents: tuple[str, ...] = ()
    developer_id: str | None = None
    project_id: str | None = None
    export_interval: int = 60
    include_prompts: bool = False
    track_commits: bool = True
    correlation_window: int = 300
    others: Mapping[str, Any] = field(default_factory=dict)

    def state(self, data_dir: str | None) -> State:
        """What hooks read."""
        return State(self.backend_url, self.api_key, self.developer_id, self.project_id, data_dir, self.track_commits)

    def text(self) -> str:
        """The file."""
        body = {
            "api_key": self.api_key,
            "backend_url": self.backend_url,
            "enabled_agents": list(self.enabled_agents),
            "developer_id": self.developer_id,
            "project_id": self.project_id,
            "telemetry": {"export_interval": self.export_interval, "include_prompts": self.include_prompts},
            "git": {"track_commits": self.track_commits, "correlation_window": self.correlation_window},
            **self.others,
        }
        return HEADER + yaml.safe_dump(body, sort_keys=False, allow_unicode=True)


def agent(name: str) -> str:
    """An agent's type from its type or alias. Raises SetupError."""
    wanted = name.strip().lower().replace("-", "_")
    found = ALIASES.get(wanted, wanted)
    if found not in AGENTS:
        raise SetupError(f"unknown agent {name!r}", f"known are {', '.join(AGENTS)}")
    return found


def address(text: str) -> str:
    """The address of an engine as it is. Raises SetupError for what is none."""
    try:
        parts = urlsplit(text)
        well = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError:
        well = False
    if not well or not text.isprintable() or " " in text:
        raise SetupError(f"{text!r} is no address", "write it like https://analytics.example.com:4318")
    return text


def header_text(text: str) -> str:
    """A key or an id as it is. Raises SetupError for what cannot stand in the header of a request."""
    if not text.isprintable() or not text.isascii() or " " in text:
        raise SetupError("it holds a space or a character beyond ASCII", "write it in ASCII letters, digits and signs")
    return text


def parse(content: bytes, path: Path) -> Configuration:
    """Read the file. Raises SetupError naming file and line.

    Keys that are not ours survive at the top, unless they look like one of ours that was mistyped.
    """
    try:
        root = yaml.compose(content, Loader=yaml.SafeLoader)
        body = yaml.safe_load(content) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise SetupError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}", "repair the file") from None
    except (UnicodeDecodeError, ValueError):
        raise SetupError(f"{path}: not YAML", "repair the file") from None
    if not isinstance(body, dict):
        raise SetupError(f"{path}:1: expected keys and values", "repair the file")
    lines = _lines(root)
    taker = _Taker(dict(body), path, "", lines)
    telemetry = _Taker(taker.take("telemetry", dict, {}), path, "telemetry.", lines)
    git = _Taker(taker.take("git", dict, {}), path, "git.", lines)
    found = Configuration(
        api_key=taker.take("api_key", str, None, header_text),
        backend_url=taker.take("backend_url", str, None, address),
        enabled_agents=tuple(
            dict.fromkeys(taker.take("enabled_agents", list, [], lambda names: [agent(str(name)) for name in names]))
        ),
        developer_id=taker.take("developer_id", str, None, header_text),
        project_id=taker.take("project_id", str, None),
        export_interval=telemetry.take("export_interval", int, 60, _between(1, 86_400)),
        include_prompts=telemetry.take("include_prompts", bool, False),
        track_commits=git.take("track_commits", bool, True),
        correlation_window=git.take("correlation_window", int, 300, _between(0, 604_800)),
    )
    taker.refuse_mistyped(0.8)
    telemetry.refuse_mistyped(0.0)
    git.refuse_mistyped(0.0)
    return replace(found, others=taker.rest)


def _between(least: int, most: int) -> Callable[[int], int]:
    def check(number: int) -> int:
        if not least <= number <= most:
            raise SetupError(f"{number} is not from {least} to {most}", "repair it")
        return number

    return check


def _lines(root: yaml.Node | None, prefix: str = "") -> dict[str, int]:
    """The line of each dotted key, two levels deep."""
    found: dict[str, int] = {}
    if isinstance(root, yaml.MappingNode):
        for key, value in root.value:
            name = prefix + str(key.value)
            found[name] = key.start_mark.line + 1
            if not prefix:
                found |= _lines(value, name + ".")
    return found


class _Taker:
    """Takes known keys out of a mapping, checking their types."""

    def __init__(self, body: dict[str, Any], path: Path, prefix: str, lines: Mapping[str, int]) -> None:
        self.rest = dict(body)
        self._path = path
        self._prefix = prefix
        self._lines = lines
        self._known: list[str] = []

    def take(self, key: str, kind: type, default: Any, check: Callable[[Any], Any] = lambda value: value) -> Any:
        """A value, as `check` returns it."""
        self._known.append(key)
        value = self.rest.pop(key, None)
        if value is None:
            return default
        where = self._where(key)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            words = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "keys and values"}
            raise SetupError(f"{where} must be {words[kind]}, not {value!r}", "repair it")
        try:
            return check(value)
        except SetupError as error:
            raise SetupError(f"{where}: {error.sentence}", error.hint) from None

    def refuse_mistyped(self, likeness: float) -> None:
        """Raise SetupError for a key that is left and as like one of ours as that (0: for every key)."""
        for key in self.rest:
            near = difflib.get_close_matches(str(key), self._known, 1, likeness)
            if near:
                raise SetupError(f"{self._where(str(key))} is not known", f"did you mean {self._prefix}{near[0]}?")

    def _where(self, key: str) -> str:
        name = self._prefix + key
        return f"{self._path}:{self._lines[name]}: {name}" if name in self._lines else f"{self._path}: {name}"
