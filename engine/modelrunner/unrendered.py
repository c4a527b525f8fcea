"""A node's configuration as it was written.

Owns what `state:modified` compares instead of the configuration in force: dbt_project.yml before rendering, then the
property file, then the file's own config(). So another target, another variable or another environment is no change
where dbt_project.yml says it in Jinja; dbt's flag state_modified_compare_more_unrendered_values widens that to property
files and config(). Refuses to say what is in force: parse.py does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jinja2

from engine.modelrunner.drafts import SECTION, Draft
from engine.modelrunner.jinja import NATIVE_PARSE
from engine.modelrunner.packages import Package

FLAG = "state_modified_compare_more_unrendered_values"


def compares_more(root: Package) -> bool:
    """Whether the project asks for dbt's stricter comparison."""
    flags = root.values.get("flags")
    return bool(flags.get(FLAG)) if isinstance(flags, Mapping) else False


def unrendered_config(
    draft: Draft, root: Package, patched: Mapping[str, Any], as_written: Mapping[str, Any]
) -> dict[str, Any]:
    """The configuration of a node before rendering; `patched` is its property file's, `as_written` with its Jinja."""
    more = compares_more(root)
    # As in dbt, analyses are configured by the section of the models.
    section = "models" if draft.resource_type == "analysis" else SECTION.get(draft.resource_type, "models")
    found = draft.package.section_as_written(section, draft.fqn)
    found |= as_written if more else patched
    found |= _of_file(draft, more)
    if draft.package is not root:
        found |= root.section_as_written(section, draft.fqn)
    return found


def _of_file(draft: Draft, more: bool) -> Mapping[str, Any]:
    if not more or (draft.resource_type == "model" and _is_literal(draft.raw_code)):
        return draft.said
    calls = _config_calls(draft.raw_code) if "config(" in draft.raw_code else []
    if calls:
        # The last call wins, and a value is compared as its expression.
        return {keyword.key: str(keyword) for call in calls for keyword in call.kwargs}
    return draft.said


def _is_literal(text: str) -> bool:
    """Whether a file's Jinja is only ref, source and config of texts, lists, mappings, True and False.

    dbt reads such a model without rendering it, so its values stand for themselves.
    """
    if any(re.search(r"\b(true|false)\b", tag) for tag in re.findall(r"\{\{.*?\}\}", text, re.DOTALL)):
        return False
    for part in NATIVE_PARSE.parse(text).body:
        for piece in part.nodes if isinstance(part, jinja2.nodes.Output) else (part,):
            if isinstance(piece, jinja2.nodes.TemplateData):
                continue
            if not isinstance(piece, jinja2.nodes.Call) or not isinstance(piece.node, jinja2.nodes.Name):
                return False
            hooked = any(keyword.key in ("pre_hook", "post_hook") for keyword in piece.kwargs)
            if piece.node.name not in ("ref", "source", "config") or piece.dyn_args or piece.dyn_kwargs or hooked:
                return False
            if not all(_is_literal_value(item) for item in (*piece.args, *(word.value for word in piece.kwargs))):
                return False
    return True


def _is_literal_value(value: jinja2.nodes.Node) -> bool:
    if isinstance(value, jinja2.nodes.Const):
        return isinstance(value.value, str | bool)
    if isinstance(value, jinja2.nodes.List):
        return all(_is_literal_value(item) for item in value.items)
    if isinstance(value, jinja2.nodes.Dict):
        return all(_is_literal_value(pair.key) and _is_literal_value(pair.value) for pair in value.items)
    return False


def _config_calls(text: str) -> list[jinja2.nodes.Call]:
    calls = NATIVE_PARSE.parse(text).find_all(jinja2.nodes.Call)
    return [call for call in calls if isinstance(call.node, jinja2.nodes.Name) and call.node.name == "config"]


def unrendered_source(
    package: Package,
    root: Package,
    levels: Sequence[Mapping[str, Any]],
    fqn: tuple[str, ...],
    freshness: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """A source's configuration as dbt compares it: dbt_project.yml before rendering, then the property file.

    `levels` are the source and the table in it; `freshness` is what they come to, None when it is switched off.
    """
    found = package.section_as_written("sources", fqn)
    for level in levels:
        found |= level.get("config") or {}
    if freshness is None:
        found["freshness"] = None
    elif freshness:
        empty = {"count": None, "period": None}
        found["freshness"] = {
            "warn_after": {**empty, **(freshness.get("warn_after") or {})},
            "error_after": {**empty, **(freshness.get("error_after") or {})},
            "filter": freshness.get("filter"),
        }
    else:
        found.pop("freshness", None)
    for key in ("loaded_at_field", "loaded_at_query"):
        found[key] = _innermost(levels, key)
    found["meta"] = {key: item for level in levels for key, item in _both(level, "meta").items()}
    found["tags"] = sorted({str(tag) for level in levels for tag in _tags(level)})
    if package is not root:
        found |= root.section_as_written("sources", fqn)
    return found


def _both(level: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What a level says itself, with what its config says over it."""
    return {**(level.get(key) or {}), **((level.get("config") or {}).get(key) or {})}


def _tags(level: Mapping[str, Any]) -> list[Any]:
    given = (level.get("tags"), (level.get("config") or {}).get("tags"))
    return [tag for value in given if value for tag in ((value,) if isinstance(value, str) else value)]


def _innermost(levels: Sequence[Mapping[str, Any]], key: str) -> Any:
    for level in reversed(levels):
        for holder in (level, level.get("config") or {}):
            if holder.get(key) is not None:
                return holder[key]
    return None
