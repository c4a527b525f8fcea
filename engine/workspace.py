"""A data directory, opened: its lock, its durable path, its models.

Owns the order in which these open and close, for the engine and for commands that work while no engine runs. Refuses
ports, authentication and everything that follows files or repositories: that is the service's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigurationError
from engine.ingest.durable import DurablePath
from engine.ingest.journal import Tail
from engine.settings import Settings
from engine.store.hash_key import hash_key
from engine.store.lock import DirectoryLock
from engine.store.writer import Applied

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from engine.modelrunner.resident import Resident
    from engine.prices.overrides import Overrides
    from engine.prices.plans import Plans


class Workspace:
    """One workspace, open in this process. `path` takes rows in, `models` keeps the SQL models up to date."""

    def __init__(self, settings: Settings, lock: DirectoryLock, path: DurablePath, hash_key: bytes) -> None:
        self.settings = settings
        self.path = path
        self.hash_key = hash_key
        """Keys the hashes of tool arguments: one per workspace, so that they mean nothing elsewhere."""
        self.declared_trouble: str | None = None
        """What is wrong with prices.yaml or plans.yaml, in one line; None when nothing is."""
        self._lock = lock
        self._named_batch = 0
        self._own: Overrides | None = None

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        on_batch: Callable[[Applied], None] | None = None,
        block_above: int | None = None,
        lock: DirectoryLock | None = None,
        follow: Callable[[Path], Tail] | None = None,
    ) -> Workspace:
        """Lock and open the data directory. Raises InUseError, naming the holder, and StorageError.

        `lock`: this process has it already. `follow` opens the journal of a receiver in another process.
        """
        lock = lock or DirectoryLock.acquire(settings.data_dir)
        try:
            return cls(
                settings,
                lock,
                DurablePath.open(
                    settings.database,
                    settings.journal_dir,
                    dedup_window=timedelta(hours=settings["ingest.dedup_window_hours"]),
                    on_batch=on_batch,
                    block_above=block_above,
                    follow=follow,
                ),
                hash_key(settings),
            )
        except BaseException:
            lock.release()
            raise

    def resident(self) -> Resident:
        """The models of this workspace over its database; nothing is loaded yet."""
        from engine.modelrunner.resident import Resident

        return Resident(
            project_folder(self.settings),
            self.path.database.cursor,
            variables=model_variables(self.settings),
            environment={**os.environ, "AA_DATABASE": str(self.settings.database)},
        )

    def models_stand(self) -> bool:
        """Whether the database holds the models of this project already, told without loading it."""
        from engine.modelrunner.fingerprint import stands

        cursor = self.path.database.cursor()
        try:
            return stands(cursor, project_folder(self.settings), model_variables(self.settings))
        finally:
            cursor.close()

    @property
    def declared_files(self) -> tuple[Path, Path]:
        """The workspace's own price list and its plans, which need not exist."""
        return self.settings.data_dir / "prices.yaml", self.settings.data_dir / "plans.yaml"

    def publish_prices(self) -> None:
        """Bring the price book, own prices and plans in the database up to date.

        Names are resolved again when prices changed. A wrong file changes nothing: what it said before still holds, and
        `declared_trouble` says what is wrong.
        """
        from engine.prices.export import changed_plan_rows, changed_price_rows, known_model_names, model_name_rows

        now = datetime.now(UTC)
        cursor = self.path.database.cursor()
        try:
            own, plans = self._declared(cursor)
            rows = changed_price_rows(cursor, now, own)
            if rows:
                rows.merge(model_name_rows(known_model_names(cursor), now, own))
            if plans is not None:
                rows.merge(changed_plan_rows(cursor, now, plans))
        finally:
            cursor.close()
        if rows:
            self.path.recorder.record(rows).result()
            self.path.flush(60.0)

    def _declared(self, cursor: DuckDBPyConnection) -> tuple[Overrides, Plans | None]:
        """Own prices and plans as their files say, else the last good ones (plans: None, those stored)."""
        from engine.prices import overrides, plans
        from engine.prices.export import stored_overrides

        troubles = []
        own_path, plans_path = self.declared_files
        try:
            self._own = overrides.load(own_path)
        except ConfigurationError as error:
            troubles.append(f"{error.line()}; the last good prices hold")
            if self._own is None:
                self._own = stored_overrides(cursor)
        declared = None
        try:
            declared = plans.load(plans_path)
        except ConfigurationError as error:
            troubles.append(f"{error.line()}; the last good plans hold")
        self.declared_trouble = "; ".join(troubles) or None
        return self._own, declared

    def name_models(self) -> None:
        """Give names of models that were never seen before their entry in the price book."""
        from engine.prices.export import model_name_rows, new_model_names

        batch = self.path.progress().batch_id
        if batch == self._named_batch:
            return
        cursor = self.path.database.cursor()
        try:
            names = new_model_names(cursor, self._named_batch)
            own = self._own if self._own is not None else self._declared(cursor)[0]
        finally:
            cursor.close()
        if names:
            self.path.recorder.record(model_name_rows(names, own=own)).result()
            self.path.flush(60.0)
        self._named_batch = batch

    def close(self) -> None:
        """Apply what the journal holds, checkpoint, and let the next one in."""
        try:
            try:
                self.path.drain()
            finally:
                self.path.close()
        finally:
            self._lock.release()


def model_variables(settings: Settings) -> dict[str, Any]:
    """What the engine's settings say to the models."""
    return {
        "report_timezone": settings["report_timezone"],
        "internal_domains": list(settings["internal_domains"]),
        "correlation_window": settings["git.correlation_window"],
    }


def is_edited(settings: Settings) -> bool:
    """Whether somebody may edit the models while an engine runs: their own, or those of a source checkout."""
    return bool(settings["models.project_dir"]) or (project_folder(settings).parent / "pyproject.toml").is_file()


def project_folder(settings: Settings) -> Path:
    """The dbt project whose models the engine keeps: the setting, else the packaged one."""
    if settings["models.project_dir"]:
        return Path(settings["models.project_dir"]).expanduser()
    return Path(__file__).resolve().parent.parent / "sql_models"


@contextmanager
def offline(settings: Settings) -> Iterator[Workspace]:
    """Open a workspace while no engine runs; on the way out apply everything and refresh the models.

    What comes in stays in the journal until then: it is durable there, and few large transactions cost less.
    """
    workspace = Workspace.open(settings, block_above=100_000)
    try:
        with workspace.path.applier.paused():
            yield workspace
        workspace.path.flush(3600.0)
        workspace.publish_prices()
        if workspace.declared_trouble is not None:
            print(f"aa-engine: {workspace.declared_trouble}", file=sys.stderr)
        workspace.name_models()
        models = workspace.resident()
        try:
            models.build()
        finally:
            models.close()
    finally:
        workspace.close()
