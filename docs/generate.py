"""Writes the reference pages from the registries in the code.

Owns the form of docs/reference/*.md. Refuses content of its own: what a page says stands in the registry that the program
itself uses. `python docs/generate.py` writes, `--check` compares and exits 1.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
NOTE = "<!-- Written by docs/generate.py; edit the registry in the code instead. -->\n"


def settings_page() -> str:
    from engine.settings import SETTINGS

    lines = [
        "# Settings of the engine\n",
        "`engine.yaml` in the data directory, or `--config FILE`. Each key can also come from the environment; a flag wins",
        "over the environment, the environment over the file. `aa-engine config show` prints what is in force and why.\n",
        "| key | variable | default | |",
        "|---|---|---|---|",
    ]
    for setting in SETTINGS:
        default = "" if setting.default in (None, ()) else f"`{str(setting.default).lower() if setting.kind == 'boolean' else setting.default}`"
        lines.append(f"| `{setting.key}` | `{setting.variable}` | {default} | {setting.help} |")
    return "\n".join(lines) + "\n"


def filters_page() -> str:
    from engine.filters.fields import FIELDS

    lines = [
        "# Filters\n",
        "One grammar in the console, the API (`?filter=`) and the command line.\n",
        "```\ndev:alice agent:claude_code,codex project:web model:opus* since:7d cost>5 -dev:bot \"free text\"\n```\n",
        "Terms are ANDed, commas are OR, `-` negates, quotes hold spaces, `*` is a wildcard. `15m` and `24h` are exact,",
        "`7d` and `3w` are calendar days of the report time zone including today; absolute times are ISO.",
        "A wrong term is an error that points at it.\n",
        "| field | aliases | kind | |",
        "|---|---|---|---|",
    ]
    for field in FIELDS:
        aliases = ", ".join(f"`{alias}`" for alias in field.aliases)
        lines.append(f"| `{field.name}` | {aliases} | {field.kind} | {field.help} |")
    return "\n".join(lines) + "\n"


def keys_page() -> str:
    from console.keymap import ACTIONS

    lines = ["# Keys of the console\n", "| key | action | |", "|---|---|---|"]
    for action in ACTIONS:
        keys = " ".join(f"`{key}`" for key in action.keys)
        lines.append(f"| {keys} | {action.label} | {action.help} |")
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    from engine.cli import VERBS

    lines = [
        "# Commands\n",
        "Every command knows `--help` and `--version`; exit 0 is ok, 1 the work failed, 2 wrong usage or configuration.",
        "Data goes to standard output, talk to standard error; `NO_COLOR` is honoured.\n",
        "## aa-console\n",
        "```\naa-console [FILTER] [--engine URL|unix:PATH] [--demo] [--view NAME] [--print --format table|csv|json]\n```\n",
        "## aa-engine\n",
        "| verb | | example |",
        "|---|---|---|",
    ]
    lines += [f"| `{verb.name}` | {verb.summary} | `{verb.example}` |" for verb in VERBS]
    from hooks.cli import VERBS as HOOK_VERBS

    lines += ["\n## aa-hooks\n", "| verb | |", "|---|---|"]
    lines += [f"| `{verb.name}` | {verb.summary} |" for verb in HOOK_VERBS]
    return "\n".join(lines) + "\n"


PAGES = {"settings": settings_page, "filters": filters_page, "keys": keys_page, "commands": commands_page}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    stale = []
    for name, page in PAGES.items():
        path = ROOT / "docs" / "reference" / f"{name}.md"
        text = NOTE + page()
        if arguments.check:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(str(path.relative_to(ROOT)))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)}: differs from the code; run 'python docs/generate.py'", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
