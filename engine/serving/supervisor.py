"""The parent of a receiver and an engine: `aa-engine serve` with two processes.

Owns the data directory's lock, the start of both, their restart with growing pauses, the ready line and engine.json
once both are ready, and one clean stop: the receiver takes nothing new and puts on disk what it has, the engine applies
it, then both are gone. Refuses to serve anybody itself, and to import what would make it more than a few megabytes.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine import __version__, log
from engine.errors import EngineError
from engine.serving.parts import LOCKED, Part, Start
from engine.settings import Settings
from engine.store.lock import DirectoryLock

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 30.0
STEADY_SECONDS = 60.0
"""A part that has lived so long starts again with the first pause."""
STOP_SECONDS = 25.0
"""Longest clean stop; systemd's unit allows 30."""
PARTS: tuple[Part, ...] = ("engine", "receiver")


class Refused(EngineError):
    """A part could not start, and said why."""

    def __init__(self, line: str, code: int) -> None:
        super().__init__(line)
        self.exit_code = code


class Child:
    """One part: its process while it runs, when to start it again while it does not."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.process: subprocess.Popen[str] | None = None
        self.started_at = 0.0
        self.pause = FIRST_PAUSE
        self.restart_at: float | None = None
        self.ready: dict[str, Any] | None = None

    @property
    def running(self) -> bool:
        return self.process is not None

    def signal(self, number: int) -> None:
        """Send a signal, if there is anybody."""
        if self.process is not None:
            self.process.send_signal(number)


class Supervisor:
    """One engine in two processes on one data directory. `run` returns after a clean stop."""

    def __init__(
        self, settings: Settings, command: Sequence[str], complain: Callable[[str], None] | None = None
    ) -> None:
        """`command`: what starts a part; `--part …` is added to it."""
        log.configure(settings["log.format"])
        self._settings = settings
        self._command = list(command)
        self._complain = complain or log.say
        self._events: queue.SimpleQueue[tuple[str, int, dict[str, Any]]] = queue.SimpleQueue()
        self._children = {part: Child(part) for part in PARTS}
        self._news: dict[Part, socket.socket] = {}
        self._lock: DirectoryLock | None = None
        self._applied: int | None = None
        self._announced = False
        self._ports: dict[str, Any] = {}

    def run(self) -> int:
        """Serve until SIGTERM, SIGINT or the engine's own end; exit code. Raises EngineError when it cannot start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._events.put(("stop", 0, {})))
        self._lock = DirectoryLock.acquire(self._settings.data_dir)
        try:
            receiving, telling = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._news = {"engine": receiving, "receiver": telling}
            self._start("engine")
            if self._may_receive():
                self._start("receiver")
            return self._watch()
        finally:
            self._settings.address_file.unlink(missing_ok=True)
            self._kill_all()
            self._lock.release()

    def _may_receive(self) -> bool:
        """A journal that begins anew beside an older database has to begin behind what that holds."""
        return not self._settings.database.exists() or any(self._settings.journal_dir.glob("*.journal"))

    def _start(self, part: Part) -> None:
        assert self._lock is not None
        child = self._children[part]
        news = self._news[part].fileno()
        start = Start(part, os.getpid(), self._lock.descriptor, news, at_least=self._applied or 0)
        command = [*self._command, *self._addresses(part), "--part", start.encode()]
        child.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            pass_fds=(self._lock.descriptor, news),
            text=True,
        )
        child.started_at, child.restart_at, child.ready = time.monotonic(), None, None
        threading.Thread(target=self._listen, args=(part, child.process), daemon=True).start()

    def _addresses(self, part: Part) -> list[str]:
        """A receiver that comes again takes the ports of the one before, also where any free one would have done."""
        told = self._ports if part == "receiver" else {}
        flags: list[str] = []
        if told.get("http"):
            flags += ["--http", str(told["http"]).split("://", 1)[1]]
        if told.get("grpc"):
            flags += ["--grpc", str(told["grpc"])]
        return flags

    def _listen(self, part: Part, process: subprocess.Popen[str]) -> None:
        """A thread a process: its lines, then its end."""
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                try:
                    self._events.put((part, process.pid, json.loads(line)))
                except ValueError:
                    print(line, end="", file=sys.stderr, flush=True)
        self._events.put((part, process.pid, {"event": "ended", "code": process.wait()}))

    def _watch(self) -> int:
        while True:
            try:
                who, pid, told = self._events.get(timeout=self._patience())
            except queue.Empty:
                self._restart_due()
                continue
            if who == "stop":
                return self._stop()
            child = self._children["engine" if who == "engine" else "receiver"]
            if child.process is None or child.process.pid != pid:
                continue
            if self._take(child, told):
                return self._stop()

    def _patience(self) -> float | None:
        due = [child.restart_at for child in self._children.values() if child.restart_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _take(self, child: Child, told: dict[str, Any]) -> bool:
        """Act on what a part tells. True when it wants everything to end."""
        match told["event"]:
            case "ready":
                self._ready(child, told)
            case "applied":
                self._applied = int(told["offset"])
                if not self._children["receiver"].running and self._children["receiver"].restart_at is None:
                    self._start("receiver")
                self._compare()
            case "refused":
                if not self._announced:
                    raise Refused(told["line"], told["code"])
                self._complain(f"the {child.part} cannot start: {told['line']}")
            case "done":
                return True
            case "ended":
                self._ended(child, told["code"])
        return False

    def _ready(self, child: Child, told: dict[str, Any]) -> None:
        child.ready = told
        if child.part == "receiver":
            self._ports = told
        if self._announced:
            self._complain(f"the {child.part} is back (process {told['pid']})")
        self._compare()
        if all(each.ready is not None for each in self._children.values()):
            self._tell()

    def _compare(self) -> None:
        """A journal that ends before what the database holds would give out offsets a second time."""
        receiver = self._children["receiver"]
        if receiver.ready is None or self._applied is None or receiver.ready["end"] >= self._applied:
            return
        if receiver.ready["at_least"] >= self._applied:
            return
        self._complain("the journal ends before what the database holds of it: it goes on behind that")
        for _ in range(2):
            receiver.signal(signal.SIGTERM)
            time.sleep(0.1)
        receiver.ready = None

    def _tell(self) -> None:
        """The ready line, and the same for clients that come later."""
        receiver, engine = self._children["receiver"].ready, self._children["engine"].ready
        assert receiver is not None
        assert engine is not None
        told = {
            "ready": True,
            "pid": os.getpid(),
            "http": receiver["http"],
            "grpc": receiver["grpc"],
            "socket": engine["socket"],
            "version": __version__,
            "processes": {"receiver": receiver["pid"], "engine": engine["pid"]},
        }
        line = json.dumps(told)
        write_address(self._settings.address_file, line)
        if not self._announced:
            self._announced = True
            print(line, flush=True)

    def _ended(self, child: Child, code: int) -> None:
        assert child.process is not None
        pid, child.process = child.process.pid, None
        lived = time.monotonic() - child.started_at
        if lived > STEADY_SECONDS:
            child.pause = FIRST_PAUSE
        if not self._announced and code == LOCKED:
            raise Refused(f"the {child.part} could not start", 1)
        pause, child.pause = child.pause, min(LONGEST_PAUSE, child.pause * 2)
        how = f"was ended by {_signal_name(-code)}" if code < 0 else f"ended with code {code}"
        self._complain(f"the {child.part} (process {pid}) {how} after {lived:.1f} s: starting it again in {pause:g} s")
        child.restart_at = time.monotonic() + pause
        child.ready = None

    def _restart_due(self) -> None:
        now = time.monotonic()
        for part, child in self._children.items():
            if child.restart_at is not None and child.restart_at <= now:
                self._start(part)

    def _stop(self) -> int:
        """Receiver quiet, engine gone, receiver gone; what takes too long is killed, which costs nothing on disk."""
        self._settings.address_file.unlink(missing_ok=True)
        deadline = time.monotonic() + STOP_SECONDS
        receiver, engine = self._children["receiver"], self._children["engine"]
        receiver.signal(signal.SIGTERM)
        self._until(lambda told: told["event"] == "quiet", receiver, deadline)
        engine.signal(signal.SIGTERM)
        code = self._until(lambda told: False, engine, deadline)
        receiver.signal(signal.SIGTERM)
        return max(code, self._until(lambda told: False, receiver, deadline))

    def _until(self, enough: Callable[[dict[str, Any]], bool], child: Child, deadline: float) -> int:
        """Wait until a part tells enough or is gone. 0, or 1 when it failed or did not manage in time."""
        failed = 0
        while child.process is not None:
            try:
                who, pid, told = self._events.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                self._complain(f"the {child.part} does not stop: killing it; the journal keeps what it had")
                child.process.kill()
                child.process.wait()
                child.process = None
                return 1
            if who == "stop":
                continue
            other = self._children["engine" if who == "engine" else "receiver"]
            if other.process is None or other.process.pid != pid:
                continue
            if told["event"] == "refused":
                self._complain(told["line"])
                failed = 1
            if told["event"] == "ended":
                other.process = None
                failed = failed or int(told["code"] != 0)
            elif other is child and enough(told):
                break
        return failed

    def _kill_all(self) -> None:
        for child in self._children.values():
            if child.process is not None:
                child.process.kill()
                child.process.wait()
                child.process = None


def write_address(path: Path, line: str) -> None:
    """engine.json, whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(line + "\n", encoding="utf-8")
    os.chmod(partial, 0o600)
    os.replace(partial, path)


def _environment() -> dict[str, str]:
    """The parts find our packages wherever they are started, and nothing of the folder they are started in."""
    root = str(Path(__file__).resolve().parents[2])
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
