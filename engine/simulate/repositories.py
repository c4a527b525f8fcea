"""Real git repositories for the simulated team.

Owns their making and the commits in them: history in bulk through `git fast-import`, new commits one by one. Refuses to
tell the engine: it finds them by watching, as it finds everybody's.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from engine.errors import EngineError
from engine.simulate.plan import Committed
from engine.simulate.team import REPOSITORIES, Developer

TRAILERS = {
    "claude_code": "Co-Authored-By: Claude <noreply@anthropic.com>",
    "codex": "Co-authored-by: Codex <noreply@openai.com>",
}


def git(folder: Path, *words: str, body: bytes | None = None, environment: dict[str, str] | None = None) -> bytes:
    """Run git; its complaint becomes one line."""
    clean = {key: text for key, text in os.environ.items() if not key.startswith("GIT_")}
    clean |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", **(environment or {})}
    done = subprocess.run(["git", "-C", str(folder), *words], input=body, capture_output=True, env=clean, check=False)
    if done.returncode:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise EngineError(f"{folder}: git {words[0]} failed: {complaint[-1] if complaint else done.returncode}")
    return done.stdout


def remote_url(repository: str) -> str:
    """The remote that a simulated repository names; nothing ever connects to it."""
    return f"https://git.example.com/acme/{repository}.git"


def message(event: Committed) -> str:
    """The commit's message, with the trailer that this developer's settings leave in."""
    text = f"{event.subject}\n"
    if event.session.developer.trailers:
        text += f"\n{TRAILERS[event.session.agent]}\n"
    return text


class Repository:
    """One working repository. File contents are plain numbered lines, so that the line counts are the planned ones."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name
        self.lines: dict[str, list[str]] = {}
        self.written = 0
        self.tip: str | None = None

    @classmethod
    def create(cls, parent: Path, name: str) -> Repository:
        """A new repository below `parent`; whatever simulation lay there before is replaced by its caller."""
        folder = parent / name
        folder.mkdir(parents=True)
        git(folder, "init", "-q", "-b", "main")
        git(folder, "remote", "add", "origin", remote_url(name))
        return cls(folder, name)

    def change(self, event: Committed) -> tuple[str, bytes]:
        """The file that the commit changes and its new content: `lines_added` new lines, up to `lines_deleted` gone."""
        file = f"src/{event.session.developer.name}.py"
        lines = self.lines.setdefault(file, [])
        deleted = min(event.lines_deleted, len(lines))
        kept = lines[deleted:]
        for _ in range(event.lines_added):
            self.written += 1
            kept.append(f"value_{self.written} = {self.written}\n")
        self.lines[file] = kept
        return file, "".join(kept).encode()

    def import_history(self, events: Iterable[Committed]) -> dict[str, str]:
        """Commit many planned commits at once. Returns SHA by commit id."""
        stream: list[bytes] = []
        marks: dict[int, str] = {}
        for mark, event in enumerate(events, start=1):
            file, content = self.change(event)
            who = f"{event.session.developer.name.capitalize()} <{event.session.developer.email}>"
            when = f"{int(event.at.timestamp())} +0000"
            text = message(event).encode()
            stream.append(
                f"commit refs/heads/main\nmark :{mark}\nauthor {who} {when}\ncommitter {who} {when}\n".encode()
                + b"data %d\n%s\nM 100644 inline %s\ndata %d\n%s\n"
                % (len(text), text, file.encode(), len(content), content)
            )
            marks[mark] = event.commit_id
        if not marks:
            return {}
        marks_file = self.folder / ".git" / "simulation-marks"
        git(self.folder, "fast-import", "--quiet", f"--export-marks={marks_file}", body=b"".join(stream))
        found = {}
        for line in marks_file.read_text(encoding="ascii").splitlines():
            mark_text, sha = line.split()
            found[marks[int(mark_text[1:])]] = sha
        marks_file.unlink()
        git(self.folder, "reset", "--hard", "-q", "main")
        return found

    def commit(self, event: Committed) -> str:
        """Commit one planned commit now. Returns its SHA."""
        file, content = self.change(event)
        path = self.folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        developer: Developer = event.session.developer
        when = event.at.isoformat()
        who = {"NAME": developer.name.capitalize(), "EMAIL": developer.email, "DATE": when}
        environment = {f"GIT_{role}_{key}": text for role in ("AUTHOR", "COMMITTER") for key, text in who.items()}
        git(self.folder, "add", file)
        git(
            self.folder, "commit", "-q", "--no-verify", "-F", "-", body=message(event).encode(), environment=environment
        )
        return git(self.folder, "rev-parse", "HEAD").decode().strip()


def create_all(parent: Path) -> dict[str, Repository]:
    """All repositories of the simulated company, by name."""
    return {name: Repository.create(parent, name) for name in REPOSITORIES}
