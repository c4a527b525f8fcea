"""The documentation as Markdown: an index and one page per node.

Owns the form, which reads well in a terminal and on a git host: short lines, tables only where columns need them, links
between pages, one Mermaid graph in the index. Refuses to delete: files of nodes that are gone stay where they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.modelrunner.lineage_text import Picture, mermaid

NOTE = "<!-- Written by `aa-engine models docs generate`; edit the project's files instead. -->"
_PLURALS = {"analysis": "Analyses"}
_GRAPH = 80
"""Nodes above which a drawn graph helps nobody."""


def write(folder: Path, data: Mapping[str, Any]) -> list[Path]:
    """Writes `index.md` and `TYPE/NAME.md` below `folder` for what docs_data.gather gives; the files written."""
    files = {"index.md": "\n".join(_index(data))}
    for node in data["nodes"]:
        if not node.get("hidden"):
            files[page_of(node)] = "\n".join(_page(data, node))
    written = []
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")
        written.append(path)
    return written


def page_of(node: Mapping[str, Any]) -> str:
    """The file of a node: `model/fct_sessions.md`; a package's own carry its name, `model/package.name.md`."""
    name = node["label"] if node["own"] else f"{node['package']}.{node['label']}"
    return f"{node['type']}/{re.sub(r'[^A-Za-z0-9_.-]', '_', str(name))}.md"


def _index(data: Mapping[str, Any]) -> Iterator[str]:
    yield NOTE
    yield f"# {data['project']}\n"
    yield f"{data['overview']}\n"
    nodes: Sequence[Mapping[str, Any]] = [node for node in data["nodes"] if not node.get("hidden")]
    for kind in dict.fromkeys(node["type"] for node in nodes):
        yield f"## {_PLURALS.get(kind, kind.capitalize() + 's')}\n"
        for node in nodes:
            if node["type"] == kind:
                first = _first_line(node["description"])
                yield f"- [{node['label']}]({page_of(node)}){f': {first}' if first else ''}"
        yield ""
    if data["macros"]:
        yield "## Macros\n"
        for macro in data["macros"]:
            names = ", ".join(str(argument["name"]) for argument in macro["arguments"])
            first = _first_line(macro["description"])
            yield f"- `{macro['name']}({names})`{f': {first}' if first else ''}"
        yield ""
    if 1 < len(nodes) <= _GRAPH:
        yield "## Graph\n"
        yield "```mermaid"
        yield mermaid(_picture(data["nodes"]))
        yield "```"


def _page(data: Mapping[str, Any], node: Mapping[str, Any]) -> Iterator[str]:
    nodes = data["nodes"]
    yield NOTE
    yield f"# {node['label']}\n"
    about = [str(node["kind"]), *([f"`{node['relation']}`"] if node.get("relation") else []), f"`{node['path']}`",
             *(f"#{tag}" for tag in node["tags"])]  # fmt: skip
    yield f"{' · '.join(about)} · [all of {data['project']}](../index.md)\n"
    if node["description"]:
        yield f"{node['description']}\n"
    if node["columns"]:
        yield "## Columns\n"
        yield "| column | type | description | tests | made of |"
        yield "|---|---|---|---|---|"
        for column in node["columns"]:
            sources = (
                "unknown"
                if column.get("known") is False
                else ", ".join(
                    f"{nodes[of]['label'] if isinstance(of, int) else of}.{name}" for of, name in column.get("from", ())
                )
            )
            cells = (f"`{column['name']}`", column.get("type", ""), column.get("description", ""),
                     ", ".join(column.get("tests", ())), sources)  # fmt: skip
            yield f"| {' | '.join(_cell(cell) for cell in cells)} |"
        yield ""
    for title, key in (("Stands on", "parents"), ("Is used by", "children")):
        if node[key]:
            yield f"## {title}\n"
            yield from (_link(nodes[place]) for place in node[key])
            yield ""
    if node["tests"]:
        yield "## Tests\n"
        for test in node["tests"]:
            column = f" of `{test['column']}`" if test.get("column") else ""
            detail = f": {_cell(test['detail'])}" if test.get("detail") else ""
            yield f"- {test['name']}{column}{detail}"
        yield ""
    for title, key in (("Source", "raw"), ("Compiled", "compiled")):
        if node.get(key):
            yield f"## {title}\n"
            fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", node[key])), default=0))
            yield f"{fence}sql\n{node[key]}\n{fence}\n"


def _link(node: Mapping[str, Any]) -> str:
    if node.get("hidden"):
        return f"- {node['label']} ({node['kind']})"
    return f"- [{node['label']}](../{page_of(node)}) ({node['kind']})"


def _picture(nodes: Sequence[Mapping[str, Any]]) -> Picture:
    return Picture(
        tuple((str(node["id"]), str(node["label"]), str(node["type"])) for node in nodes),
        tuple((str(nodes[parent]["id"]), str(node["id"])) for node in nodes for parent in node["parents"]),
    )


def _cell(text: object) -> str:
    """Text in a table: one line, no bar."""
    return " ".join(str(text).split()).replace("|", "\\|")


def _first_line(text: str) -> str:
    """The first sentence or line of a description, without headings."""
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "```", "|")):
            return re.split(r"(?<=[.!?]) ", line.strip(), maxsplit=1)[0]
    return ""
