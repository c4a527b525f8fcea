"""Rows on their way to a raw table, as columns.

Owns the shape in which everything that arrives (OTLP, transcripts, commits, hooks) travels from the decoder through
the journal to the database: per table, lists of equal length. Refuses to know where rows come from or what they mean.
Column names and types are those of `migrations/*.sql`; `batch_id` is added by the writer and `received_at` and
`dedup_key` are present in every row.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

Columns = dict[str, list[Any]]
_PLAIN = frozenset({str, int, bool})
_BETWEEN = "\x1f\x01"


class RawRows:
    """Columns by table. Missing columns are NULL; every list of one table has the same length.

    Instants are aware datetimes or integers of microseconds since 1970 UTC; JSON columns hold text; money is Decimal.
    """

    __slots__ = ("tables",)

    def __init__(self) -> None:
        self.tables: dict[str, Columns] = {}

    def append(self, table: str, row: Mapping[str, Any]) -> None:
        """Add one row: convenient, for low volumes."""
        columns = self.tables.setdefault(table, {})
        length = self.length(table)
        for name, value in row.items():
            column = columns.get(name)
            if column is None:
                column = columns[name] = [None] * length
            column.append(value)
        for name, column in columns.items():
            if len(column) == length:
                column.append(None)
            elif len(column) != length + 1:
                raise ValueError(f"column {name} of {table} has {len(column)} values, not {length + 1}")

    def extend(self, table: str, columns: Columns) -> None:
        """Add many rows at once: the fast path. Takes ownership of the lists."""
        lengths = {len(values) for values in columns.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of {table} differ in length: {sorted(lengths)}")
        if not lengths or lengths == {0}:
            return
        present = self.tables.get(table)
        if present is None:
            self.tables[table] = dict(columns)
            return
        before, added = self.length(table), lengths.pop()
        for name, values in columns.items():
            if name in present:
                present[name].extend(values)
            else:
                present[name] = [None] * before + list(values)
        for values in present.values():
            if len(values) == before:
                values.extend([None] * added)

    def length(self, table: str) -> int:
        """Rows of one table."""
        columns = self.tables.get(table)
        return len(next(iter(columns.values()))) if columns else 0

    def total(self) -> int:
        """Rows of all tables."""
        return sum(self.length(table) for table in self.tables)

    def merge(self, other: RawRows) -> None:
        """Take all rows of `other`."""
        for table, columns in other.tables.items():
            self.extend(table, columns)

    def __bool__(self) -> bool:
        return any(self.tables.values())


def dedup_key(table: str, parts: Iterable[object]) -> str:
    """32 hexadecimal digits that identify a record by its content, without arrival facts.

    `parts` are hashed by their text, separated, so that ("a", "bc") and ("ab", "c") differ; None differs from "".
    Instants must already be in UTC.
    """
    known = tuple(parts)
    if _PLAIN.issuperset(map(type, known)):  # nearly all of them: the same bytes as below, in one go
        text = f"{table}\x01{_BETWEEN.join(map(str, known))}\x1f" if known else table
    else:
        texts = [table]
        for part in known:
            if part is None:
                texts.append("\x00")
            else:
                texts.append(f"\x01{part.isoformat() if isinstance(part, datetime) else part!s}\x1f")
        text = "".join(texts)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
