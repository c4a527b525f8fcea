"""`aa-engine simulate`: a synthetic team against a running engine.

Owns the flags and the progress line. Refuses the work itself: that is `engine.simulate`.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.errors import UnreachableError, UsageError


def span(text: str) -> timedelta:
    """`14d`, `6h`, `90m` as a length of time."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a length of time such as 14d, 6h or 90m")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}[match[2]]
    return timedelta(**{unit: float(match[1])})


def instant(text: str) -> datetime:
    """An ISO instant with its offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not an instant such as 2026-11-20T09:00:00+00:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--developers", type=int, default=6, metavar="N", help="people in the team (default: 6)")
    parser.add_argument(
        "--duration", type=float, metavar="S", help="seconds of present to simulate (default: until stopped)"
    )
    parser.add_argument(
        "--rate", type=float, metavar="R", help="events a second of the whole team (default: the pace of real work)"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="K", help="the same seed gives the same team and work (default: 1)"
    )
    parser.add_argument(
        "--history", type=span, default=timedelta(0), metavar="TIME", help="past to send first, e.g. 14d"
    )
    parser.add_argument("--now", type=instant, metavar="INSTANT", help="when the present begins (default: now)")
    parser.add_argument(
        "--endpoint", metavar="URL", help="OTLP/HTTP endpoint (default: the engine of the data directory)"
    )
    parser.add_argument("--key", help="API key for the endpoint")
    parser.add_argument("--repositories", type=Path, metavar="DIR", help="new folder for the team's git repositories")
    parser.add_argument("--no-commits", action="store_true", help="make no repositories and no commits")
    parser.add_argument("--json", action="store_true", help="print what was sent as JSON")


def natural_rate(developers: int) -> float:
    """Events a second that a team of this size makes at its natural pace: about one in 9 seconds each while at work."""
    return developers / 9


def run(arguments: argparse.Namespace) -> int:
    from concurrent.futures import ThreadPoolExecutor

    import httpx

    from engine import client, settings
    from engine.simulate.run import Simulation

    if not 1 <= arguments.developers <= 500:
        raise UsageError("--developers must be between 1 and 500")
    for name in ("rate", "duration"):
        given = getattr(arguments, name)
        if given is not None and given <= 0:
            raise UsageError(f"--{name} must be more than 0")
    effective = settings.load(arguments.data_dir, arguments.config)
    headers = {"authorization": f"Bearer {arguments.key}"} if arguments.key else {}
    if arguments.endpoint:
        connection = httpx.Client(base_url=arguments.endpoint, headers=headers, timeout=30)
    else:
        address = client.running_engine(effective)
        if address is None:
            raise UnreachableError(
                f"no engine runs on {effective.data_dir}", hint="start 'aa-engine serve' or give --endpoint"
            )
        connection = client.connect(address)
    folder = None
    if not arguments.no_commits:
        folder = arguments.repositories or effective.data_dir / "simulated-repositories"
        if arguments.repositories is not None and folder.exists() and any(folder.iterdir()):
            raise UsageError(f"{folder} is not empty", hint="name a new folder")
        # The default folder is the simulation's own: a new simulation starts with new repositories.
        shutil.rmtree(folder, ignore_errors=True)
    now = arguments.now or datetime.now(UTC)
    speed = 1.0 if arguments.rate is None else arguments.rate / natural_rate(arguments.developers)
    simulation = Simulation(
        seed=arguments.seed,
        developers=arguments.developers,
        history=arguments.history,
        now=now,
        client=connection,
        repositories=folder,
    )
    if folder is not None and not arguments.endpoint:
        from engine.repos import registry

        folders = [repository.folder for repository in simulation.repositories.values()]
        registry.add(effective, folders, datetime.now(UTC))

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    report = Report(sys.stderr.isatty())
    try:
        with ThreadPoolExecutor(1, thread_name_prefix="history") as past:
            # The present does not wait for the past, except for the commits that later ones build upon.
            told = past.submit(simulation.history, simulation.prepare(), report.add)
            simulation.present(arguments.duration, speed, report.add)
            told.result()
    except KeyboardInterrupt:
        report.line("stopped")
    totals = simulation.totals
    sent = {
        "requests": totals.requests,
        "events": totals.events,
        "sessions": totals.sessions,
        "commits": totals.commits,
    }
    if arguments.json:
        print(json.dumps(sent))
    else:
        report.line(", ".join(f"{count} {name}" for name, count in sent.items()))
    return 0


class Report:
    """Progress on standard error: one moving line on a terminal, few plain ones otherwise."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.count = 0

    def add(self, events: int) -> None:
        self.count += events
        if self.terminal:
            print(f"\r{self.count:,} events", end="", file=sys.stderr, flush=True)

    def line(self, text: str) -> None:
        print(f"\r{text}" if self.terminal else text, file=sys.stderr, flush=True)
