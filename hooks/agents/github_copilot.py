"""GitHub Copilot CLI: a file of ours in `~/.copilot/hooks`.

Owns that file and the words that say how to switch its telemetry on: that is done by its environment, which nobody but
the user can set. Refuses other files of that folder.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from hooks.agents.setup import Endpoint

AGENT = "github_copilot"
NAME = "Copilot CLI"
KIND = "copilot hooks"
EVENTS = ("sessionStart", "sessionEnd", "userPromptSubmitted")
TIMEOUT_SECONDS = 5


def folder(environment: Mapping[str, str]) -> Path:
    """Copilot's folder."""
    return Path(environment.get("COPILOT_HOME") or Path(environment.get("HOME") or Path.home()) / ".copilot")


def hooks_file(environment: Mapping[str, str]) -> Path:
    """Our own file among those of the user."""
    return folder(environment) / "hooks" / "agent-analytics.json"


def is_installed(environment: Mapping[str, str]) -> bool:
    """Whether this machine has the agent: its folder, or its program on the PATH."""
    import shutil

    return folder(environment).is_dir() or shutil.which("copilot", path=environment.get("PATH", os.defpath)) is not None


def configured(command: Sequence[str]) -> bytes:
    """Our file."""
    found = {}
    for event in EVENTS:
        # Payloads of one event look like those of another: the command line says which it is.
        line = shlex.join([*command, "session", "--agent", AGENT, "--event", event])
        found[event] = [{"type": "command", "bash": line, "timeoutSec": TIMEOUT_SECONDS}]
    return (json.dumps({"version": 1, "hooks": found}, indent=2) + "\n").encode()


def note(endpoint: Endpoint) -> str:
    """How its telemetry is switched on, in words."""
    variables = {
        "COPILOT_OTEL_ENABLED": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": "true" if endpoint.include_prompts else "false",
    }
    headers = ",".join(f"{name}={value}" for name, value in endpoint.headers().items())
    if headers:
        variables["OTEL_EXPORTER_OTLP_HEADERS"] = headers
    words = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    return f"{AGENT}: its telemetry is switched on by its environment: alias copilot={shlex.quote(words + ' copilot')}"
