"""Backups while an engine serves: the copy between two transactions, and one every so often.

Owns holding the two writers of the database (the applier and the models) still for as long as the copy takes; what
arrives meanwhile is acknowledged and stays in the journal. Refuses to open, check, name and remove backups: that is
done by the process that asked, which is `aa-engine backup create` here as well.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine import log
from engine.api.commands import Command, Tell
from engine.clock import Clock
from engine.errors import EngineError
from engine.serving.refresh import ModelKeeper
from engine.settings import Settings
from engine.store import backup
from engine.workspace import Workspace

ROUTE = "/api/v1/internal/backup"
FLUSH_SECONDS = 60.0
LOOK_SECONDS = 60.0
RETRY_SECONDS = 3600.0


def copy_now(
    workspace: Workspace, folder: Path, clock: Clock, exclusively: Callable[[Callable[[], None]], None]
) -> Path:
    """Copy the open database into a new folder whose name ends in `.partial`. Raises StorageError.

    `exclusively` runs a job while no model is written.
    """
    backup.room(workspace.settings.database, folder)
    workspace.path.flush(FLUSH_SECONDS)
    # Most of the write-ahead log goes into the file while nobody waits yet.
    workspace.path.database.checkpoint()
    partial = backup.new_folder(folder, clock.now())

    def job() -> None:
        with workspace.path.applier.paused():
            workspace.path.database.checkpoint()
            backup.copy(workspace.settings.database, partial)

    exclusively(job)
    return partial


def command_of(workspace: Workspace, keeper: ModelKeeper, clock: Clock) -> Command:
    """What an engine does when it is asked for a copy: `{"folder": …}` is answered with `{"partial": …}`."""

    def command(asked: Mapping[str, Any], tell: Tell, cancelled: threading.Event) -> int:
        began = time.monotonic()
        try:
            partial = copy_now(workspace, Path(str(asked["folder"])), clock, keeper.exclusively)
        except EngineError as error:
            tell({"error": error.sentence, "hint": error.hint})
            return error.exit_code
        tell({"partial": str(partial), "seconds": round(time.monotonic() - began, 3)})
        return 0

    return command


class Schedule:
    """Makes a backup whenever the newest is older than `backup.every_hours`. `run` returns when it is cancelled."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.trouble: str | None = None
        """What kept the last one from being made; None when nothing did."""
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Look every minute; a process of its own makes each backup, so that checking it costs this one nothing."""
        hours = self._settings["backup.every_hours"]
        while hours:
            await asyncio.sleep(LOOK_SECONDS)
            folder = self._settings.backup_dir
            newest = next(iter(await asyncio.to_thread(backup.known, folder)), None)
            age = None if newest is None else (self._clock.now() - newest.created_at).total_seconds()
            if (age is None or age >= hours * 3600) and not await self._make():
                await asyncio.sleep(RETRY_SECONDS)

    async def _make(self) -> bool:
        words = ["-P", "-m", "engine.cli", "backup", "create", "--data-dir", str(self._settings.data_dir)]
        if self._settings.config_file is not None:
            words += ["--config", str(self._settings.config_file)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
        )
        try:
            _, said = await process.communicate()
        except asyncio.CancelledError:
            process.terminate()
            raise
        if process.returncode == 0:
            self.trouble = None
            return True
        lines = said.decode("utf-8", "replace").strip().splitlines()
        self.trouble = f"no backup could be made: {lines[-1] if lines else f'exit {process.returncode}'}"
        log.say(self.trouble, part="backup")
        return False
