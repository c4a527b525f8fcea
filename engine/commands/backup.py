"""`aa-engine backup`: create, list, verify and restore.

Owns the words, and the order of a creation: copy (inside the engine that runs, else here), check, seal, remove the old.
Refuses to restore under a running engine.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.contract import EngineAddress
    from engine.settings import Settings
    from engine.store.backup import Backup
    from engine.store.restore import Restored


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verbs and flags."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = verbs.add_parser(
        "create", help="make one now, also while an engine serves", epilog="Example: aa-engine backup create"
    )
    listing = verbs.add_parser("list", help="all backups, newest first", epilog="Example: aa-engine backup list")
    verify = verbs.add_parser(
        "verify",
        help="open a backup, compare its files with its manifest, and run the data tests on it",
        epilog="Example: aa-engine backup verify latest",
    )
    restore = verbs.add_parser(
        "restore",
        help="put a backup in the place of the database; what stood there is renamed",
        epilog="Example: aa-engine backup restore latest",
    )
    for verb in (verify, restore):
        verb.add_argument("name", nargs="?", default="latest", metavar="NAME", help="a name, a path, or `latest`")
    for verb in (create, listing, verify, restore):
        verb.add_argument("--folder", type=Path, metavar="DIR", help="where backups lie (default: backup.folder)")
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when a backup could not be made or restored, is damaged, or fails a data test."""
    from engine import settings as engine_settings
    from engine.store import backup

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    folder: Path = (arguments.folder or settings.backup_dir).expanduser().absolute()
    match arguments.action:
        case "create":
            return _create(settings, folder, as_json=arguments.json)
        case "list":
            return _list(backup.known(folder), folder, as_json=arguments.json)
        case "verify":
            return _verify(backup.named(folder, arguments.name), settings, as_json=arguments.json)
        case _:
            return _restore(backup.named(folder, arguments.name), settings, as_json=arguments.json)


def _create(settings: Settings, folder: Path, *, as_json: bool) -> int:
    from engine import __version__
    from engine.clock import SystemClock
    from engine.commands.checking import check
    from engine.store import backup

    clock = SystemClock()
    _say("copying")
    partial = _copy(settings, folder)
    database = partial / settings.database.name
    _say("checking")
    backup.look_into(database)
    checked = check(database, settings)
    made = backup.seal(partial, database.name, clock.now(), __version__, checked.counts() if checked else None)
    gone = backup.rotate(folder, timedelta(days=settings["backup.keep_days"]), clock.now())
    if as_json:
        print(json.dumps(_told(made) | {"removed": [old.name for old in gone]}, indent=2))
    else:
        print(f"{made.path}  {made.size:,} bytes, {made.rows:,} rows up to batch {made.batch_id}, {_tests(made)}")
        for old in gone:
            print(f"removed {old.name}", file=sys.stderr)
    return _failures(checked.failed if checked else ())


def _copy(settings: Settings, folder: Path) -> Path:
    """The unsealed copy, made by the engine that has the directory open, else by this process."""
    from engine.client import running_engine
    from engine.clock import SystemClock
    from engine.errors import InUseError, UsageError
    from engine.serving.backup import copy_now
    from engine.workspace import Workspace

    address = running_engine(settings)
    if address is not None:
        return _copy_inside(address, folder)
    if not settings.database.exists():
        raise UsageError(f"{settings.data_dir} holds no data yet", hint="name another directory with --data-dir")
    try:
        workspace = Workspace.open(settings)
    except InUseError:
        address = running_engine(settings)  # it was just starting
        if address is None:
            raise
        return _copy_inside(address, folder)
    try:
        return copy_now(workspace, folder, SystemClock(), lambda job: job())
    finally:
        workspace.close()


def _copy_inside(address: EngineAddress, folder: Path) -> Path:
    import httpx

    from engine import __version__
    from engine.client import connect
    from engine.errors import EngineError, StorageError, UnreachableError
    from engine.serving.backup import ROUTE

    told: dict[str, Any] = {}
    timeout = httpx.Timeout(10.0, read=None)  # a large file takes minutes
    request = {"version": __version__, "folder": str(folder)}
    try:
        with connect(address) as client, client.stream("POST", ROUTE, json=request, timeout=timeout) as response:
            if response.status_code != 200:
                response.read()
                raise EngineError(f"the engine makes no backup ({response.status_code}): {response.text[:300]}")
            for line in response.iter_lines():
                told |= json.loads(line)
    except httpx.HTTPError as error:
        raise UnreachableError(f"the engine went away: {error}", hint="see its own output") from error
    if "error" in told:
        raise StorageError(told["error"], hint=told.get("hint"))
    if "partial" not in told:
        raise UnreachableError("the engine stopped before the copy was made", hint="run the command again")
    return Path(told["partial"])


def _list(backups: list[Backup], folder: Path, *, as_json: bool) -> int:
    from engine.commands.writing import print_table

    if as_json:
        print(json.dumps([_told(backup) for backup in backups], indent=2))
    elif not backups:
        print(f"no backups in {folder}: `aa-engine backup create` makes one", file=sys.stderr)
    else:
        rows = [(each.name, each.created_at, each.size, each.rows, each.batch_id, _tests(each)) for each in backups]
        print_table(("name", "created", "bytes", "rows", "batch", "tests"), rows)
    return 0


def _verify(found: Backup, settings: Settings, *, as_json: bool) -> int:
    from engine.commands.checking import check
    from engine.store import backup

    _say(f"comparing {found.size:,} bytes")
    wrong = backup.damage(found)
    checked = None
    if not wrong:
        _say("running the data tests")
        checked = check(found.path / settings.database.name, settings)
    if as_json:
        tests = checked.counts() | {"failing": list(checked.failed)} if checked else None
        print(json.dumps({"backup": found.name, "path": str(found.path), "damage": wrong, "tests": tests}, indent=2))
    else:
        for sentence in wrong:
            print(f"aa-engine: {sentence}", file=sys.stderr)
        if not wrong:
            print(
                f"{found.name}: {len(found.files)} files as written, {_counts(checked.counts() if checked else None)}"
            )
    return 1 if wrong else _failures(checked.failed if checked else ())


def _restore(found: Backup, settings: Settings, *, as_json: bool) -> int:
    from engine.clock import SystemClock
    from engine.store.lock import DirectoryLock
    from engine.store.restore import restore

    lock = DirectoryLock.acquire(settings.data_dir)
    try:
        _say(f"restoring {found.name}")
        done = restore(found, settings.data_dir, settings.database.name, settings.journal_dir, SystemClock().now())
    finally:
        lock.release()
    if as_json:
        told = {
            "restored": found.name,
            "data_dir": str(settings.data_dir),
            "aside": [str(path) for path in done.aside],
            "kept": [str(path) for path in done.kept],
            "journal_bytes": _behind(done),
            "gap": done.gap,
        }
        print(json.dumps(told, indent=2))
    else:
        print(f"restored {found.name} into {settings.data_dir}: {found.rows:,} rows up to batch {found.batch_id}")
        for path in done.aside:
            print(f"set aside {path}")
        if done.kept:
            print(f"left as they are: {', '.join(path.name for path in done.kept)}")
        if behind := _behind(done):
            print(f"{behind:,} bytes of journal are applied on top when the engine starts")
    if done.gap:
        print(
            f"aa-engine: the journal begins at {done.journal_begins:,}, behind the backup's {found.journal_offset:,}:"
            " what came in between is lost unless its senders still have it; local histories are read again",
            file=sys.stderr,
        )
    return 0


def _behind(done: Restored) -> int:
    return max(0, (done.journal_ends or 0) - done.backup.journal_offset)


def _told(backup: Backup) -> dict[str, Any]:
    return backup.told() | {"path": str(backup.path), "bytes": backup.size}


def _tests(backup: Backup) -> str:
    return _counts(backup.tests)


def _counts(counts: Any) -> str:
    if counts is None:
        return "no models to test"
    text = f"{counts['passed']} tests passed"
    for name in ("warned", "failed"):
        text += f", {counts[name]} {name}" if counts[name] else ""
    return text


def _failures(names: tuple[str, ...]) -> int:
    for name in names:
        print(f"aa-engine: the data test {name} fails on it", file=sys.stderr)
    return 1 if names else 0


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(f"{text} …", file=sys.stderr)
