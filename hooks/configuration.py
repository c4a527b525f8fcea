"""`config.yaml`: what people may say about this machine, with the keys of the specification.

Owns reading, checking and writing that file, and deriving the plain state from it. Refuses to be imported on the path
of a commit: it needs PyYAML.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

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


def parse(content: bytes, path: Path) -> Configuration:
    """Read the file. Raises SetupError naming file and line, or file and key."""
    try:
        body = yaml.safe_load(content) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise SetupError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}", "repair the file") from None
    except UnicodeDecodeError:
        raise SetupError(f"{path}: not UTF-8 text", "repair the file") from None
    if not isinstance(body, dict):
        raise SetupError(f"{path}: expected keys and values", "repair the file")
    taker = _Taker(dict(body), path, "")
    telemetry = _Taker(taker.take("telemetry", dict, {}), path, "telemetry.")
    git = _Taker(taker.take("git", dict, {}), path, "git.")
    found = Configuration(
        api_key=taker.take("api_key", str, None),
        backend_url=taker.take("backend_url", str, None),
        enabled_agents=tuple(agent(str(name)) for name in taker.take("enabled_agents", list, [])),
        developer_id=taker.take("developer_id", str, None),
        project_id=taker.take("project_id", str, None),
        export_interval=telemetry.take("export_interval", int, 60),
        include_prompts=telemetry.take("include_prompts", bool, False),
        track_commits=git.take("track_commits", bool, True),
        correlation_window=git.take("correlation_window", int, 300),
    )
    return replace(found, others=taker.rest)


class _Taker:
    """Takes known keys out of a mapping, checking their types."""

    def __init__(self, body: dict[str, Any], path: Path, prefix: str) -> None:
        self.rest = dict(body)
        self._path = path
        self._prefix = prefix

    def take(self, key: str, kind: type, default: Any) -> Any:
        value = self.rest.pop(key, None)
        if value is None:
            return default
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            words = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "keys and values"}
            raise SetupError(f"{self._path}: {self._prefix}{key} must be {words[kind]}, not {value!r}", "repair it")
        return value
