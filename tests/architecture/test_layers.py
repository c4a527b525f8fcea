"""The house: folders, layers, what start-up loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {
    "console",
    "engine",
    "hooks",
    "sql_models",
    "tests",
    "docs",
    "deploy",
    "bench",
    ".ci",
    ".github",
    "requirements",
}


def modules_after(statement: str) -> set[str]:
    """Names in sys.modules after running one statement in a fresh interpreter."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def tracked_files() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT)
    return [Path(line) for line in done.stdout.splitlines()]


def test_the_top_level_is_the_one_the_readme_draws() -> None:
    folders = {path.parts[0] for path in tracked_files() if len(path.parts) > 1}
    assert folders <= TOP_LEVEL


def test_import_contracts_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(program)], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import engine.cli; engine.cli.build_parser(['--help'])", {"duckdb", "pyarrow", "grpc", "textual", "yaml"}),
        ("import console.cli", {"textual", "plotext", "duckdb", "pandas", "pyarrow", "grpc"}),
        ("import hooks.cli", {"textual", "duckdb", "httpx", "yaml", "engine", "console"}),
        ("import engine.contract, engine.filters", {"duckdb", "httpx", "yaml", "starlette", "textual"}),
        ("import engine.service", {"pandas", "textual", "genai_prices"}),
    ],
    ids=["engine help", "console start", "collector start", "contract and filters", "engine serve"],
)
def test_start_up_does_not_load(statement: str, absent: set[str]) -> None:
    assert modules_after(statement) & absent == set()


def test_every_module_says_what_it_owns() -> None:
    without = []
    for path in tracked_files():
        if path.suffix != ".py" or path.parts[0] not in {"console", "engine", "hooks"}:
            continue
        text = (ROOT / path).read_text(encoding="utf-8")
        if not text.lstrip().startswith('"""') or "TO BE DESCRIBED" in text:
            without.append(str(path))
    assert without == []


def test_no_requirement_names_a_registry() -> None:
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text(encoding="utf-8")
        assert "://" not in text, path
        assert "--index-url" not in text, path
