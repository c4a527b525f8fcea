"""`aa-engine models` inside a running engine: the shell's side.

Owns the question whether an engine has the database of this command open, the request, and printing what comes back,
as it comes. Refuses to work around an engine: while it runs, the file is its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import __version__
from engine.errors import EngineError, UnreachableError, UsageError

if TYPE_CHECKING:
    import httpx

    from engine.commands.models.choices import Choices
    from engine.commands.models.place import Place
    from engine.commands.models.project import Choice
    from engine.commands.models.verbs import Verb
    from engine.contract import EngineAddress

ROUTE = "/api/v1/internal/models"


def engine_for(verb: Verb, choices: Choices, chosen: Choice, place: Place) -> EngineAddress | None:
    """The engine that should do this command: it runs on the data directory, and the project is its own.

    Another profile or target may mean another database: such a command works on its own.
    """
    if not verb.resident or not chosen.own or place.connect is not None:
        return None
    if any(choices.values.get(name) is not None for name in ("profile", "profiles_dir", "target")):
        return None
    settings = place.engine_settings()
    other = place.environment.get("AA_DATABASE")
    if place.data_dir is None and other is not None and Path(other).resolve() != settings.database.resolve():
        return None
    if not settings.address_file.exists():
        return None
    from engine.client import running_engine

    return running_engine(settings)


def perform_inside(address: EngineAddress, verb: Verb, command_line: Mapping[str, Any], place: Place) -> int:
    """Send the command, print what it says, and give its exit code. UnreachableError when the engine goes away."""
    import httpx

    from engine.client import connect

    request = {
        "version": __version__,
        "verb": verb.name,
        "given": _sendable(command_line, place),
        "folder": str(place.folder),
        "environment": {
            name: value
            for name, value in place.environment.items()
            if name.startswith("DBT_") or name in ("NO_COLOR", "TERM")
        },
        "live": place.terminal.live,
        "colours": place.terminal.colours,
    }
    timeout = httpx.Timeout(10.0, read=None)  # a node may take as long as it takes
    code = None
    try:
        with connect(address) as client, client.stream("POST", ROUTE, json=request, timeout=timeout) as response:
            if response.status_code != 200:
                response.read()
                raise _refusal(response)
            for line in response.iter_lines():
                code = _print(json.loads(line), place)
    except httpx.HTTPError as error:
        raise UnreachableError(f"the engine went away: {error}", hint="see its own output") from error
    if code is None:
        raise UnreachableError("the engine stopped before the command had ended", hint="run it again")
    return code


def _print(event: Mapping[str, Any], place: Place) -> int | None:
    if "out" in event:
        place.terminal.out(event["out"])
    elif "err" in event:
        place.terminal.err(event["err"])
    elif "progress" in event:
        place.terminal.progress(event["progress"], event["done"], event["total"])
    elif "exit" in event:
        return int(event["exit"])
    return None


def _sendable(command_line: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The flags and words as JSON; paths as this shell means them."""
    given: dict[str, Any] = {}
    for name, value in command_line.items():
        if isinstance(value, Path):
            # As in dbt, the target path is seen from the project.
            given[name] = str(value if name == "target_path" else place.path(value))
        elif isinstance(value, str | bool | int | float | list) and name not in ("verb", "model_verb"):
            given[name] = value
    return given


def _refusal(response: httpx.Response) -> EngineError:
    try:
        said = str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        said = f"the engine answered {response.status_code}"
    if response.status_code == 404:
        return UsageError("this engine takes no model commands", hint="restart it")
    return EngineError(said)
