"""The command `aa-console`.

Owns flags, exit codes and the choice between the console and one printed view. Refuses to import Textual before it is
known that a screen is wanted: `--help` and `--print` stay fast.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from console import __version__
from console.keymap import SCREENS
from console.settings import THEMES, Options, Unreachable, WrongUse, default_data_dir, nearest, read_file
from engine.filters import FilterError, parse

EXAMPLES = """examples:
  aa-console                                  sessions of this machine, live
  aa-console --demo                           a simulated team
  aa-console 'dev:alice since:7d cost>5'      with a filter
  aa-console --engine https://analytics.example.com --key aa_prod_...
  aa-console --view cost --print --format csv > costs.csv
"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and exit 2."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message}; see '{self.prog} --help'", file=sys.stderr)
        raise SystemExit(2)


def build_parser() -> Parser:
    """All flags of the console."""
    parser = Parser(
        prog="aa-console",
        description="What a team's coding agents do, cost and commit: live, in a terminal.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("expression", nargs="?", metavar="FILTER", help="a filter, such as 'dev:alice since:7d'")
    parser.add_argument(
        "--engine", metavar="URL|unix:PATH", help="the engine to talk to (AA_ENGINE); else one on this machine"
    )
    parser.add_argument("--key", help="API key for the engine (AA_API_KEY)")
    parser.add_argument("--demo", action="store_true", help="a simulated team in a data directory of its own")
    parser.add_argument(
        "--view", default="live", metavar="NAME", help=f"first screen: {', '.join(sorted(set(SCREENS.values())))}"
    )
    parser.add_argument("--filter", metavar="EXPR", help="the same as FILTER")
    parser.add_argument("--theme", metavar="NAME", help=f"{', '.join(THEMES)} (default: auto)")
    parser.add_argument("--print", action="store_true", dest="print_once", help="print the view once and exit")
    parser.add_argument(
        "--format", choices=("table", "csv", "json"), default=None, help="how --print prints (default: table)"
    )
    parser.add_argument(
        "--json", action="store_const", const="json", dest="format", help="the same as --print --format json"
    )
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="where the engine keeps its data (AA_DATA_DIR)")
    parser.add_argument("--version", action="version", version=f"aa-console {__version__}")
    return parser


def read_options(argv: Sequence[str], *, terminal: bool) -> Options:
    """Flags, environment and `console.yaml` as one value. Raises WrongUse."""
    given = build_parser().parse_args(argv)
    data_dir = (given.data_dir or default_data_dir()).expanduser().absolute()
    written = read_file(data_dir / "console.yaml")
    if given.expression is not None and given.filter is not None:
        raise WrongUse("give the filter once: as FILTER or with --filter")
    if given.demo and given.engine:
        raise WrongUse("--demo has an engine of its own; leave out --engine")
    expression = given.expression if given.expression is not None else given.filter
    if expression is not None:
        try:
            parse(expression)
        except FilterError as error:
            raise WrongUse(error.line()) from None
    if given.view not in SCREENS:
        raise WrongUse(f"there is no view {given.view}; {nearest(given.view, tuple(SCREENS))}")
    theme = given.theme or written.get("theme") or "auto"
    if theme not in THEMES:
        raise WrongUse(f"there is no theme {theme}; {nearest(theme, THEMES)}")
    return Options(
        data_dir=data_dir,
        engine=None if given.demo else given.engine or os.environ.get("AA_ENGINE") or written.get("engine"),
        key=given.key or os.environ.get("AA_API_KEY") or written.get("key"),
        demo=given.demo,
        view=given.view,
        filter=expression,
        theme=theme,
        mouse=not given.no_mouse,
        print_once=given.print_once or given.format is not None or not terminal,
        format=given.format or "table",
    )


def main(argv: list[str] | None = None) -> int:
    """Open the console, or print a view. Exit 0 ok, 1 the work failed, 2 wrong usage or configuration."""
    words = sys.argv[1:] if argv is None else argv
    try:
        options = read_options(words, terminal=sys.stdout.isatty() and sys.stdin.isatty())
        if options.print_once:
            from console.printing import print_view

            code = print_view(options)
            # Here, where a full disk is an error of ours, and not when Python shuts down.
            sys.stdout.flush()
            return code
        return open_console(options)
    except WrongUse as error:
        print(f"aa-console: {error}", file=sys.stderr)
        return 2
    except Unreachable as error:
        print(f"aa-console: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of our output went away: not an error of ours, and Python must not complain at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"aa-console: cannot write: {error.strerror or error}", file=sys.stderr)
        return 1


def open_console(options: Options) -> int:
    """The screen, until somebody leaves it."""
    # Textual reads these when it is imported: nothing moves by itself, and 15 frames a second are plenty over SSH.
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    os.environ.setdefault("TEXTUAL_FPS", "15")
    if os.environ.get("SSH_CONNECTION"):
        os.environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    from console.app import ConsoleApp
    from console.hangup import leave_with

    leave_with(sys.stdin.fileno())
    app = ConsoleApp(options)
    app.run(mouse=options.mouse)
    return app.return_code or 0


if __name__ == "__main__":
    raise SystemExit(main())
