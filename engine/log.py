"""What a serving engine says on standard error: one line an event, for people or for a log collector.

Owns the two forms of a line (`log.format`: text or json). Refuses levels below what somebody should read: nothing here
is said for every request, and nothing that agents sent is ever part of a line.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Literal

Level = Literal["info", "warning", "error"]

_form = "text"


def configure(form: str) -> None:
    """Choose the form for this process: `text` or `json`."""
    global _form
    _form = form


def say(sentence: str, *, level: Level = "warning", **fields: object) -> None:
    """One line. `fields` are told apart in JSON; the sentence says everything by itself."""
    if _form == "json":
        told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": sentence}
        line = json.dumps(told | fields, default=str)
    else:
        line = f"aa-engine: {sentence}"
    print(line, file=sys.stderr, flush=True)
