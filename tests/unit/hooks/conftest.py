"""A developer's machine in a temporary folder: a home, repositories, and an engine that answers on a real port."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from hooks import background
from hooks.folder import Folder

DEADLINE_SECONDS = 30.0
Done = subprocess.CompletedProcess[bytes]


class Machine:
    """What a developer does: run programs in a home of their own."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment
        self.folder = Folder(home / ".agent-analytics")

    def run(
        self, *words: str, cwd: Path | None = None, stdin: bytes = b"", **more: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a program to its end."""
        return subprocess.run(
            words, cwd=cwd or self.home, input=stdin, env=self.environment | more, capture_output=True, check=False
        )

    def hooks(
        self, *words: str, cwd: Path | None = None, stdin: bytes = b"", **more: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `aa-hooks`."""
        return self.run(*background.command(), *words, cwd=cwd, stdin=stdin, **more)

    def git(self, repository: Path, *words: str, **more: str) -> str:
        done = self.run("git", *words, cwd=repository, stdin=b"", **more)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def repository(self, name: str = "payments") -> Path:
        folder = self.home / "src" / name
        folder.mkdir(parents=True)
        self.git(folder, "init", "-q")
        return folder

    def commit(self, repository: Path, message: str = "change", **more: str) -> str:
        (repository / "file").write_text(f"{time.monotonic_ns()}\n")
        self.git(repository, "add", "-A")
        self.git(repository, "commit", "-q", "-m", message, **more)
        return self.git(repository, "rev-parse", "HEAD")

    def delivering(self) -> int | None:
        """The pid of a background delivery, if one is at work."""
        try:
            pid = int((self.folder.spool / "flushing").read_text())
            os.kill(pid, 0)
        except (OSError, ValueError):
            return None
        return pid


def until(condition: Callable[[], Any]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        threading.Event().wait(0.02)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\n\tname = Ada Lovelace\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n"
    )
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_NOSYSTEM": "1",
        "XDG_DATA_HOME": str(home / "data"),
        "AA_HOOKS_LINGER_SECONDS": "0",
        "LC_ALL": "C.UTF-8",
    }
    found = Machine(home, environment)
    yield found
    until(lambda: found.delivering() is None)


class Engine(ThreadingHTTPServer):
    """Takes what is posted, keeps it, and answers as it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.received: list[tuple[str, dict[str, str], Any]] = []
        self.answer: Callable[[Any], int] = lambda body: 202
        self.held = threading.Event()
        self.held.set()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def items(self, path: str) -> list[dict[str, Any]]:
        """Objects that were taken under a path."""
        found: list[dict[str, Any]] = []
        for received_path, _, body in list(self.received):
            if received_path == path:
                found.extend(body if isinstance(body, list) else [body])
        return found

    def commits(self) -> list[str]:
        return [item["commit_hash"] for item in self.items("/v1/commits")]


class Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status = self.server.answer(body)
        if status < 300:
            self.server.received.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.server.held.wait(DEADLINE_SECONDS)  # taken, but the sender does not know it yet
        content = json.dumps({"title": "no", "detail": "because of the test"}).encode()
        try:
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            return

    def log_message(self, format: str, *arguments: Any) -> None:
        return


@pytest.fixture
def engine() -> Iterator[Engine]:
    with Engine() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.held.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def socket_engine(machine: Machine) -> Iterator[Engine]:
    """The engine of this machine: on a Unix socket that engine.json names."""

    class Local(Engine):
        address_family = __import__("socket").AF_UNIX

        def __init__(self) -> None:
            folder = machine.home / "data" / "agent-analytics"
            folder.mkdir(parents=True)
            socketserver.TCPServer.__init__(self, str(folder / "s"), Handler)  # type: ignore[arg-type]
            self.received = []
            self.answer = lambda body: 202
            self.held = threading.Event()
            self.held.set()
            told = {"pid": os.getpid(), "http": None, "grpc": None, "socket": str(folder / "s"), "version": "0"}
            (folder / "engine.json").write_text(json.dumps(told))

        def server_bind(self) -> None:
            socketserver.TCPServer.server_bind(self)

        def get_request(self) -> tuple[Any, Any]:
            connection, _ = super().get_request()
            return connection, ("local", 0)

    with Local() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.held.set()
        server.shutdown()
        thread.join()


def kill(pid: int) -> None:
    """End a process at once, as a crash does."""
    os.kill(pid, signal.SIGKILL)
