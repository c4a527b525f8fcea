"""What a target of profiles.yml asks of a connection that was just opened.

Owns extensions, settings, secrets and further databases, in dbt-duckdb's notation. Refuses what dbt-duckdb would load
into the process (plugins, filesystems) or reach over the network as a database of its own (MotherDuck, a remote).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import duckdb

from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.profile import Target

_REFUSED = {
    "plugins": "load the data with a pre-hook or external_location",
    "filesystems": "use DuckDB's own extensions, such as httpfs",
    "remote": "work on the file itself",
}
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


def refuse(target: Target) -> None:
    """ParseProblem for what of dbt-duckdb's profile there is not."""
    for key, hint in _REFUSED.items():
        if target.values.get(key):
            raise ParseProblem(f"'{key}' of target '{target.name}' is not supported", where="profiles.yml", hint=hint)
    if target.path.startswith(("md:", "motherduck:")):
        raise ParseProblem(f"MotherDuck ({target.path}) is not supported", where="profiles.yml", hint="name a file")


def prepare(connection: duckdb.DuckDBPyConnection, target: Target) -> None:
    """Everything the target asks for. ParseProblem says which extension, setting, secret or database is at fault."""
    for given in target.values.get("extensions") or ():
        _extension(connection, given)
    for key, value in {**dict(target.values.get("config_options") or {}), **target.settings}.items():
        _do(connection, f"set {_word(key)} = {_literal(value)}", f"setting '{key}'")
    for number, secret in enumerate(_secrets(target.values.get("secrets"))):
        _do(connection, secret_sql(secret, number), f"secret {secret.get('name') or number + 1}")
    for attached in target.attach:
        _do(connection, attach_sql(attached), f"database '{attached.get('path')}'")


def _do(connection: duckdb.DuckDBPyConnection, statement: str, what: str) -> None:
    try:
        connection.execute(statement)
    except duckdb.Error as error:
        raise ParseProblem(f"{what}: {str(error).splitlines()[0]}", where="profiles.yml") from None


def _extension(connection: duckdb.DuckDBPyConnection, given: Any) -> None:
    name, repository = (given, None) if isinstance(given, str) else (str(given["name"]), given.get("repo"))
    try:
        connection.load_extension(name)
    except duckdb.Error:
        # Not there yet: fetched once, as dbt-duckdb does it.
        try:
            if repository is None:
                connection.install_extension(name)
            else:
                connection.install_extension(name, repository=str(repository))
            connection.load_extension(name)
        except duckdb.Error as error:
            raise ParseProblem(
                f"extension '{name}': {str(error).splitlines()[0]}",
                where="profiles.yml",
                hint=f"install it where there is a network: duckdb -c 'install {name}'",
            ) from None


def attach_sql(attached: Mapping[str, Any]) -> str:
    """The statement that attaches one more database."""
    options = {str(key).lower(): value for key, value in dict(attached.get("options") or {}).items()}
    for key in ("type", "secret", "read_only"):
        if attached.get(key):
            if key in options:
                raise ParseProblem(
                    f"'{key}' of database '{attached.get('path')}' is given twice", where="profiles.yml",
                    hint="keep it outside of options",
                )  # fmt: skip
            options[key] = attached[key]
    words = []
    for key, value in options.items():
        if isinstance(value, bool):
            words += [_word(key)] if value else []
        elif value is not None:
            plain = key in ("type", "secret") or not isinstance(value, str)
            words.append(f"{_word(key)} {_word(str(value)) if isinstance(value, str) and plain else _literal(value)}")
    alias = f" as {_word(str(attached['alias']))}" if attached.get("alias") else ""
    options_of = f" ({', '.join(words)})" if words else ""
    return f"attach if not exists {_literal(str(attached['path']))}{alias}{options_of}"


def secret_sql(secret: Mapping[str, Any], number: int) -> str:
    """The statement that makes a secret; a mapping or list of values becomes DuckDB's."""
    name = _word(str(secret.get("name") or f"__aa_secret_{number}"))
    persistent = "persistent " if secret.get("persistent") else ""
    parts = [
        f"{_word(str(key))} {_literal(value)}"
        for key, value in {**secret, **dict(secret.get("secret_kwargs") or {})}.items()
        if key not in ("name", "persistent", "secret_kwargs") and value is not None
    ]
    return f"create or replace {persistent}secret {name} ({', '.join(parts)})"


def _secrets(given: Any) -> list[Mapping[str, Any]]:
    return [item for item in given or () if isinstance(item, Mapping)]


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, Mapping):
        return f"MAP {{{', '.join(f'{_literal(str(key))}: {_literal(item)}' for key, item in value.items())}}}"
    text = str(value).replace("'", "''")
    return f"'{text}'"


def _word(name: str) -> str:
    if not _WORD.fullmatch(name):
        raise ParseProblem(f"'{name}' is no name", where="profiles.yml", hint="use letters, digits and _")
    return name
