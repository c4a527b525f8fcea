"""What an earlier reading of a project made of its files.

Owns nodes by what they were made from: the text of their file, what YAML says of them, and everything that all files
share (macros, settings, variables, target, flags, environment). When a file changes, only its own nodes are made again;
when what is shared changes, all are. Refuses to know how a node is made, and to keep what could not be made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.modelrunner.context import Environ, Flags
from engine.modelrunner.jinja import Macros
from engine.modelrunner.nodes import Node
from engine.modelrunner.packages import Package
from engine.modelrunner.profile import Target
from engine.modelrunner.yamlfile import Mapped


@dataclass(frozen=True, slots=True)
class _Made:
    """A node, and what it asked of the environment while it was made."""

    node: Node
    asked: Mapping[str, str | None]


class Memory:
    """Kept by who reads the same project again and again; one reading at a time."""

    def __init__(self) -> None:
        self._shared = ""
        self._environ = Environ({})
        self._nodes: dict[Hashable, _Made] = {}
        self._yaml: dict[Hashable, Mapped] = {}
        self._used: set[Hashable] = set()
        self.made = 0
        """How many nodes the last reading had to make."""

    def begin(
        self,
        packages: Iterable[Package],
        macros: Macros,
        variables: Mapping[str, Mapping[str, Any]],
        target: Target,
        flags: Flags,
        environ: Environ,
    ) -> None:
        """A reading begins; what was made under other circumstances is forgotten."""
        digest = hashlib.sha256()
        for package in packages:
            digest.update(repr((package.name, package.root, package.values)).encode())
        for macro in macros.all():
            digest.update(repr((macro.unique_id, macro.path, macro.line, macro.text)).encode())
        digest.update(repr((variables, target, flags)).encode())
        if digest.hexdigest() != self._shared:
            self._nodes.clear()
        self._shared = digest.hexdigest()
        self._environ = environ
        self._used = set()
        self.made = 0

    def node(self, key: Hashable, make: Callable[[], Node]) -> Node:
        """The node that was made from the same `key`, or what `make` gives now."""
        environ = self._environ
        found = self._nodes.get(key)
        if found is None or any(environ.values.get(name) != value for name, value in found.asked.items()):
            before, environ.asked = environ.asked, {}
            try:
                found = self._nodes[key] = _Made(make(), environ.asked)
            finally:
                environ.asked = {**before, **environ.asked}
            self.made += 1
        # A node that is not made again does not ask again; what it asked for counts all the same.
        environ.asked.update(found.asked)
        self._used.add(key)
        return found.node

    def yaml(self, file: str, text: str, parse: Callable[[str, str], Mapped]) -> Mapped:
        """The content of a property file; nobody changes it."""
        key = (file, text)
        found = self._yaml.get(key)
        if found is None:
            found = self._yaml[key] = parse(text, file)
        self._used.add(key)
        return found

    def end(self) -> None:
        """The reading went well: what it did not use is forgotten."""
        self._nodes = {key: made for key, made in self._nodes.items() if key in self._used}
        self._yaml = {key: found for key, found in self._yaml.items() if key in self._used}
