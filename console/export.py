"""Rows out of the console: to a file or to standard output, as csv or json.

Owns paging through a whole view and the two formats. Refuses to keep rows: each page is written before the next is
asked for.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from console.feed import Feed, Query

PAGE = 1000
MOST_ROWS = 100_000


async def pages(feed: Feed, query: Query) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Every page of a view as the engine's own objects, at most MOST_ROWS rows."""
    query = replace(query, limit=PAGE, cursor="")
    count = 0
    while True:
        rows, cursor = await feed.raw(query)
        yield rows
        count += len(rows)
        if cursor is None or count >= MOST_ROWS:
            return
        query = query.after(cursor)


async def write(feed: Feed, query: Query, form: str, out: TextIO) -> int:
    """All rows to a stream; how many there were."""
    count = 0
    fields: list[str] = []
    if form == "json":
        out.write("[")
    async for rows in pages(feed, query):
        for row in rows:
            if form == "json":
                out.write(("," if count else "") + "\n  " + json.dumps(row, ensure_ascii=False))
            else:
                if not fields:
                    fields = list(row)
                    out.write(csv_line(fields))
                out.write(csv_line([cell(row.get(field)) for field in fields]))
            count += 1
    if form == "json":
        out.write("\n]\n" if count else "]\n")
    return count


async def write_file(feed: Feed, query: Query, form: str, path: Path) -> int:
    """All rows to a new file; a file that exists is not touched."""
    with path.open("x", encoding="utf-8", newline="") as out:
        return await write(feed, query, form, out)


def csv_line(values: Sequence[str]) -> str:
    """One line of CSV (RFC 4180, but with a plain line feed)."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(values)
    return out.getvalue()


def cell(value: Any) -> str:
    """A value in one cell: unknown is empty, lists and objects are JSON, and no cell is a spreadsheet formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False)
    text = str(value)
    if isinstance(value, str) and text[:1] in ("=", "+", "-", "@", "\t", "\r") and not _is_number(text):
        return "'" + text
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def row_json(row: Any) -> str:
    """A row as indented JSON: what the console knows of it."""

    def plain(value: Any) -> Any:
        if isinstance(value, Decimal):
            return f"{value:f}"
        if isinstance(value, datetime):
            return value.isoformat()
        return str(value)

    return json.dumps(dataclasses.asdict(row), default=plain, ensure_ascii=False, indent=2)
