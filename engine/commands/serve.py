"""`aa-engine serve`: the engine, in the foreground.

Owns the flags, the choice between one process and two, and the event loop. Refuses to daemonise: systemd, launchd or a
console that embeds the engine do that.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.serving.parts import Start
    from engine.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags; each is also a setting in engine.yaml."""
    parser.add_argument("--http", metavar="HOST:PORT", help="OTLP over HTTP and the API (default 127.0.0.1:4318)")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="OTLP over gRPC (default 127.0.0.1:4317); port 0 takes any")
    parser.add_argument(
        "--processes",
        metavar="N",
        help="2: one takes telemetry in, one stores and answers (the default); 1: both in one, as with --embedded",
    )
    parser.add_argument("--socket-group", metavar="GROUP", help="let this group's members use the socket, as leads")
    parser.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM) for both ports")
    parser.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    parser.add_argument(
        "--insecure", action="store_true", default=None, help="listen beyond loopback without TLS and keys"
    )
    parser.add_argument(
        "--embedded", action="store_true", help="with taken ports, serve the socket only instead of refusing"
    )
    parser.add_argument(
        "--idle-exit", metavar="SECONDS", help="end when nobody has watched the stream for so many seconds"
    )
    parser.add_argument("--part", help=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    # Read by gRPC when it is loaded: no chatter about forks, which we only do to start git.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from engine import settings as engine_settings

    settings = engine_settings.load(
        arguments.data_dir,
        arguments.config,
        {
            "http": arguments.http,
            "grpc": arguments.grpc,
            "processes": arguments.processes,
            "socket_group": arguments.socket_group,
            "tls_cert": arguments.tls_cert,
            "tls_key": arguments.tls_key,
            "insecure": arguments.insecure,
            "idle_exit_seconds": arguments.idle_exit,
        },
    )
    if arguments.part is not None:
        return _part(settings, arguments.part)
    if (settings["processes"] or (1 if arguments.embedded else 2)) == 1:
        from engine.commands.models.inside import commands_of
        from engine.service import Engine

        _run(Engine(settings, embedded=arguments.embedded, models=commands_of).run())
        return 0
    from engine.serving.supervisor import Supervisor

    return Supervisor(settings, [sys.executable, "-P", "-m", "engine.cli", *sys.argv[1:]]).run()


def _part(settings: Settings, text: str) -> int:
    """One of the two processes, as the supervisor starts it."""
    from engine.serving.parts import LOCKED, Line, Start, end_with

    start = Start.decode(text)
    end_with(start.supervisor)
    os.set_inheritable(start.lock, False)
    os.set_inheritable(start.news, False)
    try:
        _run(_work(settings, start))
    except EngineError as error:
        Line().refuse(error)
        return LOCKED
    return 0


def _work(settings: Settings, start: Start) -> Coroutine[Any, Any, None]:
    if start.part == "receiver":
        from engine.serving.receiver import Receiver

        return Receiver(settings, start).run()
    from engine.commands.models.inside import commands_of
    from engine.service import Engine

    return Engine(settings, models=commands_of, start=start).run()


def _run(serving: Coroutine[Any, Any, None]) -> None:
    import asyncio
    import logging

    import uvloop

    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serving)
