"""`aa-engine developers`: people, and the identities that point to them.

Owns the flags and the rows of `raw.developer_identities` that a person decides on. Refuses to touch what arrived: a
merge only says whom an e-mail, a login or an id means from now on, and the models tell all history anew.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.commands.asking import Source
    from engine.settings import Settings

KINDS = {"email": "--email", "user_id": "--user-id", "git_author": "--git-author", "login": "--login"}

PEOPLE = """
select d.developer_id, d.developer_name, d.emails, i.identities, d.last_seen_at
from mart.dim_developers as d
left join (
    select developer_id, list(kind || ':' || value order by kind, value) as identities
    from staging.stg_developer_identities
    group by developer_id
) as i on i.developer_id = d.developer_id
where d.developer_id <> 'unknown' or d.last_seen_at is not null
order by d.developer_id
"""
IDENTITIES = "select kind, value from staging.stg_developer_identities where developer_id = $developer order by all"


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verbs and flags."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = verbs.add_parser("list", help="everybody", epilog="Example: aa-engine developers list --json")
    listing.add_argument("--json", action="store_true", help="print JSON")
    merge = verbs.add_parser(
        "merge",
        help="two names are one person",
        epilog="Example: aa-engine developers merge alice@home.example alice@example.org",
    )
    merge.add_argument("source", metavar="FROM", help="the developer who goes")
    merge.add_argument("target", metavar="INTO", help="the developer who stays")
    alias = verbs.add_parser(
        "alias",
        help="what else means this person",
        epilog="Example: aa-engine developers alias alice@example.org --login alice-acme",
    )
    alias.add_argument("developer", metavar="DEVELOPER")
    for kind, flag in KINDS.items():
        alias.add_argument(flag, dest=kind, action="append", default=[], metavar="VALUE")
    alias.add_argument("--remove", action="store_true", help="these no longer mean this person")


def run(arguments: argparse.Namespace) -> int:
    """Exit 0, 1 when the work failed, 2 for an unknown developer or no identity."""
    from engine import settings as engine_settings

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    match arguments.action:
        case "list":
            return _list(settings, as_json=arguments.json)
        case "merge":
            return _merge(settings, arguments.source, arguments.target)
        case _:
            given = [(kind, value) for kind in KINDS for value in getattr(arguments, kind)]
            return _alias(settings, arguments.developer, given, remove=arguments.remove)


def _list(settings: Settings, *, as_json: bool) -> int:
    from engine.commands.asking import source
    from engine.commands.writing import destination, print_table, rows_of, write_batches

    with source(settings) as asked:
        batches = asked.sql(PEOPLE, {})
        if as_json:
            with destination(None, "json") as file:
                write_batches(batches, "json", file)
            return 0
        rows = [row for batch in batches for row in rows_of(batch)]
    if not rows:
        _say("nobody yet; telemetry and commits bring developers")
        return 0
    print_table(("developer", "name", "e-mails", "identities", "last seen"), rows)
    return 0


def _merge(settings: Settings, gone: str, stays: str) -> int:
    from engine.commands.asking import source

    if gone == stays:
        raise UsageError(f"{gone} is already {stays}")
    with source(settings) as asked:
        emails = _known(asked)
        for name in (gone, stays):
            if name not in emails:
                raise _unknown(name, list(emails))
        pointed = [(kind, value) for kind, value in _rows(asked, IDENTITIES, {"developer": gone})]
    own = ("email" if "@" in gone else "user_id", gone.lower())
    mine = [("email", email.lower()) for email in emails[gone]]
    _record(settings, stays, list(dict.fromkeys([own, *mine, *pointed])), removed=False)
    _say(f"{gone} is {stays} from now on, in all history")
    return 0


def _alias(settings: Settings, developer: str, given: Sequence[tuple[str, str]], *, remove: bool) -> int:
    from engine.commands.asking import source

    if not given:
        raise UsageError("no identity is given", hint=f"add {', '.join(KINDS.values())}")
    identities = [(kind, value.strip().lower()) for kind, value in given]
    if not all(value for _, value in identities):
        raise UsageError("an identity is empty")
    with source(settings) as asked:
        known = _known(asked)
        if remove:
            there = _rows(asked, IDENTITIES, {"developer": developer})
            for identity in identities:
                if identity not in there:
                    raise UsageError(f"{identity[1]} ({KINDS[identity[0]]}) does not mean {developer}")
    if developer not in known:
        _say(f"{developer} is new: nothing was received from this developer yet")
    _record(settings, developer, identities, removed=remove)
    values = ", ".join(value for _, value in identities)
    _say(f"{values} no longer means {developer}" if remove else f"{values} means {developer} from now on")
    return 0


def _known(asked: Source) -> dict[str, list[str]]:
    """E-mails by developer."""
    rows = _rows(asked, "select developer_id, emails from mart.dim_developers", {})
    return {developer: list(emails or ()) for developer, emails in rows}


def _rows(asked: Source, sql: str, parameters: dict[str, str]) -> list[tuple[Any, ...]]:
    from engine.commands.writing import rows_of

    return [row for batch in asked.sql(sql, parameters) for row in rows_of(batch)]


def _unknown(name: str, known: list[str]) -> UsageError:
    from engine.settings import nearest

    return UsageError(f"there is no developer {name}", hint=nearest(name, known) or "see 'aa-engine developers list'")


def _record(settings: Settings, developer: str, identities: Sequence[tuple[str, str]], *, removed: bool) -> None:
    """Durable when this returns."""
    from engine.client import open_recorder
    from engine.store.rows import RawRows, dedup_key

    now = datetime.now(UTC)
    rows = RawRows()
    for kind, value in identities:
        key = dedup_key("developer_identities", [developer, kind, value, removed, now])
        rows.append(
            "developer_identities",
            {
                "received_at": now,
                "dedup_key": str(uuid.UUID(key)),
                "developer_id": developer,
                "kind": kind,
                "value": value,
                "source": "alias",
                "removed": removed,
            },
        )
    with open_recorder(settings) as recorder:
        recorder.record(rows).result()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
