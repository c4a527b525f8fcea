"""`aa-engine models docs`: documentation of a project, as a page and as Markdown.

Owns which files are written and where, and what the flags mean. Refuses to serve: the page opens from the disk.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.commands.models.work import Work
from engine.errors import ConfigurationError, UsageError
from engine.modelrunner.tests import keeps_rows

if TYPE_CHECKING:
    from engine.modelrunner.catalog import Catalog
    from engine.modelrunner.nodes import Node
    from engine.modelrunner.project import Project


def run(work: Work) -> int:
    """`docs generate`. A node that cannot be compiled is exit 2, as in dbt, and leaves the old files."""
    target = work.project.target_folder
    if work.words["action"] == "serve":
        raise UsageError(
            "`models docs serve` is not supported",
            hint=f"open {target / 'index.html'}: the page needs no server (`models docs generate` writes it)",
        )
    from engine import __version__
    from engine.modelrunner import artifacts, catalog, docs_data, docs_markdown, docs_page, lineage
    from engine.modelrunner.choosing import VERB_TYPES, selected_ids
    from engine.modelrunner.database import Connection

    project, choices = work.project, work.choices
    compiled: dict[str, str] = {}
    selection = work.selection()
    runner = work.runner()
    chosen: set[str] | None = None
    if choices.switch("compile") is not False:
        chosen = selected_ids(project, selection, (*VERB_TYPES["compile"], "source"), runner.previous)
        # As in dbt: kept failures count where the project asks for them; without compiling, whatever is there counts.
        chosen = {uid for uid in chosen if uid not in project.nodes or _lasts(project.nodes[uid])}
        outcome = runner.compile(selection)
        for result in outcome.results:
            if result.failed:
                raise ConfigurationError(f"{result.name} cannot be compiled: {result.message}", hint="nothing written")
            if result.sql is not None:
                compiled[result.unique_id] = result.sql
    elif not (target / "manifest.json").is_file():
        artifacts.write(target / "manifest.json", artifacts.manifest(project))
    if not choices.yes("empty_catalog"):
        work.log.say("BuildingCatalog", "Building catalog")
    connection = Connection(work.connect())
    try:
        found: Catalog = {} if choices.yes("empty_catalog") else catalog.read(project, connection)
        columns = lineage.read(project, connection, found)
    finally:
        connection.raw.close()
    artifacts.write(target / "catalog.json", catalog.artifact(project, found, chosen))
    work.log.say("CatalogWritten", f"Catalog written to {target / 'catalog.json'}", path=str(target / "catalog.json"))
    _copy_assets(project)
    data: dict[str, Any] = docs_data.gather(project, found, columns, compiled, by=f"aa-engine {__version__}")
    folder = choices.path("markdown")
    if folder is not None or choices.text("format") == "markdown":
        folder = work.place.path(folder) if folder is not None else target / "docs"
        docs_markdown.write(folder, data)
        _say(work, folder / "index.md")
    if choices.text("format") != "markdown":
        page = docs_page.render(data)
        for name in ("index.html", "static_index.html") if choices.yes("static") else ("index.html",):
            (target / name).write_text(page, encoding="utf-8")
            _say(work, target / name)
    return 0


def _lasts(node: Node) -> bool:
    return node.resource_type != "test" or keeps_rows(node, None)


def _copy_assets(project: Project) -> None:
    """`asset-paths` of dbt_project.yml beside the page, as dbt puts them. The page itself shows none."""
    for folder in project.root.folders("asset-paths"):
        source = (project.folder / folder).resolve()
        if source.is_relative_to(project.folder) and source.is_dir():
            shutil.copytree(source, project.target_folder / folder, dirs_exist_ok=True)


def _say(work: Work, path: Path) -> None:
    work.log.say("Note", f"Documentation written to {path}", msg=str(path))
