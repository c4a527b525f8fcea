"""Whatever fails in a verb of `aa-engine` ends as one line and an exit code."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import cli
from engine.commands import status


def failing_with(error: Exception) -> Callable[[object], int]:
    def run(arguments: object) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"), "aa-engine: /data/x: No space left on device\n"),
        (
            ZeroDivisionError("two\nlines"),
            "aa-engine: an error of this program: ZeroDivisionError: two lines; --debug shows where\n",
        ),
    ],
)
def test_an_error_that_nobody_foresaw_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, says: str
) -> None:
    monkeypatch.setattr(status, "run", failing_with(error))
    assert cli.main(["status"]) == 1
    assert capsys.readouterr() == ("", says)
    with pytest.raises(type(error)):
        cli.main(["status", "--debug"])


def test_a_data_directory_that_is_a_file_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["serve", "--data-dir", str(tmp_path / "file"), "--http", "127.0.0.1:0"]) == 1
    said = capsys.readouterr().err
    assert "cannot use" in said
    assert "give --data-dir a directory" in said


def test_a_closed_standard_output_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"{sys.executable}" -m engine.cli config show --data-dir "{tmp_path}" >&-'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_disk_that_takes_no_byte_is_told(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "engine.cli", "serve", "--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert "engine.lock: " in done.stderr
