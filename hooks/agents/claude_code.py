"""Claude Code: `env` and `hooks` of `~/.claude/settings.json`.

Owns the variables that switch its OpenTelemetry export on, and the two session hooks. Refuses to replace variables of
the same name that hold something else, unless asked to.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hooks.agents.setup import Endpoint, SetupError

AGENT = "claude_code"
NAME = "Claude Code"
KIND = "claude settings"
EVENTS = ("SessionStart", "SessionEnd")
TIMEOUT_SECONDS = 5
LOGS_INTERVAL_MILLISECONDS = 5_000


def settings_file(environment: Mapping[str, str]) -> Path:
    """Where the user's settings lie."""
    return folder(environment) / "settings.json"


def folder(environment: Mapping[str, str]) -> Path:
    """Claude Code's folder."""
    return Path(environment.get("CLAUDE_CONFIG_DIR") or Path.home() / ".claude")


def variables(endpoint: Endpoint) -> dict[str, str]:
    """The environment that makes Claude Code send its telemetry."""
    found = {
        "CLAUDE_CODE_ENABLE_TELEMETRY": "1",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
        "OTEL_METRIC_EXPORT_INTERVAL": str(endpoint.interval_seconds * 1000),
        "OTEL_LOGS_EXPORT_INTERVAL": str(LOGS_INTERVAL_MILLISECONDS),
    }
    headers = endpoint.headers()
    if headers:
        found["OTEL_EXPORTER_OTLP_HEADERS"] = ",".join(f"{name}={value}" for name, value in headers.items())
    if endpoint.include_prompts:
        found["OTEL_LOG_USER_PROMPTS"] = "1"
    return found


def configured(
    before: bytes | None, path: Path, endpoint: Endpoint, command: Sequence[str], *, mine: bool, replace: bool
) -> bytes:
    """The settings with our part in them; the same bytes when it is there already.

    `mine`: what stands there may be from an earlier run. Raises SetupError when the file cannot be read, or when it
    sends telemetry elsewhere and neither `mine` nor `replace` holds.
    """
    settings = _parse(before, path)
    wanted = variables(endpoint)
    env = settings.get("env", {})
    if not isinstance(env, dict):
        raise SetupError(f"{path}: env is not an object", "repair the file")
    there = env.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if there is not None and there != endpoint.url and not (mine or replace):
        raise SetupError(
            f"{path}: {NAME} already sends its telemetry to {there}", "run again with --replace to change that"
        )
    for name in ("OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"):
        if env.get(name, "otlp") != "otlp" and not (mine or replace):
            raise SetupError(
                f"{path}: {NAME} already exports with {name}={env[name]}", "run again with --replace to change that"
            )
    ours = {name: value for name, value in env.items() if name not in OWN_VARIABLES} | wanted
    changed = settings | {"env": {name: ours[name] for name in [*env, *wanted] if name in ours}}
    changed["hooks"] = _with_hooks(settings.get("hooks", {}), path, shlex.join([*command, "session", "--agent", AGENT]))
    return before if changed == settings and before is not None else _written(changed, before)


def without(before: bytes, path: Path) -> bytes:
    """The settings without our part. Raises SetupError when the file cannot be read."""
    settings = _parse(before, path)
    changed = dict(settings)
    env = settings.get("env")
    if isinstance(env, dict):
        changed["env"] = {name: value for name, value in env.items() if name not in OWN_VARIABLES}
    hooks = settings.get("hooks")
    if isinstance(hooks, dict):
        changed["hooks"] = {event: groups for event, groups in _without_hooks(hooks).items() if groups}
    for name in ("env", "hooks"):
        if changed.get(name) == {}:
            del changed[name]
    return before if changed == settings else _written(changed, before)


OWN_VARIABLES = frozenset(
    {
        "CLAUDE_CODE_ENABLE_TELEMETRY",
        "OTEL_METRICS_EXPORTER",
        "OTEL_LOGS_EXPORTER",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "OTEL_METRIC_EXPORT_INTERVAL",
        "OTEL_LOGS_EXPORT_INTERVAL",
        "OTEL_LOG_USER_PROMPTS",
    }
)


def _with_hooks(hooks: Any, path: Path, command: str) -> dict[str, Any]:
    if not isinstance(hooks, dict):
        raise SetupError(f"{path}: hooks is not an object", "repair the file")
    entry = {"hooks": [{"type": "command", "command": command, "timeout": TIMEOUT_SECONDS}]}
    found = dict(hooks)
    for event in EVENTS:
        groups = found.get(event, [])
        if not isinstance(groups, list):
            raise SetupError(f"{path}: hooks.{event} is not a list", "repair the file")
        if entry not in groups:
            found[event] = [*_groups_of_others(groups), entry]
    return found


def _without_hooks(hooks: dict[str, Any]) -> dict[str, Any]:
    return {event: _groups_of_others(groups) if isinstance(groups, list) else groups for event, groups in hooks.items()}


def _groups_of_others(groups: list[Any]) -> list[Any]:
    """Hook groups without our command."""
    kept = []
    for group in groups:
        entries = group.get("hooks") if isinstance(group, dict) else None
        if not isinstance(entries, list):
            kept.append(group)
            continue
        others = [entry for entry in entries if not _is_ours(entry)]
        if others == entries:
            kept.append(group)
        elif others:
            kept.append({**group, "hooks": others})
    return kept


def _is_ours(entry: Any) -> bool:
    command = entry.get("command") if isinstance(entry, dict) else None
    return isinstance(command, str) and re.search(r"\bsession --agent claude_code$", command) is not None


def _parse(content: bytes | None, path: Path) -> dict[str, Any]:
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


def _written(settings: dict[str, Any], before: bytes | None) -> bytes:
    """JSON in the file's own indentation."""
    text = (before or b"").decode("utf-8-sig", "replace")
    match = re.search(r"^([ \t]+)\"", text, re.MULTILINE)
    end = "\n" if before is None or text.endswith("\n") or not text else ""
    return (json.dumps(settings, indent=match[1] if match else 2, ensure_ascii=False) + end).encode()


def is_installed(environment: Mapping[str, str]) -> bool:
    """Whether this machine has the agent: its folder, or its program on the PATH."""
    import shutil

    return folder(environment).is_dir() or shutil.which("claude", path=environment.get("PATH", os.defpath)) is not None
