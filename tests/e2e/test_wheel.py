"""The wheel: built from this tree, installed into an empty environment, it runs all three commands from anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and, of this environment, only the dependencies."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("agent_analytics-*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(python),
            "install",
            "--quiet",
            "--no-deps",
            "--no-index",
            str(wheel),
        ],
        check=True,
        capture_output=True,
    )
    packages = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    # Dependencies come from the environment of the tests, because tests work offline; our own checkout must not.
    ours = sysconfig.get_paths()["purelib"]
    (Path(packages) / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    return environment / "bin"


def run(installed: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "AA_DATA_DIR": str(folder / "data")}
    return subprocess.run(
        [str(installed / words[0]), *words[1:]],
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize("command", ["aa-console", "aa-engine", "aa-hooks"])
def test_each_command_runs_from_any_directory(installed: Path, tmp_path: Path, command: str) -> None:
    done = run(installed, tmp_path, command, "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(command)


def test_it_is_the_wheel_that_runs_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(installed / "python"), "-c", "import engine; print(engine.__file__)"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    assert str(installed.parent) in done.stdout


def test_models_seeds_and_hooks_travel_in_it(installed: Path, tmp_path: Path) -> None:
    migrated = run(installed, tmp_path, "aa-engine", "migrate")
    assert migrated.returncode == 0, migrated.stderr
    built = run(installed, tmp_path, "aa-engine", "models", "build")
    assert built.returncode == 0, built.stdout + built.stderr
    packaged = list(installed.parent.glob("lib/python*/site-packages/hooks/scripts/post-commit"))
    assert len(packaged) == 1
