"""What the console was asked for and where its engine is looked for.

Owns flags, environment and `console.yaml` (in the data directory) as one frozen value, and the rule for the default
data directory, which is the engine's own. Refuses to connect to anything.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Format = Literal["table", "csv", "json"]
THEMES = ("auto", "dark", "light", "ansi", "high-contrast")
KNOWN_KEYS = ("engine", "key", "theme")


class WrongUse(Exception):
    """Flags or configuration that cannot be followed: one line, exit 2."""


class Unreachable(Exception):
    """No engine to talk to: one line, exit 1."""


@dataclass(frozen=True, slots=True)
class Options:
    """Everything decided before the first frame."""

    data_dir: Path
    engine: str | None = None
    key: str | None = None
    demo: bool = False
    view: str = "live"
    filter: str | None = None
    theme: str = "auto"
    mouse: bool = True
    print_once: bool = False
    format: Format = "table"

    @property
    def engine_dir(self) -> Path:
        """Where the engine of this console keeps its data: the demo never touches real data."""
        return self.data_dir / "demo" if self.demo else self.data_dir


def default_data_dir(environment: Mapping[str, str] | None = None) -> Path:
    """AA_DATA_DIR, else DATA_DIR, else `agent-analytics` in the platform's folder for a user's data."""
    env = os.environ if environment is None else environment
    for name in ("AA_DATA_DIR", "DATA_DIR"):
        if env.get(name):
            return Path(env[name]).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "agent-analytics"
    base = env.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "agent-analytics"


def read_file(path: Path) -> dict[str, str]:
    """The settings of `console.yaml`; nothing there is nothing set. Raises WrongUse with file and line."""
    if not path.exists():
        return {}
    import yaml

    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise WrongUse(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise WrongUse(f"{path}:{line}: not UTF-8 text; save it as UTF-8") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise WrongUse(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise WrongUse(f"{path}:1: expected keys and values such as 'engine: https://analytics.example.com'")
    values: dict[str, str] = {}
    for key, value in root.value:
        where = f"{path}:{key.start_mark.line + 1}"
        if key.value not in KNOWN_KEYS:
            raise WrongUse(f"{where}: unknown setting {key.value}; {nearest(str(key.value), KNOWN_KEYS)}")
        if not isinstance(value, yaml.ScalarNode):
            raise WrongUse(f"{where}: {key.value} must be text")
        if key.value == "theme" and value.value not in THEMES:
            raise WrongUse(f"{where}: there is no theme {value.value}; {nearest(value.value, THEMES)}")
        values[key.value] = value.value
    return values


def nearest(word: str, known: tuple[str, ...]) -> str:
    """What was probably meant, as a sentence."""
    import difflib

    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else f"known are {', '.join(known)}"
