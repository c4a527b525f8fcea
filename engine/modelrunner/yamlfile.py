"""YAML with line numbers.

Owns reading a YAML file into plain values whose mappings know their line, and the messages for broken ones. Refuses
to interpret anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from engine.modelrunner.problems import ParseProblem


class Mapped(dict[str, Any]):
    """A mapping that knows the line it starts on."""

    line: int = 1


# libyaml's parser is ten times as fast; the pure one gives the same values where it is missing.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    pass


def _mapping(loader: Any, node: yaml.MappingNode) -> Mapped:
    loader.flatten_mapping(node)
    found = Mapped()
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        found[key if isinstance(key, str) else str(key)] = loader.construct_object(value_node, deep=True)
    found.line = node.start_mark.line + 1
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: Path, where: str) -> Mapped:
    """The mapping in a file (empty when the file is); ParseProblem with file and line when it is not one."""
    return parse(text_of(path, where), where)


def text_of(path: Path, where: str) -> str:
    """What a file holds."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ParseProblem(error.strerror or str(error), where=where) from None
    except UnicodeDecodeError:
        raise ParseProblem("not UTF-8 text", where=where) from None


def parse(text: str, where: str) -> Mapped:
    """The mapping that `text` holds."""
    try:
        value = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark is not None else where
        reason = getattr(error, "problem", None) or str(error)
        raise ParseProblem(
            f"not valid YAML: {reason}", where=place, hint="check indentation, quotes and brackets"
        ) from None
    if value is None:
        return Mapped()
    if not isinstance(value, Mapped):
        raise ParseProblem(f"expected a mapping, found a {type(value).__name__}", where=f"{where}:1")
    return value


def line_of(value: Any, fallback: int = 1) -> int:
    """The line of a mapping that came from a file."""
    return value.line if isinstance(value, Mapped) else fallback
