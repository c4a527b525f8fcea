"""What templates can call, as far as it needs neither a node nor a database.

Owns dbt's general context: var, env_var, return, log, exceptions, modules, conversions, flags. Refuses everything that
depends on a node (parse.py, compile.py) and reaches the outside only through what it is given: the environment
variables, the clock's start instant, and a function that takes log lines.
"""

from __future__ import annotations

import datetime
import hashlib
import itertools
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jinja2
import pytz
import yaml
from jinja2.defaults import DEFAULT_NAMESPACE

from engine.modelrunner.jinja import ROOT, FreeMacro, MacroReturn, as_bool, as_native, as_number, as_text
from engine.modelrunner.problems import NodeProblem, ParseProblem, nearest

DBT_VERSION = "1.11.16"
MISSING = object()


class RaisedByTemplate(jinja2.TemplateRuntimeError):
    """`exceptions.raise_compiler_error` in a template."""


@dataclass(slots=True)
class Flags:
    """What the command line said that templates may ask (`flags.FULL_REFRESH`)."""

    full_refresh: bool = False
    empty: bool = False
    store_failures: bool | None = None
    which: str = "run"
    warn_error: bool = False
    fail_fast: bool = False
    extra: dict[str, Any] = field(default_factory=dict)

    def for_templates(self) -> dict[str, Any]:
        values = {
            "FULL_REFRESH": self.full_refresh,
            "EMPTY": self.empty,
            "STORE_FAILURES": bool(self.store_failures),
            "WHICH": self.which,
            "WARN_ERROR": self.warn_error,
            "FAIL_FAST": self.fail_fast,
            "USE_COLORS": False,
            "INDIRECT_SELECTION": "eager",
            "PRINT": True,
            "QUIET": False,
            "VERSION_CHECK": True,
            "SEND_ANONYMOUS_USAGE_STATS": False,
            "REQUIRE_SQL_HEADER_IN_TEST_CONFIGS": False,
        }
        more = {name.upper(): value for name, value in self.extra.items()}
        return {**values, **more, "INVOCATION_COMMAND": f"dbt {self.which}"}


class Variables:
    """`var()` for nodes of one package: the command line wins over dbt_project.yml, the root over the package."""

    def __init__(self, values: Mapping[str, Any], owner: str, *, parsing: bool) -> None:
        self.values = values
        self.owner = owner
        self.parsing = parsing

    def __call__(self, name: str, default: Any = MISSING) -> Any:
        if name in self.values:
            return self.values[name]
        if default is not MISSING:
            return default
        if self.parsing:
            return None
        hint = nearest(name, self.values) or "pass it with --vars or set it under vars: in dbt_project.yml"
        raise NodeProblem(f"required var '{name}' not found in {self.owner}", hint=hint)

    def has_var(self, name: str) -> bool:
        return name in self.values


class Environ:
    """`env_var()`; remembers what was asked, because it is part of a project's fingerprint."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        self.asked: dict[str, str | None] = {}

    def __call__(self, name: str, default: Any = None) -> Any:
        found = self.values.get(name)
        self.asked[name] = found
        if found is not None:
            return found
        if default is not None:
            return default
        raise ParseProblem(f"environment variable '{name}' is required but not set", hint=f"set {name}")


class Exceptions:
    """The namespace `exceptions`."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn

    def raise_compiler_error(self, message: Any, *_: Any, **__: Any) -> None:
        raise RaisedByTemplate(str(message))

    raise_not_implemented = raise_compiler_error
    raise_parsing_error = raise_compiler_error
    relation_wrong_type = raise_compiler_error
    missing_config = raise_compiler_error
    column_type_missing = raise_compiler_error

    def raise_contract_error(self, *arguments: Any) -> None:
        raise RaisedByTemplate("this model has an enforced contract that failed")

    def raise_fail_fast_error(self, message: Any, *_: Any) -> None:
        raise RaisedByTemplate(str(message))

    def warn(self, message: Any, *_: Any, **__: Any) -> str:
        self._warn(str(message))
        return ""

    def warn_snapshot_timestamp_data_types(self, *_: Any) -> str:
        return ""


def _return(value: Any = None) -> None:
    raise MacroReturn(value)


def to_json(value: Any, default: Any = None, sort_keys: bool = False) -> Any:
    try:
        return json.dumps(value, sort_keys=sort_keys)
    except (TypeError, ValueError):
        return default


def from_json(text: str, default: Any = None) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return default


def to_yaml(value: Any, default: Any = None, sort_keys: bool = False) -> Any:
    try:
        return yaml.safe_dump(value, sort_keys=sort_keys)
    except (yaml.YAMLError, ValueError):
        return default


def from_yaml(text: str, default: Any = None) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, AttributeError):
        return default


def _set(values: Any, default: Any = None) -> Any:
    try:
        return set(values)
    except TypeError:
        return default


def _zip(*values: Any, default: Any = None) -> Any:
    try:
        return zip(*values, strict=False)
    except TypeError:
        return default


@jinja2.pass_context
def _try(
    template: jinja2.runtime.Context, message: Any, action: Callable[..., Any], *arguments: Any, **named: Any
) -> Any:
    if isinstance(action, FreeMacro):
        action = action.macro.bind(template.parent[ROOT], action.environment)
    try:
        return action(*arguments, **named)
    except Exception:
        raise RaisedByTemplate(str(message)) from None


def difference(left: Mapping[str, Any], right: Mapping[str, Any]) -> dict[str, Any]:
    """dbt's `diff_of_two_dicts`: what `left` has and `right` lacks, keys in lower case."""
    out: dict[str, Any] = {}
    for key, value in left.items():
        if key.lower() in right:
            missing = [item for item in value if item not in right[key.lower()]]
            if missing:
                out[key] = missing
        else:
            out[key] = value
    return out


_MODULES = {
    "datetime": {
        name: getattr(datetime, name) for name in ("date", "datetime", "time", "timedelta", "tzinfo", "timezone")
    },
    "pytz": {name: getattr(pytz, name) for name in pytz.__all__},
    "re": {name: getattr(re, name) for name in re.__all__},
    "itertools": {name: getattr(itertools, name) for name in dir(itertools) if not name.startswith("_")},
}


def general(
    *,
    project_name: str,
    target: Mapping[str, Any],
    environ: Environ,
    flags: Flags,
    started_at: datetime.datetime,
    invocation_id: str,
    say: Callable[[str], None],
    warn: Callable[[str], None],
    show: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """The general context; callers copy it and add what belongs to their node."""

    def log(message: Any, info: bool = False) -> str:
        if info:
            say(str(message))
        return ""

    def printed(message: Any) -> str:
        (show or say)(str(message))
        return ""

    return {
        # Macros are rendered in this context alone, so Jinja's own functions (range, namespace, …) belong to it.
        **DEFAULT_NAMESPACE,
        "env_var": environ,
        "target": dict(target),
        "project_name": project_name,
        "dbt_version": DBT_VERSION,
        "flags": flags.for_templates(),
        "run_started_at": started_at,
        "invocation_id": invocation_id,
        "invocation_args_dict": {"which": flags.which, **flags.extra},
        "dbt_metadata_envs": {},
        "return": _return,
        "log": log,
        "print": printed,
        "exceptions": Exceptions(warn),
        "modules": _MODULES,
        "tojson": to_json,
        "fromjson": from_json,
        "toyaml": to_yaml,
        "fromyaml": from_yaml,
        "try_or_compiler_error": _try,
        "set": _set,
        "set_strict": set,
        "zip": _zip,
        "zip_strict": zip,
        "diff_of_two_dicts": difference,
        "local_md5": lambda value: hashlib.md5(str(value).encode(), usedforsecurity=False).hexdigest(),
        "as_bool": as_bool,
        "as_native": as_native,
        "as_number": as_number,
        "as_text": as_text,
        "thread_id": "main",
    }


def new_invocation_id() -> str:
    """A name for one invocation, as it stands in the artifacts."""
    return str(uuid.uuid4())
