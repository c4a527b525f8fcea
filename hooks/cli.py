"""The command `aa-hooks`.

Owns verbs, flags, questions and words. Refuses work: every verb imports its module when it runs, so that what happens
on the path of a commit or of an agent's hook loads next to nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from hooks import __version__


def natural(text: str) -> int:
    """A whole number from 0 that a 64-bit integer can hold."""
    number = int(text)
    if not 0 <= number < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0")
    return number


natural.__name__ = "whole number"  # argparse names it so when the text is no number at all

SEED_FLAGS = (
    ("hash", str, "commit hash"),
    ("message", str, "commit message"),
    ("author", str, "author's name"),
    ("email", str, "author's e-mail address"),
    ("timestamp", natural, "Unix seconds"),
    ("files-changed", natural, "number of files"),
    ("lines-added", natural, "lines added"),
    ("lines-deleted", natural, "lines deleted"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see '{self.prog} --help'", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> argparse.ArgumentParser:
    """All verbs and flags."""
    parser = Parser(
        prog="aa-hooks",
        description="Collects commits and sessions on a developer's machine for Agent Analytics.",
        epilog="Example: aa-hooks init --backend-url https://analytics.example.com --api-key aa_prod_…",
    )
    parser.add_argument("--version", action="version", version=f"aa-hooks {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser, required=True)

    def verb(name: str, summary: str, example: str) -> argparse.ArgumentParser:
        description = summary[0].upper() + summary[1:] + "."
        sub = verbs.add_parser(name, help=summary, description=description, epilog=f"Example: {example}")
        sub.add_argument("--debug", action="store_true", help="show a traceback when something goes wrong")
        return sub

    init = verb("init", "set this machine up, or change how it is set up", "aa-hooks init --dry-run")
    init.add_argument("--api-key", metavar="KEY", help="key of the team's engine; '' removes it")
    init.add_argument("--backend-url", metavar="URL", help="the team's engine; '' means the engine of this machine")
    init.add_argument(
        "--agents", metavar="LIST", help="agents to set up, comma-separated, or none (default: those installed)"
    )
    init.add_argument("--developer", metavar="ID", help="who you are, where the key does not say it")
    init.add_argument("--project", metavar="ID", help="project of commits whose repository has no remote")
    init.add_argument(
        "--repo",
        action="append",
        metavar="PATH",
        help="repository that gets the git hooks, repeatable (default: the one you are in)",
    )
    init.add_argument("--no-repo", action="store_true", help="no git hooks")
    init.add_argument("--replace", action="store_true", help="also where an agent sends its telemetry elsewhere now")
    init.add_argument("--yes", action="store_true", help="ask nothing")
    init.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")

    uninstall = verb("uninstall", "put everything back as it was before init", "aa-hooks uninstall")
    uninstall.add_argument("--yes", action="store_true", help="ask nothing")

    log = verb("log-commit", "note a commit: the one of the flags, or the last one here", "aa-hooks log-commit")
    for name, kind, words in SEED_FLAGS:
        log.add_argument(f"--{name}", type=kind, metavar=name.upper().replace("-", "_"), help=words)

    session = verb("session", "note what an agent's hook tells on stdin", "aa-hooks session < hook.json")
    session.add_argument("--agent", metavar="AGENT", help="which agent calls (default: told from the input)")
    session.add_argument("--event", metavar="EVENT", help="which of its hooks calls (default: told from the input)")
    session.add_argument("json", nargs="?", metavar="JSON", help="the hook's JSON, for agents that pass it so")

    flush = verb("flush", "deliver what waits, now", "aa-hooks flush")
    flush.add_argument("--detached", action="store_true", help=argparse.SUPPRESS)
    flush.add_argument("--json", action="store_true", help="print JSON")

    for name, summary in (
        ("status", "what is set up here and what waits"),
        ("doctor", "check the set-up and say what to repair"),
    ):
        verb(name, summary, f"aa-hooks {name}").add_argument("--json", action="store_true", help="print JSON")
    whoami = verb("whoami", "who you are to the engine", "aa-hooks whoami --data")
    whoami.add_argument("--data", action="store_true", help="list everything that leaves this machine")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one verb. Exit 0 ok, 1 the work failed, 2 wrong usage or configuration."""
    arguments = build_parser().parse_args(argv)
    if arguments.verb == "session":
        return _session(arguments)
    try:
        if arguments.verb == "log-commit":
            return _log_commit(arguments)
        if arguments.verb == "flush":
            return _flush(arguments)
        from hooks import verbs

        code: int = getattr(verbs, arguments.verb)(arguments)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if arguments.debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"aa-hooks: {where}{error.strerror or error}", file=sys.stderr)
        return 1


def _session(arguments: argparse.Namespace) -> int:
    """Called by agents: prints nothing and ends with 0, whatever happens."""
    try:
        from hooks import session
        from hooks.folder import home

        folder = home()
        text = arguments.json if arguments.json is not None else sys.stdin.buffer.read(1 << 20)
        if session.note(folder, text, arguments.agent, arguments.event):
            _deliver_in_background(folder.spool / "flushing")
    except Exception:
        if arguments.debug:
            raise
    return 0


def _log_commit(arguments: argparse.Namespace) -> int:
    """The specification's eight flags, or none: then the commit that is checked out here."""
    import json
    import re
    import time

    from hooks import environment
    from hooks.folder import home
    from hooks.spool import Spool

    given = {name.replace("-", "_"): getattr(arguments, name.replace("-", "_")) for name, _, _ in SEED_FLAGS}
    body: dict[str, object]
    if all(value is None for value in given.values()):
        import subprocess

        told = subprocess.run(["git", "rev-parse", "--verify", "HEAD^{commit}"], capture_output=True, check=False)
        if told.returncode != 0:
            print(f"aa-hooks: no commit here ({os.getcwd()}); name one with --hash …", file=sys.stderr)
            return 1
        body = {"only": told.stdout.decode().strip()}
    elif given["hash"] is not None and all(value is None for name, value in given.items() if name != "hash"):
        body = {"only": given["hash"]}
    else:
        missing = [name for name in ("hash", "timestamp") if given[name] is None]
        if missing:
            print(
                f"aa-hooks: --{' and --'.join(missing)} is missing; see 'aa-hooks log-commit --help'", file=sys.stderr
            )
            return 2
        names = {"hash": "commit_hash", "message": "commit_message", "author": "author_name", "email": "author_email"}
        body = {names.get(name, name): value for name, value in given.items()}
    commit_hash = body.get("only") or body["commit_hash"]
    if not isinstance(commit_hash, str) or not re.fullmatch(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}", commit_hash):
        print(f"aa-hooks: {commit_hash!r} is not a whole commit hash; see 'git rev-parse HEAD'", file=sys.stderr)
        return 2
    line = {
        "kind": "commit",
        "at": round(time.time(), 3),
        "folder": os.getcwd(),
        "variables": environment.seen(os.environ),
        "commit": body,
    }
    folder = home()
    Spool(folder.spool).append(json.dumps(line).encode())
    _deliver_in_background(folder.spool / "flushing")
    return 0


def _flush(arguments: argparse.Namespace) -> int:
    """Deliver. In the background it keeps trying for a while and says nothing."""
    from hooks import flush
    from hooks.folder import home

    if arguments.detached:
        seconds = os.environ.get("AA_HOOKS_LINGER_SECONDS", "")
        flush.linger(home(), float(seconds) if seconds.isdigit() else flush.LINGER_SECONDS)
        return 0
    outcome = flush.flush(home(), patience=flush.PATIENCE_SECONDS)
    if arguments.json:
        import json
        from dataclasses import asdict

        print(json.dumps(asdict(outcome)))
    elif outcome.busy:
        print(f"another process is delivering; {outcome.waiting} waiting", file=sys.stderr)
    else:
        print(f"{outcome.delivered} delivered, {outcome.waiting} waiting")
    if outcome.error is not None:
        print(f"aa-hooks: {outcome.error}; what waits is kept", file=sys.stderr)
        return 1
    return 0


def _deliver_in_background(marker: os.PathLike[str]) -> None:
    """Start delivery unless somebody is at it, who then delivers this too."""
    try:
        with open(marker) as stream:
            os.kill(int(stream.read()), 0)
    except (OSError, ValueError):
        from hooks import background

        background.start("flush", "--detached")


if __name__ == "__main__":
    raise SystemExit(main())
