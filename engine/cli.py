"""The command `aa-engine`.

Owns the list of verbs, the flags that all verbs share, and the one place where an error becomes a line on standard
error and an exit code. Refuses work: each verb is a module of `engine.commands`, imported only when it is used.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from engine import __version__
from engine.errors import EngineError


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: `summary` stands in the list of verbs, `example` ends its help."""

    name: str
    module: str
    summary: str
    example: str


VERBS: tuple[Verb, ...] = (
    Verb("serve", "serve", "take telemetry in and answer questions", "aa-engine serve"),
    Verb("status", "status", "what a running engine does", "aa-engine status --json"),
    Verb("models", "models", "run, test and inspect SQL models", "aa-engine models build --select +fct_sessions"),
    Verb("import", "import_history", "read histories that agents keep on this machine", "aa-engine import transcripts"),
    Verb("repos", "repos", "watched git repositories", "aa-engine repos add ~/src/payments-api"),
    Verb("keys", "keys", "API keys", "aa-engine keys create --role ingest --developer alice"),
    Verb("developers", "developers", "people and the identities that point to them", "aa-engine developers list"),
    Verb("prices", "prices", "the price book", "aa-engine prices show --model 'claude-*'"),
    Verb("export", "export", "write a view as CSV, JSON or Parquet", "aa-engine export sessions --format csv"),
    Verb("sql", "sql", "read-only SQL on the models", "aa-engine sql 'select * from mart.dim_developers'"),
    Verb(
        "simulate",
        "simulate",
        "a synthetic team that speaks real OTLP",
        "aa-engine simulate --developers 5 --duration 60",
    ),
    Verb("backup", "backup", "copies of the data directory, and the way back", "aa-engine backup create"),
    Verb(
        "dead-letters", "dead_letters", "what was refused or set aside, and another try", "aa-engine dead-letters list"
    ),
    Verb("doctor", "doctor", "what is wrong, and what to do about it", "aa-engine doctor"),
    Verb("config", "config", "show or check the configuration", "aa-engine config show"),
    Verb("migrate", "migrate", "bring a data directory to this version", "aa-engine migrate"),
)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see '{self.prog} --help'", file=sys.stderr)
        raise SystemExit(2)


def shared_flags() -> Parser:
    """Flags of every verb."""
    parser = Parser(add_help=False)
    add_shared_flags(parser)
    return parser


def add_shared_flags(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Flags that stand behind every verb. `default`: SUPPRESS behind a sub-verb, which must not undo the verb's."""
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "--data-dir", type=Path, metavar="DIR", default=default, help="where the engine keeps its data (AA_DATA_DIR)"
    )
    group.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=default,
        help="configuration file (default: engine.yaml in the data directory)",
    )
    group.add_argument(
        "--debug", action="store_true", default=default or False, help="show a traceback when something goes wrong"
    )


def share_with_sub_verbs(parser: argparse.ArgumentParser) -> None:
    """Let the shared flags also stand behind sub-verbs, without undoing what was said before them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for sub in dict.fromkeys(action.choices.values()):
                if "--data-dir" not in sub._option_string_actions:
                    add_shared_flags(sub, default=argparse.SUPPRESS)
                share_with_sub_verbs(sub)


def build_parser(argv: list[str]) -> argparse.ArgumentParser:
    """The parser; only the verb that `argv` names is imported."""
    parser = Parser(
        prog="aa-engine", description="The headless engine of Agent Analytics.", epilog="Example: aa-engine serve"
    )
    parser.add_argument("--version", action="version", version=f"aa-engine {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser, required=True)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    shared = shared_flags()
    for verb in VERBS:
        sub = verbs.add_parser(
            verb.name,
            help=verb.summary,
            description=verb.summary[0].upper() + verb.summary[1:] + ".",
            epilog=f"Example: {verb.example}",
            parents=[shared],
        )
        if verb.name == wanted:
            module = importlib.import_module(f"engine.commands.{verb.module}")
            module.configure(sub)
            share_with_sub_verbs(sub)
            sub.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run one verb. Exit 0 ok, 1 the work failed, 2 wrong usage or configuration."""
    words = sys.argv[1:] if argv is None else argv
    arguments = build_parser(words).parse_args(words)
    try:
        code: int = arguments.run(arguments)
        if sys.stdout is not None:  # None: the caller has closed it
            sys.stdout.flush()
        return code
    except EngineError as error:
        if arguments.debug:
            raise
        print(f"aa-engine: {error.line()}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away: not an error of ours, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        if arguments.debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        print(f"aa-engine: {where}{error.strerror or error}", file=sys.stderr)
        return 1
    except Exception as error:
        if arguments.debug:
            raise
        said = " ".join(str(error).split())[:500]
        print(
            f"aa-engine: an error of this program: {type(error).__name__}: {said}; --debug shows where", file=sys.stderr
        )
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
