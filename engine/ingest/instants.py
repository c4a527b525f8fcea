"""Times as agents send them.

Owns the conversion from OTLP's nanoseconds to the raw tables' microseconds and the bounds of a believable clock.
Refuses to trust a missing or impossible time: the time of arrival stands in for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EARLIEST = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
"""Before any coding agent existed: a clock that says so was never set."""
AHEAD = int(timedelta(days=1).total_seconds()) * 1_000_000
"""How far in the future a sender's clock may be."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def microseconds(instant: datetime) -> int:
    """Microseconds since 1970 of an aware instant, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def known(nanoseconds: int, received_at: int) -> int | None:
    """Microseconds for `nanoseconds`; None when they are missing or impossible."""
    found = nanoseconds // 1000
    return found if EARLIEST <= found <= received_at + AHEAD else None


def believable(nanoseconds: int, received_at: int) -> int:
    """Microseconds for `nanoseconds`; `received_at` (microseconds) when they are missing or impossible."""
    found = known(nanoseconds, received_at)
    return received_at if found is None else found


def of_text(value: object) -> int:
    """Nanoseconds of an ISO 8601 instant as agents write it (`2026-11-20T16:55:07.496Z`); 0 when it is none."""
    if not isinstance(value, str) or len(value) > 64:
        return 0
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return 0
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return max(microseconds(found) * 1000, 0)
