"""Which macros call which.

Owns finding the macros that a macro's text calls, by reading its tags without compiling them: a manifest names them
for hundreds of macros, most of which no run ever compiles. Refuses to resolve arguments: a macro whose name is put
together while running is not found, as in dbt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.modelrunner.jinja import Macro, Macros

_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_TAG = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
_DISPATCH = re.compile(r"""adapter\s*\.\s*dispatch\s*\(\s*(?:macro_name\s*=\s*)?['"](\w+)['"]""")
_TEXT = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_CALL = re.compile(r"(?:\b(\w+)\s*\.\s*)?\b([A-Za-z_]\w*)\s*\(")
_HEAD = re.compile(r"^[-+]?\s*(?:macro|test|data_test|materialization)\s+\w+")


def called_by(macro: Macro, macros: Macros) -> list[str]:
    """Unique ids of the macros that a macro calls by name or by `adapter.dispatch`, in the order of the calls."""
    found: dict[str, None] = {}
    for tag in _TAG.findall(_COMMENT.sub("", macro.text)):
        for name in _DISPATCH.findall(tag):
            for prefix in ("duckdb__", "default__"):
                if (target := macros.find(prefix + name, search=macro.package)) is not None:
                    found[target.unique_id] = None
                    break
        for owner, name in _CALL.findall(_TEXT.sub("''", _HEAD.sub("", tag))):
            if owner and owner not in macros.by_package:
                continue
            target = macros.find(name, owner or None, macro.package)
            if target is not None:
                found[target.unique_id] = None
    return list(found)


def reached(start: Iterable[str], macros: Macros) -> set[str]:
    """`start` and every macro that they lead to."""
    by_id = {macro.unique_id: macro for macro in macros.all()}
    queue, seen = list(start), set()
    while queue:
        uid = queue.pop()
        if uid not in seen:
            seen.add(uid)
            if uid in by_id:
                queue.extend(called_by(by_id[uid], macros))
    return seen
