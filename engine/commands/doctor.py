"""`aa-engine doctor`: what is wrong with a data directory and the engine on it, and what to do.

Owns the list of checks, each a question with one answer: fine, worth knowing, or wrong. Refuses to repair anything and
to need a running engine: what can be told without one is told.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from engine.settings import Settings

Verdict = Literal["ok", "note", "wrong"]
MARKS: dict[Verdict, str] = {"ok": "✓", "note": "?", "wrong": "✗"}

LITTLE_SPACE = 1 << 30
EXPIRES_SOON = timedelta(days=7)
LAGGING_SECONDS = 30.0
SLOW_SYNC_MS = 20.0
DRIFTING_SECONDS = 90.0
"""Counters and events come up to a minute late by themselves."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer. `todo`: the command or step that helps, for what is not fine."""

    part: str
    verdict: Verdict
    said: str
    todo: str | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at: the settings, the running engine's status (None without one), and the present."""

    settings: Settings
    status: dict[str, Any] | None
    now: datetime
    coverage: tuple[dict[str, Any], ...] = ()
    """The last days of `/api/v1/coverage`; empty without an engine."""


Check = Callable[[Patient], Iterator[Finding]]


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when something is wrong; what is only worth knowing is no failure."""
    from engine import settings as engine_settings
    from engine.clock import SystemClock

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    status = _asked(settings, "/api/v1/status")
    coverage = _asked(settings, "/api/v1/coverage?since=7d&limit=1000") if status is not None else None
    days = tuple((coverage or {}).get("data", ()))
    patient = Patient(settings, status, SystemClock().now(), days)
    findings = [finding for check in CHECKS for finding in check(patient)]
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        width = max(len(finding.part) for finding in findings)
        for finding in findings:
            print(f"{MARKS[finding.verdict]} {finding.part:<{width}}  {finding.said}")
            if finding.todo is not None:
                print(f"  {'':<{width}}  → {finding.todo}")
    return 1 if any(finding.verdict == "wrong" for finding in findings) else 0


def _asked(settings: Settings, path: str) -> dict[str, Any] | None:
    import httpx

    from engine.client import connect, running_engine

    address = running_engine(settings)
    if address is None:
        return None
    try:
        with connect(address) as client:
            answer = client.get(path)
            return dict(answer.json()) if answer.status_code == 200 else None
    except httpx.HTTPError:
        return None


def _versions(patient: Patient) -> Iterator[Finding]:
    import duckdb

    from engine import __version__

    said = f"agent-analytics {__version__}, Python {sys.version.split()[0]}, DuckDB {duckdb.__version__}"
    told = None if patient.status is None else patient.status.get("version")
    if told is not None and told != __version__:
        yield Finding("version", "wrong", f"{said}; the engine that runs is {told}", "restart the engine")
    else:
        yield Finding("version", "ok", said)


def _environment(patient: Patient) -> Iterator[Finding]:
    from engine.settings import SETTINGS, nearest

    known = [setting.variable for setting in SETTINGS]
    others = {"AA_DATA_DIR", "AA_DATABASE", "AA_ENGINE", "AA_API_KEY"}
    ours = [name for name in os.environ if name.startswith("AA_") and not name.startswith(("AA_HOOKS_", "AA_CONSOLE_"))]
    for name in sorted(set(ours) - set(known) - others):
        meant = nearest(name, known)
        yield Finding("settings", "note", f"{name} is no setting", meant or "aa-engine config show lists them all")


def _directory(patient: Patient) -> Iterator[Finding]:
    folder = patient.settings.data_dir
    if not folder.is_dir():
        yield Finding("data", "note", f"{folder} does not exist yet", "aa-engine serve makes it")
        return
    if folder.stat().st_mode & 0o077:
        yield Finding("data", "wrong", f"{folder} can be read by other users", f"chmod 700 {folder}")
    if not os.access(folder, os.W_OK):
        yield Finding("data", "wrong", f"{folder} cannot be written", "run as the user it belongs to")
    database = patient.settings.database
    size = database.stat().st_size if database.exists() else 0
    free = shutil.disk_usage(folder).free
    said = f"{folder}: database {size:,} bytes, {free:,} bytes free"
    if free < max(LITTLE_SPACE, size // 4):
        yield Finding("data", "wrong", said, "free some space: with a full disk only the journal goes on, then nothing")
    else:
        yield Finding("data", "ok", said)


def _engine(patient: Patient) -> Iterator[Finding]:
    status = patient.status
    if status is None:
        yield Finding("engine", "note", "none runs on this data directory", "aa-engine serve")
        return
    for part, sentence in status["troubles"].items():
        yield Finding("engine", "wrong", f"{part}: {sentence}")
    memory = status.get("memory_bytes")
    said = f"process {status['pid']}, {status['event_count']:,} rows, {status['rows_per_second']:g} new a second"
    yield Finding("engine", "ok", said + (f", {memory / 1e6:.0f} MB" if memory else ""))


def _delays(patient: Patient) -> Iterator[Finding]:
    if patient.status is None:
        return
    sync, shown = patient.status["journal_sync"], patient.status["latency"]["arrival_to_mart"]
    if sync["mean_ms"] is not None and sync["mean_ms"] > SLOW_SYNC_MS:
        said = f"making rows durable takes {sync['mean_ms']:g} ms, {sync['longest_ms']:g} ms at worst"
        yield Finding("disk", "note", said, "put the data on a faster disk")
    if sync["refused_requests"]:
        said = f"{sync['refused_requests']:,} requests were asked to come again: too much came at once"
        yield Finding("load", "note", said, "aa-engine status tells how much waits")
    models = patient.status["models"]
    if models is None:
        yield Finding("models", "note", "not built yet", "wait for the first build")
        return
    behind = models["lag_seconds"] or 0.0
    said = f"{models['relations']} relations, {behind:.1f} s behind"
    if shown["count"]:
        said += f"; from arrival to view {shown['p50_ms']:g} ms (p50), {shown['p95_ms']:g} ms (p95)"
    verdict: Verdict = "note" if behind > LAGGING_SECONDS else "ok"
    yield Finding("models", verdict, said, "aa-engine status tells what it does" if verdict != "ok" else None)
    for sentence in (models["tests"] or {}).get("failed", ()):
        yield Finding("tests", "wrong", sentence, "aa-engine models test shows the rows")


def _clocks(patient: Patient) -> Iterator[Finding]:
    """Days and links to commits go by the senders' clocks: one that is off is worth knowing."""
    drifts = {(row["developer_id"], row["agent_type"]): row["clock_drift_seconds"] for row in patient.coverage[::-1]}
    off = {who: drift for who, drift in drifts.items() if drift is not None and abs(drift) >= DRIFTING_SECONDS}
    for (developer, agent), drift in sorted(off.items()):
        said = (
            f"the machine on which {developer} runs {agent} is {abs(drift):,.0f} s {'ahead' if drift > 0 else 'behind'}"
        )
        yield Finding("clocks", "note", said, "set its clock; what was dated wrong stays as it was sent")


def _refused(patient: Patient) -> Iterator[Finding]:
    if patient.status is None:
        return
    refused = patient.status["dead_letters"]
    if refused["count"]:
        said = f"{refused['count']:,} payloads or records were set aside, the last at {refused['newest']}"
        yield Finding("refused", "note", said, "aa-engine dead-letters list")
    slow = patient.status["slow_queries"]
    if slow:
        worst = max(slow, key=lambda query: query["ms"])
        yield Finding("queries", "note", f"slow: {worst['view']} took {worst['ms']:g} ms ({worst['question']})")


def _sources(patient: Patient) -> Iterator[Finding]:
    if patient.status is None:
        return
    histories, repositories = patient.status["transcripts"], patient.status["repositories"]
    for part, sentence in (("histories", histories["error"]), ("repositories", repositories["problem"])):
        if sentence:
            yield Finding(part, "wrong", sentence)
    if histories["unreadable"]:
        yield Finding("histories", "note", f"{histories['unreadable']} files could not be read")
    for state in repositories["watched"]:
        if state["state"] != "empty" and state["detail"]:
            yield Finding("repositories", "note", str(state["detail"]))


def _backups(patient: Patient) -> Iterator[Finding]:
    from engine.store import backup

    if not patient.settings.database.exists():
        return
    newest = next(iter(backup.known(patient.settings.backup_dir)), None)
    if newest is None:
        yield Finding("backup", "note", "there is none", "aa-engine backup create")
        return
    hours = (patient.now - newest.created_at).total_seconds() / 3600
    due = patient.settings["backup.every_hours"]
    failed = (newest.tests or {}).get("failed", 0)
    said = f"the newest is {newest.name}, {hours:.1f} h old, {newest.size:,} bytes"
    if failed:
        yield Finding("backup", "wrong", f"{said}; {failed} data tests failed on it", "aa-engine backup verify")
    elif due and hours > 2 * due:
        yield Finding("backup", "note", f"{said}; one is due every {due:g} h", "aa-engine backup create")
    else:
        yield Finding("backup", "ok", said)


def _keys(patient: Patient) -> Iterator[Finding]:
    from engine.access.keys import KeyRing
    from engine.clock import SystemClock

    active = [
        key for key in KeyRing(patient.settings.keys_file, SystemClock()).all() if key.state(patient.now) == "active"
    ]
    ending = [key for key in active if key.ends_at is not None and key.ends_at - patient.now < EXPIRES_SOON]
    for key in ending:
        assert key.ends_at is not None
        said = f"{key.key_id} ({key.role}, {key.developer_id or 'nobody'}) ends {key.ends_at:%Y-%m-%d %H:%M} UTC"
        yield Finding("keys", "note", said, f"aa-engine keys rotate {key.key_id} --grace 1d")
    if not ending:
        yield Finding("keys", "ok", f"{len(active)} active")


CHECKS: tuple[Check, ...] = (
    _versions,
    _environment,
    _directory,
    _engine,
    _delays,
    _clocks,
    _refused,
    _sources,
    _backups,
    _keys,
)
