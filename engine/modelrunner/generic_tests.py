"""Names and arguments of generic tests.

Owns the names dbt makes for them, because selections and artifacts use those, and the evaluation of `ref(…)` and Jinja
in their arguments. Refuses to know what a test asks: its macro does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from engine.modelrunner.jinja import render_value

_FUNCTION = re.compile(r"^\s*(env_var|ref|var|source|doc)\s*\(.+\)\s*$")


def arguments_of_test(
    arguments: Mapping[str, Any], context: Mapping[str, Any], where: str, *, parsing: bool = False
) -> dict[str, Any]:
    """The arguments of a generic test with `ref(…)`, `var(…)` and Jinja in them evaluated."""

    def value_of(value: Any, top: str | None) -> Any:
        if isinstance(value, str):
            if top == "column_name":
                return value
            text = f"{{{{ {value} }}}}" if _FUNCTION.match(value) else value
            return render_value(text, context, where, parsing=parsing)
        if isinstance(value, Mapping):
            return {key: value_of(item, None) for key, item in value.items()}
        if isinstance(value, list):
            return [value_of(item, None) for item in value]
        return value

    return {key: value_of(value, key) for key, value in arguments.items()}


def names_of_test(kind: str, target: str, arguments: Mapping[str, Any]) -> tuple[str, str]:
    """(short, full) name of a generic test, as dbt makes them: kind, target, arguments in the order of their names."""
    flat: list[str] = []
    for name in sorted(arguments):
        value = arguments[name]
        if name == "model":
            continue
        parts = (
            list(value.values()) if isinstance(value, Mapping) else list(value) if isinstance(value, list) else [value]
        )
        flat.extend(str(part) for part in parts)
    unique = "__".join(re.sub("[^0-9a-zA-Z_]+", "_", part) for part in flat)
    stem = f"{kind}_{target}"
    full = f"{stem}_{unique}"
    if len(full) < 64:
        return full, full
    return f"{stem[:30]}_{hashlib.md5(full.encode(), usedforsecurity=False).hexdigest()}", full
