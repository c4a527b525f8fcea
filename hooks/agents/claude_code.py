"""Claude Code: `env` and `hooks` of `~/.claude/settings.json`.

Owns the variables that switch its OpenTelemetry export on, and the two session hooks. Refuses to replace variables of
the same name that hold something else, unless asked to.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hooks.agents import settings as files
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
    settings = files.parse(before, path)
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
    changed["hooks"] = files.with_hooks(
        settings.get("hooks", {}), path, EVENTS, AGENT, shlex.join([*command, "session", "--agent", AGENT]),
        TIMEOUT_SECONDS,
    )  # fmt: skip
    return before if changed == settings and before is not None else files.written(changed, before)


def without(before: bytes, path: Path) -> bytes:
    """The settings without our part. Raises SetupError when the file cannot be read."""
    settings = files.parse(before, path)
    changed = dict(settings)
    env = settings.get("env")
    if isinstance(env, dict):
        changed["env"] = {name: value for name, value in env.items() if name not in OWN_VARIABLES}
    hooks = settings.get("hooks")
    if isinstance(hooks, dict):
        changed["hooks"] = files.without_hooks(hooks, AGENT)
    for name in ("env", "hooks"):
        if changed.get(name) == {}:
            del changed[name]
    return before if changed == settings else files.written(changed, before)


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


def is_installed(environment: Mapping[str, str]) -> bool:
    """Whether this machine has the agent: its folder, or its program on the PATH."""
    import shutil

    return folder(environment).is_dir() or shutil.which("claude", path=environment.get("PATH", os.defpath)) is not None
