"""`aa-engine sql`: one reading statement on the models and the raw tables.

Owns the flags and the words. Refuses to write: the statement runs in a transaction that only reads.
"""

from __future__ import annotations

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags."""
    parser.add_argument("statement", metavar="SQL", help="a SELECT; - reads it from standard input")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table", help="default: table")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0, 1 when nobody can answer, 2 for SQL that is wrong or would write."""
    from engine import settings as engine_settings
    from engine.api.adhoc import check_statement
    from engine.commands.asking import source
    from engine.commands.writing import destination, print_table, rows_of, write_batches

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    text = sys.stdin.read() if arguments.statement == "-" else arguments.statement
    check_statement(text)
    with source(settings) as asked:
        batches = asked.sql(text, {})
        if arguments.format == "table":
            names = batches.schema.names
            print_table(names, [row for batch in batches for row in rows_of(batch)])
            return 0
        with destination(None, arguments.format) as file:
            write_batches(batches, arguments.format, file)
    return 0
