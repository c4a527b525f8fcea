"""Finding an engine, or starting one.

Owns the order (flag, configuration, a running engine of the data directory, an embedded one) and the child processes
of an embedded or simulated engine. Refuses HTTP beyond knowing an address, and never imports the engine: it starts
`python -m engine.cli` like anybody else could.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from console.feed.http import Address
from console.settings import Options, Unreachable, WrongUse, read_file

START_SECONDS = 60.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine to talk to. `started`: this console started it; it ends by itself when nobody asks any more."""

    address: Address
    demo: bool = False
    started: bool = False


def find(options: Options, say: Say) -> Engine:
    """The engine that these options mean. Raises Unreachable or WrongUse, one line each."""
    if options.demo:
        return _demo(options, say)
    named, key = options.engine, options.key
    if named is None:
        written = read_file(options.data_dir / "console.yaml")
        named, key = written.get("engine"), key or written.get("key")
    if named is not None:
        say(f"connecting to {named}")
        return Engine(parse_address(named, key))
    running = running_engine(options.engine_dir)
    if running is not None:
        return Engine(running)
    return _embedded(options, say, ())


def parse_address(named: str, key: str | None = None) -> Address:
    """`http://…`, `https://…` or `unix:PATH`. Raises WrongUse."""
    if named.startswith("unix:"):
        path = named.removeprefix("unix:")
        path = path.removeprefix("//") if path.startswith("///") else path
        if not path:
            raise WrongUse("--engine unix: needs a path, such as unix:/run/agent-analytics/engine.sock")
        return Address("http://engine", str(Path(path).expanduser()), key)
    parts = urlsplit(named)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise WrongUse(f"--engine {named!r} is no address; write https://host, http://host:port or unix:PATH")
    return Address(named.rstrip("/"), None, key)


def running_engine(data_dir: Path) -> Address | None:
    """The engine that serves a data directory now, as `engine.json` tells; None when its process is gone."""
    try:
        told = json.loads((data_dir / "engine.json").read_text(encoding="utf-8"))
        pid = int(told["pid"])
        os.kill(pid, 0)
    except PermissionError:
        pass
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return address_of(told)


def address_of(told: dict[str, object]) -> Address | None:
    """The door to use: the socket where there is one, for it needs no key."""
    socket, http = told.get("socket"), told.get("http")
    if isinstance(socket, str) and Path(socket).exists():
        return Address("http://engine", socket)
    if isinstance(http, str):
        return Address(http if "://" in http else f"http://{http}")
    return None


def _embedded(options: Options, say: Say, flags: Sequence[str], only: Mapping[str, str] | None = None) -> Engine:
    """Start an engine. `only`: its settings from the environment, instead of this user's."""
    say("starting an engine on this machine")
    command = [*engine_command(), "serve", "--embedded", "--idle-exit", "30"]
    child = _spawn([*command, "--data-dir", str(options.engine_dir), *flags], only=only)
    address = _wait_ready(child, options.engine_dir, say)
    return Engine(address, started=True)


def _demo(options: Options, say: Say) -> Engine:
    running = running_engine(options.engine_dir)
    if running is not None:
        # Another console's demonstration: its team goes on working for both.
        return Engine(running, demo=True)
    say("starting the demo's own engine")
    # A demonstration begins anew: yesterday's invented team would only stand beside today's.
    shutil.rmtree(options.engine_dir, ignore_errors=True)
    ports = ("--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
    engine = _embedded(options, say, ports, {"AA_TRANSCRIPTS_FOLLOW": "false"})
    say("a simulated team begins to work")
    # The team ends when its engine is gone, which is half a minute after the last console.
    command = [*engine_command(), "simulate", "--data-dir", str(options.engine_dir)]
    _spawn([*command, "--history", "7d", "--developers", "8"], errors=subprocess.DEVNULL)
    return Engine(engine.address, demo=True, started=engine.started)


def engine_command() -> list[str]:
    """How to run the engine that was installed with this console."""
    return [sys.executable, "-m", "engine.cli"]


def run_import(data_dir: Path) -> str:
    """`aa-engine import transcripts` on a data directory, to its end; what it said last, or what went wrong."""
    child = _spawn([*engine_command(), "import", "transcripts", "--data-dir", str(data_dir)])
    out, err = child.communicate()
    said = [each for each in (out + b"\n" + err).decode("utf-8", "replace").splitlines() if each.strip()]
    if child.returncode != 0:
        return f"the import failed: {said[-1] if said else f'exit {child.returncode}'}"
    return said[-1].strip() if said else "the histories of this machine are imported"


def _spawn(
    command: Sequence[str], errors: int = subprocess.PIPE, only: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    # A session of its own: ctrl+c in the terminal is for the console, and a closed terminal must not tear the
    # engine away from a second console. The child finds our packages wherever it is started from.
    root = str(Path(__file__).resolve().parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))}
    if only is not None:
        environment = {name: text for name, text in environment.items() if not name.startswith("AA_")} | dict(only)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if errors == subprocess.PIPE else subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            env=environment,
        )
    except OSError as error:
        raise Unreachable(f"cannot start {command[0]}: {error.strerror}") from None


def _wait_ready(child: subprocess.Popen[bytes], data_dir: Path, say: Say) -> Address:
    """Wait for the ready line, then keep the pipes empty so that the child never blocks on them."""
    assert child.stdout is not None
    assert child.stderr is not None
    talk: list[str] = []
    listener = threading.Thread(target=_listen, args=(child.stderr, talk), daemon=True)
    listener.start()
    lines: list[bytes] = []
    reader = threading.Thread(target=_first_line, args=(child.stdout, lines), daemon=True)
    reader.start()
    begun = time.monotonic()
    while reader.is_alive() and time.monotonic() - begun < START_SECONDS:
        reader.join(0.5)
        if reader.is_alive():
            # Said twice a second, also unchanged: who says may answer that nobody waits any more.
            slow = time.monotonic() - begun > 3
            say(talk[-1] if talk else "the engine prepares its models" if slow else "starting an engine")
    if lines:
        try:
            address = address_of(json.loads(lines[0]))
        except ValueError:
            address = None
        if address is not None:
            return address
    joined = running_engine(data_dir)
    if joined is not None:
        # Somebody else's engine was faster: its console and this one share it.
        return joined
    if reader.is_alive():
        child.terminate()
        raise Unreachable(f"the engine was not ready within {START_SECONDS:.0f} s{_last(talk)}")
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(timeout=5)
    child.kill()
    listener.join(1)
    raise Unreachable(f"the engine did not start{_last(talk) or f' (exit {child.returncode})'}")


def _last(talk: list[str]) -> str:
    return f": {talk[-1].removeprefix('aa-engine: ')}" if talk else ""


def _first_line(stream: object, lines: list[bytes]) -> None:
    line = stream.readline()  # type: ignore[attr-defined]
    if line.strip():
        lines.append(line)
        threading.Thread(target=_drain, args=(stream,), daemon=True).start()


def _drain(stream: object) -> None:
    for _ in stream:  # type: ignore[attr-defined]
        pass


def _listen(stream: object, talk: list[str]) -> None:
    for raw in stream:  # type: ignore[attr-defined]
        text = raw.decode("utf-8", "replace").strip()
        if text:
            talk.append(text)
            del talk[:-20]
