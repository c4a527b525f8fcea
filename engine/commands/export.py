"""`aa-engine export`: a whole view as CSV, JSON, Parquet or Arrow.

Owns the flags. Refuses formats and questions of its own: views and filters are the API's, so a file says what the
screen says.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

FORMATS = ("csv", "json", "parquet", "arrow")


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("view", metavar="VIEW", help="sessions, requests, tools, commits, costs, developers, …")
    parser.add_argument("--format", choices=FORMATS, default="csv", help="default: csv")
    parser.add_argument("--filter", metavar="EXPR", help="filter expression, as in the console")
    parser.add_argument("--since", metavar="TIME", help="24h, 7d, today, 2026-11-01")
    parser.add_argument("--until", metavar="TIME", help="as --since; a named day is included")
    parser.add_argument("--sort", metavar="COLUMNS", help="such as -cost_usd,session_id")
    parser.add_argument("--by", metavar="GROUP", help="of costs: day, developer, agent, model, project or branch")
    parser.add_argument("--output", "-o", type=Path, metavar="FILE", help="default: standard output")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0, or 1 when nobody can answer, 2 for a wrong view, filter, time or order."""
    from engine import settings as engine_settings
    from engine.commands.asking import source
    from engine.commands.writing import destination, write_batches

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    names = ("filter", "since", "until", "sort", "by")
    parameters = [(name, getattr(arguments, name)) for name in names if getattr(arguments, name) is not None]
    with source(settings) as asked:
        batches = asked.view(arguments.view, parameters)
        with destination(arguments.output, arguments.format) as file:
            count = write_batches(batches, arguments.format, file)
    if arguments.output is not None:
        print(f"{count:,} rows in {arguments.output}", file=sys.stderr)
    return 0
