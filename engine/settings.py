"""What can be configured, from where, and with which effect.

Owns the registry of settings and the order in which they are decided: flag, environment, `engine.yaml`, default; and
the messages for a wrong file (file, line, nearest valid key). Refuses to act on any setting. `aa-engine config show`
and docs/reference/settings.md come from the registry.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import ConfigurationError

Kind = Literal["text", "integer", "number", "boolean", "list", "zone"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: a dotted key of `engine.yaml`; its environment variable is AA_ + the key in capitals, dots as _.

    `choices`: the only texts allowed; `least` and `most`: the ends of a number's range, both allowed.
    """

    key: str
    kind: Kind
    default: Any
    help: str
    secret: bool = False
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = 0

    @property
    def variable(self) -> str:
        return "AA_" + self.key.upper().replace(".", "_")


SETTINGS: tuple[Setting, ...] = (
    Setting("http", "text", "127.0.0.1:4318", "address of OTLP over HTTP and of the API; port 0 takes any free port"),
    Setting("grpc", "text", "127.0.0.1:4317", "address of OTLP over gRPC; port 0 takes any free port"),
    Setting("insecure", "boolean", False, "allow other addresses than loopback without TLS and keys"),
    Setting("tls_cert", "text", None, "certificate file (PEM) for both ports"),
    Setting("tls_key", "text", None, "private key file (PEM) for both ports"),
    Setting("socket_group", "text", None, "group whose members may use the socket as leads"),
    Setting(
        "processes",
        "integer",
        None,
        "2: receiver and engine apart, the default of serve; 1: everything in one process, the default with --embedded",
        least=1,
        most=2,
    ),
    Setting("include_prompts", "boolean", False, "store prompts, responses, tool arguments and outputs"),
    Setting("report_timezone", "zone", "UTC", "time zone whose days are the days of every report"),
    Setting("internal_domains", "list", (), "e-mail domains of the team; other developers are external"),
    Setting(
        "ingest.dedup_window_hours", "number", 48, "a request replayed within this time adds no raw row", most=8760
    ),
    Setting(
        "ingest.max_body_bytes",
        "integer",
        64 * 1024 * 1024,
        "largest request body, decompressed",
        least=1024,
        most=1 << 30,
    ),
    Setting("transcripts.follow", "boolean", True, "read the agents' local histories as they grow"),
    Setting("transcripts.paths", "list", (), "folders to read besides the agents' own"),
    Setting("repositories", "list", (), "git repositories to watch besides those added with `repos add`"),
    Setting(
        "git.correlation_window",
        "integer",
        300,
        "seconds after a session in which a commit may still belong to it",
        most=604_800,
    ),
    Setting(
        "git.commit_messages",
        "text",
        "full",
        "how much of a commit message is stored: full, subject, hash or none",
        choices=("full", "subject", "hash", "none"),
    ),
    Setting("backup.folder", "text", None, "where backups lie (default: backups in the data directory)"),
    Setting(
        "backup.every_hours",
        "number",
        24,
        "make one when the newest is older; 0: never (an embedded engine never does)",
        most=8760,
    ),
    Setting("backup.keep_days", "number", 30, "older backups are removed, but never the newest", least=1, most=36_500),
    Setting(
        "api.slow_query_ms",
        "number",
        250,
        "an answer that takes longer is kept in status and told on standard error",
        most=3_600_000,
    ),
    Setting(
        "log.format",
        "text",
        "text",
        "what `serve` says on standard error: text, or json for a log collector",
        choices=("text", "json"),
    ),
    Setting("models.refresh_seconds", "number", 0.2, "shortest time between two refreshes of the models", most=3600),
    Setting("models.project_dir", "text", None, "another dbt project than the packaged one"),
    Setting(
        "idle_exit_seconds",
        "number",
        None,
        "end when no console has been connected for so long (embedded engines)",
        most=31_622_400,
    ),
)
BY_KEY: dict[str, Setting] = {setting.key: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Value:
    """An effective value and where it came from: `default`, a variable, a file with line, or a flag."""

    value: Any
    origin: str


class Settings:
    """Effective settings. `settings["http"]` gives a value, `settings.origin("http")` where it came from."""

    def __init__(self, data_dir: Path, values: Mapping[str, Value], config_file: Path | None = None) -> None:
        self.data_dir = data_dir
        self.config_file = config_file
        """The configuration file, when it is not the data directory's own."""
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key].value

    def origin(self, key: str) -> str:
        """Where the value came from, in words."""
        return self._values[key].origin

    def items(self) -> list[tuple[Setting, Value]]:
        """All settings in the registry's order."""
        return [(setting, self._values[setting.key]) for setting in SETTINGS]

    @property
    def database(self) -> Path:
        return self.data_dir / "agent_analytics.duckdb"

    @property
    def journal_dir(self) -> Path:
        return self.data_dir / "journal"

    @property
    def backup_dir(self) -> Path:
        folder = self["backup.folder"]
        return Path(folder).expanduser() if folder else self.data_dir / "backups"

    @property
    def keys_file(self) -> Path:
        return self.data_dir / "keys.json"

    @property
    def address_file(self) -> Path:
        return self.data_dir / "engine.json"


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


def nearest(word: str, known: list[str]) -> str:
    """`did you mean X?`, or an empty string when nothing is near."""
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {found[0]}?" if found else ""


def convert(setting: Setting, value: Any, origin: str) -> Any:
    """The value in the setting's type, or a ConfigurationError that names where it stands."""

    def wrong(expected: str) -> ConfigurationError:
        return ConfigurationError(f"{origin}: {setting.key} must be {expected}, not {value!r}", hint=setting.help)

    if value is None:
        return setting.default
    match setting.kind:
        case "text" | "zone":
            if not isinstance(value, str):
                raise wrong("text")
            if setting.kind == "zone":
                try:
                    ZoneInfo(value)
                except (ZoneInfoNotFoundError, ValueError, OSError):
                    raise wrong("a time zone such as Europe/Berlin") from None
            if setting.choices and value not in setting.choices:
                raise wrong(f"one of {', '.join(setting.choices)}")
            return value
        case "boolean":
            words = {
                "true": True,
                "1": True,
                "yes": True,
                "on": True,
                "false": False,
                "0": False,
                "no": False,
                "off": False,
            }
            if isinstance(value, bool):
                return value
            if isinstance(value, str) and value.lower() in words:
                return words[value.lower()]
            raise wrong("true or false")
        case "integer" | "number":
            if isinstance(value, bool):
                raise wrong("a number")
            expected = "a whole number" if setting.kind == "integer" else "a number"
            try:
                number = int(value) if setting.kind == "integer" else float(value)
            except (TypeError, ValueError, OverflowError):
                raise wrong(expected) from None
            if setting.kind == "integer" and isinstance(value, float) and value != number:
                raise wrong(expected)
            if not setting.least <= number <= setting.most:  # also false for not-a-number
                raise wrong(f"{expected} from {setting.least:g} to {setting.most:.15g}")
            return number
        case "list":
            if isinstance(value, str):
                return tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
                return tuple(value)
            raise wrong("a list of texts")


def read_file(path: Path) -> dict[str, tuple[Any, int]]:
    """Dotted key → (value, line) of a YAML file; nested mappings are joined with dots."""
    import yaml

    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8 text") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(path)
        raise ConfigurationError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    found: dict[str, tuple[Any, int]] = {}
    constructor = yaml.SafeLoader("")

    def visit(node: Any, prefix: str) -> None:
        if not isinstance(node, yaml.MappingNode):
            raise ConfigurationError(f"{path}:{node.start_mark.line + 1}: expected keys and values")
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigurationError(f"{path}:{line}: the name of a setting must be text")
            key = prefix + key_node.value
            if key not in BY_KEY and any(known.startswith(key + ".") for known in BY_KEY):
                visit(value_node, key + ".")
                continue
            if key not in BY_KEY:
                hint = nearest(key, list(BY_KEY)) or "see docs/reference/settings.md"
                raise ConfigurationError(f"{path}:{line}: unknown setting {key}", hint=hint)
            if key in found:
                raise ConfigurationError(
                    f"{path}:{line}: {key} stands here for the second time, first in line {found[key][1]}"
                )
            try:
                found[key] = (constructor.construct_object(value_node, deep=True), line)
            except (yaml.YAMLError, ValueError, TypeError) as error:
                said = getattr(error, "problem", None) or str(error)
                raise ConfigurationError(f"{path}:{line}: {key}: {said}") from None

    if root is not None:
        visit(root, "")
    return found


def load(
    data_dir: Path | None = None,
    config: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Decide every setting: flag, environment, file, default. Raises ConfigurationError."""
    env = os.environ if environment is None else environment
    folder = (data_dir or default_data_dir(env)).expanduser().absolute()
    path = config or folder / "engine.yaml"
    written = read_file(path) if config is not None or path.exists() else {}
    values: dict[str, Value] = {}
    for setting in SETTINGS:
        flag = (flags or {}).get(setting.key)
        if flag is not None:
            values[setting.key] = Value(convert(setting, flag, "command line"), "flag")
        elif env.get(setting.variable):
            values[setting.key] = Value(convert(setting, env[setting.variable], setting.variable), setting.variable)
        elif setting.key in written:
            value, line = written[setting.key]
            where = f"{path}:{line}"
            values[setting.key] = Value(convert(setting, value, where), where)
        else:
            values[setting.key] = Value(setting.default, "default")
    return Settings(folder, values, None if config is None else config.expanduser().absolute())
