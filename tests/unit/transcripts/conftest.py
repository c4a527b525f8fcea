"""A machine of one's own: home folder with histories, data directory, settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine import settings as engine_settings
from engine.ingest.transcripts import Follower, Summary, import_histories, roots_of
from engine.settings import Settings
from tests.unit.transcripts.support import MemoryRecorder


@dataclass(frozen=True, slots=True)
class Machine:
    """One developer's machine."""

    home: Path
    settings: Settings
    recorder: MemoryRecorder

    @property
    def projects(self) -> Path:
        """Claude Code's folder."""
        return self.home / ".claude" / "projects"

    @property
    def sessions(self) -> Path:
        """Codex's folder."""
        return self.home / ".codex" / "sessions"

    def import_(self, *paths: Path, again: bool = False) -> Summary:
        """Read everything that is new, as `aa-engine import transcripts` does."""
        roots = roots_of(self.settings, paths, environment={}, home=self.home)
        return import_histories(self.settings, self.recorder, "dev@example.org", roots, hash_key=b"key", again=again)

    @contextmanager
    def following(self) -> Iterator[Follower]:
        """A follower that has caught up."""
        follower = Follower(
            self.recorder, self.settings, "dev@example.org", hash_key=b"key", environment={}, home=self.home
        )
        follower.start()
        try:
            yield follower
        finally:
            follower.stop()

    def requests(self) -> list[str]:
        """The message or request ids that were told, in order of time."""
        return [row["message_id"] or row["request_id"] for row in self.recorder.rows("transcript_usage")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    settings = engine_settings.load(tmp_path / "data", environment={})
    return Machine(tmp_path / "home", settings, MemoryRecorder())


@pytest.fixture
def machine_with(tmp_path: Path) -> Callable[..., Machine]:
    """A machine with other settings: `machine_with(**{"transcripts.paths": (...)})`."""

    def make(**flags: object) -> Machine:
        settings = engine_settings.load(tmp_path / "data", flags=flags, environment={})
        return Machine(tmp_path / "home", settings, MemoryRecorder())

    return make
