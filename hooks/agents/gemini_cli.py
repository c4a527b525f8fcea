"""Gemini CLI, and Qwen Code, which is a fork of it: `telemetry` and `hooks` of their `settings.json`.

Owns the switches of their telemetry and the session hooks. Prompts, which both send unless told not to, are switched
off with everything else that we did not ask for. Refuses to replace telemetry that goes elsewhere, unless asked to; and
keys: their settings have no place for one, so it is told how to give it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hooks.agents import settings as files
from hooks.agents.setup import Endpoint, SetupError

EVENTS = ("SessionStart", "SessionEnd")
OWN_TELEMETRY = ("enabled", "target", "otlpEndpoint", "otlpProtocol", "logPrompts")


@dataclass(frozen=True, slots=True)
class Program:
    """One of the two. `timeout`: how its hooks say five seconds."""

    agent: str
    name: str
    kind: str
    folder_name: str
    executable: str
    timeout: int

    def folder(self, environment: Mapping[str, str]) -> Path:
        """The program's folder."""
        return Path(environment.get("HOME") or Path.home()) / self.folder_name

    def settings_file(self, environment: Mapping[str, str]) -> Path:
        """Where the user's settings lie."""
        return self.folder(environment) / "settings.json"

    def is_installed(self, environment: Mapping[str, str]) -> bool:
        """Whether this machine has the agent: its folder, or its program on the PATH."""
        import shutil

        path = environment.get("PATH", os.defpath)
        return self.folder(environment).is_dir() or shutil.which(self.executable, path=path) is not None

    def configured(
        self, before: bytes | None, path: Path, endpoint: Endpoint, command: Sequence[str], *, mine: bool, replace: bool
    ) -> bytes:
        """The settings with our part in them; the same bytes when it is there already.

        Raises SetupError when the file cannot be read, or sends telemetry elsewhere and neither `mine` nor `replace`.
        """
        settings = files.parse(before, path)
        telemetry = settings.get("telemetry", {})
        if not isinstance(telemetry, dict):
            raise SetupError(f"{path}: telemetry is not an object", "repair the file")
        there = telemetry.get("otlpEndpoint") or telemetry.get("outfile")
        if telemetry.get("enabled") and there not in (None, endpoint.url) and not (mine or replace):
            raise SetupError(
                f"{path}: {self.name} already sends its telemetry to {there}", "run again with --replace to change that"
            )
        wanted = {
            "enabled": True,
            "target": "local",
            "otlpEndpoint": endpoint.url,
            "otlpProtocol": "http",
            "logPrompts": endpoint.include_prompts,
        }
        # A file to write to would get everything instead of us.
        kept = {name: value for name, value in telemetry.items() if name != "outfile"}
        line = shlex.join([*command, "session", "--agent", self.agent])
        changed = settings | {
            "telemetry": kept | wanted,
            "hooks": files.with_hooks(settings.get("hooks", {}), path, EVENTS, self.agent, line, self.timeout),
        }
        return before if changed == settings and before is not None else files.written(changed, before)

    def without(self, before: bytes, path: Path) -> bytes:
        """The settings without our part. Raises SetupError when the file cannot be read."""
        settings = files.parse(before, path)
        changed = dict(settings)
        telemetry, hooks = settings.get("telemetry"), settings.get("hooks")
        if isinstance(telemetry, dict):
            changed["telemetry"] = {name: value for name, value in telemetry.items() if name not in OWN_TELEMETRY}
        if isinstance(hooks, dict):
            changed["hooks"] = files.without_hooks(hooks, self.agent)
        for name in ("telemetry", "hooks"):
            if changed.get(name) == {}:
                del changed[name]
        return before if changed == settings else files.written(changed, before)


GEMINI = Program("gemini_cli", "Gemini CLI", "gemini settings", ".gemini", "gemini", 5_000)
QWEN = Program("qwen_code", "Qwen Code", "qwen settings", ".qwen", "qwen", 5_000)


def key_note(program: Program, endpoint: Endpoint) -> str | None:
    """What the settings cannot hold, in words."""
    headers = ",".join(f"{name}={value}" for name, value in endpoint.headers().items())
    if not headers:
        return None
    return (
        f"{program.agent}: its settings have no place for a key; start it with "
        f"OTEL_EXPORTER_OTLP_HEADERS={shlex.quote(headers)} in its environment"
    )
