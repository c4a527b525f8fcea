"""What real dbt lists for hundreds of selections, and what we list.

The answers are dbt's: tests/equivalence/record_selection.py records them over tests/fixtures/selection/project.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.commands import models
from engine.commands.models.asking import ls
from engine.commands.models.choices import choose
from engine.commands.models.log import Log
from engine.commands.models.place import Place
from engine.commands.models.project import Choice
from engine.commands.models.work import Work
from engine.errors import EngineError
from engine.modelrunner.project import Project

FIXTURES = Path(__file__).parents[2] / "fixtures" / "selection"
GOLDEN: list[dict[str, Any]] = json.loads((FIXTURES / "golden.json").read_text(encoding="utf-8"))
BATCH = 60


@dataclass(slots=True)
class Collected:
    """A terminal that keeps what is said."""

    colours: bool = False
    live: bool = False
    data: list[str] = field(default_factory=list)

    def out(self, line: str) -> None:
        self.data.append(line)

    def err(self, line: str) -> None:
        pass

    def progress(self, line: str | None, done: int, total: int) -> None:
        pass


@pytest.fixture(scope="module")
def project() -> Project:
    return Project.load(FIXTURES / "project", environment={"SELECTION_DB": "selection.duckdb"}, say=lambda _: None)


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    models.configure(parser)
    return parser


def answer(project: Project, parser: argparse.ArgumentParser, words: list[str]) -> tuple[int, list[str]]:
    """Exit code and lines of `ls` with these words."""
    terminal = Collected()
    place = Place(FIXTURES / "project", {}, terminal)
    log = Log(terminal, "", level="error", answers=True)
    try:
        choices = choose("ls", vars(parser.parse_args(["ls", *words])), {}, {})
        work = Work("ls", choices, {}, place, log, Choice(FIXTURES / "project", False), project)
        return ls(work), terminal.data
    except SystemExit as error:
        return int(error.code or 0), []
    except EngineError as error:
        return error.exit_code, []


def comparable(lines: list[str]) -> list[Any]:
    """Lines with JSON in them as values: the order of keys says nothing."""
    return [json.loads(line) if line.startswith("{") else line for line in lines]


def batches() -> Iterator[Any]:
    for start in range(0, len(GOLDEN), BATCH):
        yield pytest.param(GOLDEN[start : start + BATCH], id=f"{start}-{start + BATCH}")


@pytest.mark.parametrize("golden", batches())
def test_selections_list_what_dbt_lists(
    golden: list[dict[str, Any]], project: Project, parser: argparse.ArgumentParser
) -> None:
    differing = []
    for item in golden:
        code, lines = answer(project, parser, item["args"])
        if code != item["exit"] or comparable(lines) != comparable(item["lines"]):
            differing.append((item["args"], item["exit"], code, item["lines"], lines))
    assert differing == []


def test_every_method_is_asked_about() -> None:
    from engine.modelrunner.selection import METHODS

    asked = {word.lstrip("+@").partition(":")[0].partition(".")[0] for item in GOLDEN for word in item["args"]}
    assert set(METHODS) <= asked
