"""`aa-engine repos`: which git repositories are watched, and reading their history.

Owns the flags, the progress and the words. Refuses to read git itself: `engine.repos` does. Editing the list needs no
engine: a running one notices at once, another one at its start.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.repos.plumbing import RepositoryError
    from engine.repos.registry import Remembered
    from engine.repos.scanner import Progress
    from engine.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verbs and flags."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = verbs.add_parser("add", help="watch repositories", epilog="Example: aa-engine repos add ~/src/payments-api")
    add.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a folder inside a git repository")
    listing = verbs.add_parser("list", help="what is watched and how it stands", epilog="Example: aa-engine repos list")
    listing.add_argument("--json", action="store_true", help="print JSON")
    remove = verbs.add_parser("remove", help="stop watching; what was read stays", epilog="Example: … repos remove .")
    remove.add_argument("path", type=Path, metavar="PATH")
    scan = verbs.add_parser("scan", help="read what is new now", epilog="Example: aa-engine repos scan")
    scan.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="default: every watched repository")
    scan.add_argument("--again", action="store_true", help="read the whole history again (changes no total)")
    scan.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when a repository could not be read; the others are handled all the same."""
    from engine import settings as engine_settings

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    match arguments.action:
        case "add":
            return _add(settings, arguments.paths)
        case "list":
            return _list(settings, as_json=arguments.json)
        case "remove":
            return _remove(settings, arguments.path)
        case _:
            return _scan(settings, arguments.paths, again=arguments.again, as_json=arguments.json)


def _add(settings: Settings, paths: Sequence[Path]) -> int:
    from engine.clock import SystemClock
    from engine.repos import registry
    from engine.repos.plumbing import RepositoryError
    from engine.repos.repository import inspect

    failed = False
    for path in paths:
        try:
            found = inspect(_absolute(path))
        except RepositoryError as error:
            failed = True
            _complain(error)
            continue
        root = found.folders.root
        fresh = registry.add(settings, [root], SystemClock().now())
        state = "watching" if fresh else "already watching"
        remark = "; it has no commit yet, its first one will appear" if found.is_empty else ""
        _say(f"{state} {root} ({found.project.project_id}){remark}")
    return 1 if failed else 0


def _list(settings: Settings, *, as_json: bool) -> int:
    from engine.repos.registry import Memory, watched

    memory = Memory(settings)
    states = [_seen_now(memory.load(entry.path), entry.path) for entry in watched(settings)]
    if as_json:
        print(json.dumps({"data": [_row(state) for state in states]}, indent=2))
        return 0
    if not states:
        _say("no repository is watched; aa-engine repos add PATH")
        return 0
    rows = [("PATH", "PROJECT", "BRANCH", "COMMITS", "STATE")]
    for state in states:
        told = state.state if state.detail is None else f"{state.state}: {state.detail}"
        commits = f"{state.commits:,}" if state.scanned_at else "n/a"
        rows.append((state.path, state.project_id or "n/a", state.default_branch or "n/a", commits, told))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].ljust(widths[2]), row[3].rjust(widths[3])]
        print("  ".join([*cells, row[4]]).rstrip())
    return 0


def _remove(settings: Settings, path: Path) -> int:
    from engine.errors import UsageError
    from engine.projects import find_git
    from engine.repos import registry

    absolute = _absolute(path)
    folders = find_git(absolute)
    for candidate in (absolute, folders.root if folders is not None else absolute):
        if registry.remove(settings, candidate):
            _say(f"no longer watching {candidate}; its commits stay")
            return 0
    if absolute in {Path(os.path.abspath(Path(text).expanduser())) for text in settings["repositories"]}:
        where = settings.origin("repositories")
        raise UsageError(f"{absolute} is watched because of the setting repositories", hint=f"change it in {where}")
    raise UsageError(f"{absolute} is not watched", hint="see 'aa-engine repos list'")


def _scan(settings: Settings, paths: Sequence[Path], *, again: bool, as_json: bool) -> int:
    from engine.client import open_recorder
    from engine.clock import SystemClock
    from engine.projects import find_git
    from engine.repos.registry import Memory, watched
    from engine.repos.scan import message_mode
    from engine.repos.scanner import Scanner

    wanted = []
    for path in map(_absolute, paths):
        folders = find_git(path)
        wanted.append(folders.root if folders is not None else path)
    wanted = wanted or [entry.path for entry in watched(settings)]
    if not wanted:
        _say("no repository is watched; aa-engine repos add PATH")
    mode = message_mode(settings["git.commit_messages"])
    results = []
    failed = False
    if wanted:
        with open_recorder(settings) as recorder:
            scanner = Scanner(recorder, Memory(settings), mode, SystemClock())
            for path in dict.fromkeys(wanted):
                with _progress(path) as progress:
                    scan = scanner.scan(path, again=again, source="backfill", progress=progress)
                results.append(scan)
                failed = failed or scan.remembered.state not in ("ready", "empty")
    if as_json:
        print(json.dumps({"data": [_row(scan.remembered) | {"new_commits": scan.new_commits} for scan in results]}))
        return 1 if failed else 0
    for scan in results:
        state = scan.remembered
        if state.state == "ready":
            print(f"{state.path}: {scan.new_commits:,} new commits, {state.commits:,} in all")
        elif state.state == "empty":
            print(f"{state.path}: no commit yet")
        else:
            hint = f"; {state.hint}" if state.hint else ""
            print(f"aa-engine: {state.detail}{hint}", file=sys.stderr)
    return 1 if failed else 0


def _seen_now(remembered: Remembered, path: Path) -> Remembered:
    """What is remembered, corrected by what anybody can see: the folder may be gone since."""
    from engine.projects import find_git

    if not path.exists():
        return remembered.failed("missing", f"{path}: no such folder", None)
    if remembered.state in ("ready", "empty") and find_git(path) is None:
        return remembered.failed("not_a_repository", f"{path}: not a git repository", None)
    return remembered


def _row(state: Remembered) -> dict[str, Any]:
    kept = ("path", "project_id", "project_name", "remote_url", "default_branch", "state", "detail", "hint")
    body = asdict(state)
    return {name: body[name] for name in kept} | {
        "commits": state.commits if state.scanned_at else None,
        "scanned_at": state.scanned_at,
    }


@contextmanager
def _progress(path: Path) -> Iterator[Progress]:
    """A bar on a terminal; otherwise a line each ten thousand commits."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(path.name, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    told = 0

    def tell(done: int, total: int) -> None:
        nonlocal told
        if done // 10_000 > told:
            told = done // 10_000
            _say(f"{path}: {done:,} of {total:,} commits")

    yield tell


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))


def _complain(error: RepositoryError) -> None:
    print(f"aa-engine: {error.line()}", file=sys.stderr)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
