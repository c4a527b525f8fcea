"""Codex: `[otel]` and `notify` of `~/.codex/config.toml`.

Owns two marked blocks in that file, one at its top (top-level keys must stand before any table) and one at its end.
Refuses to parse and rewrite TOML: everything outside the blocks stays byte for byte, and a file that has an `[otel]` of
its own is left alone.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from hooks.agents.setup import Endpoint, SetupError

AGENT = "codex"
NAME = "Codex"
KIND = "codex config"
BEGIN = "# >>> agent-analytics >>>"
END = "# <<< agent-analytics <<<"


def folder(environment: Mapping[str, str]) -> Path:
    """Codex's folder."""
    return Path(environment.get("CODEX_HOME") or Path.home() / ".codex")


def config_file(environment: Mapping[str, str]) -> Path:
    """Where the user's configuration lies."""
    return folder(environment) / "config.toml"


def is_installed(environment: Mapping[str, str]) -> bool:
    """Whether this machine has the agent: its folder, or its program on the PATH."""
    import shutil

    return folder(environment).is_dir() or shutil.which("codex", path=environment.get("PATH", os.defpath)) is not None


def configured(before: bytes | None, path: Path, endpoint: Endpoint, command: Sequence[str]) -> bytes:
    """The configuration with our blocks. Raises SetupError when it cannot be read or has an `[otel]` of its own."""
    rest = without(before or b"", path).decode()
    try:
        there = tomllib.loads(rest)
    except tomllib.TOMLDecodeError as error:
        raise SetupError(f"{path}: {error}", "repair the file; it was left as it is") from None
    if "otel" in there:
        raise SetupError(
            f"{path}: it has an [otel] of its own", f"let its exporters send to {endpoint.url}/v1/logs and /v1/metrics"
        )
    notify = [] if "notify" in there else [_block(f"notify = {json.dumps([*command, 'session', '--agent', AGENT])}\n")]
    glue = "" if not rest or rest.endswith("\n") else "\n"
    return "".join([*notify, rest, glue, _block(_otel(endpoint))]).encode()


def without(before: bytes, path: Path) -> bytes:
    """The configuration without our blocks. Raises SetupError when it is not text or a block is torn."""
    try:
        lines = before.decode("utf-8").splitlines(keepends=True)
    except UnicodeDecodeError:
        raise SetupError(f"{path}: not UTF-8 text", "repair the file; it was left as it is") from None
    kept: list[str] = []
    inside = False
    for line in lines:
        mark = line.strip()
        if mark in (BEGIN, END):
            if inside == (mark == BEGIN):
                raise SetupError(f"{path}: a block of ours is torn", f"delete from '{BEGIN}' to '{END}' by hand")
            inside = mark == BEGIN
        elif not inside:
            kept.append(line)
    if inside:
        raise SetupError(f"{path}: a block of ours is torn", f"delete from '{BEGIN}' to '{END}' by hand")
    return "".join(kept).encode()


def _block(content: str) -> str:
    return f"{BEGIN}\n{content}{END}\n"


def _otel(endpoint: Endpoint) -> str:
    headers = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in endpoint.headers().items())
    tail = f", headers = {{ {headers} }}" if headers else ""

    def exporter(signal: str) -> str:
        return (
            f'{{ otlp-http = {{ endpoint = {json.dumps(f"{endpoint.url}/v1/{signal}")}, protocol = "binary"{tail} }} }}'
        )

    return (
        "[otel]\n"
        f"log_user_prompt = {'true' if endpoint.include_prompts else 'false'}\n"
        f"exporter = {exporter('logs')}\n"
        f"metrics_exporter = {exporter('metrics')}\n"
    )
