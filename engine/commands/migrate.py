"""`aa-engine migrate`: bring a data directory to this version.

Owns the words; `serve` does the same when it starts. Refuses a directory that an engine has open.
"""

from __future__ import annotations

import argparse
import json


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when a step fails; the file is then as before that step, and the copy made first is named."""
    from engine import settings as engine_settings
    from engine.store.database import Database
    from engine.store.lock import DirectoryLock
    from engine.store.migrations import migrate, pending

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    backup: str | None = None
    if arguments.dry_run and not settings.database.exists():
        from engine.store.migrations import packaged

        steps = packaged()
    else:
        lock = DirectoryLock.acquire(settings.data_dir)
        try:
            database = Database.open(settings.database)
            try:
                if arguments.dry_run:
                    steps = pending(database)
                else:
                    done = migrate(database)
                    steps, backup = done.applied, str(done.backup) if done.backup else None
            finally:
                database.close()
        finally:
            lock.release()
    names = [f"{step.number:04d} {step.name}" for step in steps]
    if arguments.json:
        print(json.dumps({"applied": [] if arguments.dry_run else names, "steps": names, "backup": backup}, indent=2))
        return 0
    if not names:
        print(f"{settings.database} is up to date")
    for name in names:
        print(f"{'would apply' if arguments.dry_run else 'applied'} {name}")
    if backup is not None:
        print(f"copy made first: {backup}")
    return 0
