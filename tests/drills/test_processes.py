"""Processes killed, stopped, without descriptors and without room, under load: nothing acknowledged is lost or doubled.

`make drills` does it a hundred times (AA_DRILLS=100).
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.drills.load import Load, doubled, load
from tests.e2e.engine_process import EngineProcess, eventually, running

ROUNDS = int(os.environ.get("AA_DRILLS", "1"))
Misfortune = Callable[[EngineProcess, Load], None]


def test_nothing_acknowledged_is_lost_or_doubled_whatever_happens_to_the_processes(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        with load(engine) as sending:
            for number in range(max(len(MISFORTUNES), ROUNDS)):
                MISFORTUNES[number % len(MISFORTUNES)](engine, sending)
                sending.goes_on()
        eventually(lambda: ready(engine), "both processes are back")
        engine.settled()
        assert engine.terminate() == 0
    assert sending.lost(engine) == []
    assert doubled(engine) == []
    assert engine.ask("select count(*) from raw.dead_letters") == [(0,)]


def receiver_killed(engine: EngineProcess, sending: Load) -> None:
    kill(engine, "receiver")


def engine_killed(engine: EngineProcess, sending: Load) -> None:
    kill(engine, "engine")


def both_killed(engine: EngineProcess, sending: Load) -> None:
    kill(engine, "receiver", "engine")


def everything_killed(engine: EngineProcess, sending: Load) -> None:
    """The supervisor with its parts, as by a machine that is out of memory; somebody starts it again at once."""
    addresses = ("--http", engine.ready["http"].removeprefix("http://"), "--grpc", engine.ready["grpc"])
    engine.kill()
    assert engine.process is not None
    assert engine.process.stdout is not None
    engine.process.stdout.close()
    engine.command += addresses
    engine.start()


def engine_stopped(engine: EngineProcess, sending: Load) -> None:
    """As long as the engine hangs, telemetry is taken all the same."""
    process = parts(engine)["engine"]
    os.kill(process, signal.SIGSTOP)
    try:
        sending.goes_on()
    finally:
        os.kill(process, signal.SIGCONT)


def receiver_stopped(engine: EngineProcess, sending: Load) -> None:
    """Senders wait for a receiver that hangs; nothing is lost by it."""
    process = parts(engine)["receiver"]
    os.kill(process, signal.SIGSTOP)
    os.kill(process, signal.SIGCONT)


def without_descriptors(engine: EngineProcess, sending: Load) -> None:
    """New connections wait, those that are open are served."""
    process = parts(engine)["receiver"]
    before = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{process}/fd")), before[1]))
    try:
        sending.goes_on()
    finally:
        resource.prlimit(process, resource.RLIMIT_NOFILE, before)


def without_room(engine: EngineProcess, sending: Load) -> None:
    """A journal that cannot grow refuses with Retry-After, and goes on by itself once it can."""
    process = parts(engine)["receiver"]
    before = resource.prlimit(process, resource.RLIMIT_FSIZE)
    refused = sending.refused()
    resource.prlimit(process, resource.RLIMIT_FSIZE, (16, before[1]))
    try:
        eventually(lambda: sending.refused() > refused, "senders are told to come again")
        assert "journal" in engine.status()["troubles"]
    finally:
        resource.prlimit(process, resource.RLIMIT_FSIZE, before)


MISFORTUNES: tuple[Misfortune, ...] = (
    engine_stopped,
    receiver_killed,
    without_descriptors,
    engine_killed,
    without_room,
    both_killed,
    receiver_stopped,
    everything_killed,
)


def parts(engine: EngineProcess) -> dict[str, int]:
    """The processes as they are now, once both are there."""
    found: dict[str, int] = eventually(lambda: ready(engine), "both processes are there")
    return found


def ready(engine: EngineProcess) -> dict[str, int] | None:
    """Receiver and engine, when the engine answers and knows of a receiver that lives."""
    try:
        told = engine.status()
        os.kill(told["processes"]["receiver"], 0)
    except (OSError, AssertionError, KeyError, httpx.HTTPError):
        return None
    processes: dict[str, int] = told["processes"]
    return processes if told["ready"] else None


def kill(engine: EngineProcess, *names: str) -> None:
    """kill -9, and wait until others have taken their places."""
    before = parts(engine)
    for name in names:
        os.kill(before[name], signal.SIGKILL)

    def replaced() -> bool:
        now = ready(engine)
        return now is not None and all(now[name] != before[name] for name in names)

    eventually(replaced, f"another {' and '.join(names)} has started")
