"""`aa-engine developers`: people, and the identities that point to them.

Owns the flags and the rows of `raw.developer_identities` that a person decides on. Refuses to touch what arrived: a
merge only says that one developer's name means another, so that it can be taken back without a trace, and the models
tell all history anew.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
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
    select n.developer_id, list(i.kind || ':' || i.value order by i.kind, i.value) as identities
    from staging.stg_developer_identities as i
    join staging.stg_developer_names as n on n.value = i.value
    group by n.developer_id
) as i on i.developer_id = d.developer_id
where d.developer_id <> 'unknown' or d.last_seen_at is not null
order by d.developer_id
"""
DEVELOPERS = "select developer_id from mart.dim_developers"
NAMES = "select value, developer_id, through from staging.stg_developer_names"
WORDS = "select kind, value, developer_id from staging.stg_developer_identities order by all"
ARRIVED = """
select max(batch_id) from raw.developer_identities
where received_at = cast($said_at as timestamptz) having count(*) > 0
"""
PATIENCE_SECONDS = 60.0
MERGED = "developer"
"""The kind of the identity that a merge makes: one developer's own name means another."""
NOBODY = "unknown"


@dataclass(frozen=True, slots=True)
class People:
    """Everybody: `developers` by their names in lower case; whom a `name` means in the end, and by way of which
    names; and the (kind, value, developer) that were said."""

    developers: dict[str, str]
    names: dict[str, tuple[str, list[str]]]
    words: list[tuple[str, str, str]]

    def meant(self, name: str) -> str:
        """Who a name is. Raises UsageError for nobody's."""
        lowered = name.lower()
        if lowered == NOBODY:
            raise UsageError(
                "unknown stands for everything that names nobody: it is no person",
                hint="aa-engine developers alias DEVELOPER --user-id ID says whose an id is",
            )
        if lowered in self.names:
            return self.names[lowered][0]
        if lowered in self.developers:
            return self.developers[lowered]
        from engine.settings import nearest

        known = [*self.developers.values(), *self.names]
        raise UsageError(
            f"there is no developer {name}", hint=nearest(name, known) or "see 'aa-engine developers list'"
        )

    def would_circle(self, value: str, developer: str) -> bool:
        """Whether this developer is found by way of this name already."""
        lowered = developer.lower()
        return lowered == value or value in self.names.get(lowered, ("", []))[1] or (
            lowered in self.names and self.names[lowered][0].lower() == value
        )  # fmt: skip


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
    split = verbs.add_parser(
        "split",
        help="undo a merge",
        epilog="Example: aa-engine developers split alice@home.example",
    )
    split.add_argument("developer", metavar="DEVELOPER", help="the developer who went, and comes back")
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
        case "split":
            return _split(settings, arguments.developer)
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

    with source(settings) as asked:
        people = _everybody(asked)
    who, into = people.meant(gone), people.meant(stays)
    if who == into:
        if gone.lower() == who.lower() == stays.lower():
            raise UsageError(f"{gone} cannot be merged into itself")
        raise UsageError(f"{gone} and {stays} are one developer already: {who}")
    if who.lower() != gone.lower():
        raise UsageError(
            f"{gone} is {who} already", hint=f"name {who}, or run 'aa-engine developers split {gone}' first"
        )
    _record(settings, into, [(MERGED, who.lower())], removed=False)
    _say(f"{who} is {into} from now on, in all history ('aa-engine developers split {who}' undoes it)")
    return 0


def _split(settings: Settings, developer: str) -> int:
    from engine.commands.asking import source

    with source(settings) as asked:
        people = _everybody(asked)
    into = people.meant(developer)
    said = [word for word in people.words if word[0] == MERGED and word[1] == developer.lower()]
    if not said:
        merged = ", ".join(value for kind, value, target in people.words
                           if kind == MERGED and people.meant(target) == into)  # fmt: skip
        raise UsageError(
            f"{developer} was not merged into anybody",
            hint=f"into {into} were merged: {merged}" if merged else "see 'aa-engine developers list'",
        )
    for kind, value, target in said:
        _record(settings, target, [(kind, value)], removed=True)
    _say(f"{developer} is no longer {into}, in all history")
    return 0


def _alias(settings: Settings, developer: str, given: Sequence[tuple[str, str]], *, remove: bool) -> int:
    from engine.commands.asking import source

    if not given:
        raise UsageError("no identity is given", hint=f"add {', '.join(KINDS.values())}")
    identities = list(dict.fromkeys((kind, value.strip().lower()) for kind, value in given))
    for kind, value in identities:
        if not value:
            raise UsageError("an identity is empty")
        if kind == "email" and not ("@" in value.strip("@") and " " not in value):
            raise UsageError(f"{value} is no e-mail address")
    if developer.lower() == NOBODY:
        raise UsageError(f"{NOBODY} stands for everything that names nobody: nothing can be said to mean it")
    with source(settings) as asked:
        people = _everybody(asked)
    known = developer.lower() in people.developers or developer.lower() in people.names
    for kind, value in identities:
        if remove:
            if (kind, value) not in [(word[0], word[1]) for word in people.words if word[2] == developer]:
                raise UsageError(f"{value} ({KINDS[kind]}) does not mean {developer}")
        elif value == developer.lower() and people.names.get(value, (value, []))[0].lower() != value:
            pass  # found to be somebody else's (a .mailmap), and a person says it is not
        elif value == developer.lower():
            raise UsageError(f"{value} is {developer}'s own name already")
        elif people.would_circle(value, developer):
            raise UsageError(f"{developer} is {value} already, so {value} cannot mean {developer}")
    if not known:
        _say(f"{developer} is new: nothing was received from this developer yet")
    elif (who := people.meant(developer)).lower() != developer.lower():
        _say(f"{developer} is {who}")
    _record(settings, developer, identities, removed=remove)
    values = ", ".join(value for _, value in identities)
    _say(f"{values} no longer means {developer}" if remove else f"{values} means {developer} from now on")
    return 0


def _everybody(asked: Source) -> People:
    return People(
        developers={developer.lower(): developer for (developer,) in _rows(asked, DEVELOPERS, {})},
        names={value: (developer, list(through)) for value, developer, through in _rows(asked, NAMES, {})},
        words=_rows(asked, WORDS, {}),
    )


def _rows(asked: Source, sql: str, parameters: dict[str, str]) -> list[tuple[Any, ...]]:
    from engine.commands.writing import rows_of

    return [row for batch in asked.sql(sql, parameters) for row in rows_of(batch)]


def _record(settings: Settings, developer: str, identities: Sequence[tuple[str, str]], *, removed: bool) -> None:
    """In all tables when this returns, unless the models of a running engine are far behind: that is said."""
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
    _follow(settings, now)


def _follow(settings: Settings, said_at: datetime) -> None:
    """Wait until a running engine tells all history anew: who asks next must not be answered from before."""
    import time

    from engine.client import connect, running_engine
    from engine.commands.asking import source

    address = running_engine(settings)
    if address is None:
        return
    deadline = time.monotonic() + PATIENCE_SECONDS
    with source(settings) as asked, connect(address) as client:
        while time.monotonic() < deadline:
            arrived = _rows(asked, ARRIVED, {"said_at": said_at.isoformat()})
            if arrived and client.get("/api/v1/status").json()["batch_id"] >= arrived[0][0]:
                return
            time.sleep(0.1)
    _say("the models of the engine follow as soon as they can")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
