"""`aa-engine import`: histories that agents keep on this machine, read once.

Owns the flags, the progress and the words. Refuses reading: `engine.ingest.transcripts` does. Works beside a running
engine (its rows go through it) and without one (the data directory is opened, and the models are refreshed at the end).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.ingest.transcripts import Progress, Summary

LINE_SECONDS = 5.0
"""Between two lines of progress where there is no terminal."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verb and flags."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    transcripts = kinds.add_parser(
        "transcripts",
        help="local histories of coding agents",
        description="Read the local histories of Claude Code, Codex, Gemini CLI, Qwen Code, Copilot CLI and opencode: "
        "numbers and names, never prompts, commands, outputs or paths. What was read before is not read again.",
        epilog="Example: aa-engine import transcripts ~/.claude/projects/-home-dev-app",
    )
    transcripts.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH", help="files or folders (default: the agents' own folders)"
    )
    transcripts.add_argument("--again", action="store_true", help="read everything again (changes no total)")
    transcripts.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when a named path could not be read or holds no history; what else was found is read all the same."""
    from engine import settings as engine_settings
    from engine.access.identity import local_developer
    from engine.client import open_recorder
    from engine.ingest.transcripts import (
        find,
        finish,
        import_histories,
        is_up_to_date,
        nothing_found,
        nothing_new,
        reading_ahead,
        roots_of,
    )
    from engine.store.hash_key import hash_key

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    named = [path.expanduser() for path in arguments.paths]
    roots = roots_of(settings, named)
    unreadable: dict[str, str] = {}
    files = find(roots, unreadable)
    if not files:  # then the data directory need not be opened, let alone be made
        return _told(nothing_found(roots), arguments.json, is_named=bool(named))
    if not arguments.again and is_up_to_date(settings, files):  # nor when nothing changed
        return _told(nothing_new(roots, files, unreadable), arguments.json, is_named=bool(named))
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    key, developer = hash_key(settings), local_developer()
    with (
        reading_ahead(settings, developer, files, hash_key=key, again=arguments.again) as crew,
        open_recorder(settings) as recorder,
    ):
        with _progress() as progress:
            summary = import_histories(
                settings,
                recorder,
                developer,
                roots,
                hash_key=key,
                again=arguments.again,
                files=files,
                unreadable=unreadable,
                crew=crew,
                progress=progress,
            )
        if sys.stderr.isatty():
            print("updating the models", file=sys.stderr)
    finish(settings)
    return _told(summary, arguments.json, is_named=bool(named))


def _told(summary: Summary, as_json: bool, *, is_named: bool) -> int:
    """Print the summary; the exit code that it means."""
    if as_json:
        print(json.dumps(_as_json(summary), indent=2))
    else:
        _tell(summary, is_named=is_named)
    return 1 if is_named and (summary.unreadable or summary.unknown or not summary.files_found) else 0


def _tell(summary: Summary, *, is_named: bool) -> None:
    if not summary.files_found:
        _complain(f"no histories found; looked in {', '.join(summary.looked_in)}")
    for path, reason in summary.unreadable:
        _complain(f"{path}: {reason}")
    if is_named:
        for path in summary.unknown:
            _complain(f"{path}: no history of a known agent")
    elif summary.unknown:
        _complain(f"{len(summary.unknown):,} files are no history of a known agent")
    if not summary.files_found:
        return
    agents = ", ".join(f"{agent} {number:,}" for agent, number in sorted(summary.requests_by_agent.items()))
    print(f"files     {summary.files_read:,} read, {summary.files_unchanged:,} unchanged")
    print(f"requests  {summary.requests:,}" + (f" ({agents})" if agents else ""))
    print(f"sessions  {summary.sessions:,} in {summary.projects:,} projects")
    print(f"tools     {summary.tool_calls:,} calls, {summary.commits:,} commits named")
    print(f"skipped   {summary.lines_skipped:,} of {summary.lines_read:,} lines")
    if summary.files_unfinished:
        print(f"          {summary.files_unfinished:,} files end in the middle of a line")
    print(f"time      {summary.seconds:.1f} s for {summary.bytes_read / 1e6:,.1f} MB")


def _as_json(summary: Summary) -> dict[str, Any]:
    told = asdict(summary)
    told["unreadable"] = [{"path": path, "reason": reason} for path, reason in summary.unreadable]
    told["seconds"] = round(summary.seconds, 3)
    return told


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A bar on a terminal; elsewhere a line every few seconds, none for what is quick."""
    if not sys.stderr.isatty():
        last = time.monotonic()

        def line(progress: Progress) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                print(
                    f"read {progress.bytes_done / 1e6:,.0f} of {progress.bytes_total / 1e6:,.0f} MB, "
                    f"{progress.files_done:,} of {progress.files_total:,} files",
                    file=sys.stderr,
                    flush=True,
                )

        yield line
        return

    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("reading histories"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TextColumn("{task.fields[files]}"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, files="")

        def draw(progress: Progress) -> None:
            files = f"{progress.files_done:,}/{progress.files_total:,} files"
            bar.update(task, completed=progress.bytes_done, total=progress.bytes_total, files=files)

        yield draw


def _complain(text: str) -> None:
    print(f"aa-engine: {text}", file=sys.stderr)
