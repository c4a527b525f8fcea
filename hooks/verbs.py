"""The verbs that people run by hand: init, uninstall, status, doctor, whoami.

Owns their questions and their words. Refuses to change anything that `hooks.init` did not plan.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hooks import background, configuration, githooks
from hooks import init as setup
from hooks.agents.setup import SetupError
from hooks.changes import masked, read, read_manifest
from hooks.configuration import Configuration
from hooks.delivery import reach, target
from hooks.folder import Folder, home, read_state
from hooks.project import GitError, git
from hooks.spool import Spool


def init(arguments: argparse.Namespace) -> int:
    """Exit 1 when a part could not be set up, 2 for wrong flags or a configuration that cannot be read."""
    folder = home()
    try:
        before = setup.current(folder)
        answers = _answers(arguments, before)
        plan = setup.plan(folder, answers, background.command(), os.environ)
    except SetupError as error:
        return _wrong(error)
    needed = [change for change in plan.changes if not change.is_none]
    if arguments.dry_run:
        for change in needed:
            print(change.shown(), end="")
        _say("nothing would change" if not needed else f"{len(needed)} files would change; nothing was changed")
    else:
        done = setup.carry_out(folder, plan)
        for change in done:
            print(f"{change.path}: {'made' if change.before is None else 'changed'}")
        if not done:
            print("nothing to change: everything is set up already")
    for note in plan.notes:
        _say(masked(note))
    for problem in plan.problems:
        _say(f"aa-hooks: {problem}")
    if not arguments.dry_run and needed:
        where = target(read_state(folder))
        _say(f"commits and sessions go to {where.name if where else 'the engine of this machine, once it runs'}")
        if not answers.repositories:
            _say("no git hook was set: run 'aa-hooks init --repo PATH' for each repository")
    return 1 if plan.problems else 0


def uninstall(arguments: argparse.Namespace) -> int:
    """Exit 1 when a file could not be put back."""
    folder = home()
    if not read_manifest(folder):
        print("nothing is set up here")
        return 0
    if _interactive(arguments) and not _yes("Put everything back as it was before init?"):
        return 1
    told, problems = setup.uninstall(folder)
    for line in told:
        print(line)
    for problem in problems:
        _say(f"aa-hooks: {problem}")
    return 1 if problems else 0


def status(arguments: argparse.Namespace) -> int:
    """What is set up and what waits."""
    body = _status(home())
    if arguments.json:
        print(json.dumps(body, indent=2))
        return 0
    print(f"set up        {'yes' if body['set_up'] else 'no; run aa-hooks init'}")
    print(f"delivers to   {body['target'] or 'the engine of this machine, which does not run'}")
    print(f"agents        {', '.join(body['agents']) or 'none'}")
    print(f"repositories  {', '.join(body['repositories']) or 'none'}")
    spool = body["spool"]
    print(f"waiting       {spool['waiting']}")
    print(f"delivered     {spool['delivered']}, last {_ago(spool['last_delivery'])}")
    if spool["refused"] or spool["dropped"]:
        print(
            f"lost          {spool['refused']} refused (in {body['folder']}/spool/refused), {spool['dropped']} dropped"
        )
    if spool["last_error"]:
        print(f"last error    {spool['last_error']}")
    return 0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `repair`: what to do when it is not well."""

    what: str
    well: bool
    detail: str
    repair: str | None = None


def doctor(arguments: argparse.Namespace) -> int:
    """Exit 1 when something is not well."""
    checks = list(_checks(home()))
    if arguments.json:
        print(json.dumps({"data": [asdict(check) for check in checks]}, indent=2))
    else:
        for check in checks:
            print(f"{'ok ' if check.well else 'BAD'}  {check.what}: {check.detail}")
            if not check.well and check.repair:
                print(f"     {check.repair}")
    return 0 if all(check.well for check in checks) else 1


def whoami(arguments: argparse.Namespace) -> int:
    """Who the engine takes you for, and what it is told."""
    state = read_state(home())
    where = target(state)
    print(f"developer  {state.developer_id or 'told by the key' if state.api_key else state.developer_id or _email()}")
    print(f"engine     {where.name if where else 'the engine of this machine, which does not run'}")
    print(f"key        {masked(state.api_key) if state.api_key else 'none'}")
    if arguments.data:
        print(EVERYTHING_THAT_LEAVES, end="")
    return 0


EVERYTHING_THAT_LEAVES = """
What leaves this machine, and where it comes from

of every commit in a repository with our git hook (POST /v1/commits)
  commit_hash, parents, branch, patch_id, timestamps with offsets
  commit_message and its trailers (the engine stores as much as git.commit_messages allows)
  author_name, author_email, committer_name, committer_email
  files_changed, lines_added, lines_deleted: figures only, no file name, no content
  project: the remote's address without credentials, else a hash of the folder, and its name
  evidence: session ids that agents leave in the environment (CLAUDE_CODE_SESSION_ID, CODEX_THREAD_ID,
  COPILOT_AGENT_SESSION_ID) and which agent's variables are set

of every session of an agent with our hook (POST /v1/sessions/context)
  session id, agent and its version, start or end with its reason, that there was a prompt, time
  project and branch of its folder, a hash of the folder's path; your git e-mail where no developer is configured
  of Cursor also the commit that a command's output names, and which share of a commit's files a session had edited
  (this is worked out here, from hashes of their names)
  no prompt, no answer, no tool call

of agents with telemetry set up (OpenTelemetry, sent by the agents themselves)
  requests: model, tokens, cost, duration; tools: name, duration, success; session and user ids
  prompts only with telemetry.include_prompts; the engine drops content on arrival unless it is told otherwise

nothing else, and nothing while 'aa-hooks uninstall' is in force
"""


def _answers(arguments: argparse.Namespace, before: Configuration | None) -> setup.Answers:
    agents = None
    if arguments.agents is not None:
        names = [name for name in arguments.agents.split(",") if name.strip()]
        agents = () if names == ["none"] else tuple(dict.fromkeys(configuration.agent(name) for name in names))
    repositories: list[Path] = []
    if arguments.repo and not arguments.no_repo:
        repositories = [Path(os.path.abspath(Path(name).expanduser())) for name in arguments.repo]
    elif not arguments.no_repo and _inside_repository():
        repositories = [Path.cwd()]
    url, key = arguments.backend_url, arguments.api_key
    for flag, value, check in (
        ("--backend-url", url, configuration.address),
        ("--api-key", key, configuration.header_text),
        ("--developer", arguments.developer, configuration.header_text),
    ):
        _checked(flag, value, check)
    if _interactive(arguments) and not arguments.dry_run:
        start = before or Configuration()
        if url is None:
            url = _ask("Address of your team's engine (empty: the engine of this machine)", start.backend_url)
            _checked("the address", url, configuration.address)
        if key is None and url:
            key = _ask_key(start.api_key)
            _checked("the key", key, configuration.header_text)
        if agents is None:
            found = start.enabled_agents or setup.installed_agents(os.environ)
            told = _ask("Agents to set up, comma-separated", ",".join(found)) or "none"
            names = [name for name in told.split(",") if name.strip()]
            agents = () if names == ["none"] else tuple(dict.fromkeys(configuration.agent(name) for name in names))
        if repositories and not arguments.repo and not _yes(f"Note the commits of {repositories[0]}?"):
            repositories = []
    return setup.Answers(
        key, url, agents, arguments.developer, arguments.project, tuple(repositories), arguments.replace
    )


def _checked(what: str, value: str | None, check: Callable[[str], str]) -> None:
    """Raise SetupError that names what is wrong."""
    if value:
        try:
            check(value)
        except SetupError as error:
            raise SetupError(f"{what}: {error.sentence}", error.hint) from None


def _status(folder: Folder) -> dict[str, Any]:
    state = read_state(folder)
    where = target(state)
    spool = Spool(folder.spool)
    ledger = spool.ledger()
    waiting = len(spool.waiting()) if folder.spool.is_dir() else 0
    manifest = read_manifest(folder)
    try:
        agents = list((setup.current(folder) or Configuration()).enabled_agents)
    except SetupError:
        agents = []
    hooks = [Path(path) for path, entry in manifest.items() if entry.kind == githooks.KIND]
    return {
        "set_up": bool(manifest),
        "folder": str(folder.path),
        "target": where.name if where else None,
        "agents": agents,
        "repositories": sorted({_repository_of(hook) for hook in hooks}),
        "spool": {"waiting": waiting, "noted": spool.has_lines()} | asdict(ledger),
    }


def _checks(folder: Folder) -> Iterable[Check]:
    again = "run 'aa-hooks init' again"
    command = background.command()
    yield Check("program", Path(command[0]).exists(), command[0], "install agent-analytics again")
    try:
        yield Check("git", True, git(Path.cwd(), "--version").decode().strip())
    except GitError as error:
        yield Check("git", False, str(error), "install git")
    try:
        configured = setup.current(folder)
    except SetupError as error:
        yield Check("configuration", False, error.sentence, error.hint)
        return
    if configured is None:
        yield Check("configuration", False, f"{folder.config} does not exist", "run 'aa-hooks init'")
        return
    yield Check("configuration", True, str(folder.config))
    state = read_state(folder)
    same = configured.state(state.data_dir) == state
    yield Check("state", same, "as configured" if same else "older than the configuration", again)
    for path, entry in read_manifest(folder).items():
        content = read(Path(path))
        if content is None:
            yield Check(entry.kind, False, f"{path} is gone", again)
        elif entry.kind == githooks.KIND and githooks.BEGIN.encode() not in content:
            yield Check(entry.kind, False, f"{path} no longer calls us", f"{again} with --repo")
        else:
            yield Check(entry.kind, True, path)
    where = target(state)
    if where is None:
        yield Check("engine", True, "none runs on this machine; what is noted waits for one")
    else:
        trouble = reach(where)
        yield Check("engine", trouble is None, trouble or f"{where.name} answers", "start it, or repair its address")
    spool = Spool(folder.spool)
    ledger = spool.ledger()
    waiting = len(spool.waiting()) if folder.spool.is_dir() else 0
    well = ledger.failures == 0 or waiting == 0
    detail = f"{waiting} waiting, {ledger.delivered} delivered"
    yield Check("delivery", well, detail if well else f"{detail}; {ledger.last_error}", "aa-hooks flush")


def _repository_of(hook: Path) -> str:
    """The repository of a hook, for people: the folder that holds `.git` or the hooks folder."""
    folder = hook.parent
    return str(folder.parent.parent if folder.name == "hooks" and folder.parent.name == ".git" else folder)


def _inside_repository() -> bool:
    try:
        git(Path.cwd(), "rev-parse", "--git-dir")
    except (GitError, OSError):
        return False
    return True


def _email() -> str:
    try:
        return git(Path.cwd(), "config", "user.email").decode("utf-8", "replace").strip()
    except GitError:
        return "unknown"


def _interactive(arguments: argparse.Namespace) -> bool:
    return not arguments.yes and sys.stdin.isatty() and sys.stderr.isatty()


def _ask(question: str, default: str | None) -> str:
    print(f"{question}{f' [{default}]' if default else ''}: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() or default or ""


def _ask_key(default: str | None) -> str:
    import getpass

    shown = f" [{masked(default)}]" if default else ""
    return getpass.getpass(f"API key{shown}: ", sys.stderr).strip() or default or ""


def _yes(question: str) -> bool:
    return _ask(f"{question} (y/n)", "y").lower().startswith("y")


def _ago(seconds: float) -> str:
    if not seconds:
        return "never"
    passed = int(time.time() - seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if passed >= length:
            return f"{passed // length} {unit} ago"
    return "just now"


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _wrong(error: SetupError) -> int:
    print(f"aa-hooks: {error}", file=sys.stderr)
    return 2
