"""`aa-engine models`: dbt's verbs on any dbt project over DuckDB.

Owns the parser, made from the registries of verbs (`verbs.py`) and flags (`flags.py`), and the step from its words to a
verb's code. Refuses the work itself: `nodes.py`, `asking.py` and `upkeep.py` do it with engine.modelrunner.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from pathlib import Path
from typing import Any, NoReturn

from engine import __version__
from engine.commands.models.flags import add_flags
from engine.commands.models.verbs import REFUSED, VERBS, verb_of
from engine.errors import UsageError


class VerbParser(argparse.ArgumentParser):
    """The parser of one verb: what it does not take is its own error, with the nearest flag that it takes."""

    def parse_known_args(  # type: ignore[override]  # one signature for the stub's three
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        found, rest = super().parse_known_args(args, namespace)
        if rest:
            flag = next((word for word in rest if word.startswith("-")), None)
            if flag is None:
                self.error(f"unexpected argument '{rest[0]}'")
            self.error(f"No such option: {flag}{self._nearest(flag)}")
        return found, rest

    def _nearest(self, flag: str) -> str:
        near = difflib.get_close_matches(flag.partition("=")[0], list(self._option_string_actions), n=1, cutoff=0.6)
        return f"; did you mean {near[0]}?" if near else ""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see '{self.prog} --help'", file=sys.stderr)
        raise SystemExit(2)


class RefusedParser(VerbParser):
    """The parser of a verb of dbt that is not ours: whatever follows, `run` says what to use instead."""

    def parse_known_args(  # type: ignore[override]  # one signature for the stub's three
        self, args: Any = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        return namespace or argparse.Namespace(), []


def configure(parser: argparse.ArgumentParser) -> None:
    """Flags that dbt calls global stand before or after the verb; the others after it."""
    version = f"aa-engine {__version__}"
    parser.add_argument("--version", "-V", "-v", action="version", version=version)
    add_flags(parser, None)
    verbs = parser.add_subparsers(dest="model_verb", metavar="VERB", required=True, parser_class=VerbParser)
    for verb in VERBS:
        of_verb = verbs.add_parser(
            verb.name,
            help=verb.summary,
            description=verb.summary[0].upper() + verb.summary[1:] + ".",
            epilog=f"Example: aa-engine models {verb.example}",
            aliases=verb.aliases,
            allow_abbrev=False,
        )
        for word in verb.words:
            options: dict[str, Any] = {"choices": word.choices} if word.choices else {}
            if word.optional:
                options["nargs"] = "?"
            of_verb.add_argument(word.name, help=word.help, **options)
        of_verb.add_argument("--version", "-V", "-v", action="version", version=version, help=argparse.SUPPRESS)
        add_flags(of_verb, verb.name)
        _add_hidden(of_verb)
    for name in REFUSED:
        refused = RefusedParser(prog=f"{parser.prog} {name}")
        _add_hidden(refused)
        verbs.choices[name] = refused


def _add_hidden(parser: argparse.ArgumentParser) -> None:
    """The shared flags of aa-engine behind the verb; they stand in the help of `models` already."""
    quiet = argparse.SUPPRESS
    parser.add_argument("--data-dir", type=Path, default=quiet, help=quiet)
    parser.add_argument("--config", type=Path, default=quiet, help=quiet)
    parser.add_argument("--debug", "-d", action="store_true", default=quiet, help=quiet)
    parser.add_argument("--no-debug", dest="debug", action="store_false", default=quiet, help=quiet)


def run(arguments: argparse.Namespace) -> int:
    """One verb. Exit codes as dbt's: 0, 1 a node failed, 2 wrong usage or an unreadable project."""
    if arguments.model_verb in REFUSED:
        raise UsageError(f"`models {arguments.model_verb}` is not supported", hint=REFUSED[arguments.model_verb])
    from engine.commands.models.place import here
    from engine.commands.models.work import perform

    return perform(verb_of(arguments.model_verb), vars(arguments), here(arguments.data_dir, arguments.config))
