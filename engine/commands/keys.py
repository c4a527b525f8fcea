"""`aa-engine keys`: create, list, revoke and rotate API keys.

Owns the words. Refuses to show a key twice: `create` and `rotate` print it once, on standard output, alone on its line.
A running engine takes changes up by itself.
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.access.keys import Key


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verbs and flags."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = verbs.add_parser(
        "create",
        help="make a key and print it, once",
        epilog="Example: aa-engine keys create --role ingest --developer alice@example.com --expires 90d",
    )
    create.add_argument("--role", required=True, metavar="ROLE", help="ingest, viewer, developer, lead or admin")
    create.add_argument("--developer", metavar="ID", help="whose key it is: what it sends counts as theirs")
    create.add_argument(
        "--project", action="append", metavar="ID", help="only this project (may be given several times)"
    )
    create.add_argument("--expires", metavar="TIME", help="how long it works: 90d, 12h, 2w (default: until revoked)")
    create.add_argument("--env", default="live", metavar="NAME", help="the middle of aa_NAME_… (default: live)")
    create.add_argument("--json", action="store_true", help="print JSON")
    listing = verbs.add_parser(
        "list", help="all keys, without the keys themselves", epilog="Example: aa-engine keys list"
    )
    listing.add_argument("--json", action="store_true", help="print JSON")
    revoke = verbs.add_parser(
        "revoke", help="end a key at once", epilog="Example: aa-engine keys revoke key_0123456789ab"
    )
    revoke.add_argument("key_id", metavar="KEY_ID")
    rotate = verbs.add_parser(
        "rotate",
        help="a new key with the same rights; the old one ends",
        epilog="Example: aa-engine keys rotate key_0123456789ab --grace 1d",
    )
    rotate.add_argument("key_id", metavar="KEY_ID")
    rotate.add_argument("--grace", metavar="TIME", help="let the old key work for this long (default: not at all)")
    rotate.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run one sub-verb."""
    from datetime import timedelta

    from engine import settings as engine_settings
    from engine.access.keys import KeyRing, parse_duration

    ring = KeyRing(engine_settings.load(arguments.data_dir, arguments.config).keys_file)
    match arguments.action:
        case "create":
            key, secret = ring.create(
                arguments.role,
                developer_id=arguments.developer,
                projects=tuple(arguments.project) if arguments.project else None,
                expires_in=parse_duration(arguments.expires) if arguments.expires else None,
                environment=arguments.env,
            )
            _show_secret(key, secret, arguments.json)
        case "list":
            _show_list(ring.all(), arguments.json)
        case "revoke":
            ring.revoke(arguments.key_id)
            print(f"{arguments.key_id} is revoked", file=sys.stderr)
        case "rotate":
            grace = parse_duration(arguments.grace) if arguments.grace else timedelta(0)
            key, secret = ring.rotate(arguments.key_id, grace=grace)
            _show_secret(key, secret, arguments.json)
    return 0


def _show_secret(key: Key, secret: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(_plain(key) | {"key": secret}, indent=2))
        return
    print(secret)
    print(f"{key.key_id}, role {key.role}: keep the key now, it is not shown again", file=sys.stderr)


def _show_list(keys: tuple[Key, ...], as_json: bool) -> None:
    if as_json:
        print(json.dumps([_plain(key) for key in keys], indent=2))
        return
    if not keys:
        print("no keys: `aa-engine keys create --role ingest` makes one", file=sys.stderr)
        return
    head = ("KEY_ID", "BEGINS", "ROLE", "STATE", "DEVELOPER", "PROJECTS", "CREATED", "ENDS")
    lines = [head] + [
        (
            key.key_id,
            key.hint + "…",
            key.role,
            str(_plain(key)["state"]),
            key.developer_id or "-",
            ", ".join(key.projects) if key.projects else "all",
            f"{key.created_at:%Y-%m-%d}",
            f"{key.ends_at:%Y-%m-%d %H:%M}" if key.ends_at else "never",
        )
        for key in keys
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)).rstrip())


def _plain(key: Key) -> dict[str, Any]:
    """What may be shown of a key: everything but its hash."""
    from engine.clock import SystemClock

    def text(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "key_id": key.key_id,
        "begins": key.hint,
        "role": key.role,
        "state": key.state(SystemClock().now()),
        "developer_id": key.developer_id,
        "projects": None if key.projects is None else list(key.projects),
        "created_at": text(key.created_at),
        "expires_at": text(key.expires_at),
        "revoked_at": text(key.revoked_at),
        "replaced_by": key.replaced_by,
    }
