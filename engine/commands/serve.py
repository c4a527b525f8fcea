"""`aa-engine serve`: the engine, in the foreground.

Owns the flags and the event loop. Refuses to daemonise: systemd, launchd or a console that embeds the engine do that.
"""

from __future__ import annotations

import argparse
import os


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags; each is also a setting in engine.yaml."""
    parser.add_argument("--http", metavar="HOST:PORT", help="OTLP over HTTP and the API (default 127.0.0.1:4318)")
    parser.add_argument("--grpc", metavar="HOST:PORT", help="OTLP over gRPC (default 127.0.0.1:4317); port 0 takes any")
    parser.add_argument("--processes", metavar="N", help="1: everything in one process (the only choice so far)")
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


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    # Read by gRPC when it is loaded: no chatter about forks, which we only do to start git.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import asyncio
    import logging

    import uvloop

    from engine import settings as engine_settings
    from engine.commands.models.inside import commands_of
    from engine.errors import ConfigurationError
    from engine.service import Engine

    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
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
    if settings["processes"] != 1:
        raise ConfigurationError(
            f"processes ({settings.origin('processes')}): this version runs in one process only", hint="leave it out"
        )

    async def serve() -> None:
        await Engine(settings, embedded=arguments.embedded, models=commands_of).run()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
    return 0
