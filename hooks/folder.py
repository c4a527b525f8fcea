"""Where everything of this machine's set-up lies, and the small state file that hooks read.

Owns the paths below `~/.agent-analytics` and the plain JSON form of the configuration, so that nothing on the path of
a commit needs YAML. Refuses to change the set-up: `init` and `uninstall` do.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, fields
from pathlib import Path

FOLDER = ".agent-analytics"


@dataclass(frozen=True, slots=True)
class Folder:
    """`~/.agent-analytics` and what is in it."""

    path: Path

    @property
    def config(self) -> Path:
        """What people edit."""
        return self.path / "config.yaml"

    @property
    def state(self) -> Path:
        """What hooks read; derived from the configuration."""
        return self.path / "state.json"

    @property
    def manifest(self) -> Path:
        """What `init` changed, for `uninstall`."""
        return self.path / "installed.json"

    @property
    def backups(self) -> Path:
        """Files as they were before `init`."""
        return self.path / "backups"

    @property
    def scripts(self) -> Path:
        """The git hooks, which the hooks of repositories call."""
        return self.path / "hooks"

    @property
    def spool(self) -> Path:
        """What waits to be delivered."""
        return self.path / "spool"


@dataclass(frozen=True, slots=True)
class State:
    """What delivery needs to know. `backend_url` None: the engine of this machine, found by its data directory."""

    backend_url: str | None = None
    api_key: str | None = None
    developer_id: str | None = None
    project_id: str | None = None
    data_dir: str | None = None
    track_commits: bool = True


def home() -> Folder:
    """The folder of the user who runs this."""
    return Folder(Path.home() / FOLDER)


def read_state(folder: Folder) -> State:
    """The state; defaults where there is none, or where somebody damaged it."""
    try:
        body = json.loads(folder.state.read_bytes())
    except (OSError, ValueError):
        return State()
    if not isinstance(body, dict):
        return State()
    known: dict[str, object] = {}
    for field in fields(State):
        value = body.get(field.name)
        if isinstance(value, bool if field.name == "track_commits" else str):
            known[field.name] = value
    return State(**known)  # type: ignore[arg-type]


def state_text(state: State) -> str:
    """The state file's content."""
    return json.dumps(asdict(state), indent=2) + "\n"


def data_dir(state: State) -> Path:
    """Where the engine of this machine keeps its data: the environment, else what `init` saw, else the default."""
    for value in (os.environ.get("AA_DATA_DIR"), os.environ.get("DATA_DIR"), state.data_dir):
        if value:
            return Path(value).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "agent-analytics"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "agent-analytics"
