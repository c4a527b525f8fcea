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
        default = (
            ""
            if setting.default in (None, ())
            else f"`{str(setting.default).lower() if setting.kind == 'boolean' else setting.default}`"
        )
        lines.append(f"| `{setting.key}` | `{setting.variable}` | {default} | {setting.help} |")
    return "\n".join(lines) + "\n"


def filters_page() -> str:
    from engine.filters.fields import FIELDS

    lines = [
        "# Filters\n",
        "One grammar in the console, the API (`?filter=`) and the command line.\n",
        '```\ndev:alice agent:claude_code,codex project:web model:opus* since:7d cost>5 -dev:bot "free text"\n```\n',
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

    order = list(dict.fromkeys(action.group for action in ACTIONS))
    lines = ["# Keys of the console\n", "`?` in the console shows the keys of where you are."]
    group = None
    for action in sorted(ACTIONS, key=lambda each: order.index(each.group)):
        if action.group != group:
            group = action.group
            lines += [f"\n## {group}\n", "| key | | |", "|---|---|---|"]
        lines.append(f"| `{action.shown}` | {action.label} | {action.help} |")
    return "\n".join(lines) + "\n"


def flags_of(parser: argparse.ArgumentParser) -> list[str]:
    """The arguments of one parser as table rows, without `--help`, which all have."""
    rows = []
    for action in parser._actions:
        if isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)) or action.help == argparse.SUPPRESS:
            continue
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        if action.option_strings and action.nargs != 0:
            name += f" {action.metavar or action.dest.upper()}"
        rows.append(f"| `{name.replace('|', chr(92) + '|')}` | {(action.help or '').replace('|', chr(92) + '|')} |")
    return rows


def verbs_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The sub-parsers of a parser, by name."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def commands_page() -> str:
    from console.cli import build_parser as console_parser
    from engine.cli import VERBS
    from engine.cli import build_parser as engine_parser
    from hooks.cli import build_parser as hooks_parser

    lines = [
        "# Commands\n",
        "Every command knows `--help` and `--version`; exit 0 is ok, 1 the work failed, 2 wrong usage or configuration.",
        "Data goes to standard output, talk to standard error; `NO_COLOR` is honoured. Every verb of `aa-engine` takes",
        "`--data-dir`, `--config` and `--debug`.\n",
        "## aa-console\n",
        "| | |",
        "|---|---|",
        *flags_of(console_parser()),
    ]
    everywhere = {"--data-dir", "--config", "--debug"}
    for verb in VERBS:
        parser = verbs_of(engine_parser([verb.name]))[verb.name]
        lines += [f"\n## aa-engine {verb.name}\n", f"{verb.summary.capitalize()}. Example: `{verb.example}`\n"]
        inner = verbs_of(parser) or {"": parser}
        for name, each in inner.items():
            rows = [row for row in flags_of(each) if not any(flag in row for flag in everywhere)]
            if name:
                lines.append(f"\n### {verb.name} {name}\n")
            if rows:
                lines += ["| | |", "|---|---|", *rows]
    for name, each in verbs_of(hooks_parser()).items():
        lines += [f"\n## aa-hooks {name}\n", f"{each.description or ''}\n"]
        rows = flags_of(each)
        if rows:
            lines += ["| | |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def series_page() -> str:
    from engine.api.series.registry import AGGREGATIONS, METRICS, OPERATORS, TAGS

    lines = [
        "# Time series\n",
        "`POST /api/metrics/query` takes `{timeRange{start, end}, metrics[], filters[{field, op, value}], aggregation,",
        "groupBy[], limit}`; `GET` the parameters `start`, `end`, `metric`, `filter` (`field:op:value`), `aggregation`,",
        "`group_by` and `limit`. It answers `{data[{time, metric, value, count, min, max, p50, p95, tags}],",
        "metadata{totalPoints, aggregation, cacheHit, queryTime}}`, oldest first. Money is a decimal string, `queryTime`",
        "milliseconds. Without `metrics` all are told; without `end` it is now.\n",
        f"Aggregations: {', '.join(f'`{name}`' for name in AGGREGATIONS)}; days are those of the report time zone.",
        f"Tags, for filters and `groupBy`: {', '.join(f'`{tag}`' for tag in TAGS)}.",
        f"Operators: {', '.join(f'`{name}`' for name in OPERATORS)}.\n",
        "| metric | unit | over time | |",
        "|---|---|---|---|",
    ]
    for metric in METRICS:
        together = "average" if metric.averaged else "sum"
        lines.append(f"| `{metric.name}` | {metric.unit} | {together} | {metric.help} |")
    return "\n".join(lines) + "\n"


PAGES = {
    "settings": settings_page,
    "filters": filters_page,
    "keys": keys_page,
    "commands": commands_page,
    "series": series_page,
}


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
