"""`aa-engine config`: the effective settings, and whether they are right.

Owns the table and the masking of secrets. Refuses to write settings: engine.yaml is a person's file.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verbs and flags."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = verbs.add_parser(
        "show", help="every setting, its value and where it came from", epilog="Example: aa-engine config show"
    )
    show.add_argument("--json", action="store_true", help="print JSON")
    verbs.add_parser(
        "check", help="read the configuration and say whether it is right", epilog="Example: aa-engine config check"
    )


def run(arguments: argparse.Namespace) -> int:
    """Exit 2 for a wrong file or variable, naming it."""
    from engine import settings as engine_settings

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    if arguments.action == "check":
        from engine.access.keys import KeyRing
        from engine.serving.doors import Exposure

        Exposure.of(settings, KeyRing(settings.keys_file))
        print(f"the configuration of {settings.data_dir} is right", file=sys.stderr)
        return 0
    shown: list[tuple[str, Any, str]] = [("data_dir", str(settings.data_dir), "")]
    for setting, value in settings.items():
        hidden = setting.secret and value.value is not None
        shown.append((setting.key, "********" if hidden else value.value, value.origin))
    if arguments.json:
        print(json.dumps({key: {"value": value, "origin": origin} for key, value, origin in shown}, indent=2))
        return 0
    texts = [(key, _text(value), origin) for key, value, origin in shown]
    widths = [max(len(line[column]) for line in texts) for column in range(2)]
    for key, text, origin in texts:
        print(f"{key:<{widths[0]}}  {text:<{widths[1]}}  {origin}".rstrip())
    return 0


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return ", ".join(value) or "-"
    return str(value)
