"""Starting git as a reader that changes nothing and depends on nobody's configuration.

Owns the command line and environment of every git process of the engine, and the translation of git's complaints into
errors with a state. Refuses shells, prompts, locks, pagers, external diff programs and network access.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal

from engine.errors import EngineError

State = Literal["waiting", "scanning", "ready", "empty", "missing", "not_a_repository", "unreadable", "failed"]

OVERRIDES: tuple[str, ...] = (
    "core.quotePath=false",
    "core.fsmonitor=false",
    "i18n.logOutputEncoding=UTF-8",
    "log.showRoot=true",
    "log.mailmap=false",
    "log.showSignature=false",
    "trailer.separators=:",
    "diff.renames=true",
    "diff.suppressBlankEmpty=false",
    "submodule.recurse=false",
    "protocol.allow=never",
)
"""Settings of a user or repository that would change what git prints; `protocol.allow` keeps partial clones offline."""

LOCATING_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")


class RepositoryError(EngineError):
    """A repository cannot be read; `state` says how it stands."""

    code = "repository"

    def __init__(self, sentence: str, *, state: State, hint: str | None = None) -> None:
        super().__init__(sentence, hint=hint)
        self.state: State = state


def command(folder: Path, *words: str) -> list[str]:
    """The words of a git process that reads `folder`."""
    settings = [part for setting in OVERRIDES for part in ("-c", setting)]
    return ["git", "--no-pager", "--no-optional-locks", *settings, "-C", str(folder), *words]


def environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's environment without what would point git elsewhere, ask questions, or change its language."""
    source = os.environ if inherited is None else inherited
    kept = {name: value for name, value in source.items() if name not in LOCATING_VARIABLES}
    kept.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_NO_LAZY_FETCH="1", GIT_OPTIONAL_LOCKS="0")
    return kept


def read(folder: Path, *words: str, stdin: bytes = b"") -> bytes:
    """What git prints. Raises RepositoryError."""
    try:
        done = subprocess.run(command(folder, *words), input=stdin, capture_output=True, env=environment(), check=False)
    except OSError as error:
        raise _not_started(folder, error) from None
    if done.returncode != 0:
        raise complaint(folder, done.stderr)
    return done.stdout


@contextmanager
def stream(folder: Path, *words: str, stdin: bytes = b"") -> Iterator[IO[bytes]]:
    """git's output as it comes, to be read to its end; an exception inside ends the process.

    Raises RepositoryError on leaving when git failed.
    """
    import tempfile

    # Input and errors as files: git may print gigabytes before it has read its input, and pipes would then stand still.
    with tempfile.TemporaryFile() as questions, tempfile.TemporaryFile() as complaints:
        questions.write(stdin)
        questions.seek(0)
        try:
            process = subprocess.Popen(
                command(folder, *words),
                stdin=questions,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=environment(),
            )
        except OSError as error:
            raise _not_started(folder, error) from None
        assert process.stdout is not None
        try:
            yield process.stdout
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            code = process.wait()
        if code != 0:
            complaints.seek(0)
            raise complaint(folder, complaints.read())


def complaint(folder: Path, stderr: bytes) -> RepositoryError:
    """git's words on stderr as an error with a state."""
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    said = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[0] if lines else "git failed")
    said = said.removeprefix("fatal:").removeprefix("error:").strip()
    lower = said.lower()
    if "dubious ownership" in lower:
        return RepositoryError(
            f"{folder}: git refuses it because it belongs to somebody else",
            state="unreadable",
            hint=f"git config --global --add safe.directory '{folder}'",
        )
    if "not a git repository" in lower:
        return RepositoryError(f"{folder}: not a git repository", state="not_a_repository")
    if "permission denied" in lower:
        return RepositoryError(f"{folder}: {said}", state="unreadable", hint="give this user the right to read it")
    return RepositoryError(f"{folder}: git says: {said}", state="failed", hint=f"try 'git -C {folder} fsck'")


def _not_started(folder: Path, error: OSError) -> RepositoryError:
    if isinstance(error, FileNotFoundError):
        return RepositoryError(f"{folder}: git is not installed", state="failed", hint="install git and put it on PATH")
    return RepositoryError(f"{folder}: git cannot be started: {error.strerror}", state="failed")
