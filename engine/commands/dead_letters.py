"""`aa-engine dead-letters`: what was refused or set aside, and another try.

Owns the list (why, from whom, how large; never what was in it) and the replay of what the journal still holds. Refuses
to replay what was refused at the door: that was never acknowledged, so its sender knows.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.store.rows import RawRows

LETTERS = """
select received_at, signal, reason, key_id, body_bytes, records
from raw.dead_letters
order by received_at, reason
"""
IN_THE_JOURNAL = re.compile(r"\(offset (\d+)\)$")


@dataclass(frozen=True, slots=True)
class Letter:
    """One row of raw.dead_letters; `offset` where the journal had it, None for what was refused at the door."""

    told: dict[str, Any]
    offset: int | None


def configure(parser: argparse.ArgumentParser) -> None:
    """Sub-verbs and flags."""
    verbs = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = verbs.add_parser(
        "list", help="what was refused or set aside, and why", epilog="Example: aa-engine dead-letters list"
    )
    replay = verbs.add_parser(
        "replay",
        help="try again what the journal still holds, after an update or a repair",
        epilog="Example: aa-engine dead-letters replay",
    )
    for verb in (listing, replay):
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Exit 1 when nobody can answer, or when something that should be replayed is no longer in the journal."""
    from engine import settings as engine_settings

    settings = engine_settings.load(arguments.data_dir, arguments.config)
    letters = list(_letters(settings))
    if arguments.action == "list":
        return _list(letters, settings, as_json=arguments.json)
    return _replay(letters, settings, as_json=arguments.json)


def _letters(settings: Settings) -> Iterator[Letter]:
    from engine.commands.asking import source
    from engine.commands.writing import rows_of

    with source(settings) as asked:
        batches = asked.sql(LETTERS, {})
        names = batches.schema.names
        for batch in batches:
            for row in rows_of(batch):
                told = dict(zip(names, row, strict=True))
                found = IN_THE_JOURNAL.search(told["reason"]) if told["signal"] == "journal" else None
                yield Letter(told, None if found is None else int(found.group(1)))


def _list(letters: list[Letter], settings: Settings, *, as_json: bool) -> int:
    from engine.commands.writing import print_table

    held = {
        letter.offset: _held(settings, letter.offset) is not None for letter in letters if letter.offset is not None
    }
    rows = [{**letter.told, "replayable": letter.offset is not None and held[letter.offset]} for letter in letters]
    if as_json:
        print(json.dumps(rows, indent=2, default=lambda value: value.isoformat()))
    elif not rows:
        print("nothing was refused or set aside", file=sys.stderr)
    else:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])
    return 0


def _replay(letters: list[Letter], settings: Settings, *, as_json: bool) -> int:
    from engine.client import open_recorder

    replayed, gone = 0, []
    wanted = sorted({letter.offset for letter in letters if letter.offset is not None})
    with open_recorder(settings) as recorder:
        for offset in wanted:
            rows = _held(settings, offset)
            if rows is None:
                gone.append(offset)
                continue
            recorder.record(rows).result()
            replayed += 1
    if as_json:
        print(json.dumps({"replayed": replayed, "gone": gone}))
    else:
        print(f"{replayed} records were given to the engine again; rows that it has already change nothing")
    for offset in gone:
        print(f"aa-engine: the journal no longer holds, or cannot read, the record at {offset}", file=sys.stderr)
    return 1 if gone else 0


def _held(settings: Settings, offset: int) -> RawRows | None:
    """The rows of the journal's record at an offset; None when it was removed, or is damaged itself."""
    from engine.ingest.framing import decode_rows
    from engine.ingest.journal_files import Record, read_folder
    from engine.store.rows import RawRows

    item = next(read_folder(settings.journal_dir, offset), None)
    if not isinstance(item, Record) or item.offset != offset:
        return None
    rows = RawRows()
    for table, data in decode_rows(item.payload).items():
        rows.extend(table, {name: data.column(name).to_pylist() for name in data.column_names})
    return rows
