"""What was chosen for the flags of `aa-engine models`.

Owns who wins (command line, then environment, then `flags:` of dbt_project.yml), and the check of every value, whoever
says it. Refuses to know what a flag does: the verbs ask.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.commands.models.flags import FLAGS, Flag
from engine.commands.models.log import Strictness
from engine.errors import ConfigurationError, EngineError, UsageError

PROJECT = "flags: of dbt_project.yml"


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen for each flag of one verb; asking for a flag that the verb does not take gives its default."""

    verb: str
    values: Mapping[str, Any] = field(default_factory=dict)
    given: frozenset[str] = frozenset()
    """Flags that the command line or the environment names."""

    def yes(self, name: str) -> bool:
        return bool(self.values.get(name))

    def switch(self, name: str) -> bool | None:
        """None: nobody said."""
        value = self.values.get(name)
        return None if value is None else bool(value)

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        return None if value is None else str(value)

    def number(self, name: str) -> int | None:
        value = self.values.get(name)
        return None if value is None else int(value)

    def recorded(self) -> dict[str, Any]:
        """All of them under dbt's names, as run_results.json holds them and templates may ask for them."""
        renamed = {"variables": "vars", "arguments": "args", "show_rows": "show", "output_file": "output"}
        plain = {name: str(value) if isinstance(value, Path) else value for name, value in self.values.items()}
        return {renamed.get(name, name): value for name, value in plain.items() if value is not None}

    def path(self, name: str) -> Path | None:
        value = self.values.get(name)
        return None if value is None else Path(value)

    def many(self, name: str) -> tuple[str, ...]:
        return tuple(self.values.get(name) or ())

    def mapping(self, name: str) -> dict[str, Any]:
        return dict(self.values.get(name) or {})


def choose(
    verb: str,
    command_line: Mapping[str, Any],
    environment: Mapping[str, str],
    project: Mapping[str, Any],
    *,
    lenient: bool = False,
) -> Choices:
    """The command line wins over the environment, the environment over `flags:` of dbt_project.yml.

    UsageError for a value that a flag does not take and for flags that are refused; `lenient` takes the default then.
    """
    values: dict[str, Any] = {}
    given = set()
    for flag in _flags_of(verb):
        value, where = _found(flag, command_line, environment, project)
        if value is not None:
            try:
                value = _checked(flag, value, where)
            except EngineError:
                if not lenient:
                    raise
                value = None
            if value is not None and where != PROJECT:
                given.add(flag.name)
        if value is None:
            value = flag.default
        values[flag.name] = value
    return Choices(verb, values, frozenset(given))


def again(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The flags of an earlier run, as its run_results.json holds them, for running it once more.

    As in dbt, what names a place, a selection or a form of output is said anew.
    """
    kept = {flag.name: flag.name for flag in FLAGS if flag.kind != "path" and not flag.accepted}
    for name in ("select", "models", "exclude", "selector", "resource_types", "exclude_resource_types", "warn_error",
                 "output", "json", "log_format", "quiet", "use_colors"):  # fmt: skip
        kept.pop(name, None)
    kept["vars"] = kept.pop("variables")
    return {kept[name]: value for name, value in arguments.items() if name in kept and value not in (None, "")}


def _flags_of(verb: str) -> Iterator[Flag]:
    return (flag for flag in FLAGS if verb in flag.verbs)


def _found(
    flag: Flag, command_line: Mapping[str, Any], environment: Mapping[str, str], project: Mapping[str, Any]
) -> tuple[Any, str]:
    """The value of a flag and who says so."""
    if command_line.get(flag.name) is not None:
        return command_line[flag.name], flag.words[0]
    if flag.variable is not None:
        for variable in (flag.variable.replace("DBT_", "DBT_ENGINE_", 1), flag.variable):
            if environment.get(variable):
                return environment[variable], variable
    if flag.configurable and project.get(flag.name) is not None:
        return project[flag.name], PROJECT
    return None, ""


_TRUE, _FALSE = ("1", "true", "t", "yes", "y", "on"), ("0", "false", "f", "no", "n", "off")


def _checked(flag: Flag, value: Any, where: str) -> Any:
    if flag.refused is not None and value is not False:
        raise UsageError(f"{where} is not supported", hint=flag.refused)
    if flag.kind in ("switch", "yes") and not isinstance(value, bool):
        word = str(value).strip().lower()
        if word not in (*_TRUE, *_FALSE):
            raise ConfigurationError(f"{where} is '{value}'", hint="use true or false")
        return word in _TRUE
    if flag.kind == "number" and not isinstance(value, int):
        try:
            return int(str(value))
        except ValueError:
            raise ConfigurationError(f"{where} is '{value}'", hint="use a whole number") from None
    if flag.kind == "mapping" and not isinstance(value, Mapping):
        return mapping(str(value), where)
    if flag.kind == "many" and isinstance(value, str):
        value = value.split()
    if flag.choices and flag.kind == "many":
        value = [word for words in value for word in str(words).split()]
    if flag.choices:
        from engine.modelrunner.problems import nearest

        for word in value if flag.kind == "many" else (str(value).lower(),):
            if word not in flag.choices:
                hint = nearest(str(word), flag.choices) or f"use {', '.join(flag.choices)}"
                raise UsageError(f"{where} takes no '{word}'", hint=hint)
        return value if flag.kind == "many" else str(value).lower()
    return value


def mapping(text: str, flag: str) -> dict[str, Any]:
    """A YAML mapping given as a flag."""
    import yaml

    try:
        value = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        value = None
    if not isinstance(value, dict):
        raise UsageError(f"{flag} must be a YAML mapping", hint=f"for example {flag} '{{day: 2026-01-31}}'")
    return value


def strictness(choices: Choices) -> Strictness:
    """What --warn-error and --warn-error-options say. UsageError for a form that dbt would not take either."""
    if choices.yes("warn_error"):
        return Strictness(everything=True)
    options = choices.mapping("warn_error_options")
    for key in options:
        if key not in ("error", "include", "warn", "exclude", "silence"):
            raise UsageError(f"--warn-error-options has no '{key}'", hint="use error, warn and silence")
    errors = options.get("error", options.get("include")) or ()
    excepted = options.get("warn", options.get("exclude")) or ()
    silenced = options.get("silence") or ()
    everything = errors in ("all", "*")
    for words in (errors if not everything else (), excepted, silenced):
        if not isinstance(words, list | tuple):
            raise UsageError("--warn-error-options takes lists of names of events", hint="for example {error: all}")
    named = frozenset() if everything else frozenset(str(word) for word in errors)
    return Strictness(everything, named, frozenset(map(str, excepted)), frozenset(map(str, silenced)))
