"""Setting this machine up, and back.

Owns the plan of `init` (every file it would change, as bytes, before anything is written), carrying it out, and
`uninstall`. Refuses to ask: the command line does, and passes answers. One part that cannot be done is told and does
not stop the others.
"""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hooks import configuration, githooks
from hooks.agents import claude_code, codex, cursor, gemini_cli, github_copilot
from hooks.agents.setup import Endpoint, SetupError
from hooks.changes import Change, Installed, apply, digest, read, read_manifest, real, restore, write_manifest
from hooks.configuration import Configuration
from hooks.folder import Folder, data_dir, read_state, state_text
from hooks.spool import Spool, write_whole

LOCAL_URL = "http://127.0.0.1:4318"
TEMPLATES = Path(__file__).parent / "scripts"
PROGRAMS = (gemini_cli.GEMINI, gemini_cli.QWEN)
NOTHING_TO_SET = {"opencode": "opencode: nothing to set up: 'aa-engine serve' on this machine reads its database"}


@dataclass(frozen=True, slots=True)
class Answers:
    """What the user wants; None leaves what is configured. `replace`: also where telemetry goes elsewhere now."""

    api_key: str | None = None
    backend_url: str | None = None
    agents: tuple[str, ...] | None = None
    developer: str | None = None
    project: str | None = None
    repositories: tuple[Path, ...] = ()
    replace: bool = False


@dataclass(slots=True)
class Plan:
    """Changes in the order in which they are made, what is worth telling, and what cannot be done."""

    changes: list[Change] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[SetupError] = field(default_factory=list)


def installed_agents(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Agents on this machine that can be set up."""
    found = {agent.AGENT: agent.is_installed(environment) for agent in (claude_code, codex, github_copilot, cursor)} | {
        program.agent: program.is_installed(environment) for program in PROGRAMS
    }
    return tuple(name for name in configuration.AGENTS if found.get(name))


def current(folder: Folder) -> Configuration | None:
    """The configuration as it is; None before the first `init`. Raises SetupError."""
    content = read(folder.config)
    return None if content is None else configuration.parse(content, folder.config)


def plan(folder: Folder, answers: Answers, command: Sequence[str], environment: Mapping[str, str]) -> Plan:
    """Everything that `init` would do. Raises SetupError when the configuration itself cannot be read."""
    found = Plan()
    before = current(folder)
    wanted = _merged(before, answers, environment)
    content = read(folder.config)
    text = content if before == wanted and content is not None else wanted.text().encode()
    found.changes.append(Change(folder.config, content, text, "config", 0o600))
    seen = environment.get("AA_DATA_DIR") or environment.get("DATA_DIR") or read_state(folder).data_dir
    state = state_text(wanted.state(seen)).encode()
    found.changes.append(Change(folder.state, read(folder.state), state, "state", 0o600))
    for name in githooks.NAMES:
        script = (TEMPLATES / name).read_text(encoding="utf-8")
        script = script.replace("@SPOOL@", shlex.quote(str(folder.spool))).replace("@COMMAND@", shlex.join(command))
        path = folder.scripts / name
        found.changes.append(Change(path, read(path), script.encode(), "script", 0o755))
    endpoint = Endpoint(
        (wanted.backend_url or LOCAL_URL).rstrip("/"),
        wanted.api_key,
        wanted.developer_id,
        wanted.export_interval,
        wanted.include_prompts,
    )
    manifest = read_manifest(folder)
    for name in wanted.enabled_agents:
        try:
            change = _agent_change(name, endpoint, command, environment, manifest, replace=answers.replace)
        except SetupError as error:
            found.problems.append(error)
            continue
        if change is not None:
            found.changes.append(change)
        found.notes.extend(_agent_notes(name, endpoint))
    if wanted.track_commits:
        for repository in answers.repositories:
            try:
                hooks = githooks.changes(repository, folder.scripts)
            except SetupError as error:
                found.problems.append(error)
                continue
            found.changes.extend(hooks)
            found.notes.extend(
                f"{change.path} is committed to the repository, so the change shows there"
                for change in hooks
                if not change.is_none and change.before is not None and githooks.is_versioned(change.path)
            )
    return found


def carry_out(folder: Folder, wanted: Plan) -> list[Change]:
    """Do it; the changes that were needed. Raises OSError."""
    folder.path.mkdir(mode=0o700, exist_ok=True)
    folder.spool.mkdir(mode=0o700, exist_ok=True)
    return apply(folder, wanted.changes)


def uninstall(folder: Folder) -> tuple[list[str], list[SetupError]]:
    """Undo everything: what was done, in words, and what could not be. Raises OSError."""
    manifest = read_manifest(folder)
    told: list[str] = []
    problems: list[SetupError] = []
    left: list[Installed] = []
    for entry in reversed(manifest.values()):
        try:
            done = _undo(folder, entry)
        except SetupError as error:
            problems.append(error)
            left.append(entry)
            continue
        told.append(done)
    if left:
        write_manifest(folder, left)
        return told, problems
    shutil.rmtree(folder.backups, ignore_errors=True)
    folder.manifest.unlink(missing_ok=True)
    spool = Spool(folder.spool)
    waiting = len(spool.waiting())
    if waiting or spool.has_lines():
        told.append(f"{folder.spool}: kept, {waiting or 'some'} undelivered; 'aa-hooks flush' sends them")
    else:
        shutil.rmtree(folder.spool, ignore_errors=True)
    for path in (folder.scripts, folder.path):
        try:
            path.rmdir()
        except OSError:
            continue
    return told, problems


def _merged(before: Configuration | None, answers: Answers, environment: Mapping[str, str]) -> Configuration:
    from dataclasses import replace

    start = before or Configuration(enabled_agents=installed_agents(environment))
    given = {
        "api_key": answers.api_key,
        "backend_url": answers.backend_url,
        "developer_id": answers.developer,
        "project_id": answers.project,
    }
    texts = {name: value or None for name, value in given.items() if value is not None}
    agents = {} if answers.agents is None else {"enabled_agents": answers.agents}
    return replace(start, **texts, **agents)  # type: ignore[arg-type]


def _agent_change(
    name: str,
    endpoint: Endpoint,
    command: Sequence[str],
    environment: Mapping[str, str],
    manifest: Mapping[str, Installed],
    *,
    replace: bool,
) -> Change | None:
    mode = 0o600 if endpoint.key else None
    if name == claude_code.AGENT:
        path = real(claude_code.settings_file(environment))
        before = _readable(path)
        mine = str(path) in manifest
        after = claude_code.configured(before, path, endpoint, command, mine=mine, replace=replace)
        return Change(path, before, after, claude_code.KIND, mode)
    if name == codex.AGENT:
        path = real(codex.config_file(environment))
        before = _readable(path)
        return Change(path, before, codex.configured(before, path, endpoint, command), codex.KIND, mode)
    if name == cursor.AGENT:
        path = real(cursor.hooks_file(environment))
        before = _readable(path)
        return Change(path, before, cursor.configured(before, path, command), cursor.KIND)
    if name == github_copilot.AGENT:
        path = real(github_copilot.hooks_file(environment))
        return Change(path, _readable(path), github_copilot.configured(command), github_copilot.KIND)
    for program in PROGRAMS:
        if name == program.agent:
            path = real(program.settings_file(environment))
            before = _readable(path)
            mine = str(path) in manifest
            after = program.configured(before, path, endpoint, command, mine=mine, replace=replace)
            return Change(path, before, after, program.kind)
    return None


def _agent_notes(name: str, endpoint: Endpoint) -> list[str]:
    """What the user has to know or to do for an agent."""
    notes = [gemini_cli.key_note(program, endpoint) for program in PROGRAMS if program.agent == name]
    if name == github_copilot.AGENT:
        notes.append(github_copilot.note(endpoint))
    notes.append(NOTHING_TO_SET.get(name))
    return [note for note in notes if note is not None]


def _readable(path: Path) -> bytes | None:
    try:
        return read(path)
    except OSError as error:
        raise SetupError(f"{path}: {error.strerror}", "let this user read it") from None


def _undo(folder: Folder, entry: Installed) -> str:
    """Put one file back; where it was edited since, take only our part out. Raises SetupError."""
    path = Path(entry.path)
    if entry.kind in ("state", "script", github_copilot.KIND):  # nobody's but ours, whatever is in it
        path.unlink(missing_ok=True)
        return f"{path}: removed"
    done = restore(folder, entry)
    if done is not None:
        return done
    content = path.read_bytes()
    if entry.kind == claude_code.KIND:
        after = claude_code.without(content, path)
    elif entry.kind == codex.KIND:
        after = codex.without(content, path)
    elif entry.kind == cursor.KIND:
        after = cursor.without(content, path)
    elif entry.kind in (program.kind for program in PROGRAMS):
        after = next(program for program in PROGRAMS if program.kind == entry.kind).without(content, path)
    elif entry.kind == githooks.KIND:
        after = githooks.without_block(content)
        if entry.backup is None and githooks.is_only_ours(content):
            path.unlink()
            return f"{path}: removed"
    else:
        return f"{path}: kept, it was edited since"
    if digest(after) == digest(content):
        return f"{path}: nothing of ours left in it"
    write_whole(path, after, path.stat().st_mode & 0o7777)
    return f"{path}: our part removed, your edits kept"


def local_target(folder: Folder) -> str:
    """Where this machine's engine would be."""
    return os.fspath(data_dir(read_state(folder)))
