"""From files to drafts.

Owns finding the files of a package that become nodes (models, seeds, singular tests, analyses, snapshots), taking
snapshots out of their blocks and out of property files, and joining each with what YAML says of it. Refuses to render
anything: reading.py does.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.modelrunner.drafts import SECTION, Draft
from engine.modelrunner.jinja import blocks
from engine.modelrunner.packages import Package
from engine.modelrunner.problems import ParseProblem
from engine.modelrunner.properties import Properties

READABLE = re.compile(r"^\s*(ref|source)\s*\(.*\)\s*$", re.DOTALL)


def drafts_of(package: Package, properties: Properties) -> list[Draft]:
    """Every node of a package that has a file or an entry of its own, as written, with what YAML says of it."""
    drafts = []
    for key, kind, endings in (
        ("model-paths", "model", (".sql", ".py")),
        ("seed-paths", "seed", (".csv",)),
        ("test-paths", "test", (".sql",)),
        ("analysis-paths", "analysis", (".sql",)),
        ("snapshot-paths", "snapshot", (".sql",)),
    ):
        for folder, path in package.files((key,), endings):
            relative = path.relative_to(package.root / folder)
            if kind == "test" and relative.parts[0] in ("generic", "fixtures"):
                continue
            original = path.relative_to(package.root).as_posix()
            if path.suffix == ".py":
                raise ParseProblem("Python models are not supported", where=original, hint="write the model in SQL")
            text = "" if kind == "seed" else _text(path, original)
            if kind == "snapshot":
                drafts.extend(_snapshots(package, text, original, relative))
                continue
            if kind == "analysis":
                # As in dbt, analyses lie in a folder of that name, whatever theirs is called.
                relative = Path("analysis") / relative
            fqn = (package.name, *relative.with_suffix("").parts)
            drafts.append(Draft(kind, path.stem, package, relative.as_posix(), original, fqn, text))
    drafts.extend(_yaml_snapshots(package, properties))
    for draft in drafts:
        draft.patch = properties.patches.get((SECTION[draft.resource_type], draft.name))
        if draft.resource_type == "test":
            draft.patch = properties.singular.get(draft.name)
    return drafts


def _snapshots(package: Package, text: str, original: str, relative: Path) -> list[Draft]:
    found = []
    for block in blocks(text, original, ("snapshot",)):
        fqn = (package.name, *relative.with_suffix("").parts, block.name)
        body = block.body
        found.append(Draft("snapshot", block.name, package, relative.as_posix(), original, fqn, body, block.line))
    return found


def _yaml_snapshots(package: Package, properties: Properties) -> list[Draft]:
    """Snapshots that a property file defines with `relation:` instead of SQL."""
    found = []
    for (kind, name), patch in properties.patches.items():
        relation = patch.values.get("relation") if kind == "snapshots" else None
        if relation is None:
            continue
        if not READABLE.match(str(relation)):
            raise ParseProblem(
                f"cannot read relation {relation!r}", where=f"{patch.file}:{patch.line}",
                hint="write ref('…') or source('…', '…')",
            )  # fmt: skip
        inside = package.inside(patch.file)
        fqn = (package.name, *inside.parts[:-1], name)
        text = f"select * from {{{{ {relation} }}}}"
        path = (inside / f"{name}.sql").as_posix()
        found.append(Draft("snapshot", name, package, path, patch.file, fqn, text))
    return found


def _text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ParseProblem("not UTF-8 text", where=where) from None
