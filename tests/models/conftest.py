"""Databases with the bundled prices: made once, copied for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.prices import export
from tests.models.workbench import ARRIVAL, FILE_NAME, Workbench


@pytest.fixture(scope="session")
def priced_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that knows every price and nothing else."""
    bench = Workbench(tmp_path_factory.mktemp("priced"))
    bench.take(export.price_rows(ARRIVAL))
    bench.close()
    return bench.path


@pytest.fixture
def open_bench(priced_file: Path, tmp_path: Path) -> Iterator[Callable[..., Workbench]]:
    """Opens fresh databases; keyword arguments are variables of the project."""
    opened: list[Workbench] = []

    def open_one(**variables: Any) -> Workbench:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        shutil.copyfile(priced_file, folder / FILE_NAME)
        opened.append(Workbench(folder, **variables))
        return opened[-1]

    yield open_one
    for bench in opened:
        bench.close()


@pytest.fixture
def bench(open_bench: Callable[..., Workbench]) -> Workbench:
    """One fresh database."""
    return open_bench()
