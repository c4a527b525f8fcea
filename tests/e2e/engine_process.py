"""A real engine in a process of its own, for tests: started, asked, stopped, killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
TELEMETRY = ROOT / "tests" / "fixtures" / "telemetry"
DEADLINE = 60.0


def eventually(condition: Callable[[], Any], what: str, seconds: float = DEADLINE) -> Any:
    """The first true value of a condition in another process; fails after a generous deadline."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def environment(home: Path) -> dict[str, str]:
    """A machine of its own: an empty home, a developer, no settings from outside."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR", "PYTHONHASHSEED")}
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text("[user]\n\temail = Local@Example.com\n\tname = Local\n")
    return kept | {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


class EngineProcess:
    """`aa-engine serve` on one data directory."""

    def __init__(self, folder: Path, *flags: str, ports: bool = True) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.home = folder / "home"
        addresses = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0") if ports else ()
        self.command = [
            sys.executable, "-m", "engine.cli", "serve", "--data-dir", str(self.data_dir), *addresses, *flags
        ]  # fmt: skip
        self.process: subprocess.Popen[str] | None = None
        self.ready: dict[str, Any] = {}

    def start(self) -> EngineProcess:
        """Start and wait for the ready line."""
        with (self.folder / "stderr").open("a") as errors:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=environment(self.home),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the engine did not start: {self.stderr()}"
        self.ready = json.loads(line)
        return self

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def terminate(self) -> int:
        """SIGTERM, and its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE)

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE)

    def end(self) -> None:
        """Stop it if it still runs."""
        if self.process is not None:
            if self.process.poll() is None:
                self.terminate()
            if self.process.stdout is not None:
                self.process.stdout.close()

    def client(self, **more: Any) -> httpx.Client:
        """A client over TCP."""
        return httpx.Client(base_url=self.ready["http"], timeout=30, trust_env=False, **more)

    def local(self) -> httpx.Client:
        """A client over the Unix socket: its owner, an administrator."""
        transport = httpx.HTTPTransport(uds=self.ready["socket"])
        return httpx.Client(transport=transport, base_url="http://localhost", timeout=30)

    def status(self) -> dict[str, Any]:
        with self.local() as client:
            answer = client.get("/api/v1/status")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def settled(self) -> dict[str, Any]:
        """The status once everything acknowledged is in the tables."""

        def applied() -> dict[str, Any] | None:
            told = self.status()
            return told if told["journal"]["lag_bytes"] == 0 and told["journal"]["waiting_rows"] == 0 else None

        found: dict[str, Any] = eventually(applied, "the journal is applied")
        return found

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """A question to the database file of a stopped engine."""
        import duckdb

        connection = duckdb.connect(str(self.data_dir / "agent_analytics.duckdb"), read_only=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


@contextmanager
def running(folder: Path, *flags: str, ports: bool = True) -> Iterator[EngineProcess]:
    """An engine for the length of a block."""
    engine = EngineProcess(folder, *flags, ports=ports)
    try:
        yield engine.start()
    finally:
        engine.end()


def aa_engine(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run another verb of `aa-engine` on the same machine."""
    return subprocess.run(
        [sys.executable, "-m", "engine.cli", *words],
        cwd=folder,
        env=environment(folder / "home"),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
