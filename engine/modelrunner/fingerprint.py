"""Whether a project changed, told without reading it.

Owns the hash of everything that its files say, and the question whether the models in a database were built from the
same files: answered in milliseconds, before templates, properties and plans are loaded. Refuses to be the last word:
what a project asks of its environment is known after loading only, and LiveLoop.start compares that too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

OWN_MACROS = Path(__file__).parent / "macros"
ENDINGS = (".sql", ".yml", ".yaml", ".csv")
MADE = ("target", "logs")
"""Folders that running a project makes."""


def of_files(folder: Path, variables: Mapping[str, Any] | None) -> str:
    """A hash of the files below a project's folder, of the runner's own macros and of the given variables."""
    digest = hashlib.sha256()
    folder = folder.resolve()
    for base in (folder, OWN_MACROS):
        for path in sorted(base.rglob("*")):
            parts = path.relative_to(base).parts
            hidden = any(part.startswith(".") for part in parts)
            # Compiled tests lie in folders that are called like the property file that defines them.
            if path.suffix in ENDINGS and parts[0] not in MADE and not hidden and path.is_file():
                digest.update("/".join(parts).encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(json.dumps(variables or {}, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def stands(cursor: DuckDBPyConnection, folder: Path, variables: Mapping[str, Any] | None) -> bool:
    """Whether the models in this database were built from these files with these variables."""
    known = cursor.execute(
        "select count(*) from duckdb_tables() where schema_name = 'ops' and table_name = 'model_watermark'"
    ).fetchall()
    if not known[0][0]:
        return False
    found = cursor.execute(
        "select count(*) from ops.model_watermark where starts_with(fingerprint, ?)", [of_files(folder, variables)]
    ).fetchall()
    return bool(found[0][0])
