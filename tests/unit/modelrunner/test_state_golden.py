"""What real dbt calls changed after dozens of edits, and what we call so, from dbt's own manifest and from ours.

The answers and the manifest are dbt's: tests/equivalence/record_state.py records them over
tests/fixtures/state/project.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.modelrunner import artifacts, state
from engine.modelrunner.choosing import VERB_TYPES, Selection, selected_ids
from engine.modelrunner.project import Project

FIXTURES = Path(__file__).parents[2] / "fixtures" / "state"
EDITS: list[dict[str, Any]] = json.loads((FIXTURES / "edits.json").read_text(encoding="utf-8"))
GOLDEN: dict[str, dict[str, list[str]]] = {
    item["name"]: item["answers"] for item in json.loads((FIXTURES / "golden.json").read_text(encoding="utf-8"))
}
ENVIRONMENT = {"STATE_DB": "state.duckdb"}


def edited(folder: Path, edit: dict[str, Any]) -> Project:
    """The project with one edit, read anew."""
    shutil.copytree(FIXTURES / "project", folder)
    for name, text in edit.get("write", {}).items():
        path = folder / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    for name, (old, new) in edit.get("replace", {}).items():
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
    flags = dict(zip(edit.get("flags", ())[::2], edit.get("flags", ())[1::2], strict=True))
    return Project.load(
        folder,
        target=flags.get("--target"),
        variables=yaml.safe_load(flags.get("--vars", "{}")),
        environment={**ENVIRONMENT, **edit.get("environment", {})},
        say=lambda _: None,
    )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state before, as we write it."""
    folder = tmp_path_factory.mktemp("state")
    project = edited(folder / "project", {})
    artifacts.write(folder / "before" / "manifest.json", artifacts.manifest(project))
    return folder / "before"


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit["name"])
def test_what_changed_is_what_dbt_calls_changed(edit: dict[str, Any], ours: Path, tmp_path: Path) -> None:
    project = edited(tmp_path / "project", edit)
    differing = []
    for source, folder in (("dbt's", FIXTURES), ("our", ours)):
        previous = state.read(folder)
        for question, expected in GOLDEN[edit["name"]].items():
            found = sorted(selected_ids(project, Selection((question,)), VERB_TYPES["ls"], previous))
            if found != expected:
                more, less = sorted(set(found) - set(expected)), sorted(set(expected) - set(found))
                differing.append((f"{source} manifest", question, "too many", more, "missing", less))
    assert differing == []
